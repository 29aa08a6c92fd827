"""Evaluation in another number format than training, and casts that don't ask what format a layer has."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.apis import ModuleClass
from evallint.facts import Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, of_self, sites, statements
from evallint.gather.modes.blame import forward_methods
from evallint.gather.modes.evaluating import evaluation, is_same
from evallint.interpret.events import Caller, Events
from evallint.interpret.reading import last_name
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import OtherPrecision

CASTING = frozenset("autocast GradScaler bfloat16 float16 deepspeed Accelerator Fabric Trainer LightningModule".split())
"""Names by which code has formats mixed on purpose, or leaves them to a framework."""


def cast_for_evaluation(program: Program, events: Events) -> Iterator[OtherPrecision]:
    """Evaluations of a model that was cast, where it trains uncast in the same run, and without autocast."""
    trained = [event for event in events.forwards if event.trained and event.sure]
    for event in events.forwards:
        cast = event.marks.get("cast")
        if cast is None or event.trained or event.inside or not event.sure:
            continue
        same = [other for other in trained if is_same(event, other)]
        if not same or any("cast" in other.marks or mixes(program, other.frames) for other in same):
            continue
        because = evaluation(program, events, event, trained)
        if because is None:
            continue
        first = Step(same[0].at, f"`{same[0].receiver}` trains here, in the format it was built with")
        last = Step(event.at, f"`{event.receiver}` evaluates here {because.because}")
        yield OtherPrecision(event.at, event.frames[-1].function, event.receiver, "evaluates", "", (first, cast, last))


def mixes(program: Program, frames: tuple[Caller, ...]) -> bool:
    return any(
        caller.symbol is not None and not CASTING.isdisjoint(program.function(caller.symbol).mentions)
        for caller in frames
    )


def cast_in_forward(program: Program) -> Iterator[OtherPrecision]:
    """`self.layer(x.half())` in a forward pass, where nothing but an option casts the layer."""
    casting = list(program.users("half"))
    if not casting or casts_models(program, casting):
        return
    shared = forward_methods(program)
    for symbol in casting:
        klass = program.class_of(symbol)
        if klass is not None and (symbol.path, program.function(symbol).qualname) in shared:
            yield from of_method(program, symbol, klass)


def casts_models(program: Program, casting: list[FunctionSymbol]) -> bool:
    """Whether anything may cast the model as a whole, other than under a condition."""
    if program.mentions_any(CASTING):
        return True
    for symbol in program.users("initialize"):
        for site in sites(program.body(symbol)):
            if last_name(site.call.function) == "initialize" and not site.guards:
                return True
    return any(is_half(call) and is_named(call.function) for one in casting for call in called(program.body(one)))


def is_named(function: Expr) -> bool:
    """Whether a method is of what a variable or attribute holds: `model.half`, not `layer(x).half`."""
    return isinstance(function, f.Attribute) and isinstance(function.value, f.Name | f.Attribute)


def is_half(call: f.Call) -> bool:
    return last_name(call.function) == "half" and not call.arguments


def of_method(program: Program, symbol: FunctionSymbol, klass: ClassSymbol) -> Iterator[OtherPrecision]:
    halves: dict[str, Place] = {}
    guarded = {site.call for site in sites(program.body(symbol)) if site.guards}
    for statement in statements(program.body(symbol)):
        for call in called((statement,)):
            layer = of_self(call.function)
            given = call.arguments[0].value if len(call.arguments) == 1 else None
            if not layer or not isinstance(given, f.Name) or given.id not in halves or call in guarded:
                continue
            if is_layer(program, klass, layer):
                at = halves.pop(given.id)
                yield OtherPrecision(
                    at,
                    program.function(symbol).qualname,
                    given.id,
                    "layer",
                    f"self.{layer}",
                    (Step(at, "this is half from here on"), Step(Place(symbol.path, call.span), "the layer gets it")),
                )
        if not isinstance(statement, f.Assign):
            continue
        value = statement.value
        for target in statement.targets:
            if isinstance(target, f.Name):
                halves.pop(target.id, None)
                if isinstance(value, f.Call) and is_half(value) and value not in guarded:
                    halves[target.id] = Place(symbol.path, statement.span)


def is_layer(program: Program, klass: ClassSymbol, name: str) -> bool:
    """Whether a class builds a layer of a library, with parameters, as this attribute."""
    built = [value for value in values_of(program, klass, name) if isinstance(value, f.Call)]
    for value in built:
        resolved = program.resolve(klass.path, value.function)
        meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
        if isinstance(meaning, ModuleClass):
            return True
    return False


def values_of(program: Program, klass: ClassSymbol, name: str) -> Iterator[Expr]:
    for method in program.methods(klass):
        for statement in statements(program.body(method)):
            if not isinstance(statement, f.Assign) or statement.value is None:
                continue
            if any(of_self(target) == name for target in statement.targets):
                yield statement.value
