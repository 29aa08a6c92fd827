"""Trains a small student from a trained teacher: python distill.py runs/model.pt --epochs 2"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import count_correct
from glyphs.models import Distiller, GlyphNet


def distill(distiller: Distiller, loader: DataLoader, optimizer: Optimizer, device: torch.device) -> float:
    """Trains the student for one epoch and gives its mean loss."""
    distiller.train()
    running, seen = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        loss = distiller(images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss * len(labels)
        seen += len(labels)
    return running / seen


def test_accuracy(student: nn.Module, loader: DataLoader, device: torch.device) -> float:
    student.eval
    correct, seen = 0, 0
    with torch.no_grad():
        for images, labels in loader:
            correct += count_correct(student(images.to(device)), labels)
            seen += len(labels)
    return correct / seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    student = GlyphNet(len(CLASSES), width=6)
    distiller = Distiller(load_model(args.teacher, device), student).to(device)
    optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
    for epoch in range(1, args.epochs + 1):
        loss = distill(distiller, loaders.train, optimizer, device)
        print(f"epoch {epoch}: distillation loss {loss:.4f}")
    print(f"student's test accuracy {test_accuracy(student, loaders.test, device):.3f}")


if __name__ == "__main__":
    main()
