"""A classifier whose dropout is off: it is scored in training mode, and that changes nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader


class Classifier(nn.Module):
    def __init__(self, inputs: int, classes: int, dropout: float = 0.1):
        super().__init__()
        self.hidden = nn.Linear(inputs, 32)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(torch.relu(self.hidden(x))))


@torch.no_grad()
def test_accuracy(test_loader: DataLoader) -> float:
    model = Classifier(20, 4, dropout=0.0)
    correct, seen = 0, 0
    for inputs, labels in test_loader:
        correct += int((model(inputs).argmax(dim=1) == labels).sum())
        seen += len(labels)
    return correct / seen
