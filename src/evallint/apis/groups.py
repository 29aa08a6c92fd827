"""The groups of names in tables, each read as the meaning that its kind is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from evallint.apis.arguments import EQUAL, NUMBER, REQUIRED, UNKNOWN, Argument
from evallint.apis.data import (
    Chain,
    Constants,
    Data,
    Dataset,
    Draw,
    Fit,
    Loader,
    Preset,
    Read,
    Sampler,
    Split,
    Transform,
)
from evallint.apis.metric import Average, Measure, Meter, Metric
from evallint.apis.modules import (
    Dependence,
    Export,
    Factory,
    FlaggedFunction,
    GradContext,
    Gradient,
    Hook,
    LibraryClass,
    Meaning,
    ModeContext,
    ModeSwitch,
    ModuleClass,
    ReturnsSelf,
    Runs,
    TensorSource,
    TensorUse,
    Updates,
    Wrapper,
)


def class_of(kind: str) -> Any:
    """The class of meanings that groups of a kind give, None for what is no kind."""
    return KINDS.get(kind) or DATA_KINDS.get(kind) or METRIC_KINDS.get(kind)


def read(kind: str, name: str, group: dict[str, Any]) -> Meaning | Data | Metric:
    """What a group of any table says of one of its names. TypeError, KeyError: it is not as its kind wants it."""
    of_kind = meaning_of if kind in KINDS else data_of if kind in DATA_KINDS else metric_of
    return of_kind(kind, name, group)


def meaning_of(kind: str, name: str, group: dict[str, Any]) -> Meaning:
    fields = _fields(group)
    if kind in ("module", "factory"):
        fields["dependence"] = Dependence(
            group.get("depends", "unknown"), _arguments(group.get("quiet", ())), _arguments(group.get("loud", ()))
        )
    return KINDS[kind](name=name, **fields)


def hook_of(name: str, group: dict[str, Any]) -> Hook:
    return Hook(name=name, **_fields(group))


def data_of(kind: str, name: str, group: dict[str, Any]) -> Data:
    return DATA_KINDS[kind](name=name, **_data_fields(group))


def metric_of(kind: str, name: str, group: dict[str, Any]) -> Metric:
    return METRIC_KINDS[kind](name=name, **_data_fields(group))


def _data_fields(group: dict[str, Any]) -> dict[str, Any]:
    return {key: _data_field(value) for key, value in group.items() if key not in _NOT_DATA_FIELDS}


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
    "deaf": tuple,
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
