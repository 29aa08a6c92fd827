"""What names do to data: the pipelines from files to batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from evallint.apis.arguments import UNKNOWN, Argument, Value, is_one_of

Step: TypeAlias = Literal[
    "crop",
    "resize",
    "pad",
    "flip",
    "rotate",
    "affine",
    "perspective",
    "color",
    "blur",
    "noise",
    "erase",
    "cutout",
    "mix",
    "tensor",
    "scale",
    "dtype",
    "normalize",
    "grayscale",
    "channels",
    "policy",
    "pil",
    "none",
    "other",
]
"""What a transform does to an image.

"color": brightness, contrast, hue, sharpness and the like; "tensor": it becomes a tensor; "pil": a PIL image; "scale":
0 to 255 becomes 0 to 1; "dtype": another type of number; "channels": their order, number or colour space; "policy": a
random choice of many (AutoAugment); "mix": with another sample; "other": not told, or what a given function does.
"""


class Transform(NamedTuple):
    """A class whose instances transform a sample, or, where `image` is the argument that goes in, a function.

    `random`: whether it acts anew at each call ("always"), the same each time, or does the same by chance
    ("probability"). With any of them it never acts where `probability` is 0. Where all of `quiet` have one of their
    values (`ColorJitter(0, 0, 0, 0)`), it is idle or acts the same each time. `takes`: what may come in; `gives`: what
    comes out, "several" for a tuple of what came in. `size`: the size it brings the image to.
    `scales`: the argument whose true value adds "scale" to `does`. `exact`: the other arguments that two pipelines
    must share to do the same. `applies`: the function of the program's that it hands the sample to.
    """

    name: str
    does: tuple[Step, ...]
    random: Literal["always", "never", "probability"] = "never"
    probability: Argument | None = None
    takes: tuple[Literal["pil", "array", "tensor", "any"], ...] = ("any",)
    gives: Literal["same", "pil", "array", "tensor", "several"] = "same"
    size: Argument | None = None
    mean: Argument | None = None
    std: Argument | None = None
    scales: Argument | None = None
    exact: tuple[Argument, ...] = ()
    quiet: tuple[Argument, ...] = ()
    image: Argument | None = None
    applies: Argument | None = None

    def varies(self, positional: Sequence[object] = (), keywords: Mapping[str, object] | None = None) -> bool | None:
        """Does the transform that this call builds treat equal images unequally? None where its arguments are unknown.

        Arguments as for `Dependence.on`.
        """
        given = keywords or {}
        chance = self.probability.given(positional, given) if self.probability is not None else 1
        steady = (0,) if self.random == "always" else (0, 1)
        if is_one_of(chance, steady):
            return False
        calm = [(argument.given(positional, given), argument.values) for argument in self.quiet]
        stirred = [value for value, values in calm if not is_one_of(value, values)]
        if calm and not stirred:
            return False
        unsure = chance is UNKNOWN or (bool(stirred) and all(value is UNKNOWN for value in stirred))
        return None if unsure else True


class Chain(NamedTuple):
    """A class that applies transforms one after another.

    `steps`: the argument that lists them; with `spread` they are arguments by themselves, from its position on.
    `choice`: whether a call applies all of them, one or some by chance; `picks`: the argument that makes "all" a
    "some" unless it has one of its values. `probability`: of applying anything at all. `shuffles`: in random order.
    """

    name: str
    steps: Argument
    spread: bool = False
    choice: Literal["all", "one", "some"] = "all"
    picks: Argument | None = None
    probability: Argument | None = None
    shuffles: bool = False


class Preset(NamedTuple):
    """A function or method that returns a whole pipeline, made for a model's weights or by a configuration.

    `source`: where its sizes and constants come from: "weights", or "arguments" where they are given. `training`:
    whether it is for training where no argument asks; `trains`: the argument whose `values` ask for that. `train_item`
    and `eval_item`: the pipelines' positions where a tuple is returned. `mean` and `std`: the arguments that it
    normalises with.
    """

    name: str
    source: Literal["weights", "arguments"] = "weights"
    training: bool = False
    trains: Argument | None = None
    train_item: int | None = None
    eval_item: int | None = None
    mean: Argument | None = None
    std: Argument | None = None


class Dataset(NamedTuple):
    """A class of data sets, or a function that returns one.

    `transform`: the argument that transforms the input, `joint` the one that transforms input and target together.
    `split`: the argument that picks the part, whose values in `training` mean the training part, and in `evaluation`
    one for validation or test; None where it knows no parts (a folder, tensors). `statistics`: its key in
    `statistics.toml`. `size`: the height and width that all of its images have. `parts`: the argument that lists the
    data sets it is put together of.
    """

    name: str
    transform: Argument | None = None
    joint: Argument | None = None
    split: Argument | None = None
    training: tuple[Value, ...] = ()
    evaluation: tuple[Value, ...] = ()
    statistics: str = ""
    size: tuple[int, ...] = ()
    parts: Argument | None = None

    def part(
        self, positional: Sequence[object] = (), keywords: Mapping[str, object] | None = None
    ) -> Literal["training", "evaluation"] | None:
        """Which part of the data this call reads, as far as its arguments tell."""
        value = self.split.given(positional, keywords or {}) if self.split else UNKNOWN
        if is_one_of(value, self.training):
            return "training"
        return "evaluation" if is_one_of(value, self.evaluation) else None


class Loader(NamedTuple):
    """A class or function that makes batches of a data set."""

    name: str
    dataset: Argument
    batch_size: Argument | None = None
    shuffle: Argument | None = None
    drop_last: Argument | None = None
    sampler: Argument | None = None
    batch_sampler: Argument | None = None


class Split(NamedTuple):
    """A function or class that takes part of a data set.

    `result`: "parts" of it as a sequence, or "one". With `each` every argument by position is split, and the parts of
    all stand in one sequence (`train_test_split(x, y)`: four). `indices`: the argument that says which samples.
    `holds`: the attribute of a part under which the whole is still there, "" where it is not.
    """

    name: str
    dataset: Argument
    result: Literal["parts", "one"] = "parts"
    holds: str = ""
    each: bool = False
    indices: Argument | None = None


class Sampler(NamedTuple):
    """A class that says in which order a loader takes samples.

    `random`: whether the order is, unless `shuffle` is given as false. `subset`: whether it leaves samples out by
    `indices`. `drops`: the argument whose true value drops a rest. `sampler`: the one that it takes its order from.
    """

    name: str
    random: bool = False
    shuffle: Argument | None = None
    subset: bool = False
    indices: Argument | None = None
    drops: Argument | None = None
    sampler: Argument | None = None


class Read(NamedTuple):
    """A function that reads an image from a file. `order`: that of its channels."""

    name: str
    gives: Literal["pil", "array", "tensor"]
    order: Literal["rgb", "bgr", "unknown"] = "rgb"


class Draw(NamedTuple):
    """A function or method that draws random numbers. `unit`: from 0 on, and below 1."""

    name: str
    unit: bool = False


class Fit(NamedTuple):
    """A function or method that learns statistics, a vocabulary or a projection from `data`."""

    name: str
    data: Argument


class Constants(NamedTuple):
    """Numbers that a library gives a name: a mean or a deviation, channel by channel."""

    name: str
    numbers: tuple[float, ...]


Data: TypeAlias = Transform | Chain | Preset | Dataset | Loader | Split | Sampler | Read | Draw | Fit | Constants
"""What a name does to data: the pipelines from files to batches."""
