"""Builds `src/evallint/apis/*.built.toml` from the libraries installed beside it.

    python scripts/build_apis.py torch torchvision timm     # writes these libraries' tables
    python scripts/build_apis.py --check torch              # writes nothing; exit code 1 where a table is out of date
    python scripts/build_apis.py --check-names torch        # does every name of the tables exist in the library?

Needs the libraries themselves (CPU builds will do) and evallint. Models are built on the meta device: nothing is
downloaded and no weights are allocated. Whether a module depends on the mode is read off its classes' sources: a class
whose code reads `self.training` does if one of the rates that code could mean is not zero. `--forward` runs the models
of torchvision in both modes besides and says where that contradicts the table.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evallint.apis import Factory, ModuleClass, load

APIS = Path(__file__).parent.parent / "src" / "evallint" / "apis"
RATE = re.compile(r"drop|prob|rate|noise|^p$|jitter|mask_ratio")


@dataclass(frozen=True)
class Kind:
    """What the table says of a name, but for the name."""

    kind: str
    within: str
    lines: tuple[str, ...]


@dataclass
class Table:
    library: str
    version: str
    source: str
    names: dict[Kind, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, within: str, name: str, **facts: str) -> None:
        self.names[Kind(kind, within, tuple(f"{key} = {value}" for key, value in facts.items()))].append(name)

    def text(self) -> str:
        head = f'library = "{self.library}"\nversion = "{self.version}"\nsource = "{self.source}"\n'
        groups = sorted(self.names.items(), key=lambda item: (item[0].kind, item[0].within, item[0].lines))
        return head + "".join(f"\n{_group(kind, sorted(set(names)))}" for kind, names in groups)


def build_torch() -> Table:
    table = Table("torch", _version("torch"), "scripts/build_apis.py over torch.nn")
    by_hand = {name for name in load().names("torch") if name not in _built_names("torch")}
    for name, cls in _classes(nn, nn.Module):
        if f"torch.nn.{name}" in by_hand or name.startswith("_"):
            continue
        if _reads_mode(cls):
            raise SystemExit(f"torch.nn.{name} reads self.training: torch.toml must say what turns that off")
        instance = _smallest(cls)
        parameters = _holds_weights(cls) if instance is None else bool(list(instance.parameters()))
        facts = {"depends": '"never"', "parameters": _toml(parameters)}
        if instance is not None:
            facts["buffers"] = _toml(bool(list(instance.buffers())))
        table.add("module", "torch.nn", name, **facts)
    return table


def build_torchvision() -> Table:
    import torchvision

    table = Table("torchvision", _version("torchvision"), "scripts/build_apis.py over torchvision.models and ops")
    for family in ("", ".segmentation", ".video", ".optical_flow", ".quantization"):
        package = importlib.import_module(f"torchvision.models{family}")
        for name in torchvision.models.list_models(package):
            builder = torchvision.models.get_model_builder(name)
            facts = _builder_facts(lambda b=builder, **given: b(weights=None, **_no_backbone(b), **given), builder)
            table.add("factory", f"torchvision.models{family}", builder.__name__, **facts)
    for name in torchvision.models.list_models(torchvision.models.detection):
        # Batch norm is frozen when the backbone's weights are loaded, which is the default: statistics unknown.
        builder = torchvision.models.get_model_builder(name)
        table.add("factory", "torchvision.models.detection", builder.__name__, depends='"always"')
    return table


def build_timm() -> Table:
    import timm

    table = Table("timm", _version("timm"), "scripts/build_apis.py over timm.models and timm.layers")
    for name in timm.list_models():
        facts = _facts_of(lambda n=name: timm.create_model(n, pretrained=False))
        if facts is None:
            table.add("factory", "timm.models", name, depends='"unknown"')
            continue
        rates = ("drop_rate", "drop_path_rate", "attn_drop_rate", "proj_drop_rate", "pos_drop_rate", "patch_drop_rate")
        if facts["depends"] == '"never"':
            loud = ", ".join(f'{{ keyword = "{rate}", default = 0.0, values = [0, "None"] }}' for rate in rates)
            facts["loud"] = f"[{loud}]"
        table.add("factory", "timm.models", name, **facts)
    return table


def build_transformers() -> Table:
    import transformers

    table = Table("transformers", _version("transformers"), "scripts/build_apis.py over the classes of transformers")
    models = dict(_exported(transformers, transformers.PreTrainedModel))
    for name in models:
        if name != "PreTrainedModel":
            table.add(
                "module", "transformers", name, depends='"unknown"', bases='["transformers.PreTrainedModel"]', parameters="true"
            )
    return table


BUILDERS: dict[str, Callable[[], Table]] = {
    "torch": build_torch,
    "torchvision": build_torchvision,
    "timm": build_timm,
    "transformers": build_transformers,
}


# ---- what a module does with the mode -----------------------------------------------------------


def heeds_mode(module: nn.Module) -> bool:
    """Does this very module (children not asked) behave differently in train and eval mode?"""
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return bool(module.track_running_stats)
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    if isinstance(module, nn.RNNBase):
        return module.dropout > 0 and module.num_layers > 1
    if isinstance(module, nn.MultiheadAttention):
        return module.dropout > 0
    if isinstance(module, nn.TransformerEncoderLayer | nn.Sequential) or not _reads_mode(type(module)):
        return False
    return any(value for name, value in vars(module).items() if RATE.search(name) and _is_rate(value)) or _is_aux(module)


def moves_statistics(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._NormBase) and bool(module.track_running_stats)


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_aux(module: nn.Module) -> bool:
    return any(getattr(module, name, None) for name in ("aux_logits", "aux", "deep_supervision", "aux_classifier"))


@lru_cache(maxsize=None)
def _reads_mode(cls: type) -> bool:
    return any(
        "self.training" in _source(base) for base in cls.__mro__ if issubclass(base, nn.Module) and base is not nn.Module
    )


@lru_cache(maxsize=None)
def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""


def _facts_of(build: Callable[[], nn.Module]) -> dict[str, str] | None:
    model = _built_on("meta", build) or _built_on("cpu", build)
    if model is None:
        return None
    modules = list(model.modules())
    statistics = any(moves_statistics(module) for module in modules)
    others = any(heeds_mode(module) and not moves_statistics(module) for module in modules)
    depends = "always" if statistics or others else "never"
    return {"depends": f'"{depends}"', "statistics": _toml(statistics), "dropout": _toml(others)}


def _built_on(device: str, build: Callable[[], nn.Module]) -> nn.Module | None:
    try:
        with warnings.catch_warnings(), torch.device(device):
            warnings.simplefilter("ignore")
            return build()
    except Exception as error:  # whatever a model's constructor raises, the table then says nothing of it
        print(f"  not built on {device}: {type(error).__name__}: {str(error)[:150]}", file=sys.stderr)
        return None


def _builder_facts(build: Callable[..., nn.Module], builder: Callable[..., Any]) -> dict[str, str]:
    facts = _facts_of(build)
    if facts is None:
        return {"depends": '"unknown"'}
    rates = [rate for rate in ("dropout", "attention_dropout", "stochastic_depth_prob", "drop_rate") if _takes(build, rate)]
    if facts["depends"] == '"always"':
        quiet = [rate for rate in rates if (_facts_of(lambda: build(**{rate: 0.0})) or {}).get("depends") == '"never"']
        if quiet:
            facts["quiet"] = "[" + ", ".join(f'{{ keyword = "{rate}", values = [0] }}' for rate in quiet) + "]"
    elif rates:
        facts["loud"] = "[" + ", ".join(f'{{ keyword = "{rate}", values = [0] }}' for rate in rates) + "]"
    return facts


def _takes(build: Callable[..., nn.Module], rate: str) -> bool:
    try:
        with torch.device("meta"):
            build(**{rate: 0.25})
    except (TypeError, ValueError):
        return False
    return True


def _no_backbone(builder: Callable[..., Any]) -> dict[str, None]:
    return {"weights_backbone": None} if "weights_backbone" in inspect.signature(builder).parameters else {}


def _smallest(cls: type[nn.Module]) -> nn.Module | None:
    """An instance made of the smallest arguments its constructor may take, None where none of them will do."""
    needed = [
        name
        for name, parameter in list(inspect.signature(cls).parameters.items())
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    for given in ([2] * len(needed), [(2, 2)] * len(needed), [torch.ones(2)] * len(needed), [[2], [2], [2]][: len(needed)]):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(*given)
        except Exception:  # a wrong guess of ours; the next one may fit
            continue
    return None


def _holds_weights(cls: type) -> bool:
    return bool(re.search(r"Parameter\(|nn\.Linear|register_parameter", _source(cls)))


# ---- names --------------------------------------------------------------------------------------


def check_names(package: str) -> list[str]:
    """The names of a library's tables that the installed library does not have."""
    return [name for name in load().names(package) if "*" not in name and not _exists(name)]


def _exists(name: str) -> bool:
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:split]))
        except ImportError:
            continue
        for part in parts[split:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def _classes(module: Any, base: type) -> Iterator[tuple[str, type]]:
    for name in sorted(dir(module)):
        found = getattr(module, name)
        if isinstance(found, type) and issubclass(found, base):
            yield name, found


def _exported(package: Any, base: type) -> Iterator[tuple[str, type]]:
    for name in sorted(dir(package)):
        try:
            found = getattr(package, name)
        except Exception:  # a lazily imported class whose own requirements are not installed
            continue
        if isinstance(found, type) and issubclass(found, base):
            yield name, found


def _built_names(package: str) -> set[str]:
    path = APIS / f"{package}.built.toml"
    if not path.is_file():
        return set()
    import tomllib

    table = tomllib.loads(path.read_text("utf-8"))
    return {
        f"{group['within']}.{name}"
        for groups in table.values()
        if isinstance(groups, list)
        for group in groups
        for name in group["names"].split()
    }


# ---- text ---------------------------------------------------------------------------------------


def _group(kind: Kind, names: list[str]) -> str:
    wrapped = textwrap.fill(" ".join(names), 118, break_long_words=False, break_on_hyphens=False)
    quoted = f'"""\n{wrapped}\n"""' if "\n" in wrapped else f'"{wrapped}"'
    facts = "\n".join(kind.lines)
    return f'[[{kind.kind}]]\nwithin = "{kind.within}"\nnames = {quoted}\n{facts}\n'


def _toml(value: bool) -> str:
    return "true" if value else "false"


def _version(package: str) -> str:
    return str(importlib.import_module(package).__version__).split("+")[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("library", nargs="+", choices=[*BUILDERS], metavar="LIBRARY")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a table is out of date")
    parser.add_argument("--check-names", action="store_true", help="only say which names the library does not have")
    options = parser.parse_args()
    _define_missing_operators()
    wrong = 0
    for package in options.library:
        if options.check_names:
            missing = check_names(package)
            print(*missing, sep="\n")
            wrong += len(missing)
            continue
        text, path = BUILDERS[package]().text(), APIS / f"{package}.built.toml"
        if not options.check:
            path.write_text(text, "utf-8")
        elif not path.is_file() or path.read_text("utf-8") != text:
            print(f"{path.name} is out of date", file=sys.stderr)
            wrong += 1
    return 1 if wrong else 0


def _define_missing_operators() -> None:
    """A CPU build of torch beside a GPU build of torchvision lacks operators that importing torchvision registers for."""
    global _LIBRARY
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        _LIBRARY = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            _LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]


if __name__ == "__main__":
    sys.exit(main())
