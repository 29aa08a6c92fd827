"""Scores a trained model on the test split: python evaluate.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import confusion, score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = load_model(args.checkpoint, device)
    model.eval()

    loss, accuracy = score(model, loaders.test, device)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.3f}")
    matrix = confusion(model, loaders.test, len(CLASSES), device)
    for name, row in zip(CLASSES, matrix.tolist()):
        print(f"{name:>8}", *(f"{count:4d}" for count in row))


if __name__ == "__main__":
    main()
