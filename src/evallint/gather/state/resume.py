"""What a training that goes on from a checkpoint has lost: the state of an optimizer, scheduler or scaler."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from evallint import facts as f
from evallint.facts import Span
from evallint.findings import Place, Step
from evallint.gather.code import files
from evallint.gather.code.sites import Site, called, covers, functions_of, in_branches, leaves, root, statements
from evallint.gather.modes.forwards import way
from evallint.gather.state.loads import PRETRAINED, RESUME, meant_partial, names, reads, said_nearby, site_at
from evallint.gather.state.saves import at_frame, composed
from evallint.interpret.events import Created, Events, Owner, Restored, Saved, StateEvent, Stepped
from evallint.interpret.events import Part as SavedPart
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.interpret.values import Address
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import LostProgress
from evallint.walk import within

COUNTERS = frozenset("epoch epochs step steps iter iters iteration iterations".split())
UNDOING = frozenset("reset undo rollback revert".split())
"""Words of functions that take back what a training has done, as a search for a learning rate does, and resume none."""

MEASURED = "ReduceLROnPlateau"
MULTIPLYING = "ExponentialLR"
"""A scheduler with no progress of its own: each step multiplies the rate that the optimizer holds, and its state."""


@dataclass(frozen=True, slots=True)
class Part:
    """An optimizer, scheduler or scaler that one run steps: where first, whether it keeps a state worth saving, and the
    loops of which each pass has another."""

    owner: Owner
    first: Stepped
    keeps: bool
    renewed: tuple[Address, ...]

    def is_renewed(self, found: Saved | Restored) -> bool:
        """Whether nothing of it outlives a pass of the loop in which a checkpoint is saved, or of one behind a load."""
        within = set(found.loops) < set(self.renewed)
        return within or (isinstance(found, Saved) and bool(found.loops) and set(found.loops) == set(self.renewed))


def lost_progress(program: Program, runs: Sequence[Events]) -> Iterator[LostProgress]:
    """What is left out of checkpoints from which training goes on, or not taken out of them."""
    resumed = Resumed(runs)
    moved = any(
        isinstance(target, f.Attribute) and target.name == "last_epoch"
        for symbol in program.users("last_epoch")
        for statement in statements(program.body(symbol))
        if isinstance(statement, f.Assign)
        for target in statement.targets
    )
    kept = any(part.owner.role == "optimizer" for run in runs for part in saved_parts(run))
    for run in runs:
        parts = list(stepped(program, run))
        if not moved:
            yield from left_out(program, run, parts, resumed)
        if not moved:
            anew = list(last_each(not_restored(program, run, parts)))
            yield from anew
            if not kept:
                yield from never_kept(program, run, parts, anew)
        yield from remade(program, run)


def saved_parts(run: Events) -> Iterator[SavedPart]:
    return (part for found in run.states if isinstance(found, Saved) for part in found.parts)


def last_each(found: Iterable[LostProgress]) -> Iterator[LostProgress]:
    """Of several loads in one function the last, which is the one that counts."""
    last = {(one.at.path, one.function, one.what, one.where): one for one in found}
    return iter(last.values())


class Resumed:
    """Where an optimizer gets its state back and goes on to train, as far as that is seen."""

    def __init__(self, runs: Iterable[Events]) -> None:
        self._files: set[str] = set()
        self._runs: set[str] = set()
        for run in runs:
            made = {found.owner.address for found in run.states if isinstance(found, Created)}
            last = max((n for n, found in enumerate(run.states) if takes_step(found)), default=-1)
            for number, found in enumerate(run.states):
                if isinstance(found, Restored) and found.owner.role == "optimizer" and not is_undone(found):
                    if number < last or (found.loops and last >= 0):
                        self._runs.add(run.entry)
                    elif found.owner.address not in made:  # it comes from code out of sight, as this method's caller
                        self._files.add(found.at.path)

    def from_what(self, saved: Saved, run: Events) -> bool:
        """Whether a checkpoint may be one that training goes on from: written by a program that does so, or beside such
        code for programs out of sight."""
        if run.entry in self._runs:
            return True
        return not run.entry.endswith(":<module>") and not self._files.isdisjoint(
            caller.path for caller in saved.frames
        )


def takes_step(found: StateEvent) -> bool:
    """Whether weights are trained: by an optimizer, or a scaler that makes it step."""
    return isinstance(found, Stepped) and found.owner.role in ("optimizer", "scaler")


def stepped(program: Program, run: Events) -> Iterator[Part]:
    """The optimizers, schedulers and scalers that a run steps, each once."""
    begun = set(told_where_to_begin(run))
    told = {found.owner.address for found in run.states if isinstance(found, Stepped) and found.told}
    bare = {found.owner.address for found in run.states if isinstance(found, Created) and is_stateless(program, found)}
    made = {found.owner.address: found.loops for found in run.states if isinstance(found, Created)}
    seen = set()
    for found in run.states:
        if not isinstance(found, Stepped) or found.owner.address in seen:
            continue
        if found.owner.klass is None and not (found.owner.role == "scheduler" and found.owner.label.isidentifier()):
            continue  # but for a scheduler that the code is given, nothing is known of what it keeps
        seen.add(found.owner.address)
        title = program.title(found.owner.klass)
        measured = title == MEASURED
        pure = found.owner.role == "scheduler" and found.owner.address in told and not measured
        pure = pure or title == MULTIPLYING
        keeps = not pure and found.owner.address not in begun and knows_state(program, found.owner)
        keeps = keeps and found.owner.address not in bare
        keeps = keeps and found.loops[-1:] != made.get(found.owner.address, ())[-1:]  # or each step has another
        if found.loops and not is_fast_forward(program, found):
            yield Part(found.owner, found, keeps, made.get(found.owner.address, ()))


def told_where_to_begin(run: Events) -> Iterator[Address]:
    """The schedulers that are made with their progress, and those in whose place one of the same optimizer is."""
    made = [found for found in run.states if isinstance(found, Created)]
    moved = {one for found in made if found.begins for one in found.moves}
    return (found.owner.address for found in made if found.begins or not moved.isdisjoint(found.moves))


def is_stateless(program: Program, found: Created) -> bool:
    """Plain gradient descent, without momentum, and a scaler that is switched off."""
    title = program.title(found.owner.klass)
    if title == "GradScaler":
        return argument(found.call, "enabled", None) == f.Constant(False)
    if title != "SGD":
        return False
    momentum = argument(found.call, "momentum", 2)
    return (momentum is None and not any(one.stars for one in found.call.arguments)) or momentum == f.Constant(0)


def knows_state(program: Program, owner: Owner) -> bool:
    """Whether a class in sight, or the tables, say that this has state. A scheduler out of sight is one of torch's."""
    return (
        owner.klass is None
        or isinstance(owner.klass, External)
        or (isinstance(owner.klass, ClassSymbol) and any(True for _ in program.externals(owner.klass)))
    )


def is_fast_forward(program: Program, found: Stepped) -> bool:
    """`for _ in range(start): scheduler.step()`, which makes up for what was not saved, or the same as a list."""
    symbol = next(functions_of(program, found.frames[-1:]))
    return any(
        does_nothing_else(statement, found.at.span) or steps_in_list(statement, found.at.span)
        for statement in statements(program.body(symbol))
    )


def does_nothing_else(statement: f.Stmt, span: Span) -> bool:
    return (
        isinstance(statement, f.For)
        and len(statement.body) == 1
        and isinstance(statement.body[0], f.Evaluate)
        and statement.body[0].span == span
    )


def steps_in_list(statement: f.Stmt, span: Span) -> bool:
    """`[scheduler.step() for _ in range(start)]`"""
    return isinstance(statement, f.Evaluate | f.Assign) and any(
        isinstance(node, f.Comprehension)
        and any(isinstance(call, f.Call) and call.span == span for call in within(node.element))
        for node in within(statement.value)
    )


def fast_forwards(program: Program, run: Events, owner: Owner) -> bool:
    return any(
        isinstance(found, Stepped) and found.owner.address == owner.address and is_fast_forward(program, found)
        for found in run.states
    )


# ---- left out of what is saved ----------------------------------------------------------------------------


def left_out(program: Program, run: Events, parts: list[Part], resumed: Resumed) -> Iterator[LostProgress]:
    """Schedulers and scalers that are not in a checkpoint which holds model and optimizer, nor in another."""
    saves = [found for found in run.states if isinstance(found, Saved)]
    held = {part.owner.address for found in saves for part in found.parts}
    moves = {found.owner.address: found.moves for found in run.states if isinstance(found, Created)}
    restored = {found.owner.address for found in run.states if isinstance(found, Restored)}
    for found in saves:
        roles = {part.owner.role for part in found.parts if part.what == "state"}
        if not {"module", "optimizer"} <= roles or not resumed.from_what(found, run):
            continue
        for part in parts:
            role = part.owner.role
            if role not in ("scheduler", "scaler") or not part.keeps or part.owner.address in held | restored:
                continue
            if fast_forwards(program, run, part.owner) or is_of_another_training(found, part):
                continue
            if part.is_renewed(found):
                continue
            own = moves.get(part.owner.address)
            if own and own.isdisjoint(one.owner.address for one in found.parts):  # it belongs to another checkpoint
                continue
            first = next(one for one in found.parts if one.owner.role == "optimizer")
            at, function = composed(program, run, found, first)
            steps = (
                Step(part.first.at, f"`{part.owner.label}` takes its steps here"),
                *way(found.frames, Step(found.at, f"the checkpoint holds the optimizer, but not `{part.owner.label}`")),
            )
            yield LostProgress(at, function, part.owner.label, role, "saved", steps)


def is_of_another_training(saved: Saved, part: Part) -> bool:
    """Whether a part takes its steps in other loops than those in which a checkpoint is saved, as fine-tuning does."""
    return bool(saved.loops) and set(saved.loops).isdisjoint(part.first.loops)


def never_kept(program: Program, run: Events, parts: list[Part], anew: list[LostProgress]) -> Iterator[LostProgress]:
    """The first checkpoint of a training that is resumed without its optimizer, where no checkpoint has that."""
    lost = next((found for found in anew if found.role == "optimizer" and found.where == "loaded"), None)
    part = next((part for part in parts if part.owner.role == "optimizer" and part.keeps), None)
    if lost is None or part is None:
        return
    read = {name for name, _ in files.read_by(program, run)}
    keys = {found.key for found in run.states if isinstance(found, Restored) and found.at == lost.at}
    saves = [found for found in run.states if isinstance(found, Saved)]
    for found in [one for one in saves if files.written_to(program, one) in read] or saves:
        first = next((one for one in found.parts if is_model(one) and (one.key in keys or "" in keys)), None)
        if first is not None and found.loops:
            at, function = composed(program, run, found, first)
            steps = (
                *way(found.frames, Step(found.at, f"the checkpoint holds the model, but not `{part.owner.label}`")),
                Step(lost.at, "training goes on from such a checkpoint"),
            )
            yield LostProgress(at, function, part.owner.label, "optimizer", "saved", steps)
            return


def is_model(part: SavedPart) -> bool:
    return part.what == "state" and part.owner.role == "module"


# ---- not taken out of what is read ------------------------------------------------------------------------


def not_restored(program: Program, run: Events, parts: list[Part]) -> Iterator[LostProgress]:
    """Optimizers and schedulers that begin anew where training goes on from a checkpoint."""
    restores = [found for found in run.states if isinstance(found, Restored)]
    back = {found.owner.address for found in restores}
    roles = {found.owner.role for found in restores}
    for found in restores:
        if found.source is None and not resumed_by_name(program, found):
            continue
        if is_undone(found):
            continue
        for part in parts:
            role = part.owner.role
            if not part.keeps or part.owner.address in back or role not in ("optimizer", "scheduler"):
                continue
            if part.is_renewed(found):
                continue
            if fast_forwards(program, run, part.owner):
                continue
            if role == "scheduler" and (found.owner.role != "optimizer" or "scheduler" in roles):
                continue  # another one, as for a fine-tuning that follows
            if role == "optimizer" and (
                found.owner.role != "module" or "optimizer" in roles or not goes_on(program, found)
            ):
                continue
            if not follows(program, run, found, part.first) or not is_trained(run, found.owner):
                continue
            steps = (
                *way(found.frames, Step(found.at, "training goes on from a checkpoint")),
                Step(part.first.at, f"`{part.owner.label}` goes on as if it were new"),
            )
            yield LostProgress(found.at, found.frames[-1].function, part.owner.label, role, "loaded", steps)


def is_undone(found: Restored) -> bool:
    """Whether the function that restores something takes back what a training has done."""
    return not words(found.frames[-1].function).isdisjoint(UNDOING)


def is_trained(run: Events, owner: Owner) -> bool:
    """Whether a model whose weights are restored is one of those that train, as far as these are seen."""
    trained = [event for event in run.forwards if event.trained]
    if owner.role != "module" or not trained:
        return True
    return any(not owner.family.isdisjoint((event.address, *event.family)) for event in trained)


def follows(program: Program, run: Events, one: Restored, other: Stepped) -> bool:
    """Whether a step is taken after something was restored, and not where nothing is."""
    if run.states.index(other) < run.states.index(one) and not one.loops:
        return False
    depth = shared_frames(one, other)
    if depth < 0:
        return True
    body = program.body(next(functions_of(program, one.frames[depth : depth + 1])))
    first, second = at_frame(one, depth)[0].span, at_frame(other, depth)[0].span
    return not is_other_branch(body, first, second) or (second < first and not in_branches(body, first, second))


def goes_on(program: Program, found: Restored) -> bool:
    """Whether the counting of epochs goes on too, or a name says that training is resumed."""
    symbol = next(functions_of(program, found.frames[-1:]))
    if resumed_by_name(program, found):
        return True
    site = site_at(program, symbol, found.call.span)
    if site is None or meant_partial(found, site):
        return False
    files = names_of_file(program, symbol, found)
    for statement in statements(program.body(symbol)):
        if isinstance(statement, f.Assign) and statement.value is not None and counts(statement.value, files):
            targets = frozenset[str]().union(*(words(code(target)) for target in statement.targets))
            if targets & COUNTERS and not targets & {"best"} and goes_anywhere(program, found, statement.targets):
                return True
    return False


def goes_anywhere(program: Program, found: Restored, targets: tuple[f.Expr, ...]) -> bool:
    """Whether a counter is used: not just returned to a caller who gives it a name and leaves it at that."""
    body = program.body(next(functions_of(program, found.frames[-1:])))
    names = [target.id for target in targets if isinstance(target, f.Name)]
    if len(names) < len(targets) or any(reads(without_returns(body), name) for name in names):
        return True
    if len(found.frames) < 2:
        return True
    called_at = found.frames[-1].called_at
    caller = program.body(next(functions_of(program, found.frames[-2:-1])))
    for statement in statements(caller):
        if not isinstance(statement, f.Assign) or called_at is None:
            continue
        if any(isinstance(node, f.Call) and node.span == called_at.span for node in within(statement.value)):
            given = [node.id for node in within(statement.targets) if isinstance(node, f.Name)]
            return any(reads(caller, name) for name in given)
    return False


def without_returns(body: f.Block) -> f.Block:
    """A function's statements but for those by which it ends."""
    return tuple(statement for statement in body if not isinstance(statement, f.Return))


def names_of_file(program: Program, symbol: FunctionSymbol, found: Restored) -> frozenset[f.Expr]:
    """What a function calls the file, or the dict in it, from which something is restored."""
    given = found.call.arguments[0].value if found.call.arguments else None
    known = {root(given)} if given is not None else set()
    loads = [
        (call.span, statement.targets)
        for statement in statements(program.body(symbol))
        if isinstance(statement, f.Assign)
        for call in within(statement.value)
        if isinstance(call, f.Call) and "load" in words(last_name(call.function))
    ]
    own = [targets for span, targets in loads if found.source == Place(symbol.path, span)]
    return frozenset(known).union(*(own or [targets for _, targets in loads]))


def counts(value: f.Expr, files: frozenset[f.Expr]) -> bool:
    """`checkpoint["epoch"]`, perhaps plus one."""
    return any(
        isinstance(node, f.Subscript)
        and root(node.value) in files
        and isinstance(node.key, f.Constant)
        and isinstance(node.key.value, str)
        and words(node.key.value) & COUNTERS
        for node in within(value)
    )


def resumed_by_name(program: Program, found: Restored) -> bool:
    """Whether the option, path or function that leads to a load is named for resuming."""
    symbol = next(functions_of(program, found.frames[-1:]))
    site = site_at(program, symbol, found.call.span)
    if site is None:
        return False
    said = frozenset[str]().union(*(names(guard) for guard in site.guards))
    said |= names(site.call.arguments[0].value) if site.call.arguments else frozenset()
    if said_nearby(program, found, site) is not None:
        return True
    return bool(said & RESUME) and not said_pretrained(program, symbol, site)


def said_pretrained(program: Program, symbol: FunctionSymbol, site: Site) -> bool:
    """Whether the branch of a restore says that its weights are such as others have trained."""
    return any(
        isinstance(statement, f.If)
        and site.guards[-1:] == (statement.test,)
        and any(names(call) & PRETRAINED for call in called(statement.body))
        for statement in statements(program.body(symbol))
    )


# ---- made anew --------------------------------------------------------------------------------------------


def remade(program: Program, run: Events) -> Iterator[LostProgress]:
    """Optimizers that get their state back and are then exchanged for new ones."""
    used = {found.owner.address: found.owner.label for found in run.states if isinstance(found, Stepped)}
    for number, found in enumerate(run.states):
        if not isinstance(found, Restored) or found.owner.role != "optimizer" or found.owner.address in used:
            continue
        if found.source is None:
            continue
        for later, other in enumerate(run.states[number + 1 :], number + 2):
            if not isinstance(other, Created) or not takes_place(found.owner, other.owner, used):
                continue
            if any(isinstance(one, Restored) and one.owner.role == "optimizer" for one in run.states[later:]):
                break  # the new one gets a state, too
            where = made_after(program, found, other)
            if where is not None:
                steps = (
                    Step(found.at, f"`{found.owner.label}` gets its state back here"),
                    *way(other.frames, Step(other.at, "another optimizer is made here, and that one takes the steps")),
                )
                yield LostProgress(*where, found.owner.label, "optimizer", "remade", steps)
                break


def takes_place(lost: Owner, new: Owner, used: Mapping[Address, str]) -> bool:
    """Whether a new optimizer steps under the name of another, as the code calls the two."""
    names = [re.split(r"[.\[]", label)[-1] for label in (lost.label, used.get(new.address, ""))]
    return new.role == "optimizer" and names[0] == names[1] != ""


def shared_frames(one: Restored, other: Created | Stepped) -> int:
    """The number of the innermost running function that two events share, -1 where there is none."""
    pairs = zip(one.frames, other.frames, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) - 1


def made_after(program: Program, found: Restored, other: Created) -> tuple[Place, str] | None:
    """Where the way to a new optimizer goes on after a restore, whatever branch that is in; None if it does not."""
    depth = shared_frames(found, other)
    if depth < 0:
        return None
    first, second = at_frame(found, depth), at_frame(other, depth)
    body = program.body(next(functions_of(program, found.frames[depth : depth + 1])))
    return None if is_other_branch(body, first[0].span, second[0].span) else second


def is_other_branch(body: f.Block, first: Span, second: Span) -> bool:
    """Whether the second of two places is not reached after the first: in another branch, or once that has returned."""
    return in_branches(body, first, second) or any(
        isinstance(statement, f.If)
        and any(covers(branch, first) and leaves(branch) for branch in (statement.body, statement.orelse))
        for statement in statements(body)
    )
