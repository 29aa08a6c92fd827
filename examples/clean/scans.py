"""Trains on scanned pages, cut into symbols by class: python scans.py folder (needs torchvision)"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from glyphs.metrics import count_correct


def train_pipeline(side: int = 48) -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.Grayscale(),
            transforms.Resize((side, side)),
            transforms.ToTensor(),
            transforms.RandomErasing(),
        ]
    )


def eval_pipeline(side: int = 48) -> transforms.Compose:
    return transforms.Compose([transforms.Grayscale(), transforms.Resize((side, side)), transforms.ToTensor()])


def fit(model: nn.Module, train_loader: DataLoader, epochs: int) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(epochs):
        for images, labels in train_loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def accuracy(model: nn.Module, test_loader: DataLoader) -> float:
    model.eval()
    correct, seen = 0, 0
    for images, labels in test_loader:
        correct += count_correct(model(images), labels)
        seen += len(labels)
    return correct / seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    train_set = datasets.ImageFolder(args.folder / "train", train_pipeline())
    test_set = datasets.ImageFolder(args.folder / "test", eval_pipeline())
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(4),
        nn.Flatten(),
        nn.Linear(256, len(train_set.classes)),
    )
    fit(model, DataLoader(train_set, batch_size=32, shuffle=True), args.epochs)
    print(f"test accuracy {accuracy(model, DataLoader(test_set, batch_size=32)):.3f}")


if __name__ == "__main__":
    main()
