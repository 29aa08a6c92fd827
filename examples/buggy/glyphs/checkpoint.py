"""What is kept of a training run, and how it comes back."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .data import CLASSES
from .models import build_model


def save_checkpoint(
    path: Path,
    name: str,
    epoch: int,
    model: nn.Module,
    average: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "name": name,
        "epoch": epoch,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    }
    torch.save(state, path)


def resume(
    path: Path, model: nn.Module, average: nn.Module, optimizer: Optimizer, scheduler: LRScheduler, device: torch.device
) -> int:
    """Puts a run back to where it was saved, and gives the last epoch that was finished."""
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    return state["epoch"]


def load_model(path: Path, device: torch.device) -> nn.Module:
    state = torch.load(path, map_location=device, weights_only=True)
    model = build_model(state["name"], classes=len(CLASSES))
    model.load_state_dict(state["model"])
    return model.to(device)
