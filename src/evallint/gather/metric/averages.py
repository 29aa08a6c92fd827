"""Averages over the batches of an evaluation that are not what the data give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from evallint.findings import Step
from evallint.gather.metric.ledger import Entry, Ledger, Seen, named_losses
from evallint.gather.metric.passes import Loop, Pass, entered, loops_over_batches
from evallint.gather.metric.rests import Built, Rests, built_in
from evallint.gather.metric.weighing import weighing
from evallint.gather.modes.training import around
from evallint.interpret.reading import gone_over
from evallint.interpret.render import code
from evallint.interpret.roles import use_of
from evallint.memory import Latest, Memo
from evallint.program import FunctionSymbol, Program
from evallint.project import Averaged


class Averages:
    """Follows the functions that evaluate, each once for as long as nothing changes that it meets."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._seen = Seen(program.memory)
        self._ledger = Ledger(program, self._seen)
        self._entries: Memo[FunctionSymbol, tuple[Entry, ...]] = program.memory.memo()
        self._latest = Latest(program.memory)

    def wrong(self, passes: Mapping[int, Pass]) -> tuple[Averaged, ...]:
        """Every average of an evaluation that a smaller last batch, or the metric itself, makes wrong."""
        program = self._program
        self._seen.renew(passes, named_losses(program))
        worth = worth_following(program, passes, loops_over_batches(program).values())
        entries = tuple(entry for one in worth for entry in self._follow(one))
        return self._latest.of(averaged, program, tuple(program.each(built_in)), tuple(passes.values()), entries)

    def _follow(self, symbol: FunctionSymbol) -> tuple[Entry, ...]:
        return self._entries.of(symbol, self._ledger.follow, symbol)


def averaged(
    program: Program, built: Iterable[Built], every: Iterable[Pass], entries: Iterable[Entry]
) -> Iterator[Averaged]:
    rests, passes = Rests(program, built), {id(found.loop.statement): found for found in every}
    scaled: set[int] = set()
    for entry in entries:
        found = passes.get(entry.loop)
        if entry.how == "scaled" and entry.loop in scaled:
            continue  # one division is told; those beside it in the same loop are made alike
        if entry.how == "other loader":
            yield of_other_loader(program, entry)
        elif found is not None:
            told = tuple(of_batches(program, entry, found, rests))
            scaled |= {entry.loop} if told and entry.how == "scaled" else set()
            yield from told


def worth_following(program: Program, passes: Mapping[int, Pass], loops: Iterable[Loop]) -> tuple[FunctionSymbol, ...]:
    """The functions with an evaluation in them, by what is run or by its name, and those that call them."""
    own = {found.loop.symbol for found in passes.values()}
    own |= {loop.symbol for loop in loops if use_of(code(gone_over(loop.statement.iterable))) == "eval"}
    names = {program.function(symbol).name for symbol in own} - {"<module>"}
    callers = {user for name in names for user in program.users(name)}
    return tuple(sorted(own | callers, key=lambda symbol: (symbol.path, symbol.index)))


def of_batches(program: Program, entry: Entry, found: Pass, rests: Rests) -> Iterator[Averaged]:
    rest, steps = rests.of(found)
    if rest == "single" or (rest != "may be" and entry.how not in ("scaled", "samples")):
        return
    if rest == "unknown" and entry.how == "samples":
        return  # batches may be of one sample
    last = Step(entry.at, "the average over its batches is made here")
    yield Averaged(
        entry.at,
        around(program, entry.at),
        entry.text,
        entry.how,
        entry.loader,
        "",
        (*steps, entered(found), last),
        weighing(program, entry, found),
    )


def of_other_loader(program: Program, entry: Entry) -> Averaged:
    last = Step(entry.at, f"what was added up over `{entry.loader}` is divided by the length of `{entry.other}`")
    return Averaged(entry.at, around(program, entry.at), entry.text, "other loader", entry.loader, entry.other, (last,))
