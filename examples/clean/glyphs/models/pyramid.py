"""Features from several resolutions, pooled and joined."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def stage(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)]
    layers.append(nn.BatchNorm2d(outputs))
    layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class PyramidFeatures(nn.Module):
    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        stages = []
        inputs = 3
        for width in widths:
            stages.append(stage(inputs, width))
            inputs = width
        self.stages = nn.ModuleList(stages)
        self.size = sum(widths)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for layer in self.stages:
            x = layer(x)
            levels.append(x.mean(dim=(2, 3)))
        return torch.cat(levels, dim=1)


class PyramidNet(nn.Module):
    def __init__(self, classes: int = 4, widths: tuple[int, ...] = (16, 32, 64), dropout: float = 0.2):
        super().__init__()
        self.features = PyramidFeatures(widths)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.features.size, classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))
