"""Builds `src/evallint/apis/*.built.toml` from the libraries installed beside it.

    python scripts/build_apis.py torch torchvision timm     # writes these libraries' tables
    python scripts/build_apis.py --check torch              # writes nothing; exit code 1 where a table is out of date
    python scripts/build_apis.py --check-names torch        # does every name of the tables exist in the library?
    python scripts/build_apis.py --check-data torchvision   # are arguments in the tables about data as in the library?

Needs the libraries themselves (CPU builds will do) and evallint. Models are built on the meta device: nothing is
downloaded and no weights are allocated. Whether a module depends on the mode is read off its classes' sources: a class
whose code reads `self.training` does if one of the rates that code could mean is not zero. Building timm's table
takes some minutes, the others less than one.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import re
import sys
import textwrap
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from evallint.apis import REQUIRED, UNKNOWN, Argument, load

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

os.environ["HF_HUB_OFFLINE"] = "1"
torch: Any = importlib.import_module("torch")
nn: Any = torch.nn
Module: TypeAlias = Any
"""A torch.nn.Module: torch is not installed where evallint's types are checked."""

APIS = Path(__file__).parent.parent / "src" / "evallint" / "apis"
PART = re.compile(
    r"^(nn|\w+_nn|conv|convs|module|model|\w+_model|block|layer|encoder|decoder|discriminator|backbone|gnn)$"
)
"""Arguments that are modules."""
NORM = re.compile(r"(^|_)norm(_layer|_name|_type)?$")
CALM_NORMS = ("instance", "INSTANCE", "layer", "LAYER", "layer_norm", "LayerNorm", "group", "GROUP")
"""Names by which arguments ask for a normalisation that has no running statistics."""
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
    table = _table("torch", "torch.nn")
    known = _by_hand("torch")
    for name, cls in _classes(nn, nn.Module):
        if f"torch.nn.{name}" in known:
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
    torchvision = importlib.import_module("torchvision")
    table = _table("torchvision", "torchvision.models and torchvision.ops")
    _add_classes(table, "torchvision.ops")
    for family in ("", ".segmentation", ".video", ".optical_flow", ".quantization"):
        for name in torchvision.models.list_models(importlib.import_module(f"torchvision.models{family}")):
            builder = torchvision.models.get_model_builder(name)
            facts = _builder_facts(partial(builder, weights=None, **_no_backbone(builder)))
            table.add("factory", f"torchvision.models{family}", builder.__name__, **facts)
    for name in torchvision.models.list_models(torchvision.models.detection):
        # Batch norm is frozen when the backbone's weights are loaded, which is the default: statistics unknown.
        builder = torchvision.models.get_model_builder(name)
        table.add("factory", "torchvision.models.detection", builder.__name__, depends='"always"')
    return table


def build_timm() -> Table:
    timm = importlib.import_module("timm")
    table = _table("timm", "timm.models and timm.layers")
    _add_classes(table, "timm.layers")
    for name in timm.list_models():
        facts = _facts_of(partial(timm.create_model, name, pretrained=False))
        if facts is not None and facts["depends"] == '"never"':
            rates = (
                "drop_rate",
                "drop_path_rate",
                "attn_drop_rate",
                "proj_drop_rate",
                "pos_drop_rate",
                "patch_drop_rate",
            )
            facts["loud"] = _arguments(f'keyword = "{rate}", default = 0.0, values = [0, "None"]' for rate in rates)
        table.add("factory", "timm.models", name, **(facts or {"depends": '"unknown"'}))
    return table


def build_transformers() -> Table:
    transformers = importlib.import_module("transformers")
    table = _table("transformers", "the models that transformers exports")
    known = _by_hand("transformers")
    facts = {"depends": '"unknown"', "bases": '["transformers.PreTrainedModel"]', "parameters": "true"}
    for name, _ in _classes(transformers, transformers.PreTrainedModel):
        if not any(fnmatchcase(f"transformers.{name}", glob) for glob in known):
            table.add("module", "transformers", name, **facts)
    return table


def build_torchmetrics() -> Table:
    torchmetrics = importlib.import_module("torchmetrics")
    table = _table("torchmetrics", "torchmetrics")
    for name, _ in _classes(torchmetrics, torchmetrics.Metric):
        if f"torchmetrics.{name}" not in _by_hand("torchmetrics"):
            table.add("module", "torchmetrics", name, depends='"never"', bases='["torchmetrics.Metric"]')
    return table


def build_torch_geometric() -> Table:
    table = _table("torch_geometric", "torch_geometric.nn")
    _add_classes(table, "torch_geometric.nn")
    return table


def build_monai() -> Table:
    table = _table("monai", "monai.networks")
    for package in ("monai.networks.nets", "monai.networks.blocks", "monai.losses"):
        _add_classes(table, package)
    return table


BUILDERS: dict[str, Callable[[], Table]] = {
    "torch": build_torch,
    "torchvision": build_torchvision,
    "timm": build_timm,
    "transformers": build_transformers,
    "torchmetrics": build_torchmetrics,
    "torch_geometric": build_torch_geometric,
    "monai": build_monai,
}


def _table(package: str, what: str) -> Table:
    version = str(importlib.import_module(package).__version__).split("+")[0]
    return Table(package, version, f"scripts/build_apis.py over {what}")


def _add_classes(table: Table, package: str) -> None:
    known = _by_hand(package.partition(".")[0])
    for name, cls in _classes(importlib.import_module(package), nn.Module):
        if f"{package}.{name}" not in known and not name.startswith("_"):
            table.add("module", package, name, **_class_facts(cls))


# ---- what a module does with the mode -----------------------------------------------------------


def heeds_mode(module: Module) -> bool:
    """Does this very module (children not asked) behave differently in train and eval mode?"""
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return bool(module.track_running_stats)
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return bool(module.p > 0)
    if isinstance(module, nn.RNNBase):
        return bool(module.dropout > 0 and module.num_layers > 1)
    if isinstance(module, nn.MultiheadAttention):
        return bool(module.dropout > 0)
    if isinstance(module, nn.TransformerEncoderLayer | nn.Sequential) or not _reads_mode(type(module)):
        return False
    rates = (value for name, value in vars(module).items() if RATE.search(name) and _is_rate(value))
    return any(rates) or _has_auxiliary_outputs(module)


def moves_statistics(module: Module) -> bool:
    """Does a forward in train mode move running statistics?"""
    return isinstance(module, nn.modules.batchnorm._NormBase) and bool(module.track_running_stats)


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has_auxiliary_outputs(module: Module) -> bool:
    return any(getattr(module, name, None) for name in ("aux_logits", "aux", "deep_supervision", "aux_classifier"))


def _reads_mode(cls: type) -> bool:
    bases = (base for base in cls.__mro__ if issubclass(base, nn.Module) and base is not nn.Module)
    return any("self.training" in _source(base) for base in bases)


@cache
def _source(cls: Any) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""


def _facts_of(build: Callable[[], Module]) -> dict[str, str] | None:
    model = _built_on("meta", build) or _built_on("cpu", build)
    if model is None:
        return None
    modules = list(model.modules())
    statistics = any(moves_statistics(module) for module in modules)
    others = any(heeds_mode(module) and not moves_statistics(module) for module in modules)
    depends = "always" if statistics or others else "never"
    return {"depends": f'"{depends}"', "statistics": _toml(statistics), "dropout": _toml(others)}


def _built_on(device: str, build: Callable[[], Module]) -> Module | None:
    try:
        with warnings.catch_warnings(), torch.device(device):
            warnings.simplefilter("ignore")
            return build()
    except Exception as error:  # whatever a model's constructor raises, the table then says nothing of it
        print(f"  not built on {device}: {type(error).__name__}: {str(error)[:150]}", file=sys.stderr)
        return None


def _builder_facts(build: Callable[..., Module]) -> dict[str, str]:
    facts = _facts_of(build)
    if facts is None:
        return {"depends": '"unknown"'}
    for rate in ("dropout", "attention_dropout", "stochastic_depth_prob", "drop_rate"):
        _add_switch(facts, rate, f'keyword = "{rate}"', lambda **given: _facts_of(partial(build, **given)))
    if facts["statistics"] == "true":
        _add_norm(facts, "norm_layer", inspect.Parameter.empty)
    return _closed(facts)


def _class_facts(cls: type[Module]) -> dict[str, str]:
    instance = _smallest(cls)
    if instance is None:
        return {"depends": '"unknown"'}
    facts = _facts_of(lambda: instance) or {}
    if facts["depends"] == '"never"' and _hides_mode(instance):
        return {"depends": '"unknown"'}
    for position, parameter in enumerate(inspect.signature(cls).parameters.values()):
        if PART.match(parameter.name) and parameter.default is parameter.empty:
            facts["depends"] = '"children"' if facts["depends"] == '"never"' else facts["depends"]
            _add_to(facts, "children", f'keyword = "{parameter.name}", position = {position}')
        elif RATE.search(parameter.name) and _is_rate(parameter.default):
            where = "" if parameter.kind is parameter.KEYWORD_ONLY else f", position = {position}"
            text = f'keyword = "{parameter.name}"{where}, default = {float(parameter.default)}'
            _add_switch(facts, parameter.name, text, lambda **given: _facts_with(cls, given))
        elif NORM.search(parameter.name):
            _add_norm(facts, parameter.name, parameter.default)
    del facts["dropout"]
    if facts["statistics"] == "false":
        del facts["statistics"]
    facts["parameters"] = _toml(bool(list(instance.parameters())))
    facts["buffers"] = _toml(bool(list(instance.buffers())))
    return _closed(facts)


def _add_norm(facts: dict[str, str], name: str, default: object) -> None:
    """Another normalisation may heed the mode: only these names are known not to."""
    if facts["depends"] == '"always"':
        _add_to(facts, "quiet", f'keyword = "{name}", values = []')
        return
    names = dict.fromkeys(["None", *([default] if isinstance(default, str) else []), *CALM_NORMS])
    shown = f', default = "{default}"' if default is None or isinstance(default, str) else ""
    values = ", ".join(f'"{name}"' for name in names)
    _add_to(facts, "loud", f'keyword = "{name}"{shown}, values = [{values}]')


def _hides_mode(module: Module) -> bool:
    """Does its class read the mode in a way that no rate of it explains?"""
    dropout = any(isinstance(child, nn.modules.dropout._DropoutNd) for child in module.modules())
    return _reads_mode(type(module)) and not dropout and not any(RATE.search(name) for name in vars(module))


def _facts_with(cls: type[Module], given: dict[str, float]) -> dict[str, str] | None:
    instance = _smallest(cls, **given)
    return _facts_of(lambda: instance) if instance is not None else None


def _add_switch(facts: dict[str, str], rate: str, text: str, facts_with: Callable[..., dict[str, str] | None]) -> None:
    """Whether one rate alone turns the dependence on the mode off, or on."""
    if facts["depends"] == '"always"' and (facts_with(**{rate: 0.0}) or {}).get("depends") == '"never"':
        _add_to(facts, "quiet", f"{text}, values = [0]")
    if facts["depends"] == '"never"' and (facts_with(**{rate: 0.25}) or {}).get("depends") == '"always"':
        _add_to(facts, "loud", f"{text}, values = [0]")


def _add_to(facts: dict[str, str], key: str, text: str) -> None:
    facts[key] = f"{facts[key]}, {{ {text} }}" if key in facts else f"[{{ {text} }}"


def _closed(facts: dict[str, str]) -> dict[str, str]:
    return {key: value + "]" if key in ("quiet", "loud", "children") else value for key, value in facts.items()}


def _no_backbone(builder: Callable[..., Any]) -> dict[str, None]:
    return {"weights_backbone": None} if "weights_backbone" in inspect.signature(builder).parameters else {}


def _smallest(cls: type[Module], **keywords: float) -> Module | None:
    """An instance made of the smallest arguments its constructor may take, None where none of them will do."""
    needed = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    guesses: list[Any] = [2, 8, (2, 2), torch.ones(2), [2], 32]
    for guess in guesses:
        given = {name: _likely(name, guess) for name in needed}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(**given, **keywords)
        except Exception:  # a wrong guess of ours; the next one may fit
            continue
    return None


def _likely(name: str, guess: Any) -> Any:
    known = {"spatial_dims": 2, "img_size": (32, 32), "channels": (4, 8), "strides": (2,), "dropout": 0.0, "p": 0.0}
    return known.get(name, guess)


def _holds_weights(cls: type) -> bool:
    return bool(re.search(r"Parameter\(|nn\.Linear|register_parameter", _source(cls)))


# ---- names --------------------------------------------------------------------------------------


def missing_names(package: str) -> list[str]:
    """The names of a library's tables that the installed library does not have, but for those said to be absent."""
    return [
        name for name in load().names(package) if "*" not in name and name not in _absent(package) and not _exists(name)
    ]


def _exists(name: str) -> bool:
    return _found(name) is not None


def _found(name: str) -> Any:
    """What a qualified name stands for in the library, None where it does not exist."""
    parts = name.split(".")
    things = (_within(".".join(parts[:split]), parts[split:]) for split in range(len(parts) - 1, 0, -1))
    return next((thing for thing in things if thing is not None), None)


def _within(module: str, path: list[str]) -> Any:
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for part in path:
        found = getattr(found, part, None)
    return found


# ---- arguments ----------------------------------------------------------------------------------


def wrong_arguments(package: str) -> Iterator[str]:
    """What the tables about data say of names and arguments that the installed library contradicts."""
    absent = _names_in(APIS / f"{package}.data.toml", lambda group: "absent" in group)
    for name in load().data_names(package):
        if "*" in name or name in absent:
            continue
        thing = _found(name)
        if thing is None:
            yield f"{name} does not exist"
        for argument in _data_arguments(name) if thing is not None else ():
            yield from (f"{name}: {argument.keyword} {what}" for what in _contradictions(thing, argument))


def _data_arguments(name: str) -> Iterator[Argument]:
    for value in load().data(name) or ():
        if isinstance(value, Argument):
            yield value
        elif isinstance(value, tuple):
            yield from (each for each in value if isinstance(each, Argument))


def _contradictions(thing: Any, argument: Argument) -> Iterator[str]:
    try:
        parameters = [one for one in inspect.signature(thing).parameters.values() if one.name != "self"]
    except (TypeError, ValueError):  # written in C, without a signature
        return
    known = {one.name: (position, one) for position, one in enumerate(parameters)}
    if argument.keyword not in known:
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            yield "does not exist"
        return
    position, parameter = known[argument.keyword]
    if argument.position not in (None, position):
        yield f"is number {position}"
    default = getattr(parameter.default, "value", parameter.default)
    default = REQUIRED if default is parameter.empty else tuple(default) if isinstance(default, list) else default
    if (
        argument.default is not UNKNOWN
        and default != argument.default
        and parameter.kind is not parameter.VAR_POSITIONAL
    ):
        yield f"is {default} by default"


def _classes(module: Any, base: type) -> Iterator[tuple[str, type]]:
    for name in sorted(dir(module)):
        try:
            found = getattr(module, name)
        except Exception:  # a lazily imported class whose own requirements are not installed
            continue
        if isinstance(found, type) and issubclass(found, base):
            yield name, found


def _by_hand(package: str) -> set[str]:
    return _names_in(APIS / f"{package}.toml", lambda group: True)


def _absent(package: str) -> set[str]:
    return _names_in(APIS / f"{package}.toml", lambda group: "absent" in group)


@cache
def _groups(path: Path) -> list[dict[str, Any]]:
    table = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    lists = (value for key, value in table.items() if isinstance(value, list) and key != "flat")
    return [group for groups in lists for group in groups]


def _names_in(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> set[str]:
    return {f"{group['within']}.{name}" for group in _groups(path) if wanted(group) for name in group["names"].split()}


# ---- text ---------------------------------------------------------------------------------------


def _group(kind: Kind, names: list[str]) -> str:
    wrapped = textwrap.fill(" ".join(names), 118, break_long_words=False, break_on_hyphens=False)
    quoted = f'"""\n{wrapped}\n"""' if "\n" in wrapped else f'"{wrapped}"'
    facts = "\n".join(kind.lines)
    return f'[[{kind.kind}]]\nwithin = "{kind.within}"\nnames = {quoted}\n{facts}\n'


def _arguments(entries: Iterator[str]) -> str:
    return "[" + ", ".join(f"{{ {entry} }}" for entry in entries) + "]"


def _toml(value: bool) -> str:
    return "true" if value else "false"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("library", nargs="+", metavar="LIBRARY", help=f"with a built table: {', '.join(BUILDERS)}")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a table is out of date")
    parser.add_argument("--check-names", action="store_true", help="only say which names the library does not have")
    parser.add_argument("--check-data", action="store_true", help="only say which arguments the library has otherwise")
    options = parser.parse_args()
    _define_missing_operators()
    wrong = 0
    for package in options.library:
        if options.check_names or options.check_data:
            missing = missing_names(package) if options.check_names else list(wrong_arguments(package))
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
    """Lets torchvision be imported beside a CPU build of torch, which lacks operators that it adds to."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        for name in ("nms", "qnms"):
            LIBRARIES[-1].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _refuse(*_: object, **__: object) -> None:
    raise ConnectionError("nothing is downloaded")


torch.hub.download_url_to_file = _refuse
torch.hub.load_state_dict_from_url = _refuse
LIBRARIES = [torch.library.Library("torchvision", "FRAGMENT")]
"""Kept, since what a library defines goes with it."""

if __name__ == "__main__":
    sys.exit(main())
