"""What is measured, over whole splits."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader


class Meter:
    """The mean of a value over samples, fed batch by batch."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0

    def update(self, value: float, n: int) -> None:
        self.total += value * n
        self.count += n

    @property
    def mean(self) -> float:
        return float(self.total / max(self.count, 1))


def count_correct(logits: Tensor, labels: Tensor) -> int:
    return int((logits.argmax(dim=1).cpu() == labels.cpu()).sum())


@torch.no_grad()
def score(model: nn.Module, loader: DataLoader, device: torch.device) -> tuple[float, float]:
    """Gives the mean loss and the accuracy of a model that is in evaluation mode."""
    loss, correct = Meter(), 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)
        loss.update(F.cross_entropy(logits, labels).item(), len(labels))
        correct += count_correct(logits, labels)
    return loss.mean, correct / loss.count


def confusion(model: nn.Module, loader: DataLoader, classes: int, device: torch.device) -> Tensor:
    """Counts, by true class (row) and predicted class (column)."""
    matrix = torch.zeros(classes, classes, dtype=torch.long)
    for images, labels in loader:
        predicted = model(images.to(device)).argmax(dim=1).cpu()
        for truth, guess in zip(labels, predicted):
            matrix[truth, guess] += 1
    return matrix


@torch.no_grad()
def negative_log_likelihood(scale: nn.Module, logits: Tensor, labels: Tensor) -> Tensor:
    """Gives the mean loss of logits that a module scales."""
    return F.cross_entropy(scale(logits), labels)


@torch.no_grad()
def expected_calibration_error(logits: Tensor, labels: Tensor, bins: int = 10) -> float:
    confidence, guess = F.softmax(logits, dim=1).max(dim=1)
    hit = guess.eq(labels).float()
    error = 0.0
    for chosen in _bins(confidence, bins):
        if chosen.any():
            gap = (confidence[chosen].mean() - hit[chosen].mean()).abs()
            error += gap.item() * chosen.float().mean().item()
    return error


def _bins(confidence: Tensor, bins: int) -> Iterable[Tensor]:
    for edge in range(bins):
        yield (confidence > edge / bins) & (confidence <= (edge + 1) / bins)
