"""Under which lasting conditions something happens: tests of settings, which come out the same each time."""

from __future__ import annotations

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.findings import Place
from evallint.gather.code.mending import function_around
from evallint.gather.code.sites import blocks, called, covers, local_names, statements
from evallint.interpret.events import Events, ForwardCall, calls_of
from evallint.interpret.reading import conditions, is_among_constants, is_switch, is_with_constant, last_name
from evallint.interpret.render import code
from evallint.interpret.values import Change
from evallint.program import Program


def is_undone_alike(program: Program, events: Events, change: Change, event: ForwardCall) -> bool:
    """Whether an eval() under a lasting condition has a train() under no other one in a loop that the training is in:
    `if self.flow: self.net.eval()`, and later `if self.flow: self.net.train()`."""
    around = lasting(program, change.step.at)
    return bool(around) and any(
        found.to.train is not None
        and found.to.eval is None
        and found.address in event.family
        and bool(set(found.loops) & set(event.loops))
        and bool(own := lasting(program, found.at))
        and own <= around
        for found in events.changes
    )


def is_set_by_option(program: Program, events: Events, event: ForwardCall) -> bool:
    """Whether a setting chooses among modes in a loop that the training is in, training mode of all being one:
    `if fit == "norm": net.eval(); net.norm.train()`, `elif fit == "all": net.train()`."""
    return any(
        found.to.train is not None
        and found.to.eval is None
        and found.address in event.family
        and bool(set(found.loops) & set(event.loops))
        and any(is_one_of_options(program, at) for at in (found.at, *calls_of(found.frames)))
        for found in events.changes
    )


def is_one_of_options(program: Program, at: Place) -> bool:
    """Whether a place is in one of several branches of which a setting chooses one, and which all switch something."""
    symbol = function_around(program, at)
    function, body = program.function(symbol), program.body(symbol)
    own = local_names(function, body) - {parameter.name for parameter in function.parameters}
    chains = [options(one, own) for one in statements(body) if isinstance(one, f.If)]
    return any(
        len(chain) > 1
        and any(covers(one, at.span) for one in chain)
        and all(covers(one, at.span) or switches(one) for one in chain)
        for chain in chains
    )


def options(choice: f.If, own: frozenset[str]) -> list[Block]:
    """The branches of a choice and of those that stand alone in its `else`, where settings decide them all."""
    if not lasts(choice.test, own):
        return []
    match choice.orelse:
        case ():
            return [choice.body]
        case (f.If() as other,):
            return [choice.body, *options(other, own)]
    return [choice.body, choice.orelse]


def switches(block: Block) -> bool:
    return any(last_name(one.function) in ("eval", "train") for one in called(block))


def is_asked_for(program: Program, change: Change, event: ForwardCall) -> bool:
    """Whether the function that runs a model chooses its mode: `if frozen: model.eval()`, `else: model.train()`."""
    if change.calls != calls_of(event.frames):
        return False
    return any(
        isinstance(choice, f.If)
        and (covers(choice.body, change.step.at.span) or covers(choice.orelse, change.step.at.span))
        and bool(set(switched(choice.body)) & set(switched(choice.orelse)))
        for choice in statements(program.body(function_around(program, change.step.at)))
    )


def switched(block: f.Block) -> list[str]:
    """What a block switches that does nothing else, as the code calls it."""
    found = [
        code(one.value.function.value)
        for one in block
        if is_switch(one)
        and isinstance(one, f.Evaluate)
        and isinstance(one.value, f.Call)
        and isinstance(one.value.function, f.Attribute)
    ]
    return found if len(found) == len(block) else []


def lasting(program: Program, at: Place) -> frozenset[tuple[str, bool]]:
    """The lasting tests around a place in its function, each with how it has to come out."""
    symbol = function_around(program, at)
    function, body = program.function(symbol), program.body(symbol)
    own = local_names(function, body) - {parameter.name for parameter in function.parameters}
    return frozenset(around(body, at, own))


def around(block: Block, at: Place, own: frozenset[str]) -> list[tuple[str, bool]]:
    for statement in block:
        if isinstance(statement, f.Outer) or not covers((statement,), at.span):
            continue
        for inner in blocks(statement):
            if covers(inner, at.span):
                rest = around(inner, at, own)
                if isinstance(statement, f.If) and lasts(statement.test, own):
                    return [(code(statement.test), inner is statement.body), *rest]
                return rest
    return []


def lasts(test: Expr, own: frozenset[str]) -> bool:
    """Whether a test asks for nothing but settings: attributes, and names that the function does not set."""
    return all(is_setting(one, own) for one in conditions(test))


def is_setting(test: Expr, own: frozenset[str]) -> bool:
    match test:
        case f.Comparison():
            return (is_with_constant(test) or is_among_constants(test)) and is_setting(test.left, own)
        case f.Attribute(value):
            return is_setting(value, own)
        case f.Name(name):
            return name not in own
    return False
