"""Switching networks between training and evaluation."""

from __future__ import annotations

from contextlib import contextmanager
from collections.abc import Iterable, Iterator

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode within the block; afterwards the mode the model had before."""
    was_training = model.training
    model.eval()
    try:
        yield model
    finally:
        model.train(was_training)


def set_mode(networks: Iterable[nn.Module], training: bool) -> None:
    for network in networks:
        network.train(training)
