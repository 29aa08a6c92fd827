"""Names the test pictures that a model takes for something else: python mistakes.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, Glyphs, eval_transform


@torch.no_grad()
def mistaken(model: nn.Module, pictures: Glyphs, device: torch.device) -> list[tuple[int, int]]:
    """Gives the number of each picture that is taken for another class, and that class."""
    test_loader = DataLoader(pictures, batch_size=50, shuffle=True)
    guesses = []
    model.eval()
    for images, _ in test_loader:
        guesses.extend(model(images.to(device)).argmax(dim=1).tolist())
    pairs = enumerate(zip(guesses, pictures.labels.tolist()))
    return [(number, guess) for number, (guess, label) in pairs if guess != label]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(args.checkpoint, device)
    pictures = Glyphs("test", 300, eval_transform())
    for number, guess in mistaken(model, pictures, device):
        print(f"picture {number} is a {CLASSES[int(pictures.labels[number])]}, taken for a {CLASSES[guess]}")


if __name__ == "__main__":
    main()
