"""Trains a new head on a frozen backbone, phase by phase: python finetune.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, Loaders, synthetic_loaders
from glyphs.metrics import Meter, count_correct


def freeze(backbone: nn.Module) -> None:
    for parameter in backbone.parameters():
        parameter.requires_grad = False


def keep_statistics(backbone: nn.Module) -> None:
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def fit(model: nn.Module, loaders: Loaders, optimizer: Optimizer, epochs: int, device: torch.device) -> float:
    """Gives the validation accuracy after the last epoch."""
    accuracy = 0.0
    for epoch in range(1, epochs + 1):
        for phase, loader in (("train", loaders.train), ("validation", loaders.validation)):
            if phase == "train":
                model.train()
                keep_statistics(model.stem)
                keep_statistics(model.blocks)
            else:
                model.eval()
            losses, correct = Meter(), 0
            for images, labels in loader:
                images, labels = images.to(device), labels.to(device)
                with torch.set_grad_enabled(phase == "train"):
                    logits = model(images)
                    loss = F.cross_entropy(logits, labels)
                if phase == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                losses.update(loss.item(), len(labels))
                correct += count_correct(logits, labels)
            accuracy = correct / losses.count
            print(f"epoch {epoch}, {phase}: loss {losses.mean:.4f}, accuracy {accuracy:.3f}")
    return accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(args.checkpoint, device)
    freeze(model.stem)
    freeze(model.blocks)
    model.head = nn.Linear(model.head.in_features, len(CLASSES)).to(device)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-2)
    fit(model, synthetic_loaders(), optimizer, args.epochs, device)


if __name__ == "__main__":
    main()
