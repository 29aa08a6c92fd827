"""What a training run that may be interrupted writes after each epoch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


def write_session(path: Path, epoch: int, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    session = {
        "epoch": epoch,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    }
    torch.save(session, path)
