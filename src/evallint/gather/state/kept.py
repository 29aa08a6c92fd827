"""What is kept for later and changes until then: states and models that are no copies of what training goes on with."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.facts import Block, Span
from evallint.findings import Place, Step
from evallint.gather.code.mending import contains, function_around, loops_around, sites_in
from evallint.gather.code.sites import blocks, called, covers, leaves, of_self, own_parts, sites, statements
from evallint.interpret.events import Events, ForwardCall, KeptModel, StaleUse
from evallint.interpret.reading import last_name, straight
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program, Symbol
from evallint.project import StaleState
from evallint.walk import within

USES = {
    "restored": "it is loaded back here, as training has left it",
    "saved": "it is saved here, as training has left it",
    "returned": "it is returned, as training has left it",
}


# ---- states -------------------------------------------------------------------------------------------------


def stale_states(program: Program, events: Events) -> Iterator[StaleState]:
    """States that are kept for later and change with their model until then."""
    for found in events.states:
        if isinstance(found, StaleUse) and found.label and not is_taken_anew(program, found):
            last = Step(found.used_at, USES[found.how])
            yield StaleState(found.at, found.function, found.label, found.how, (found.taken, found.overtaken, last))


def is_taken_anew(program: Program, found: StaleUse) -> bool:
    """Whether the function that uses a state takes it each time before, and training goes on in between its calls only:
    what is used is what was just taken."""
    function = function_around(program, found.at)
    if function_around(program, found.used_at) != function or not found.at.span < found.used_at.span:
        return False
    if found.overtaken.at.path == found.at.path and function_around(program, found.overtaken.at) == function:
        return False
    site = program.once(sites_in, function).get(found.at.span)
    return site is not None and not site.guards and not any(True for _ in loops_around(program, found.at))


def kept_by_objects(program: Program, path: str) -> Iterator[StaleState]:
    """States that one method of an object keeps, where something has improved, and another gives back or saves."""
    for index, klass in enumerate(program.files[path].classes):
        if any("state_dict" in program.files[path].functions[method].mentions for method in klass.methods):
            yield from kept_by(program, ClassSymbol(path, index))


def kept_by(program: Program, klass: ClassSymbol) -> Iterator[StaleState]:
    for method in program.methods(klass):
        for site in sites(program.body(method)):
            if not is_state(site.call) or not any(isinstance(guard, f.Comparison) for guard in site.guards):
                continue
            for statement in statements(program.body(method)):
                name = kept_name(statement, site.call)
                if not name or program.function(method).name == "__init__":
                    continue
                at = Place(method.path, site.call.span)
                taken = Step(at, f"`{code(site.call)}` gives the tensors that training goes on to change")
                use = used_by_another(program, klass, method, name)
                if use is not None:
                    yield StaleState(at, program.function(method).qualname, code(site.call), "restored", (taken, use))
                elif is_for_others(program, klass, method, name):
                    yield StaleState(at, program.function(method).qualname, code(site.call), "kept", (taken,))


def is_for_others(program: Program, klass: ClassSymbol, method: FunctionSymbol, name: str) -> bool:
    """Whether the best state is kept for code out of sight: of a class that this one derives from. Not where it is
    written to a file as it is taken."""
    if "best" not in words(name) or "save" in program.function(method).mentions:
        return False
    bases = [base for one in program.lineage(klass) if isinstance(one, ClassSymbol) for base in program.bases(one)]
    out_of_sight = any(base is None or is_unknown(program, base) for base in bases)
    return out_of_sight and not any(
        name in program.function(other).mentions for other in program.methods(klass) if other != method
    )


def is_unknown(program: Program, base: Symbol) -> bool:
    """Whether a class is one of a library of which no table knows."""
    return isinstance(base, External) and base.name.partition(".")[0] not in (*program.apis.packages(), "builtins")


def is_state(call: f.Call) -> bool:
    return isinstance(call.function, f.Attribute) and call.function.name == "state_dict" and not call.arguments


def kept_name(statement: f.Stmt, call: f.Call) -> str:
    """`x` of `self.x = model.state_dict()`, "" of other statements."""
    match statement:
        case f.Assign((target, *_), value) if value == call:
            return of_self(target)
    return ""


def used_by_another(program: Program, klass: ClassSymbol, method: FunctionSymbol, name: str) -> Step | None:
    """Where another method loads back what stands in an attribute."""
    for other in program.methods(klass):
        if other == method or name not in program.function(other).mentions:
            continue
        for call in called(program.body(other)):
            if last_name(call.function) == "load_state_dict" and any(
                of_self(argument.value) == name for argument in call.arguments
            ):
                return Step(Place(other.path, call.span), f"`self.{name}` is loaded back here")
    return None


# ---- models -------------------------------------------------------------------------------------------------


def stale_models(program: Program, events: Events) -> Iterator[StaleState]:
    """Models that are put aside as the best so far, and are the very ones that training goes on with."""
    for kept in events.states:
        if not isinstance(kept, KeptModel) or not is_for_the_better(program, kept.at):
            continue
        training = next((one for one in events.forwards if one.trained and goes_on(kept, one)), None)
        use = used_later(program, kept)
        if training is not None and use is not None:
            what = "becomes another name of" if kept.key is None else "gets"
            steps = (
                Step(kept.at, f"`{kept.target}` {what} `{kept.code}`, not a copy of it"),
                Step(training.at, "training goes on here, with the same model"),
                use,
            )
            yield StaleState(kept.at, kept.frames[-1].function, kept.code, "kept", steps, True)


def goes_on(kept: KeptModel, event: ForwardCall) -> bool:
    """Whether a forward belongs to the training that later passes of the loop go on with."""
    return kept.loop in event.loops and not kept.family.isdisjoint(event.family)


def is_for_the_better(program: Program, at: Place) -> bool:
    """Whether a statement is only reached under a condition, and not in each pass of its loop."""
    loops = list(loops_around(program, at))
    for one in straight(loops[-1].body if loops else program.body(function_around(program, at))):
        if isinstance(one, f.If) and (leaves(one.body) or isinstance(one.body[-1], f.Leave)):
            return True
        if isinstance(one, f.Assign) and one.span == at.span:
            return False
    return True


def used_later(program: Program, kept: KeptModel) -> Step | None:
    """Where what was put aside is read, later in the loop, after it, or by another function. None where nobody reads
    it, or where weights are loaded then."""
    function = function_around(program, kept.at)
    at_once = branch(program.body(function), kept.at.span)
    loops = list(loops_around(program, kept.at))
    readers = {
        function: [
            (span, one)
            for span, one in all_of(program, function)
            if any(contains(loop.span, span) or span[:2] >= loop.span[2:] for loop in loops)
            and not covers(at_once, span)
        ]
    }
    if isinstance(kept.name, f.Attribute):
        readers |= {one: all_of(program, one) for one in program.users(kept.name.name) if one != function}
    for symbol, several in readers.items():
        if not LOADS.isdisjoint(last_name(call.function) for _, one in several for call in calls_in(own_parts(one))):
            continue
        own_code = program.class_of(symbol) == program.class_of(function)
        for span, statement in several:
            if is_read(own_parts(statement), kept, own_code):
                return Step(Place(symbol.path, span), f"`{kept.target}` is used here, as training has left it")
    return None


LOADS = frozenset("load load_state_dict".split())


def is_read(parts: tuple[object, ...], kept: KeptModel, own_code: bool) -> bool:
    """Whether code reads a model by the name that it got, and not what else stands under that name: `best[1]`."""
    reads = sum(means(node, kept.name, own_code) for node in within(parts))
    others = sum(
        means(node.value, kept.name, own_code)
        for node in within(parts)
        if kept.key is not None and isinstance(node, f.Subscript)
        if isinstance(node.key, f.Constant) and node.key.value != kept.key
    )
    return reads > others


def means(node: object, name: f.Name | f.Attribute, own_code: bool) -> bool:
    """Whether code reads what is kept. Of an attribute, the object may be called anything, and `self` in its own class
    only."""
    if isinstance(name, f.Attribute) and isinstance(node, f.Attribute) and node.name == name.name:
        return own_code or not of_self(node)
    return node == name


def branch(block: Block, span: Span) -> Block:
    """The innermost block of statements that one belongs to."""
    for statement in block:
        inner = (part for part in blocks(statement) if covers(part, span))
        found = next(inner, None)
        if found is not None:
            return branch(found, span)
    return block


def all_of(program: Program, symbol: FunctionSymbol) -> list[tuple[Span, f.Stmt]]:
    return [(one.span, one) for one in statements(program.body(symbol)) if not isinstance(one, f.Outer)]


def calls_in(parts: tuple[object, ...]) -> Iterator[f.Call]:
    return (node for node in within(parts) if isinstance(node, f.Call))
