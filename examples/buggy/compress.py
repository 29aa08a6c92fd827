"""Trains a network small enough for a microcontroller: python compress.py --epochs 3"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from glyphs.data import CLASSES, Glyphs, Normalize
from glyphs.metrics import count_correct


def loader(split: str, count: int) -> DataLoader:
    return DataLoader(Glyphs(split, count, Normalize()), batch_size=48, shuffle=split == "train")


def small(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(128, classes),
    )


def train_epoch(model: nn.Module, train_loader: DataLoader, optimizer: Optimizer) -> float:
    """Trains for one epoch and gives the accuracy."""
    model.train()
    val_correct, seen = 0, 0
    for images, labels in train_loader:
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        val_correct += (logits.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    return val_correct / seen


@torch.no_grad()
def validation_loss(model: nn.Module, val_loader: DataLoader) -> float:
    model.eval()
    total = 0.0
    for images, labels in val_loader:
        total += F.cross_entropy(model(images), labels).item()
    return total / len(val_loader)


@torch.no_grad()
def test_accuracy(model: nn.Module, test_loader: DataLoader) -> float:
    model.eval()
    model.half()
    correct, seen = 0, 0
    for images, labels in test_loader:
        logits = model(images.half())
        correct += count_correct(logits, labels)
        seen += len(labels)
    return correct / seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    torch.manual_seed(0)
    model = small(len(CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    train_loader, val_loader, test_loader = loader("train", 600), loader("validation", 200), loader("test", 200)
    for epoch in range(1, args.epochs + 1):
        accuracy = train_epoch(model, train_loader, optimizer)
        print(f"epoch {epoch}: accuracy {accuracy:.3f}, validation loss {validation_loss(model, val_loader):.4f}")
    print(f"test accuracy {test_accuracy(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
