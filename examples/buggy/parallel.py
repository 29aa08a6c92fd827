"""Trains on all GPUs, and scores on one: python parallel.py train, then python parallel.py test"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import score
from glyphs.models.wide import WideNet


def train(path: Path, device: torch.device) -> None:
    model = nn.DataParallel(WideNet(classes=len(CLASSES)).to(device))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for images, labels in synthetic_loaders().train:
        loss = F.cross_entropy(model(images.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)


def test(path: Path, device: torch.device) -> float:
    model = WideNet(classes=len(CLASSES))
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    model.to(device).eval()
    return score(model, synthetic_loaders().test, device)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("train", "test"))
    parser.add_argument("--weights", type=Path, default=Path("runs/parallel.pt"))
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if args.what == "train":
        train(args.weights, device)
    else:
        print(f"test accuracy {test(args.weights, device):.3f}")


if __name__ == "__main__":
    main()
