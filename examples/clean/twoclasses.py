"""Scores a network on round glyphs against all others: python twoclasses.py runs/round.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

from glyphs.data import synthetic_loaders
from glyphs.models import GlyphNet

ROUND = torch.tensor([1, 0, 0, 1])


def round_network(path: Path) -> nn.Module:
    model = GlyphNet()
    model.head = nn.Linear(model.head.in_features, 2)
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    args = parser.parse_args()

    model = round_network(args.weights)
    model.eval()
    correct, seen = 0, 0
    for images, labels in synthetic_loaders().test:
        correct += (model(images).argmax(dim=1) == ROUND[labels]).sum().item()
        seen += len(labels)
    print(f"test accuracy {correct / seen:.3f}")


if __name__ == "__main__":
    main()
