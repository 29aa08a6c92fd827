"""Random features, which nothing trains: they record no graph, whoever runs them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader


class RandomFeatures(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.register_buffer("weight", torch.randn(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cos(x @ self.weight.T)


def test_features(test_loader: DataLoader) -> Tensor:
    features = RandomFeatures(20, 64)
    features.eval()
    return torch.cat([features(inputs) for inputs, _ in test_loader])
