"""Names the glyph in each test picture: python predict.py runs/model.pt --count 8"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, Glyphs, eval_transform


def predict(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Gives the probability and the index of the likeliest class of each image."""
    with torch.inference_mode():
        probabilities = F.softmax(model(images), dim=1)
    confidence, index = probabilities.max(dim=1)
    return confidence, index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--count", type=int, default=8)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(args.checkpoint, device)
    pictures = Glyphs("test", args.count, eval_transform())
    images = torch.stack([image for image, _ in pictures])
    confidence, index = predict(model, images.to(device))
    for (_, label), guess, sure in zip(pictures, index.tolist(), confidence.tolist()):
        print(f"{CLASSES[label]:>8} -> {CLASSES[guess]:<8} {sure:.3f}")


if __name__ == "__main__":
    main()
