"""Trains a glyph classifier: python train.py --model convolutional --epochs 3"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from glyphs.data import CLASSES, synthetic_loaders
from glyphs.models import MODELS, build_model
from glyphs.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=sorted(MODELS), default="convolutional")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--folder", type=Path, help="train on one's own pictures instead of synthetic ones")
    parser.add_argument("--out", type=Path, default=Path("runs/model.pt"))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if args.folder:
        from glyphs.folder import folder_loaders

        loaders = folder_loaders(args.folder, args.batch_size)
    else:
        loaders = synthetic_loaders(args.batch_size)

    model = build_model(args.model, classes=len(CLASSES))
    trainer = Trainer(args.model, model, loaders, device, args.epochs)
    if args.resume:
        trainer.restore(args.resume)
    best = trainer.fit(args.out)
    print(f"best validation accuracy {best:.3f}, averaged weights on the test split {trainer.test_average():.3f}")


if __name__ == "__main__":
    main()
