"""Averages the predictions of several trained models: python ensemble.py runs/a.pt runs/b.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glyphs.checkpoint import load_model
from glyphs.data import synthetic_loaders
from glyphs.metrics import count_correct
from glyphs.modes import set_mode


class Ensemble(nn.Module):
    def __init__(self, members: list[nn.Module]):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([F.softmax(member(images), dim=1) for member in self.members]).mean(dim=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    args = parser.parse_args()

    torch.set_grad_enabled(False)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    members = {path.stem: load_model(path, device) for path in args.checkpoints}
    ensemble = Ensemble(list(members.values()))
    set_mode([ensemble], training=False)

    right, seen = 0, 0
    alone = dict.fromkeys(members, 0)
    for images, labels in synthetic_loaders().test:
        images = images.to(device)
        right += count_correct(ensemble(images), labels)
        for name, member in members.items():
            alone[name] += count_correct(member(images), labels)
        seen += len(labels)
    for name, count in alone.items():
        print(f"{name:>12} {count / seen:.3f}")
    print(f"    together {right / seen:.3f}")


if __name__ == "__main__":
    main()
