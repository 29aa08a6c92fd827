"""Measures two sources of data: runs under the project's interpreter, and needs torch and nothing of ours.

It is given two sources and a number of batches, and writes JSON into the file that it is told to answer in.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

MOST_COLUMNS = 64
VALUES_A_BATCH = 2000
"""Values of a column that a batch adds to its histogram."""
BINS = 50
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff")


def main(words: list[str]) -> None:
    answer, batches, *sources = words
    sys.path.insert(0, os.getcwd())
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(0)
    with torch.no_grad():
        told = compared(*(Seen(torch, each(source, torch), int(batches)) for source in sources))
    with open(answer, "w", encoding="utf-8") as stream:
        json.dump(told, stream)


def each(source: str, torch: Any) -> Any:
    """The batches of a source: a folder of images, or `package.module:name` of a loader or of what makes one."""
    if os.path.isdir(source):
        return pictures(source, torch)
    module, _, name = source.partition(":")
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value() if callable(value) and not hasattr(value, "__iter__") else value


def pictures(folder: str, torch: Any) -> Iterator[Any]:
    """The images under a folder, from 0 to 1, each a batch; the folder it stands in is its label."""
    image: Any = importlib.import_module("PIL.Image")
    numpy: Any = importlib.import_module("numpy")
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(IMAGES):
                with image.open(os.path.join(parent, name)) as opened:
                    pixels = torch.from_numpy(numpy.array(opened.convert("RGB")))
                yield pixels.permute(2, 0, 1)[None].float() / 255, [os.path.relpath(parent, folder)]


class Seen:
    """What was seen of one source. A column is a channel of images, or a feature of rows."""

    def __init__(self, torch: Any, batches: Iterable[Any], most: int) -> None:
        self.torch = torch
        self.samples = 0
        self.labels: Counter[str] = Counter()
        self.count = 0
        self.sums: Any = None
        self.squares: Any = None
        self.means: list[Any] = []
        self.values: list[Any] = []
        for number, batch in enumerate(batches):
            if number >= most:
                break
            self._add(*parted(batch, torch.Tensor))

    def _add(self, inputs: Any, labels: Any) -> None:
        rows = columns(inputs)
        self.samples += rows.shape[0]
        self.count += rows.shape[0] * rows.shape[2]
        sums, squares = rows.sum((0, 2)), (rows * rows).sum((0, 2))
        self.sums = sums if self.sums is None else self.sums + sums
        self.squares = squares if self.squares is None else self.squares + squares
        self.means.append(rows.mean(2))
        flat = rows.transpose(0, 1).reshape(rows.shape[1], -1)
        self.values.append(flat[:, :: max(1, flat.shape[1] // VALUES_A_BATCH)])
        named = labels.tolist() if hasattr(labels, "tolist") else labels
        if isinstance(named, (list, tuple)) and all(isinstance(one, (int, str)) for one in named):
            self.labels.update(map(str, named))

    def told(self) -> dict[str, Any]:
        mean = self.sums / self.count
        std = (self.squares / self.count - mean * mean).clamp(min=0).sqrt()
        shares = {name: number / sum(self.labels.values()) for name, number in sorted(self.labels.items())}
        return {"samples": self.samples, "mean": mean.tolist(), "std": std.tolist(), "labels": shares}


def parted(batch: Any, tensor: type) -> tuple[Any, Any]:
    """The inputs and the labels of a batch: its first tensor, and what comes next."""
    parts = (
        list(batch.values()) if isinstance(batch, dict) else list(batch) if not isinstance(batch, tensor) else [batch]
    )
    for index, part in enumerate(parts):
        if isinstance(part, tensor):
            return part, parts[index + 1] if index + 1 < len(parts) else None
    raise SystemExit(f"a batch holds no tensor but {type(batch).__name__}")


def columns(inputs: Any) -> Any:
    """Inputs as samples x columns x values."""
    inputs = inputs.double()
    if inputs.dim() >= 3:
        return inputs.flatten(2)[:, :MOST_COLUMNS]
    return inputs.reshape(inputs.shape[0], -1)[:, :MOST_COLUMNS, None]


def compared(train: Seen, scored: Seen) -> dict[str, Any]:
    """Both, and how far they are apart in each column."""
    for name, seen in (("training", train), ("evaluation", scored)):
        if not seen.samples:
            raise SystemExit(f"the {name} data are empty")
    if len(train.sums) != len(scored.sums):
        raise SystemExit(f"training data have {len(train.sums)} columns, evaluation data {len(scored.sums)}")
    one, other = train.told(), scored.told()
    torch = train.torch
    firsts, seconds = torch.cat(train.values, 1), torch.cat(scored.values, 1)
    means, other_means = torch.cat(train.means), torch.cat(scored.means)
    rows = [
        {
            "standardised_mean_difference": standardised(one, other, index),
            **distances(firsts[index], seconds[index], torch),
            "kolmogorov_smirnov": smirnov(means[:, index], other_means[:, index], torch),
        }
        for index in range(len(train.sums))
    ]
    return {"train": one, "eval": other, "columns": rows}


def standardised(one: dict[str, Any], other: dict[str, Any], index: int) -> float | None:
    """The difference of the means over the root of the mean variance; None where nothing varies but the mean."""
    apart = other["mean"][index] - one["mean"][index]
    spread = math.sqrt((one["std"][index] ** 2 + other["std"][index] ** 2) / 2)
    return apart / spread if spread else (None if apart else 0.0)


def distances(first: Any, second: Any, torch: Any) -> dict[str, Any]:
    """Distances of two histograms over one range, in bits; each bin counts half a value more: all are finite."""
    low, high = (float(end) for end in (min(first.min(), second.min()), max(first.max(), second.max())))
    if low == high:
        return {"kl_train_eval": 0.0, "kl_eval_train": 0.0, "jensen_shannon": 0.0}
    counts = [torch.histc(values, BINS, low, high) + 0.5 for values in (first, second)]
    p, q = (count / count.sum() for count in counts)
    middle = (p + q) / 2

    def divergence(a: Any, b: Any) -> float:
        return float((a * (a / b).log2()).sum())

    shannon = (divergence(p, middle) + divergence(q, middle)) / 2
    return {"kl_train_eval": divergence(p, q), "kl_eval_train": divergence(q, p), "jensen_shannon": shannon}


def smirnov(first: Any, second: Any, torch: Any) -> dict[str, Any]:
    """The greatest gap between two distributions of the means of samples, which are independent as pixels are not."""
    both = torch.cat([first, second])
    shares = [torch.searchsorted(values.sort().values, both, right=True) / len(values) for values in (first, second)]
    told: dict[str, Any] = {"statistic": float((shares[0] - shares[1]).abs().max()), "sizes": [len(first), len(second)]}
    try:
        statistics: Any = importlib.import_module("scipy.stats")
    except ImportError:
        return {**told, "p": None}
    return {**told, "p": float(statistics.ks_2samp(first.numpy(), second.numpy()).pvalue)}


if __name__ == "__main__":
    main(sys.argv[1:])
