"""Layers that are to be trained, and that run under no_grad only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evallint import facts as f
from evallint.apis import GradContext, ModuleClass
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.running import Running
from evallint.gather.code.sites import (
    Site,
    function_of,
    gradients_off,
    header,
    mentions_any,
    module_classes,
    of_self,
    sites,
    statements,
)
from evallint.interpret.render import code
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import CutTraining
from evallint.walk import within

SWITCHES = frozenset(("no_grad", "inference_mode"))

FREEZING = frozenset("requires_grad requires_grad_ copy_ lerp_ load_state_dict freeze".split())
"""What is mentioned beside a layer that learns in another way, or not at all: averages, frozen and loaded parts."""

LEARNING = frozenset("torch.nn.Linear torch.nn.Conv1d torch.nn.Conv2d torch.nn.Conv3d".split())
"""Layers that nobody builds within a model but to train them."""

HARMLESS = frozenset("train eval to cuda cpu parameters named_parameters state_dict apply".split())
"""Methods of a layer that do not run it."""


@dataclass(frozen=True, slots=True)
class Use:
    """A call of a layer, and what turns gradients off around it, if anything does."""

    method: FunctionSymbol
    site: Site
    off: Place | None


def cut_layers(program: Program, path: str, running: Running) -> Iterator[CutTraining]:
    """Trainable layers of a module that its methods run under no_grad only, once for each place that cuts them."""
    for klass in module_classes(program, path):
        kin = [method for member in running.family(klass) for method in program.methods(member)]
        if any(mentions_any(program.function(method), SWITCHES) for method in kin) or any(
            program.function(method).decorators for method in kin
        ):
            yield from never_learning(program, klass, kin, running)


def is_settled(program: Program, running: Running, name: str) -> bool:
    """Whether a function mentions a name together with what makes a layer learn otherwise, or not at all."""
    return any(mentions_any(program.function(user), FREEZING) for user in running.users(name))


def never_learning(
    program: Program, klass: ClassSymbol, kin: list[FunctionSymbol], running: Running
) -> Iterator[CutTraining]:
    own = list(program.methods(klass))
    trained = dict(own_layers(program, own))
    uses = [use for method in kin for use in uses_in(program, klass, method)] if trained else []
    if all(use.off is not None for use in uses):  # a module that only ever runs without gradients is not trained here
        return
    reported: set[Place] = set()
    for name, built in trained.items():
        mine = [use for use in uses if of_self(use.site.call.function) == name]
        if not mine or is_settled(program, running, name) or read_elsewhere(program, kin, name, len(mine)):
            continue
        off = next((use for use in mine if use.method in own), mine[0]).off
        if off is None or any(use.off is None for use in mine) or off in reported:
            continue
        reported.add(off)
        first = next(use for use in mine if use.off == off)
        call = Place(first.method.path, first.site.call.span)
        steps = (
            built,
            Step(off, "gradients are off from here"),
            Step(call, f"`self.{name}` runs here, and nowhere with gradients"),
        )
        yield CutTraining(off, program.function(first.method).qualname, f"self.{name}", "layer", steps)


def own_layers(program: Program, methods: list[FunctionSymbol]) -> Iterator[tuple[str, Step]]:
    """The attributes that the constructor sets to layers to be trained, with the place."""
    for method in methods:
        if program.function(method).name != "__init__":
            continue
        for statement in statements(program.body(method)):
            if not isinstance(statement, f.Assign) or not isinstance(statement.value, f.Call):
                continue
            meaning = meant(program, method.path, statement.value.function)
            if isinstance(meaning, ModuleClass) and meaning.name in LEARNING:
                place = Place(method.path, statement.span)
                for target in statement.targets:
                    if of_self(target):
                        yield of_self(target), Step(place, f"`{code(target)}` is built here, to be trained")


def meant(program: Program, path: str, expression: Expr) -> object:
    resolved = program.resolve(path, expression)
    return program.apis.of(resolved.name) if isinstance(resolved, External) else None


def uses_in(program: Program, klass: ClassSymbol, method: FunctionSymbol) -> Iterator[Use]:
    """The calls of what a class holds; those of its own methods are none."""
    if program.function(method).name == "__init__":
        return
    decorated = decorator_place(program, method)
    for site in sites(program.body(method)):
        name = of_self(site.call.function)
        if name and program.method(klass, name) is None:
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
        for node in within(program.body(method)):
            if isinstance(node, f.Attribute) and of_self(node) == name:
                others += 1
            if isinstance(node, f.Attribute) and of_self(node.value) == name and node.name in HARMLESS:
                others -= 1
    return others > calls
