"""How unsure a model is, by keeping its dropout on: python uncertainty.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, Glyphs, eval_transform


def switch_dropout_on(model: nn.Module) -> None:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


@torch.no_grad()
def monte_carlo(model: nn.Module, images: Tensor, passes: int = 20) -> tuple[Tensor, Tensor]:
    """Gives the mean probabilities over passes with dropout, and their standard deviation."""
    switch_dropout_on(model)
    samples = torch.stack([F.softmax(model(images), dim=1) for _ in range(passes)])
    model.eval()
    return samples.mean(dim=0), samples.std(dim=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--count", type=int, default=8)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(args.checkpoint, device)
    pictures = Glyphs("test", args.count, eval_transform())
    mean, spread = monte_carlo(model, torch.stack([image for image, _ in pictures]).to(device))
    for (_, label), row, unsure in zip(pictures, mean, spread):
        index = int(row.argmax())
        print(f"{CLASSES[label]:>8} -> {CLASSES[index]:<8} {row[index]:.3f} +- {unsure[index]:.3f}")


if __name__ == "__main__":
    main()
