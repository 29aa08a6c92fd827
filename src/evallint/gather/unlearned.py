"""Layers that are to be trained, and that run under no_grad only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evallint import facts as f
from evallint.apis import GradContext, LibraryClass, ModuleClass
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.running import Running
from evallint.gather.sites import (
    Site,
    function_of,
    gradients_off,
    header,
    last_name,
    mentions_any,
    of_self,
    sites,
    statements,
)
from evallint.link.natures import walk
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import CutTraining

ELSEWHERE = frozenset("requires_grad requires_grad_ copy_ lerp_ data load_state_dict freeze deepcopy".split())
"""What a class mentions whose layers may learn in another way, or not at all: averages, frozen and loaded parts."""

LEARNING = frozenset("torch.nn.Linear torch.nn.Conv1d torch.nn.Conv2d torch.nn.Conv3d".split())
"""Layers that nobody builds within a model but to train them."""


@dataclass(frozen=True, slots=True)
class Use:
    """A call of a layer, and what turns gradients off around it, if anything does."""

    method: FunctionSymbol
    site: Site
    off: Place | None


def cut_layers(program: Program, running: Running) -> Iterator[CutTraining]:
    """Trainable parts of a class that its methods run under no_grad only, once for each place that cuts them."""
    for path in sorted(program.files):
        for index, klass in enumerate(program.files[path].classes):
            symbol = ClassSymbol(path, index)
            if klass.methods:
                yield from never_learning(program, running, symbol)


def never_learning(program: Program, running: Running, klass: ClassSymbol) -> Iterator[CutTraining]:
    own = list(program.methods(klass))
    kin = [method for member in running.family(klass) for method in program.methods(member)]
    mentioned = {name for method in kin for name in program.function(method).mentions}
    if not mentioned & {"no_grad", "inference_mode"}:
        return
    trained = dict(own_layers(program, klass, own, mentioned))
    if not trained:
        return
    reported: set[Place] = set()
    uses = [use for method in kin for use in uses_in(program, method, frozenset(trained))]
    for name, built in trained.items():
        mine = [use for use in uses if of_self(use.site.call.function) == name]
        if not mine or any(use.off is None for use in mine) or read_elsewhere(program, kin, name, len(mine)):
            continue
        first = next((use for use in mine if use.method in own), mine[0])
        assert first.off is not None
        if first.off in reported:
            continue
        reported.add(first.off)
        steps = (
            built,
            Step(first.off, "gradients are off from here"),
            Step(
                Place(first.method.path, first.site.call.span), f"`self.{name}` runs here, and nowhere with gradients"
            ),
        )
        yield CutTraining(first.off, program.function(first.method).qualname, f"self.{name}", "layer", steps)


def own_layers(
    program: Program, klass: ClassSymbol, methods: list[FunctionSymbol], mentioned: set[str]
) -> Iterator[tuple[str, Step]]:
    """The attributes that the constructor sets to layers to be trained, or gives to an optimizer, with the place."""
    is_module = program.is_module(klass)
    for method in methods:
        if program.function(method).name != "__init__":
            continue
        for statement in statements(program.body(method)):
            if not isinstance(statement, f.Assign) or not isinstance(statement.value, f.Call):
                continue
            place = Place(method.path, statement.span)
            names = [of_self(target) for target in statement.targets if of_self(target)]
            meaning = meant(program, method.path, statement.value.function)
            if isinstance(meaning, LibraryClass) and meaning.role == "optimizer":
                yield from (
                    (name, Step(place, f"an optimizer trains `self.{name}`")) for name in optimized(statement.value)
                )
            elif (
                is_module
                and isinstance(meaning, ModuleClass)
                and meaning.name in LEARNING
                and not mentioned & ELSEWHERE
            ):
                yield from ((name, Step(place, f"`self.{name}` is built here, to be trained")) for name in names)


def meant(program: Program, path: str, expression: Expr) -> object:
    resolved = program.resolve(path, expression)
    return program.apis.of(resolved.name) if isinstance(resolved, External) else None


def optimized(call: f.Call) -> Iterator[str]:
    """`x` for each `self.x.parameters()` that an optimizer is given."""
    for node in walk((call.arguments,)):  # type: ignore[arg-type]
        if isinstance(node, f.Call) and last_name(node.function) == "parameters":
            assert isinstance(node.function, f.Attribute | f.Name)
            owner = node.function.value if isinstance(node.function, f.Attribute) else node.function
            if of_self(owner):
                yield of_self(owner)


def uses_in(program: Program, method: FunctionSymbol, names: frozenset[str]) -> Iterator[Use]:
    function = program.function(method)
    if function.name == "__init__" or not mentions_any(function, names):
        return
    decorated = decorator_place(program, method)
    for site in sites(program.body(method)):
        if of_self(site.call.function) in names:
            yield Use(method, site, context_place(program, method, site) or decorated)


def context_place(program: Program, method: FunctionSymbol, site: Site) -> Place | None:
    """The `with` that turns gradients off around a call."""
    for statement in reversed(site.contexts):
        for item in statement.items:
            if gradients_off(program, method.path, item.context) is not None:
                return Place(method.path, header(statement, statement.body))
            if isinstance(meant(program, method.path, function_of(item.context)), GradContext):
                return None
    return None


def decorator_place(program: Program, method: FunctionSymbol) -> Place | None:
    for decorator in program.function(method).decorators:
        if gradients_off(program, method.path, decorator) is not None:
            span = decorator.span if isinstance(decorator, f.Call) else program.function(method).span
            return Place(method.path, span)
    return None


def read_elsewhere(program: Program, methods: list[FunctionSymbol], name: str, calls: int) -> bool:
    """Whether a part is used otherwise than by these calls: handed on, or its own parts run."""
    others = 0
    for method in methods:
        if program.function(method).name == "__init__" or name not in program.function(method).mentions:
            continue
        for node in walk(program.body(method)):
            if isinstance(node, f.Attribute) and of_self(node) == name:
                others += 1
            if isinstance(node, f.Attribute) and of_self(node.value) == name and node.name in HARMLESS:
                others -= 1
    return others > calls


HARMLESS = frozenset("train eval to cuda cpu parameters named_parameters state_dict apply".split())
