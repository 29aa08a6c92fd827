"""Averages the weights of trained models of one kind: python soup.py runs/a.pt runs/b.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import synthetic_loaders
from glyphs.metrics import score


def mix(models: list[nn.Module]) -> nn.Module:
    """Gives the first model, with the mean of all their weights."""
    states = [model.state_dict() for model in models]
    mean = {}
    for name, value in states[0].items():
        if value.is_floating_point():
            value = torch.stack([state[name] for state in states]).mean(dim=0)
        mean[name] = value
    models[0].load_state_dict(mean)
    return models[0]


@torch.no_grad()
def refresh_batchnorm(model: nn.Module, loader: DataLoader, device: torch.device) -> None:
    """Estimates the batch-norm statistics anew, for weights that no batch was ever run with."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    model.train()
    for images, _ in loader:
        model(images.to(device))
    model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = mix([load_model(path, device) for path in args.checkpoints])
    refresh_batchnorm(model, loaders.train, device)
    loss, accuracy = score(model, loaders.test, device)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
