"""What names mean for mode, gradients and state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from evallint.apis.arguments import REQUIRED, UNKNOWN, Argument, is_one_of

Mode: TypeAlias = Literal["train", "eval", "unknown"]


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
            if is_one_of(value, argument.values):
                return False
            unsure = unsure or (value is UNKNOWN and self.default != "never")
        for argument in self.loud:
            value = argument.given(positional, given)
            if value is UNKNOWN:
                unsure = unsure or self.default != "always"
            elif value is not REQUIRED and not is_one_of(value, argument.values):
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
            if is_one_of(argument.given(positional, keywords or {}), argument.values):
                return False
        return self.parameters


class Factory(NamedTuple):
    """A function or class method that returns a module.

    `returns`: the class of what it returns ("class": the class it is called on). `mode`: the mode of what
    it returns. `statistics` and `dropout`: whether that holds batch norm with running statistics, and active dropout
    or stochastic depth; None unknown. `item`: the model's position where a tuple is returned. `chooser`: the argument
    that names the architecture, for which `family` is the prefix of the factories to pick from (see `Apis.chosen`).
    `arguable`: many evaluate what it returns in train mode, on purpose. `deaf`: the attributes of what it returns that
    hold nothing which heeds the mode.
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
    arguable: bool = False
    deaf: tuple[str, ...] = ()


class Wrapper(NamedTuple):
    """A class, function or method that wraps or converts a module.

    `argument`: the module that goes in. `inner`: the attribute under which the result holds it ("" none). `shares`:
    whether the result and what went in have the same submodules, so that eval() of one is heard by the other; else it
    is a copy. `same`: whether the result is, or behaves entirely as, the object that went in; `unwraps`: whether it is
    what is in all wrappers of that. `result`: "one" the
    module; "each" one result for each argument, in their order (a single one bare); "first" the first of a tuple.
    `mode`: how the mode of what is wrapped follows from what went in; the wrapper's own `training` starts true where it
    is a class of modules, which `bases` then names.
    """

    name: str
    argument: Argument
    inner: str = ""
    shares: bool = True
    same: bool = False
    unwraps: bool = False
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
