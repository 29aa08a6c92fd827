"""The smallest arguments that a constructor may take: by annotation, by name, and by trial."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

NUMBERS: Final[tuple[tuple[str, Any], ...]] = (
    (r"in_?(chan|ch|planes|plane|c)(nels|s)?$|input_?(channels|nc)|channels_in|n_?channels|num_channels|^channels$", 3),
    (r"num_?class|n_?class|^classes$|^nc$|num_labels|out_?dim$|output_?(dim|size)|num_outputs|n_out", 10),
    (r"vocab|num_?(embeddings|tokens)|n_?tokens|n_?words|dict_size", 100),
    (r"heads?$|n_?head", 2),
    (r"dropout|drop_?(rate|prob|path|out)?$|^p$|rate$|prob", 0.1),
    (r"img_?size|image_?size|resolution|input_?(res|size)|^size$", 32),
    (r"patch", 8),
    (r"kernel|^k$|ksize", 3),
    (r"stride", 1),
    (r"padding|^pad$|pad_?(idx|token)", 0),
    (r"dilation|groups|scale|factor|ratio|expansion|temperature|tau", 1),
    (r"(num_?|n_?)?(layers?|blocks?|depth|stages)$", 2),
    (r"max_?(len|length|seq)|seq_?len|context|n_?positions|block_size|timesteps|num_steps", 64),
    (r"lr|learning_rate|eps|momentum|decay|alpha|beta|gamma|sigma|std", 0.1),
    (r"dim|size|width|hidden|features?|units|channels?|planes|embed|d_model|chan|filters|num|^n|^d$", 16),
)

SETTINGS: Final = (
    r"(model_?|net_?)?(config|configs|configuration|conf|cfg|args|opts?|options|params|hparams|settings|hps)"
)

WORDS: Final[tuple[tuple[str, str], ...]] = (
    (r"act", "relu"),
    (r"norm", "batch"),
    (r"pool", "mean"),
    (r"mode|reduction", "mean"),
    (r"device", "cpu"),
)


def stand_in(name: str, annotation: str = "") -> Any:
    """A value that an argument of this name and annotation may take, None where nothing suggests one."""
    text = annotation.replace("typing.", "")
    if re.search(r"\bNone\b|Optional", text):
        return None
    if re.fullmatch(SETTINGS, name.lower()) and not re.fullmatch(r"int|float|bool|str", text):
        return Namespace()
    if re.search(r"nn\.Module\b|^Module\b", text):
        return import_module("torch").nn.Identity()
    if re.fullmatch(r"bool", text):
        return False
    if re.fullmatch(r"str", text):
        return next((word for pattern, word in WORDS if re.search(pattern, name)), "probe")
    if re.match(r"(List|list|Sequence|Tuple|tuple|Iterable)", text):
        return _several(name, text)
    if re.match(r"(Dict|dict|Mapping)", text):
        return {}
    if re.fullmatch(r"float", text):
        found = number(name)
        return float(found) if found is not None else 0.1
    if re.fullmatch(r"int", text):
        found = number(name)
        return int(found) or (0 if found == 0 else 1) if found is not None else 2
    if "device" in name or "device" in text:
        return import_module("torch").device("cpu")
    return number(name) if not text or "int" in text or "float" in text else None


def number(name: str) -> Any:
    """A number that fits a name."""
    lowered = name.lower()
    return next((value for pattern, value in NUMBERS if re.search(pattern, lowered)), None)


def _several(name: str, text: str) -> Any:
    one = number(name.rstrip("s")) if number(name.rstrip("s")) is not None else 2
    count = len(re.findall(r"\b(?:int|float)\b", text))
    many = [one] * max(count, 2)
    return tuple(many) if text.lower().startswith("tuple") else many


def arguments(callable_: Any) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Keyword arguments to try a constructor with, the most likely first, each with what was made up."""
    try:
        signature = inspect.signature(callable_)
    except (TypeError, ValueError):
        yield {}, []
        return
    needed = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if not needed:
        yield {}, []
        return
    first = {parameter.name: stand_in(parameter.name, _text(parameter.annotation)) for parameter in needed}
    seen: list[Mapping[str, Any]] = []
    for found in (first, *_varied(first)):
        if not any(_same(found, other) for other in seen):
            seen.append(found)
            yield found, [f"{name}={_shown(value)}" for name, value in found.items()]


def _varied(first: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The same with what had no value tried out, and with all sizes alike."""
    unknown = [name for name, value in first.items() if value is None]
    nn = import_module("torch").nn
    values: tuple[Any, ...] = (
        16,
        3,
        1,
        0.1,
        [16, 16],
        (16, 16),
        "probe",
        nn.Identity(),
        nn.ReLU,
        False,
        {},
        Namespace(),
    )
    for value in values if unknown else ():
        yield {**first, **dict.fromkeys(unknown, value)}
    for size in (16, 3, 64, 8, 1):
        yield {name: size if _is_size(value) else value for name, value in first.items()}
    yield {name: [16, 32] if _is_size(value) else value for name, value in first.items()}


class Namespace:
    """Settings of which every one has a value that fits its name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = stand_in(name)
        return Unsaid(16) if found is None else found

    def __getitem__(self, name: Any) -> Any:
        return getattr(self, str(name))

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name) if default is None else default

    def __repr__(self) -> str:
        return "settings made up by their names"


class Unsaid(int):
    """A setting of which the name says nothing: a number, or more settings where these are asked of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(Namespace(), name)

    def __getitem__(self, name: Any) -> Any:
        return getattr(Namespace(), str(name))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(other[name] is value or _shown(other[name]) == _shown(value) for name, value in one.items())


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, type) else value.__name__
    return " ".join(text.split())[:60]


def annotation(parameter: inspect.Parameter) -> str:
    """The annotation of a parameter as it would be written, "" where it has none."""
    return _text(parameter.annotation)


def _text(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
