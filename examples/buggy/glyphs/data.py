"""Synthetic pictures of four glyphs, and the loaders that feed them to a model."""

from __future__ import annotations

from dataclasses import dataclass
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

CLASSES = ("disc", "square", "cross", "ring")
SIZE = 32
MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)

Transform = Callable[[Tensor], Tensor]
_SEEDS = {"train": 0, "validation": 1, "test": 2}


def draw(label: int, generator: torch.Generator) -> Tensor:
    """Draws one noisy glyph: float32, 3 x SIZE x SIZE, values in 0..1."""
    x0, y0 = (torch.rand(2, generator=generator) * 12 + 10).tolist()
    radius = torch.rand(1, generator=generator).item() * 4 + 5
    axis = torch.arange(SIZE, dtype=torch.float32)
    dx, dy = (axis - x0).abs()[None, :], (axis - y0).abs()[:, None]
    distance = (dx**2 + dy**2).sqrt()
    shapes = (
        distance < radius,
        torch.maximum(dx, dy) < radius * 0.85,
        (torch.minimum(dx, dy) < 2.0) & (torch.maximum(dx, dy) < radius),
        (distance < radius) & (distance > radius - 3.0),
    )
    ink = torch.rand(3, 1, 1, generator=generator) * 0.5 + 0.5
    paper = torch.rand(3, 1, 1, generator=generator) * 0.4
    noise = torch.randn(3, SIZE, SIZE, generator=generator) * 0.08
    return (torch.where(shapes[label], ink, paper) + noise).clamp(0.0, 1.0)


class Glyphs(Dataset):
    """`count` glyphs of one split, the same ones every time."""

    def __init__(self, split: str, count: int, transform: Transform | None = None):
        generator = torch.Generator().manual_seed(_SEEDS[split])
        self.labels = torch.randint(len(CLASSES), (count,), generator=generator)
        self.images = torch.stack([draw(int(label), generator) for label in self.labels])
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


class Normalize:
    def __init__(self, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD):
        self.mean = torch.tensor(mean)[:, None, None]
        self.std = torch.tensor(std)[:, None, None]

    def __call__(self, image: Tensor) -> Tensor:
        return (image - self.mean) / self.std


class RandomFlip:
    def __call__(self, image: Tensor) -> Tensor:
        return image.flip(-1) if torch.rand(1).item() < 0.5 else image


class Compose:
    def __init__(self, *steps: Transform):
        self.steps = steps

    def __call__(self, image: Tensor) -> Tensor:
        for step in self.steps:
            image = step(image)
        return image


def train_transform() -> Transform:
    return Compose(RandomFlip(), Normalize())


def eval_transform() -> Transform:
    return Compose(Normalize())


@dataclass
class Loaders:
    train: DataLoader
    validation: DataLoader
    test: DataLoader


def synthetic_loaders(batch_size: int = 32, train_count: int = 1200) -> Loaders:
    train = Glyphs("train", train_count, train_transform())
    validation = Glyphs("validation", train_count // 4, eval_transform())
    test = Glyphs("test", train_count // 4, eval_transform())
    return Loaders(
        train=DataLoader(train, batch_size=batch_size, shuffle=True, drop_last=True),
        validation=DataLoader(validation, batch_size=batch_size),
        test=DataLoader(test, batch_size=batch_size),
    )
