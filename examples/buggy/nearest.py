"""Trains a network that compares pictures with prototypes, and scores it: python nearest.py --epochs 2"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import score
from glyphs.models.prototypes import PrototypeNet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/nearest.pt"))
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = PrototypeNet(classes=len(CLASSES)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(args.epochs):
        for images, labels in loaders.train:
            images, labels = images.to(device), labels.to(device)
            loss = F.cross_entropy(model(images, labels), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), args.out)
    model.eval()
    print(f"test accuracy {score(model, loaders.test, device)[1]:.3f}")


if __name__ == "__main__":
    main()
