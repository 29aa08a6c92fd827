"""Loaders over folders of photographs: one pipeline is built twice, and only the first is used."""

from __future__ import annotations

from pathlib import Path

from torch.utils.data import DataLoader
from torchvision import datasets, transforms

SIDE = 96


def loaders(root: Path) -> tuple[DataLoader, DataLoader]:
    train_transform = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor()])
    val_transform = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor()])
    train_set = datasets.ImageFolder(root / "train", transform=train_transform)
    val_set = datasets.ImageFolder(root / "validation", transform=train_transform)
    return DataLoader(train_set, batch_size=32, shuffle=True), DataLoader(val_set, batch_size=32)
