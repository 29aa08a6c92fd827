"""Reads handwritten digits with a network like that for glyphs: python digits.py data (needs torchvision)"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from glyphs.digits import digit_loaders
from glyphs.metrics import count_correct


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, stride=2),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10),
    )


@torch.no_grad()
def accuracy(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    correct, seen = 0, 0
    for images, labels in loader:
        correct += count_correct(model(images), labels)
        seen += len(labels)
    return correct / seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root

    torch.manual_seed(0)
    loaders = digit_loaders(root)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for images, labels in loaders.train:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"validation accuracy {accuracy(model, loaders.validation):.3f}")
    print(f"test accuracy {accuracy(model, loaders.test):.3f}")


if __name__ == "__main__":
    main()
