"""Finds the training pictures that look most like a test picture: python neighbours.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import CLASSES, Glyphs, eval_transform


def gallery(model: nn.Module, loader: DataLoader, device: torch.device) -> tuple[Tensor, Tensor]:
    """Gives the unit feature vectors and the labels of all pictures of a loader."""
    model.eval()
    vectors, labels = [], []
    torch.no_grad()
    for images, targets in loader:
        vectors.append(F.normalize(model.features(images.to(device)), dim=1))
        labels.append(targets)
    return torch.cat(vectors), torch.cat(labels)


def embed(model: nn.Module, image: Tensor, device: torch.device) -> Tensor:
    model.eval()
    with torch.no_grad():
        batch = image.unsqueeze(0).to(device)
    vector = F.normalize(model.features(batch), dim=1)
    return vector.squeeze(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--count", type=int, default=5)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(args.checkpoint, device)
    known = DataLoader(Glyphs("train", 600, eval_transform()), batch_size=64)
    vectors, labels = gallery(model, known, device)
    for image, label in Glyphs("test", args.count, eval_transform()):
        nearest = (vectors @ embed(model, image, device)).topk(3).indices
        print(f"{CLASSES[label]:>8}:", *(CLASSES[int(labels[i])] for i in nearest))


if __name__ == "__main__":
    main()
