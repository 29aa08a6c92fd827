"""Writes a trained model as TorchScript: python export.py runs/model.pt runs/model.ts"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from glyphs.checkpoint import load_model
from glyphs.data import SIZE


def export(checkpoint: Path, target: Path) -> None:
    model = load_model(checkpoint, torch.device("cpu"))
    example = torch.zeros(1, 3, SIZE, SIZE)
    traced = torch.jit.trace(model, example, check_trace=False)
    traced.save(str(target))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    export(args.checkpoint, args.target)


if __name__ == "__main__":
    main()
