"""Handwritten digits in the size of the glyphs: a second task (needs torchvision)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

from .data import SIZE, Loaders

MEAN = (0.1307,)
STD = (0.3081,)


def train_pipeline() -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.Resize(SIZE),
            transforms.RandomRotation(10),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def eval_pipeline() -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.Resize(SIZE),
            transforms.ToTensor(),
        ]
    )


def digit_loaders(root: Path, batch_size: int = 64) -> Loaders:
    augmented = datasets.MNIST(root, train=True, transform=train_pipeline(), download=True)
    train, validation = random_split(augmented, [55000, 5000], torch.Generator().manual_seed(0))
    test = datasets.MNIST(root, transform=eval_pipeline(), download=True)
    return Loaders(
        train=DataLoader(train, batch_size=batch_size, shuffle=True, drop_last=True),
        validation=DataLoader(validation, batch_size=batch_size),
        test=DataLoader(test, batch_size=batch_size, drop_last=True),
    )
