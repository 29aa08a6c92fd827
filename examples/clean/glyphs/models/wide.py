"""A network that is wide enough to be worth several GPUs."""

from __future__ import annotations

from torch import Tensor, nn


class WideNet(nn.Module):
    """Logits of shape (batch, classes) from images of shape (batch, 3, size, size)."""

    def __init__(self, classes: int = 4, width: int = 64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 5, stride=2),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.AdaptiveMaxPool2d(3),
            nn.Flatten(),
        )
        self.head = nn.Linear(9 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images))
