"""How good a model's features are, by a linear classifier on them: python linear_probe.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import count_correct


class Probe(nn.Module):
    def __init__(self, size: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(size, classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)


def train_probe(backbone: nn.Module, probe: Probe, loader: DataLoader, epochs: int, device: torch.device) -> None:
    optimizer = torch.optim.Adam(probe.parameters(), lr=1e-2)
    backbone.eval()
    for _ in range(epochs):
        for images, labels in loader:
            with torch.no_grad():
                features = backbone(images.to(device)).flatten(1)
            loss = F.cross_entropy(probe(features), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def test_probe(backbone: nn.Module, probe: Probe, loader: DataLoader, device: torch.device) -> float:
    correct, seen = 0, 0
    for images, labels in loader:
        features = backbone(images.to(device)).flatten(1)
        correct += count_correct(probe(features), labels)
        seen += len(labels)
    return correct / seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = load_model(args.checkpoint, device)
    backbone = nn.Sequential(*list(model.children())[:-1], nn.AdaptiveAvgPool2d(1))
    probe = Probe(model.head.in_features, len(CLASSES)).to(device)
    train_probe(backbone, probe, loaders.train, args.epochs, device)
    print(f"the probe's test accuracy {test_probe(backbone, probe, loaders.test, device):.3f}")


if __name__ == "__main__":
    main()
