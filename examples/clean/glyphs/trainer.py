"""The training loop."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from .averaging import WeightAverage
from .checkpoint import resume, save_checkpoint
from .data import Loaders
from .metrics import Meter, count_correct, score
from .modes import evaluating


class Trainer:
    def __init__(
        self,
        name: str,
        model: nn.Module,
        loaders: Loaders,
        device: torch.device,
        epochs: int,
        learning_rate: float = 3e-3,
    ):
        self.name = name
        self.model = model.to(device)
        self.loaders = loaders
        self.device = device
        self.epochs = epochs
        self.average = WeightAverage(self.model)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=learning_rate)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs)
        self.first_epoch = 1

    def restore(self, path: Path) -> None:
        finished = resume(path, self.model, self.average.shadow, self.optimizer, self.scheduler, self.device)
        self.first_epoch = finished + 1

    def fit(self, path: Path) -> float:
        """Trains, saves the best weights by validation accuracy, and gives that accuracy."""
        best = 0.0
        for epoch in range(self.first_epoch, self.epochs + 1):
            train_loss = self.train_epoch()
            loss, accuracy = self.validate()
            self.scheduler.step()
            print(f"epoch {epoch}: train loss {train_loss:.4f}, validation loss {loss:.4f}, accuracy {accuracy:.3f}")
            if accuracy >= best:
                best = accuracy
                save_checkpoint(path, self.name, epoch, self.model, self.average.shadow, self.optimizer, self.scheduler)
        return best

    def train_epoch(self) -> float:
        self.model.train()
        meter = Meter()
        for images, labels in self.loaders.train:
            images, labels = images.to(self.device), labels.to(self.device)
            loss = self.criterion(self.model(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.average.update(self.model)
            meter.update(loss.item(), len(labels))
        return meter.mean

    def validate(self) -> tuple[float, float]:
        with evaluating(self.model):
            return score(self.model, self.loaders.validation, self.device)

    @torch.no_grad()
    def test_average(self) -> float:
        """Gives the test accuracy of the averaged weights."""
        self.average.shadow.eval()
        correct, seen = 0, 0
        for images, labels in self.loaders.test:
            logits = self.average.shadow(images.to(self.device))
            correct += count_correct(logits, labels)
            seen += len(labels)
        return correct / seen
