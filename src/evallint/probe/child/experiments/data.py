"""How far are the data of an evaluation from those of training?"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from evallint.probe.child.assumed import Assumed
from evallint.probe.child.scope import Scopes

MOST_COLUMNS: Final = 64
VALUES_A_BATCH: Final = 2000
"""Values of a column that a batch adds to its histogram."""
BINS: Final = 50
IMAGES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff")


class Unmeasurable(Exception):
    """Two sources cannot be compared; the text says why."""


def measured(job: Mapping[str, Any], scopes: Scopes, assumed: Assumed) -> dict[str, Any]:
    """What two sources give: the answer is no verdict but numbers."""
    given = job["options"]
    torch: Any = import_module("torch")
    _without_workers(torch, assumed)
    scopes.project.add_root(scopes.project.folder)
    with torch.no_grad():
        seen = [Seen(torch, each(source, torch), int(given["batches"])) for source in given["sources"]]
        return {"verdict": "measured", "numbers": compared(*seen)}


def _without_workers(torch: Any, assumed: Assumed) -> None:
    """Loaders read in this process: it may start no others."""
    loader = torch.utils.data.DataLoader
    own = loader.__init__
    alone = {"num_workers": 0, "prefetch_factor": None, "persistent_workers": False, "timeout": 0}

    def begin(self: Any, *given: Any, **named: Any) -> None:
        if named.get("num_workers"):
            assumed.add("loaders read without workers")
            named = {**named, **alone, "multiprocessing_context": None}
        own(self, *given, **named)

    loader.__init__ = begin


def each(source: str, torch: Any) -> Any:
    """The batches of a source: a folder of images, or `package.module:name` of a loader or of what makes one."""
    if os.path.isdir(source):
        return pictures(source, torch)
    module, _, name = source.partition(":")
    value: Any = import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value() if callable(value) and not hasattr(value, "__iter__") else value


def pictures(folder: str, torch: Any) -> Iterator[Any]:
    """The images under a folder, from 0 to 1, each a batch; the folder it stands in is its label."""
    try:
        image: Any = import_module("PIL.Image")
        numpy: Any = import_module("numpy")
    except ImportError as error:
        raise Unmeasurable(f"folders of images need Pillow and NumPy beside torch: {error}") from None
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
    raise Unmeasurable(f"a batch holds no tensor but {type(batch).__name__}")


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
            raise Unmeasurable(f"the {name} data are empty")
    if len(train.sums) != len(scored.sums):
        raise Unmeasurable(f"training data have {len(train.sums)} columns, evaluation data {len(scored.sums)}")
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
        return {"kl_train_eval": 0.0, "kl_eval_train": 0.0, "jensen_shannon": 0.0, "range": [low, high]}
    counts = [torch.histc(values, BINS, low, high) for values in (first, second)]
    p, q = ((count + 0.5) / (count + 0.5).sum() for count in counts)
    middle = (p + q) / 2

    def divergence(a: Any, b: Any) -> float:
        return float((a * (a / b).log2()).sum())

    shannon = (divergence(p, middle) + divergence(q, middle)) / 2
    shares = [[round(one, 5) for one in (count / count.sum()).tolist()] for count in counts]
    return {
        "kl_train_eval": divergence(p, q),
        "kl_eval_train": divergence(q, p),
        "jensen_shannon": shannon,
        "range": [low, high],
        "histograms": shares,
    }


def smirnov(first: Any, second: Any, torch: Any) -> dict[str, Any]:
    """The greatest gap between two distributions of the means of samples, which are independent as pixels are not."""
    both = torch.cat([first, second])
    shares = [torch.searchsorted(values.sort().values, both, right=True) / len(values) for values in (first, second)]
    told: dict[str, Any] = {"statistic": float((shares[0] - shares[1]).abs().max()), "sizes": [len(first), len(second)]}
    try:
        statistics: Any = import_module("scipy.stats")
    except ImportError:
        return {**told, "p": None}
    return {**told, "p": float(statistics.ks_2samp(first.numpy(), second.numpy()).pvalue)}
