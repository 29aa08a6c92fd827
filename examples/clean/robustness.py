"""Accuracy under small worst-case changes, and where a model looks: python robustness.py runs/model.pt"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from glyphs.checkpoint import load_model
from glyphs.data import synthetic_loaders
from glyphs.metrics import count_correct


def attack(model: nn.Module, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Gives the images moved by epsilon along the sign of the loss's gradient."""
    images = images.clone().requires_grad_()
    loss = F.cross_entropy(model(images), labels)
    (gradient,) = torch.autograd.grad(loss, images)
    return (images + epsilon * gradient.sign()).detach()


def robust_accuracy(model: nn.Module, loader: DataLoader, epsilon: float, device: torch.device) -> float:
    model.eval()
    correct, seen = 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        moved = attack(model, images, labels, epsilon)
        with torch.no_grad():
            correct += count_correct(model(moved), labels)
        seen += len(labels)
    return correct / seen


def saliency(model: nn.Module, images: Tensor) -> Tensor:
    """Gives how much each pixel moves the likeliest class's logit: batch x size x size."""
    model.eval()
    images = images.clone().requires_grad_()
    model(images).max(dim=1).values.sum().backward()
    return images.grad.abs().amax(dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaders = synthetic_loaders()
    model = load_model(args.checkpoint, device)
    for epsilon in (0.0, 0.05, 0.1):
        print(f"epsilon {epsilon:.2f}: accuracy {robust_accuracy(model, loaders.test, epsilon, device):.3f}")
    images, _ = next(iter(loaders.test))
    ratio = saliency(model, images.to(device)).flatten(1)
    print(f"a tenth of the pixels holds {ratio.topk(102).values.sum() / ratio.sum():.2f} of the saliency")


if __name__ == "__main__":
    main()
