"""Makes the world of a project's code one in which it can be tried: no GPU, no weights, no command line."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any, Final

from evallint.probe.child.assumed import Assumed


class Absent(dict[Any, Any]):
    """Weights that are not there: whatever is asked of them is absent too, and to load them changes nothing."""

    def __missing__(self, key: object) -> Absent:
        return Absent()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: Absent()


FACTORIES: Final = tuple(
    "arange as_tensor empty eye full linspace normal ones rand randint randn randperm tensor zeros".split()
)
"""Functions that make a tensor on the device they are told."""

VISION: Final = "torchvision"

CURED = "torchvision's compiled operators don't load; models and transforms work without them"


def libraries(jobs: Sequence[Mapping[str, Any]]) -> None:
    """Imports what jobs share; what fails here fails again, with its reason, where it is asked for.

    torchvision, and what torch imports for its first optimizer, take as long as torch itself: they are imported once
    for all where a job is known to need them, and else by whoever does.
    """
    with contextlib.suppress(Exception):
        torch: Any = import_module("torch")
        torch.set_num_threads(1)
        sys.meta_path.insert(0, Cured())
        if any(job["experiment"] == "state" for job in jobs):
            torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        if any(job["experiment"] == "pipeline" or VISION in job.get("libraries", ()) for job in jobs):
            import_module(VISION)


def prepare(assumed: Assumed) -> None:
    """Sets the world up. Raises ImportError where torch is missing."""
    torch: Any = import_module("torch")
    torch.manual_seed(0)
    _without_weights(torch, assumed)
    _without_gpu(torch, assumed)
    _without_command_line(assumed)


def own_load(file: Any) -> Any:
    """What `torch.load` itself gives, by its defaults."""
    return import_module("torch")._evallint_load(file)


def is_cured() -> bool:
    """Whether torchvision had to be helped to load."""
    return hasattr(import_module("torch"), "_evallint_library")


def _without_weights(torch: Any, assumed: Assumed) -> None:
    def absent(*_: Any, **__: Any) -> Absent:
        assumed.add("random weights stand in for pretrained ones: nothing is downloaded")
        return Absent()

    torch.hub.load_state_dict_from_url = absent
    torch.hub.download_url_to_file = absent  # what took the name above before it was changed still asks this one
    with contextlib.suppress(ImportError):
        zoo: Any = import_module("torch.utils.model_zoo")
        zoo.load_url = absent
    read, own_state = torch.load, torch.nn.Module.load_state_dict
    torch._evallint_load = read

    def load(source: Any, *given: Any, **named: Any) -> Any:
        try:
            return read(source, *given, **{**named, "map_location": "cpu", "weights_only": True})
        except (OSError, FileNotFoundError, TypeError, AttributeError):
            assumed.add("random weights stand in for a checkpoint that is not there")
            return Absent()

    def load_state_dict(self: Any, state: Any, *given: Any, **named: Any) -> Any:
        if isinstance(state, Absent):
            return torch.nn.modules.module._IncompatibleKeys([], [])
        return own_state(self, state, *given, **named)

    torch.load, torch.nn.Module.load_state_dict = load, load_state_dict


def _without_gpu(torch: Any, assumed: Assumed) -> None:
    def stay(self: Any, *_: Any, **__: Any) -> Any:
        assumed.add("the CPU stands in for a GPU")
        return self

    def is_gpu(value: Any) -> bool:
        return (isinstance(value, str) and value.startswith("cuda")) or (
            isinstance(value, torch.device) and value.type == "cuda"
        )

    for kind in (torch.nn.Module, torch.Tensor):
        own = kind.to

        def to(self: Any, *given: Any, _own: Any = own, **named: Any) -> Any:
            if any(is_gpu(value) for value in given) or is_gpu(named.get("device")):
                assumed.add("the CPU stands in for a GPU")
                given = tuple("cpu" if is_gpu(value) else value for value in given)
                named = {key: "cpu" if is_gpu(value) else value for key, value in named.items()}
            return _own(self, *given, **named)

        kind.to, kind.cuda = to, stay
    for name in FACTORIES:
        setattr(torch, name, _on_cpu(getattr(torch, name), is_gpu, assumed))


def _on_cpu(own: Callable[..., Any], is_gpu: Callable[[object], bool], assumed: Assumed) -> Callable[..., Any]:
    @functools.wraps(own)
    def make(*given: Any, **named: Any) -> Any:
        if is_gpu(named.get("device")):
            assumed.add("the CPU stands in for a GPU")
            named["device"] = "cpu"
        return own(*given, **named)

    return make


def _without_command_line(assumed: Assumed) -> None:
    """Arguments of the command line take their defaults, or the smallest thing that fits."""
    sys.argv = ["probe"]

    def parse(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> argparse.Namespace:
        found = namespace or argparse.Namespace()
        for action in self._actions:
            if action.dest in (argparse.SUPPRESS, "help", "version") or action.default is argparse.SUPPRESS:
                continue
            setattr(found, action.dest, _value(self, action))
        assumed.add("arguments of the command line have their defaults")
        return found

    argparse.ArgumentParser.parse_args = parse  # type: ignore[assignment, method-assign, unused-ignore]


def _value(parser: argparse.ArgumentParser, action: argparse.Action) -> Any:
    default: Any = parser.get_default(action.dest)
    if isinstance(default, str) and callable(action.type):
        with contextlib.suppress(Exception):
            return action.type(default)
    if default is not None or not (action.required or not action.option_strings):
        return default
    if action.choices:
        return next(iter(action.choices))
    kind: Any = action.type
    with contextlib.suppress(Exception):
        return kind(1) if kind in (int, float) else kind("probe") if callable(kind) else "probe"
    return "probe"


class Cured(MetaPathFinder):
    """Finds torchvision as Python does, and helps it to load."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname == VISION else None
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _Curing(found.loader.name, found.loader.path)
        return found


class _Curing(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        """Where torchvision's compiled operators don't load, declares what is missing and tries again."""
        try:
            super().exec_module(module)
            return
        except ModuleNotFoundError:
            raise
        except Exception as error:
            if VISION not in str(error):
                raise
        for name in [name for name in sys.modules if name.startswith(f"{VISION}.")]:
            del sys.modules[name]
        torch: Any = import_module("torch")
        library = torch.library.Library(VISION, "DEF")
        for name in ("nms", "qnms"):
            with contextlib.suppress(Exception):
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        torch._evallint_library = library  # it goes with the last reference to it
        super().exec_module(module)
