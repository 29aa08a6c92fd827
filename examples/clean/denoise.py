"""Trains a denoiser whose loss looks through a frozen classifier: python denoise.py runs/model.pt"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import synthetic_loaders
from glyphs.metrics import Meter


class Denoiser(nn.Module):
    def __init__(self, width: int = 16, dropout: float = 0.1):
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, width), (width, width)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        self.dropout = dropout

    def forward(self, images: Tensor) -> Tensor:
        x = self.body(images)
        if self.training:
            x = F.dropout2d(x, self.dropout)
        return images + self.last(x)


class PerceptualLoss(nn.Module):
    """Pixels, and the features that a frozen network sees in them, weighed together."""

    def __init__(self, network: nn.Module, weight: float = 0.1):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.weight = weight

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        losses = [F.l1_loss(output, target)]
        with torch.no_grad():
            wanted = self.network.features(target)
        losses.append(self.weight * F.mse_loss(self.network.features(output), wanted))
        total = 0
        for loss in losses:
            total += loss
        return total


def run_epoch(
    model: Denoiser,
    criterion: PerceptualLoss,
    loader: DataLoader,
    device: torch.device,
    optimizer: Optimizer | None = None,
) -> float:
    """Gives the mean loss; trains where an optimizer is given."""
    training = optimizer is not None
    model.train(training)
    meter = Meter()
    with nullcontext() if training else torch.no_grad():
        for images, _ in loader:
            images = images.to(device)
            loss = criterion(model(images + 0.3 * torch.randn_like(images)), images)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            meter.update(loss.item(), len(images))
    return meter.mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = Denoiser().to(device)
    criterion = PerceptualLoss(load_model(args.checkpoint, device))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(1, args.epochs + 1):
        loss = run_epoch(model, criterion, loaders.train, device, optimizer)
        print(
            f"epoch {epoch}: train {loss:.4f}, validation {run_epoch(model, criterion, loaders.validation, device):.4f}"
        )


if __name__ == "__main__":
    main()
