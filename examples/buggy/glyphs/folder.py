"""The same task on one's own pictures: a folder with train/, validation/ and test/, one directory a class in each."""

from __future__ import annotations

from pathlib import Path

from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from .data import MEAN, SIZE, STD, Loaders


def train_pipeline() -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.Resize((SIZE, SIZE)),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def eval_pipeline() -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.Resize((SIZE, SIZE)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def folder_loaders(root: Path, batch_size: int = 32) -> Loaders:
    train = datasets.ImageFolder(root / "train", train_pipeline())
    validation = datasets.ImageFolder(root / "validation", eval_pipeline())
    test = datasets.ImageFolder(root / "test", eval_pipeline())
    return Loaders(
        train=DataLoader(train, batch_size=batch_size, shuffle=True, drop_last=True),
        validation=DataLoader(validation, batch_size=batch_size),
        test=DataLoader(test, batch_size=batch_size),
    )
