"""What is written to files: whole models, bare parameters, wrapped states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from evallint import facts as f
from evallint.apis import ModuleClass
from evallint.findings import Place, Step
from evallint.gather.code.mending import call_at, written
from evallint.gather.code.sites import called, covers, function_at, functions, functions_of, statements
from evallint.gather.modes.evaluating import is_unit_test
from evallint.gather.modes.forwards import way
from evallint.gather.state.kept import is_state
from evallint.gather.state.loads import read_again
from evallint.interpret.events import Caller, Created, Events, Loaded, Part, Restored, Saved, Stepped, Unpickled
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program, Symbol
from evallint.project import BareParameters, Prefixed, WholePickle
from evallint.walk import within

STRIPS = frozenset("removeprefix consume_prefix_in_state_dict_if_present lstrip".split())
"""Functions that take a prefix off."""


# ---- whole models -----------------------------------------------------------------------------------------


def whole_pickles(program: Program, events: Events) -> Iterator[WholePickle]:
    """Modules that are saved, or loaded, as they are."""
    loads = {found.at: found for found in events.states if isinstance(found, Loaded)}
    for found in events.states:
        if isinstance(found, Saved | Unpickled) and is_unit_test(program, found.frames):
            continue  # what is pickled there is read back at once
        if isinstance(found, Saved):
            for part in found.parts:
                if part.what == "whole" and part.owner.label and not part.owner.label.startswith("["):
                    at, function = composed(program, events, found, part)
                    steps = way(found.frames, Step(found.at, f"`{part.owner.label}` is pickled here, class and all"))
                    yield WholePickle(at, function, part.owner.label, "saved", steps)
        elif isinstance(found, Unpickled) and found.at in loads:
            load = loads[found.at]
            if load.spread or any(argument.keyword == "weights_only" for argument in load.call.arguments):
                continue
            if read_again(program, load):
                continue
            if any(sorts_out(program, symbol) for symbol in functions_of(program, found.frames)):
                continue
            steps = (
                Step(found.at, "a file is read here"),
                Step(found.used_at, f"{f'`{found.label}`' if found.label else 'it'} is used as a module here"),
            )
            yield WholePickle(found.at, load.frames[-1].function, found.label, "loaded", steps)


def sorts_out(program: Program, symbol: FunctionSymbol) -> bool:
    """Whether a function asks if something is a module: it takes files of either kind."""
    if not {"isinstance", "type", "hasattr"} & set(program.function(symbol).mentions):
        return False
    return any(
        isinstance(node, f.Call) and len(node.arguments) == 2 and asks_for_module(node)
        for node in within(program.body(symbol))
    )


def asks_for_module(call: f.Call) -> bool:
    """`isinstance(found, nn.Module)`, `hasattr(found, "state_dict")`"""
    wanted = call.arguments[1].value
    if last_name(call.function) == "isinstance":
        return "Module" in code(wanted)
    return last_name(call.function) == "hasattr" and wanted == f.Constant("state_dict")


def composed(program: Program, events: Events, found: Saved, part: Part) -> tuple[Place, str]:
    """Where what is saved is put together: in the function that takes the state, not in a helper that writes it."""
    frames = found.frames
    if part.kept is not None and part.taken_in is not None:
        for index in range(len(frames) - 1, -1, -1):
            if (frames[index].path, frames[index].function) == (part.kept.path, part.taken_in):
                return at_frame(found, index)
    depth = len(frames) - 1
    first = found.call.arguments[0].value if found.call.arguments else None
    if depth and isinstance(first, f.Name) and is_parameter(program, frames[depth], first.id):
        depth -= not trains(program, events, frames)
    return at_frame(found, depth)


def trains(program: Program, events: Events, frames: tuple[Caller, ...]) -> bool:
    """Whether the innermost of some functions does more with what it is given than to write it."""
    symbol = frames[-1].symbol
    if symbol is not None and "backward" in program.function(symbol).mentions:
        return True
    return any(event.trained and event.frames[: len(frames)] == frames for event in events.forwards)


def at_frame(found: Saved | Restored | Created | Stepped, index: int) -> tuple[Place, str]:
    """The place in one of the running functions at which the way to an event goes on."""
    frames = found.frames
    following = frames[index + 1].called_at if index + 1 < len(frames) else None
    return following or found.at, frames[index].function


def is_parameter(program: Program, caller: Caller, name: str) -> bool:
    return caller.symbol is not None and any(one.name == name for one in program.function(caller.symbol).parameters)


# ---- parameters without buffers ---------------------------------------------------------------------------


def bare_parameters(program: Program, events: Events) -> Iterator[BareParameters]:
    """Saves of the parameters of a model whose batch norm has statistics, which are saved nowhere beside them."""
    for found in events.states:
        if not isinstance(found, Saved):
            continue
        for part in found.parts:
            if part.what != "parameters" or part.filtered or beside(part, found.parts):
                continue
            buffers = any_of((part.owner.statistics, has_buffers(program, part.owner.klass)))
            if buffers is False or (buffers is None and not uses_batch_norm(program)):
                continue
            at, function = composed(program, events, found, part)
            steps = way(
                found.frames, Step(found.at, f"only the parameters of `{part.owner.label}` are saved here, no buffers")
            )
            label = part.owner.label or "the model"
            yield BareParameters(at, function, label, "saved", buffers is True, steps, whose(program, at))


def whose(program: Program, at: Place) -> str:
    """The model whose named parameters a call is given as a dict, in code; "" where it is given anything else."""
    call = call_at(program, at)
    given = call.arguments[0].value if call is not None and call.arguments else None
    if not isinstance(given, f.Comprehension) and not (isinstance(given, f.Call) and given.function == f.Name("dict")):
        return ""
    calls = [node.function for node in within(given) if isinstance(node, f.Call) and node is not given]
    only = calls[0] if len(calls) == 1 else None  # a value that is moved or cast would be so no more
    return written(only.value) if isinstance(only, f.Attribute) and only.name == "named_parameters" else ""


def has_buffers(program: Program, klass: Symbol | None, depth: int = 0) -> bool | None:
    """Whether a class of modules has buffers of its own or in what it builds, None where that is out of sight."""
    if isinstance(klass, External):
        meaning = program.apis.of(klass.name)
        return meaning.buffers if isinstance(meaning, ModuleClass) and not meaning.container else None
    if not isinstance(klass, ClassSymbol) or depth > DEEPEST:
        return None
    return any_of(
        buffers_in(program, method, klass, depth)
        for base in program.lineage(klass)
        if isinstance(base, ClassSymbol)
        for method in program.methods(base)
    )


def buffers_in(program: Program, symbol: FunctionSymbol, klass: Symbol | None, depth: int) -> bool | None:
    """Whether a function registers buffers or builds what has some, None where that is out of sight."""
    if "register_buffer" in program.function(symbol).mentions:
        return True
    return any_of(buffers_of(program, symbol, call, klass, depth) for call in called(program.body(symbol)))


def buffers_of(program: Program, symbol: FunctionSymbol, call: f.Call, klass: Symbol | None, depth: int) -> bool | None:
    """Whether what a call builds has buffers."""
    made = program.resolve(symbol.path, call.function)
    if isinstance(made, FunctionSymbol) and program.class_of(made) is None and depth < DEEPEST:
        return buffers_in(program, made, klass, depth + 1)
    if not program.is_module(made) or made == klass:
        return False
    inner = has_buffers(program, made, depth + 1)
    return inner if isinstance(made, ClassSymbol) else bool(inner)


def any_of(found: Iterable[bool | None]) -> bool | None:
    """True where one is, else None where one is unknown. None is asked for after the first that is true."""
    unknown = False
    for one in found:
        if one:
            return True
        unknown = unknown or one is None
    return None if unknown else False


DEEPEST = 4


def uses_batch_norm(program: Program) -> bool:
    """Whether any code in sight builds batch norm, or a network of a library's."""
    return program.mentions_any("BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm models create_model".split())


def beside(part: Part, parts: Iterable[Part]) -> bool:
    """Whether the state of the same model, or its buffers, are saved too."""
    return any(
        other.what != "parameters" and not part.owner.family.isdisjoint(other.owner.family)
        for other in parts
        if other is not part
    )


def averaged_parameters(program: Program, events: Events) -> Iterator[BareParameters]:
    """Averages of the parameters of a model with batch norm that evaluate with the statistics of their beginning."""
    for event in events.forwards:
        step = event.marks.get("averaged") or event.marks.get("written")
        if step is None or not event.nature.statistics or event.mode.eval is None:
            continue
        if event.mode.train is not None or event.mode.unknown or event.trained or "buffers" in event.marks:
            continue
        if not {"all train", "partly eval"}.isdisjoint(event.marks):
            continue  # its batch norm is put back into training mode, part by part
        if any(event.address in other.family and other.mode.eval is None for other in events.forwards):
            continue  # it runs in training mode too, and so moves statistics of its own
        if "averaged" not in event.marks and not is_of_pairs(program, step.at):
            continue  # a mask, or such
        steps = (step, Step(event.at, f"`{event.receiver}` evaluates here with batch statistics nobody has updated"))
        yield BareParameters(step.at, function_at(program, step.at), event.receiver, "averaged", True, steps)


def is_of_pairs(program: Program, at: Place) -> bool:
    """Whether a statement stands in a loop over the parts of several models, each with those of the others."""
    return any(
        isinstance(statement, f.For)
        and any(last_name(call.function) == "zip" for call in within(statement.iterable) if isinstance(call, f.Call))
        and covers(statement.body, at.span)
        for symbol in functions(program, at.path)
        for statement in statements(program.body(symbol))
    )


# ---- wrappers ---------------------------------------------------------------------------------------------


def prefixed(program: Program, runs: Iterable[Events]) -> Iterator[Prefixed]:
    """States saved with a wrapper's prefix and loaded without, or saved without and loaded with it."""
    saves: dict[Symbol, list[tuple[Events, Saved, Part]]] = {}
    loads: dict[Symbol, list[tuple[Events, Restored]]] = {}
    for run, found in ((one, found) for one in runs for found in one.states):
        if isinstance(found, Saved):
            for part in found.parts:
                if part.owner.klass is not None and plain(part):
                    saves.setdefault(part.owner.klass, []).append((run, found, part))
        elif isinstance(found, Restored) and found.source is not None and found.owner.klass is not None:
            loads.setdefault(found.owner.klass, []).append((run, found))
    for klass, saved in saves.items():
        if any(part.owner.wrapped for _, _, part in saved):
            yield from _prefixed(program, saved, loads.get(klass, []))


def _prefixed(
    program: Program, saves: Sequence[tuple[Events, Saved, Part]], restores: Sequence[tuple[Events, Restored]]
) -> Iterator[Prefixed]:
    """The same of one class of models."""
    wrapped = {part.kept for _, _, part in saves if part.owner.wrapped}
    if any(part.kept not in wrapped for _, _, part in saves):
        return
    for run, found, part in saves:
        if not part.owner.wrapped or unwraps(program, found, part):
            continue
        elsewhere = [load for other, load in restores if other.entry != run.entry and is_load_of(load, part)]
        loads = elsewhere or [load for _, load in restores if is_load_of(load, part)]  # a program resumes as it saves
        load = unwrapped_load(program, part, loads)
        if load is None:
            continue
        always = all(other.owner.wrapped for _, _, other in saves if other.kept == part.kept)
        at, function = composed(program, run, found, part)
        steps = (
            *way(found.frames, Step(found.at, f"each key is saved with the prefix `{part.owner.wrapped}.`")),
            Step(load.at, f"`{load.owner.label or 'the model'}` is not wrapped where it is loaded"),
        )
        yield Prefixed(at, function, part.owner.label, part.owner.wrapped, "saved", always, part.kept, steps)


def plain(part: Part) -> bool:
    return part.what == "state" and part.owner.role == "module" and not part.rekeyed and not part.filtered


def unwraps(program: Program, found: Saved, part: Part) -> bool:
    """Whether the function that takes the state knows of the model inside, as `model.module if parallel else model`, or
    hands it to one that does."""
    takers = [
        symbol
        for caller in found.frames
        if caller.function == part.taken_in
        for symbol in functions_of(program, (caller,))
    ]
    return any(
        isinstance(node, f.Attribute) and node.name == part.owner.wrapped
        for symbol in takers
        for node in within(program.body(symbol))
    ) or any(
        takes_off_prefix(program, helper, part.owner.wrapped)
        for symbol in takers
        for call in called(program.body(symbol))
        if any(isinstance(one, f.Call) and is_state(one) for one in within(call.arguments))
        and isinstance(helper := program.resolve(symbol.path, call.function), FunctionSymbol)
    )


def takes_off_prefix(program: Program, symbol: FunctionSymbol, prefix: str) -> bool:
    """Whether a function knows of a prefix, or of several ways."""
    known = program.once(written_in, symbol)
    return known is None or prefix in known


def is_load_of(load: Restored, part: Part) -> bool:
    """Whether a load may be of a part of a checkpoint, both of models of one class."""
    return load.key in ("", part.key)


def unwrapped_load(program: Program, part: Part, loads: list[Restored]) -> Restored | None:
    """Where the state is loaded into a bare model, by code that takes off no prefix, and nowhere into a wrapped one."""
    if any(one.owner.wrapped or one.lenient or takes_off(program, one, part.owner.wrapped) for one in loads):
        return None
    return next(iter(loads), None)


def takes_off(program: Program, found: Restored, prefix: str) -> bool:
    """Whether the functions that lead to a load know of the prefix, or try several ways."""
    return any(takes_off_prefix(program, symbol, prefix) for symbol in functions_of(program, found.frames))


def written_in(program: Program, symbol: FunctionSymbol) -> frozenset[str] | None:
    """The words of a function's texts, and its attributes; None where it takes keys apart, or tries several ways."""
    if STRIPS & set(program.function(symbol).mentions):
        return None
    found: set[str] = set()
    for node in within(program.body(symbol)):
        if isinstance(node, f.Try):
            return None
        if isinstance(node, f.Constant) and isinstance(node.value, str):
            found |= words(node.value) | {node.value.strip(".")}
        elif isinstance(node, f.Attribute):
            found.add(node.name)
    return frozenset(found)
