"""Hands a model over as one file, takes one in from elsewhere, and scores it: python handover.py URL"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.hub import download_url_to_file

from glyphs.data import CLASSES, synthetic_loaders
from glyphs.metrics import score
from glyphs.models import GlyphNet


def give(model: nn.Module, path: Path) -> None:
    torch.save(model.state_dict(), path)


def fetch(url: str, path: Path, device: torch.device) -> nn.Module:
    download_url_to_file(url, str(path))
    state = torch.load(path, map_location=device, weights_only=True)
    model = GlyphNet(classes=len(CLASSES))
    model.load_state_dict(state)
    return model.to(device)


def ours(path: Path, device: torch.device) -> nn.Module:
    model = GlyphNet(classes=len(CLASSES))
    model.load_state_dict(torch.load(path, map_location=device, weights_only=True))
    return model.to(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--ours", type=Path, default=Path("runs/ours.pt"))
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    theirs = fetch(args.url, Path("runs/theirs.pt"), device)
    theirs.eval()
    print(f"theirs: test accuracy {score(theirs, loaders.test, device)[1]:.3f}")
    if args.ours.exists():
        model = ours(args.ours, device)
        model.eval()
        print(f"ours: test accuracy {score(model, loaders.test, device)[1]:.3f}")
        give(model, Path("runs/handed-over.pt"))


if __name__ == "__main__":
    main()
