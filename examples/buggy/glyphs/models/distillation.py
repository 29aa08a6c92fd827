"""A student that learns from a frozen teacher."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Distiller(nn.Module):
    def __init__(self, teacher: nn.Module, student: nn.Module, temperature: float = 3.0, weight: float = 0.7):
        super().__init__()
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.weight = weight
        for parameter in self.teacher.parameters():
            parameter.requires_grad = False
        self.teacher.eval()

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Gives the loss of the student."""
        with torch.no_grad():
            targets = self.teacher(images)
        logits = self.student(images)
        soft = F.kl_div(
            F.log_softmax(logits / self.temperature, dim=1),
            F.softmax(targets / self.temperature, dim=1),
            reduction="batchmean",
        )
        hard = F.cross_entropy(logits, labels)
        return self.weight * self.temperature**2 * soft + (1 - self.weight) * hard
