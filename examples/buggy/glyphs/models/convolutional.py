"""A small residual network."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.project = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.project(x))


class GlyphNet(nn.Module):
    """Logits of shape (batch, classes) from images of shape (batch, 3, size, size)."""

    def __init__(self, classes: int = 4, width: int = 12, dropout: float = 0.3):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.Sequential(
            ResidualBlock(width, width * 2),
            ResidualBlock(width * 2, width * 4),
        )
        self.dropout = dropout
        self.head = nn.Linear(width * 4, classes)

    def features(self, images: Tensor) -> Tensor:
        x = self.blocks(self.stem(images))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)
        x = F.dropout(x, self.dropout)
        return self.head(x)
