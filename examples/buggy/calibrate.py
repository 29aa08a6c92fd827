"""Fits the softmax temperature of a trained model: python calibrate.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import synthetic_loaders
from glyphs.metrics import expected_calibration_error, negative_log_likelihood


class Temperature(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.ones(()))

    def forward(self, logits: Tensor) -> Tensor:
        return logits / self.value


@torch.no_grad()
def collect(model: nn.Module, loader: DataLoader, device: torch.device) -> tuple[Tensor, Tensor]:
    model.eval()
    logits, labels = [], []
    for images, targets in loader:
        logits.append(model(images.to(device)).cpu())
        labels.append(targets)
    return torch.cat(logits), torch.cat(labels)


def fit(scale: Temperature, logits: Tensor, labels: Tensor, steps: int = 100) -> None:
    optimizer = torch.optim.Adam(scale.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = negative_log_likelihood(scale, logits, labels)
        loss.backward()
        optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = load_model(args.checkpoint, device)
    logits, labels = collect(model, loaders.validation, device)
    scale = Temperature()
    fit(scale, logits, labels)
    logits, labels = collect(model, loaders.test, device)
    with torch.no_grad():
        before = expected_calibration_error(logits, labels)
        after = expected_calibration_error(scale(logits), labels)
        print(f"temperature {scale.value.item():.3f}, calibration error {before:.4f} -> {after:.4f}")
        before = negative_log_likelihood(Temperature(), logits, labels)
        after = negative_log_likelihood(scale, logits, labels)
        print(f"negative log likelihood {before:.4f} -> {after:.4f}")


if __name__ == "__main__":
    main()
