"""What the names of libraries mean for mode, gradients and state: tables, one or two files a library.

    apis = load()
    apis.of("torch.nn.modules.dropout.Dropout")   # ModuleClass(name="torch.nn.Dropout", …), or None where unknown
    apis.method("transformers.BertModel", "generate")      # looks through the bases the tables name
    apis.hook("lightning.pytorch.LightningModule", "training_step")
    apis.chosen(apis.of("timm.create_model"), "vit_base_patch16_224")   # the factory that a model's name picks
    meaning.dependence.on(positional, keywords)   # True, False, or None: does this very construction heed the mode?
    apis.data("torchvision.transforms.RandomCrop")   # Transform(…): what the name does to data; see `Data`
    apis.metric("torch.nn.functional.mse_loss")   # Measure(…): what the name makes of a batch, in numbers

A name is the qualified name by which code imports a thing; a method's is its class's name and its own
(`torch.Tensor.item`). Re-exports resolve. A table is read when a name of its library is first asked for:
`<package>.toml` is written by hand, `<package>.built.toml` by `scripts/build_apis.py` from the installed library; where
both know a name, the hand-written meaning holds. What a name does to data is another question, with tables of its own,
`<package>.data.toml`: one name may have both answers (`torch.nn.Sequential`, `clip.load`, `torch.rand`). So is what
numbers it makes of a batch, in `<package>.metric.toml` (`torch.nn.MSELoss` is a module and a mean). In a table the
string "None" is Python's None, as a default "unknown" is UNKNOWN, and among values "a number" is NUMBER and "equal
ends" EQUAL; a `*` in a name stands for any letters but a dot, beginning with a capital where it begins a part (names
without `*` go first, then the table's order decides); `absent` says why the library's version has no such name
("before 2", "subclasses define it").

Meanings are named tuples because eighteen dataclasses would take longer to define than the tables to read. Nothing may
compare meanings of unknown class: two of different classes with equal fields are equal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER: Final = Path(__file__).parent
"""Where the tables are."""

Value: TypeAlias = str | int | float | bool | tuple[float, ...] | None


class _Mark:
    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


REQUIRED: Final = _Mark("REQUIRED")
"""The default of an argument that has none."""
UNKNOWN: Final = _Mark("UNKNOWN")
"""The value of an argument that is given, but not as a constant."""
NUMBER: Final = _Mark("NUMBER")
"""Among an argument's values: any one number, where two would be the ends of a range."""
EQUAL: Final = _Mark("EQUAL")
"""Among an argument's values: a range whose ends are equal."""

Mode: TypeAlias = Literal["train", "eval", "unknown"]


class Argument(NamedTuple):
    """One argument of a call. `position` counts from 0 without `self`, None where only the keyword gives it.

    `values` are those that matter to whoever holds the argument, see there.
    """

    keyword: str
    position: int | None = None
    default: Value | _Mark = REQUIRED
    values: tuple[Value | _Mark, ...] = ()

    def given(self, positional: Sequence[object], keywords: Mapping[str, object]) -> object:
        """The argument's value in a call, else its default, which is REQUIRED where it has none."""
        if self.keyword in keywords:
            return keywords[self.keyword]
        if self.position is not None and self.position < len(positional):
            return positional[self.position]
        return self.default


class Dependence(NamedTuple):
    """Whether a module behaves differently in train and eval mode.

    `default` is "children" where only what it holds decides. Any of the `quiet` arguments having one of its values
    turns the dependence off; any of the `loud` ones having another than its values turns it on.
    """

    default: Literal["always", "never", "children", "unknown"]
    quiet: tuple[Argument, ...] = ()
    loud: tuple[Argument, ...] = ()

    def on(self, positional: Sequence[object] = (), keywords: Mapping[str, object] | None = None) -> bool | None:
        """Does the module that this call builds depend on the mode? None where unknown or left to its children.

        Arguments are constants, or UNKNOWN where they are not; after a `*part` or with a `**part` the caller passes
        UNKNOWN for whatever these may give, or does not ask.
        """
        given = keywords or {}
        unsure = False
        for argument in self.quiet:
            value = argument.given(positional, given)
            if _is_one_of(value, argument.values):
                return False
            unsure = unsure or (value is UNKNOWN and self.default != "never")
        for argument in self.loud:
            value = argument.given(positional, given)
            if value is UNKNOWN:
                unsure = unsure or self.default != "always"
            elif value is not REQUIRED and not _is_one_of(value, argument.values):
                return None if unsure else True
        if unsure:
            return None
        return {"always": True, "never": False}.get(self.default)


class ModuleClass(NamedTuple):
    """A class of modules (`torch.nn.Module` and what derives from it).

    `parameters` and `buffers`: whether an instance has its own, children included; any of the `weightless` arguments
    having one of its values leaves it without parameters. `statistics`: whether a forward in
    train mode moves running statistics (the batch norm family), as far as `dependence` says that it is active.
    `container`: whether it does nothing but hold and call the modules it is given. `children`: the arguments that are
    modules and become its children. `starts`: the mode of a new instance. A class of losses is a module like another.
    `graph` "detaches": it counts, and what its call gives belongs to no graph. `arguable`: many evaluate with it in
    train mode, on purpose.
    """

    name: str
    dependence: Dependence
    bases: tuple[str, ...] = ("torch.nn.Module",)
    parameters: bool | None = None
    buffers: bool | None = None
    statistics: bool = False
    container: bool = False
    children: tuple[Argument, ...] = ()
    starts: Mode = "train"
    weightless: tuple[Argument, ...] = ()
    graph: Literal["keeps", "detaches"] = "keeps"
    arguable: bool = False

    def weighs(self, positional: Sequence[object] = (), keywords: Mapping[str, object] | None = None) -> bool | None:
        """Has the module that this call builds parameters of its own? None where that is unknown."""
        for argument in self.weightless:
            if _is_one_of(argument.given(positional, keywords or {}), argument.values):
                return False
        return self.parameters


class Factory(NamedTuple):
    """A function or class method that returns a module.

    `returns`: the class of what it returns ("class": the class it is called on). `mode`: the mode of what
    it returns. `statistics` and `dropout`: whether that holds batch norm with running statistics, and active dropout
    or stochastic depth; None unknown. `item`: the model's position where a tuple is returned. `chooser`: the argument
    that names the architecture, for which `family` is the prefix of the factories to pick from (see `Apis.chosen`).
    """

    name: str
    dependence: Dependence
    mode: Mode = "train"
    returns: str = "torch.nn.Module"
    statistics: bool | None = None
    dropout: bool | None = None
    item: int | None = None
    chooser: Argument | None = None
    family: str = ""


class Wrapper(NamedTuple):
    """A class, function or method that wraps or converts a module.

    `argument`: the module that goes in. `inner`: the attribute under which the result holds it ("" none). `shares`:
    whether the result and what went in have the same submodules, so that eval() of one is heard by the other; else it
    is a copy. `same`: whether the result is, or behaves entirely as, the object that went in. `result`: "one" the
    module; "each" one result for each argument, in their order (a single one bare); "first" the first of a tuple.
    `mode`: how the mode of what is wrapped follows from what went in; the wrapper's own `training` starts true where it
    is a class of modules, which `bases` then names.
    """

    name: str
    argument: Argument
    inner: str = ""
    shares: bool = True
    same: bool = False
    result: Literal["one", "each", "first"] = "one"
    mode: Literal["keeps", "train", "eval", "unknown"] = "keeps"
    bases: tuple[str, ...] = ()


class ModeSwitch(NamedTuple):
    """A method that sets the mode of the module it is called on and all of its children; it returns the module.

    `to` "argument": a true `argument` means train. `freezes`: it also stops (true) or resumes (false) the parameters'
    gradients.
    """

    name: str
    to: Literal["train", "eval", "argument"]
    argument: Argument | None = None
    freezes: bool | None = None


class ModeContext(NamedTuple):
    """A context manager that sets the mode of the modules given to it and puts it back at the end.

    `grad`: what it does to the recording of graphs meanwhile. `argument`: the first (or only) module.
    """

    name: str
    to: Literal["train", "eval"]
    argument: Argument
    grad: Literal["off", "on", "keeps"] = "keeps"


class ReturnsSelf(NamedTuple):
    """A method that returns the object it is called on; modes, submodules and parameters stay as they are."""

    name: str


class Runs(NamedTuple):
    """A function or method that runs a model: the receiver, the model the receiver was given, or `argument`.

    `mode`: the mode in which it runs, "keeps" where it leaves that as it finds it. `leaves`: the mode afterwards,
    "keeps" where it is the one found before. `grad` "off": no graph is recorded whatever the caller does; "keeps": as
    the caller has it; "on": it needs and makes gradients itself. `trains`: whether it updates the parameters.
    """

    name: str
    mode: Literal["keeps", "train", "eval", "unknown"] = "keeps"
    leaves: Literal["keeps", "train", "eval", "unknown"] = "keeps"
    grad: Literal["off", "keeps", "on"] = "keeps"
    trains: bool = False
    argument: Argument | None = None


class GradContext(NamedTuple):
    """A context manager and, where `decorates`, decorator that turns the recording of graphs off or on.

    `effect` "argument": a true `argument` means on; "negated": a true one means off, a false one on. `immediate`:
    calling it acts at once, without `with` (as `set_grad_enabled` does). `bare`: it works as a decorator without being
    called (`@torch.no_grad`).
    """

    name: str
    effect: Literal["off", "on", "argument", "negated"]
    argument: Argument | None = None
    immediate: bool = False
    decorates: bool = True
    bare: bool = False


class Gradient(NamedTuple):
    """Something that needs the graph of what it is given.

    "backward" sends gradients into `.grad`; "grad" returns them; "transform" is a function transform; "explain" an
    attribution and "attack" an adversarial attack, both of which differentiate the model themselves. `argument`: the
    loss, None where it is the receiver.
    """

    name: str
    kind: Literal["backward", "grad", "transform", "explain", "attack"]
    argument: Argument | None = None


class FlaggedFunction(NamedTuple):
    """A function that behaves as in training or as in evaluation by an argument, not by a module's mode.

    `training`: that argument, None where there is none and the function always behaves as in training. `rate`: the
    argument whose `values` make it inactive all the same.
    """

    name: str
    training: Argument | None = None
    rate: Argument | None = None


class Export(NamedTuple):
    """A function that freezes or writes a model, and with it the mode the model has at that moment.

    `argument`: the model, None where it is the receiver. `mode` "keeps": exported as it is; "eval": switched to eval
    for the export; "raises": fails on a model in train mode. `restores`: whether a switched model is put back.
    `switches`: the argument whose `values` make a "keeps" an "eval" that restores. `training`: the argument that then
    asks for another mode (`TrainingMode.TRAINING`). `warns`: whether it warns about a model in train mode.
    `returns_model`: whether its result is a model to be called, in which the mode is fixed (wholly or in part).
    """

    name: str
    argument: Argument | None = None
    mode: Literal["keeps", "eval", "raises"] = "keeps"
    restores: bool = True
    switches: Argument | None = None
    training: Argument | None = None
    warns: bool = False
    returns_model: bool = False


Role: TypeAlias = Literal[
    "optimizer", "scheduler", "scaler", "trainer", "callback", "metric", "average", "model", "tensor", "other"
]


class LibraryClass(NamedTuple):
    """A class that is no `torch.nn.Module`.

    `role` "average": keeps averaged weights of a model; "model": a model of another kind (of Keras, an estimator).
    `manages`: whether its own loops set mode and gradients.
    """

    name: str
    role: Role
    bases: tuple[str, ...] = ()
    manages: bool = False


class Updates(NamedTuple):
    """A method that updates parameters, learning rate or scale by one step, or clears gradients ("clear")."""

    name: str
    what: Literal["parameters", "schedule", "scale", "average", "clear"]


class TensorSource(NamedTuple):
    """A function that returns a fresh tensor without a graph; `random` or constant contents, unless from `data`.

    `requires_grad`: the argument that makes it require gradients.
    """

    name: str
    contents: Literal["random", "constant", "data"]
    requires_grad: Argument | None = None


class TensorUse(NamedTuple):
    """What a tensor's method or attribute, or a function of a tensor, keeps of the graph.

    "detaches": the result (or what the receiver keeps) has none. "keeps": it belongs to the same graph. "raises":
    fails on a tensor that requires gradients.
    """

    name: str
    graph: Literal["detaches", "keeps", "raises"]


Phase: TypeAlias = Literal["train", "eval", "both", "setup"]


class Hook(NamedTuple):
    """A method that a framework calls on the user's class.

    `phase`: of what it is part. `mode`: the mode the framework has put the model in, "keeps" where it leaves that
    alone, "managed" where that is train in training and eval in evaluation. `grad`: whether gradients are recorded
    when it is called, "managed" likewise. `steps`: whether the framework calls backward on what the hook returns and
    updates the parameters.
    """

    name: str
    phase: Phase
    mode: Literal["train", "eval", "keeps", "managed"] = "keeps"
    grad: Literal["on", "off", "keeps", "managed"] = "keeps"
    steps: bool = False


Meaning: TypeAlias = (
    ModuleClass
    | Factory
    | Wrapper
    | ModeSwitch
    | ModeContext
    | ReturnsSelf
    | Runs
    | GradContext
    | Gradient
    | FlaggedFunction
    | Export
    | LibraryClass
    | Updates
    | TensorSource
    | TensorUse
    | Hook
)


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
    must share to do the same.
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

    def varies(self, positional: Sequence[object] = (), keywords: Mapping[str, object] | None = None) -> bool | None:
        """Does the transform that this call builds treat equal images unequally? None where its arguments are unknown.

        Arguments as for `Dependence.on`.
        """
        given = keywords or {}
        chance = self.probability.given(positional, given) if self.probability is not None else 1
        steady = (0,) if self.random == "always" else (0, 1)
        if _is_one_of(chance, steady):
            return False
        calm = [(argument.given(positional, given), argument.values) for argument in self.quiet]
        stirred = [value for value, values in calm if not _is_one_of(value, values)]
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
        if _is_one_of(value, self.training):
            return "training"
        return "evaluation" if _is_one_of(value, self.evaluation) else None


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
    """A function or method that draws random numbers."""

    name: str


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


class Measure(NamedTuple):
    """A function that makes a number of a batch's outputs, or a class whose instances do.

    `gives`: the "mean" of its samples' numbers, their "total", "each" of them, or a "score" that no mean of parts of
    the data would give (an F1 or AUC of the batch alone). `reduction`: the argument that says which of the first three;
    in it "mean", "sum" and "none" mean them. `averages`: the older flag whose false value means the total.
    """

    name: str
    gives: Literal["mean", "total", "each", "score"]
    reduction: Argument | None = None
    averages: Argument | None = None


class Average(NamedTuple):
    """A function that takes the mean of what is in a sequence, weighted where `weights` are given."""

    name: str
    weights: Argument | None = None


class Meter(NamedTuple):
    """A method by which a meter takes in one more `value`, which counts `weight` times."""

    name: str
    value: Argument
    weight: Argument


Metric: TypeAlias = Measure | Average | Meter
"""What a name makes of the numbers of an evaluation."""


class Apis:
    """Every table, read as needed. Not a value: two are never compared; `load` gives them.

    `own` are tables of a project's own, for any libraries, which hold before those in the folder.
    """

    def __init__(self, folder: Path, own: Sequence[Mapping[str, Any]] = ()) -> None:
        self._folder = folder
        self._own = own
        self._libraries: dict[str, _Library | None] = {}
        self._data_libraries: dict[str, _Library | None] = {}
        self._metric_libraries: dict[str, _Library | None] = {}
        self._known: dict[str, Meaning | None] = {}
        self._known_data: dict[str, Data | None] = {}
        self._known_metrics: dict[str, Metric | None] = {}
        self._methods: dict[tuple[str, str], Meaning | None] = {}

    def of(self, name: str) -> Meaning | None:
        """What a qualified name means, None where no table knows it."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def data(self, name: str) -> Data | None:
        """What a qualified name does to data, None where no table knows it."""
        if name not in self._known_data:
            self._known_data[name] = self._find_data(name)
        return self._known_data[name]

    def metric(self, name: str) -> Metric | None:
        """What a qualified name makes of a batch's or an evaluation's numbers, None where no table knows it."""
        if name not in self._known_metrics:
            self._known_metrics[name] = self._find_metric(name)
        return self._known_metrics[name]

    def knows(self, name: str) -> bool:
        """Does any table know the name?"""
        return any(table(name) is not None for table in (self.of, self.data, self.metric))

    def canonical(self, name: str) -> str:
        """The name under which the tables know a thing; the name itself where they don't."""
        meaning = self.of(name)
        return meaning.name if meaning is not None else name

    def method(self, owner: str, name: str) -> Meaning | None:
        """What a method (or attribute) of a library's class means, inherited ones too."""
        key = owner, name
        if key not in self._methods:
            bases = self.lineage(owner)
            self._methods[key] = next((found for base in bases if (found := self.of(f"{base}.{name}"))), None)
        return self._methods[key]

    def hook(self, owner: str, name: str) -> Hook | None:
        """The hook that a method of this name is in a class derived from `owner`.

        Not the same as `method`, which says what calling it does: a Trainer's `evaluate` has both.
        """
        return next((found for base in self.lineage(owner) if (found := self._hook(f"{base}.{name}"))), None)

    def lineage(self, name: str) -> Iterator[str]:
        """A class and its bases, as far as the tables know them, each once, nearest first, by their canonical names."""
        waiting, seen = [self.canonical(name)], set[str]()
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            yield name
            waiting += [self.canonical(base) for base in getattr(self.of(name), "bases", ())]

    def is_module(self, name: str) -> bool:
        """Is this a class of `torch.nn.Module`s, as far as the tables know?"""
        return "torch.nn.Module" in self.lineage(name)

    def chosen(self, factory: Factory, model: str) -> Factory | None:
        """The factory that a model's name picks (`timm.create_model("resnet50.a1_in1k")`: `timm.models.resnet50`)."""
        found = self.of(f"{factory.family}.{model.split('.')[0]}") if factory.family else None
        return found if isinstance(found, Factory) else None

    def library(self, package: str) -> Mapping[str, str] | None:
        """What a table says of itself: the library's `version` and the `source` of its facts; None without a table."""
        library = self._library(package) or self._data_library(package) or self._metric_library(package)
        return library.origin if library is not None else None

    def names(self, package: str) -> Iterator[str]:
        """Every name of a library's tables, those with a `*` too, but for those that are about data."""
        library = self._library(package)
        return iter(()) if library is None else library.names()

    def data_names(self, package: str) -> Iterator[str]:
        """Every name of a library's tables about data, those with a `*` too."""
        library = self._data_library(package)
        return iter(()) if library is None else library.names()

    def metric_names(self, package: str) -> Iterator[str]:
        """Every name of a library's tables about numbers."""
        library = self._metric_library(package)
        return iter(()) if library is None else library.names()

    def packages(self) -> list[str]:
        """The packages with a table, sorted."""
        found = {path.name.split(".")[0] for path in self._folder.iterdir() if path.name.endswith(".toml")}
        own = (group["within"].partition(".")[0] for table in self._own for _, group in _groups(table))
        return sorted(found.union(own))

    def _find(self, name: str) -> Meaning | None:
        library = self._library(name.partition(".")[0])
        if library is None:
            return None
        for moved in library.moved(name):
            return self.of(moved)
        return next((found for other in library.spellings(name) if (found := library.meaning(other))), None)

    def _find_data(self, name: str) -> Data | None:
        library = self._data_library(name.partition(".")[0])
        if library is None:
            return None
        for moved in library.moved(name):
            return self.data(moved)
        return next((found for other in library.spellings(name) if (found := library.data(other))), None)

    def _find_metric(self, name: str) -> Metric | None:
        library = self._metric_library(name.partition(".")[0])
        if library is None:
            return None
        for moved in library.moved(name):
            return self.metric(moved)
        return next((found for other in library.spellings(name) if (found := library.metric(other))), None)

    def _hook(self, name: str) -> Hook | None:
        library = self._library(name.partition(".")[0])
        return library.hook(name) if library is not None else None

    def _library(self, package: str) -> _Library | None:
        if package not in self._libraries:
            self._libraries[package] = self._read(package, KINDS, (".toml", ".built.toml"))
        return self._libraries[package]

    def _data_library(self, package: str) -> _Library | None:
        if package not in self._data_libraries:
            self._data_libraries[package] = self._read(package, DATA_KINDS, (".data.toml",))
        return self._data_libraries[package]

    def _metric_library(self, package: str) -> _Library | None:
        if package not in self._metric_libraries:
            self._metric_libraries[package] = self._read(package, METRIC_KINDS, (".metric.toml",))
        return self._metric_libraries[package]

    def _read(self, package: str, kinds: Collection[str], ends: tuple[str, ...]) -> _Library | None:
        paths = [self._folder.joinpath(f"{package}{end}") for end in ends]
        tables = [tomllib.loads(path.read_text("utf-8")) for path in paths if path.is_file()]
        own = [part for table in self._own if (part := _part_about(package, kinds, table))]
        return _Library([*own, *tables], package) if own or tables else None


@lru_cache(maxsize=8)
def load(own: tuple[str, ...] = ()) -> Apis:
    """The tables that come with evallint, after those of a project's own in these texts, which have no `problems`."""
    return Apis(FOLDER, [tomllib.loads(text) for text in own])


def _part_about(package: str, kinds: Collection[str], table: Mapping[str, Any]) -> dict[str, Any]:
    """What a table says about one package, of these kinds; empty where it says nothing."""
    part: dict[str, Any] = {}
    for kind, groups in table.items():
        if kind in kinds and (chosen := [one for one in groups if _is_of(package, one["within"])]):
            part[kind] = chosen
    if moved := {old: new for old, new in table.get("moved", {}).items() if _is_of(package, old)}:
        part["moved"] = moved
    if part:
        part["flat"] = [prefix for prefix in table.get("flat", ()) if _is_of(package, prefix)]
    return part


def _is_of(package: str, name: str) -> bool:
    return name.partition(".")[0] == package


def _groups(table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every group of a table, with its kind."""
    for kind, groups in table.items():
        yield from ((kind, group) for group in groups if class_of(kind) is not None)


# ---- tables -------------------------------------------------------------------------------------


class _Library:
    """The tables of one package: which group of which table a name stands in."""

    def __init__(self, tables: list[dict[str, Any]], package: str) -> None:
        stated = next((table for table in tables if "library" in table), {"library": package})
        self.origin = {key: str(stated.get(key, "")) for key in ("library", "version", "source")}
        self._flat = [prefix + "." for table in tables for prefix in table.get("flat", ())]
        self._moved = [(old + ".", new + ".") for table in tables for old, new in table.get("moved", {}).items()]
        self._groups: dict[str, tuple[str, dict[str, Any]]] = {}
        self._hooks: dict[str, dict[str, Any]] = {}
        self._patterns: list[tuple[re.Pattern[str], tuple[str, dict[str, Any]]]] = []
        for table in tables:
            self._add(table)

    def moved(self, name: str) -> Iterator[str]:
        """The name's newer spelling, where its whole package or module goes by another name."""
        for old, new in self._moved:
            if (name + ".").startswith(old):
                yield new + name[len(old) :] if len(name) >= len(old) else new[:-1]
                return

    def spellings(self, name: str) -> Iterator[str]:
        """The name, then the shorter ones it may be re-exported under, longest first."""
        yield name
        for prefix in self._flat:
            if name.startswith(prefix):
                parts = name[len(prefix) :].split(".")
                yield from (prefix + ".".join(parts[start:]) for start in range(1, len(parts)))

    def meaning(self, name: str) -> Meaning | None:
        group = self._group(name)
        return _meaning(name, *group) if group is not None else self.hook(name)

    def data(self, name: str) -> Data | None:
        group = self._group(name)
        return _data(name, *group) if group is not None else None

    def metric(self, name: str) -> Metric | None:
        group = self._group(name)
        return _metric(name, *group) if group is not None else None

    def hook(self, name: str) -> Hook | None:
        group = self._hooks.get(name)
        return Hook(name=name, **_fields(group)) if group is not None else None

    def names(self) -> Iterator[str]:
        yield from self._groups
        yield from self._hooks.keys() - self._groups.keys()
        yield from (_glob(pattern.pattern) for pattern, _ in self._patterns)

    def _group(self, name: str) -> tuple[str, dict[str, Any]] | None:
        group = self._groups.get(name)
        if group is None:
            group = next((group for pattern, group in self._patterns if pattern.fullmatch(name)), None)
        return group

    def _add(self, table: dict[str, Any]) -> None:
        for kind, group in _groups(table):
            self._add_group(kind, group)

    def _add_group(self, kind: str, group: dict[str, Any]) -> None:
        for name in group["names"].split():
            full = f"{group['within']}.{name}"
            if kind == "hook":
                self._hooks.setdefault(full, group)
            elif "*" in name:
                self._patterns.append((re.compile(_pattern(full)), (kind, group)))
            else:
                self._groups.setdefault(full, (kind, group))


def _pattern(glob: str) -> str:
    return re.escape(glob).replace("\\.\\*", "\\.[A-Z]\\*").replace("\\*", "[^.]*")


def _glob(pattern: str) -> str:
    return pattern.replace("[A-Z]", "").replace("[^.]*", "*").replace("\\.", ".")


def _meaning(name: str, kind: str, group: dict[str, Any]) -> Meaning:
    fields = _fields(group)
    if kind in ("module", "factory"):
        fields["dependence"] = Dependence(
            group.get("depends", "unknown"), _arguments(group.get("quiet", ())), _arguments(group.get("loud", ()))
        )
    return KINDS[kind](name=name, **fields)


def _data(name: str, kind: str, group: dict[str, Any]) -> Data:
    fields = {key: _data_field(value) for key, value in group.items() if key not in _NOT_DATA_FIELDS}
    return DATA_KINDS[kind](name=name, **fields)


def _metric(name: str, kind: str, group: dict[str, Any]) -> Metric:
    fields = {key: _data_field(value) for key, value in group.items() if key not in _NOT_DATA_FIELDS}
    return METRIC_KINDS[kind](name=name, **fields)


def class_of(kind: str) -> Any:
    """The class of meanings that groups of a kind give, None for what is no kind."""
    return KINDS.get(kind) or DATA_KINDS.get(kind) or METRIC_KINDS.get(kind)


def meaning_of(kind: str, name: str, group: dict[str, Any]) -> Meaning | Data | Metric:
    """What a group of a table says of one of its names. TypeError, KeyError: the group is not as its kind wants it."""
    read = _meaning if kind in KINDS else _data if kind in DATA_KINDS else _metric
    return read(name, kind, group)


def _data_field(value: Any) -> Any:
    """A value as its form tells: a table is an argument, a list a tuple."""
    if isinstance(value, dict):
        return _argument(value)
    if isinstance(value, list):
        return tuple(_data_field(each) for each in value)
    return _plain(value)


def _fields(group: dict[str, Any]) -> dict[str, Any]:
    return {key: _READERS.get(key, _plain)(value) for key, value in group.items() if key not in _NOT_FIELDS}


def _arguments(entries: Sequence[dict[str, Any]]) -> tuple[Argument, ...]:
    return tuple(_argument(entry) for entry in entries)


def _argument(entry: dict[str, Any]) -> Argument:
    return Argument(
        keyword=entry["keyword"],
        position=entry.get("position"),
        default=_marked(entry["default"]) if "default" in entry else REQUIRED,
        values=tuple(_marked(value) for value in entry.get("values", ())),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_plain(each) for each in value)
    return None if value == "None" else value


def _marked(value: Any) -> Any:
    return _MARKS.get(value, value) if isinstance(value, str) else _plain(value)


def _is_one_of(value: object, values: tuple[Value | _Mark, ...]) -> bool:
    """Python's `in`, but a bool equals only a bool, and None only None; NUMBER and EQUAL stand for many."""
    return any(_is(value, other) for other in values)


def _is(value: object, other: Value | _Mark) -> bool:
    if other is NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if other is EQUAL:
        return isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] and value[0] is not UNKNOWN
    return value == other and isinstance(value, bool) == isinstance(other, bool)


_MARKS = {"None": None, "a number": NUMBER, "equal ends": EQUAL, "unknown": UNKNOWN}
_NOT_FIELDS = frozenset({"within", "names", "depends", "quiet", "loud", "absent"})
_NOT_DATA_FIELDS = frozenset({"within", "names", "absent"})
_READERS: dict[str, Callable[[Any], Any]] = {
    "argument": _argument,
    "training": _argument,
    "switches": _argument,
    "rate": _argument,
    "chooser": _argument,
    "requires_grad": _argument,
    "children": _arguments,
    "weightless": _arguments,
    "bases": tuple,
}
KINDS: dict[str, Callable[..., Meaning]] = {
    "module": ModuleClass,
    "factory": Factory,
    "wrapper": Wrapper,
    "switch": ModeSwitch,
    "mode_context": ModeContext,
    "self": ReturnsSelf,
    "runs": Runs,
    "context": GradContext,
    "gradient": Gradient,
    "flagged": FlaggedFunction,
    "export": Export,
    "class": LibraryClass,
    "updates": Updates,
    "source_of_tensors": TensorSource,
    "tensor": TensorUse,
    "hook": Hook,
}
"""The key of each kind of group in a table."""
DATA_KINDS: dict[str, Callable[..., Data]] = {
    "transform": Transform,
    "chain": Chain,
    "preset": Preset,
    "dataset": Dataset,
    "loader": Loader,
    "split": Split,
    "sampler": Sampler,
    "read": Read,
    "draw": Draw,
    "fit": Fit,
    "constants": Constants,
}
"""The same in the tables about data."""
METRIC_KINDS: dict[str, Callable[..., Metric]] = {"measure": Measure, "average": Average, "meter": Meter}
"""The same in the tables about numbers."""
