"""Compares what modules give, and what they hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

SMALLEST = 1e-6
"""A relative difference below this is rounding."""

MOST_KEPT = 1 << 30
"""Bytes of parameters above which they are not copied: a pass without gradients changes none, and memory is scarce."""


def tensors(value: Any, depth: int = 0) -> Iterator[Any]:
    """The tensors of numbers in what a forward pass gives, in order."""
    torch = import_module("torch")
    if depth > 6 or value is None or isinstance(value, str | bytes | int | float):
        return
    if isinstance(value, torch.Tensor):
        if value.is_floating_point() or value.is_complex():
            yield value
        return
    if isinstance(value, Mapping):
        for key in value:
            yield from tensors(value[key], depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from tensors(item, depth + 1)
    elif hasattr(value, "__dict__"):
        for item in vars(value).values():
            yield from tensors(item, depth + 1)


def whole_numbers(value: Any) -> Iterator[Any]:
    torch = import_module("torch")
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from whole_numbers(item)


def shapes(value: Any) -> list[list[int]]:
    return [list(tensor.shape) for tensor in tensors(value)]


def difference(one: Any, other: Any) -> float:
    """The relative L2 difference of what two passes give, seen from the first; infinite where they don't compare.

    Parts that only one of them has do not count.
    """
    torch = import_module("torch")
    first, second = list(tensors(one)), list(tensors(other))
    if not first and not second:
        first, second = list(whole_numbers(one)), list(whole_numbers(other))
    total, base = 0.0, 0.0
    pairs = list(zip(first, second, strict=False))
    if not pairs or all(a.shape != b.shape for a, b in pairs):
        return math.inf if first or second else 0.0
    for a, b in pairs:
        if a.shape != b.shape:
            continue
        a, b = a.detach(), b.detach()
        if a.is_complex():
            a, b = torch.view_as_real(a), torch.view_as_real(b)
        a, b = a.double(), b.double()
        a, b = torch.nan_to_num(a), torch.nan_to_num(b)
        total += float(((a - b) ** 2).sum())
        base += float((a**2).sum())
    if total == 0:
        return 0.0
    return math.sqrt(total / base) if base > 0 else math.inf


class Snapshot:
    """The parameters and buffers of a module at one moment; of one with very many parameters its buffers only."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._is_large = bytes_of(module) > MOST_KEPT
        self._kept = {name: value.detach().clone() for name, value in self._all()}

    def moved(self) -> list[str]:
        """The names of the buffers that are others by now, counters last."""
        torch = import_module("torch")
        names = dict(self._module.named_buffers())
        found = [
            name
            for name, value in self._all()
            if name in names
            and (
                name not in self._kept
                or value.shape != self._kept[name].shape
                or not torch.equal(torch.nan_to_num(value), torch.nan_to_num(self._kept[name]))
            )
        ]
        return sorted(found, key=lambda name: name.endswith("num_batches_tracked"))

    def restore(self) -> None:
        torch = import_module("torch")
        with torch.no_grad():
            for name, value in self._all():
                if name in self._kept and value.shape == self._kept[name].shape:
                    value.copy_(self._kept[name])

    def _all(self) -> Iterator[tuple[str, Any]]:
        lazy = import_module("torch").nn.parameter
        parameters = () if self._is_large else self._module.named_parameters()
        for name, value in (*parameters, *self._module.named_buffers()):
            if value is not None and not lazy.is_lazy(value):
                yield name, value


def bytes_of(module: Any) -> int:
    """The bytes of a module's parameters, as far as they are there already."""
    is_lazy = import_module("torch").nn.parameter.is_lazy
    return sum(value.nbytes for value in module.parameters() if not is_lazy(value))


def number(value: float) -> float | None:
    """A number as JSON knows it, with three digits."""
    return None if not math.isfinite(value) else float(f"{value:.3g}")
