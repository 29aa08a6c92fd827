"""Whether the last batch of an evaluation can be smaller than the others: how its loader is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evallint import facts as f
from evallint.apis import Argument, Loader
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, functions, statements
from evallint.gather.code.spread import spelled_out
from evallint.gather.metric.passes import Pass
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.interpret.roles import TRAINING, use_of, words
from evallint.program import External, FunctionSymbol, Program, VariableSymbol


@dataclass(frozen=True, slots=True)
class Built:
    """A call that builds a loader. `use`: what the names around it say its data are for.

    `batches`: "of many", "of one" sample, or "one" of all data; None where its size is not known at all.
    `keeps`: whether a smaller last batch is kept; None where that is not known.
    """

    at: Place
    use: Literal["train", "eval"] | None
    keeps: bool | None
    batches: Literal["of many", "of one", "one"] | None


def built_in(program: Program, path: str) -> Iterator[Built]:
    return Rests(program).built_in(path)


Rest: TypeAlias = Literal["may be", "none", "many", "single", "unknown"]
LIKE_ALL = "like all loaders for evaluation here, this one"


def judged(known: list[Built], followed: bool, path: str, says: str) -> tuple[Rest, tuple[Step, ...]]:
    """What loaders tell of the last batch, all of them or, if they were `followed`, any. `path`: where it is asked."""
    if not known:
        return "unknown", ()
    if any(one.batches in ("of one", "one") for one in known):
        return "single", ()
    if any(one.batches is None for one in known):
        return "unknown", ()
    if followed and any(one.keeps for one in known):
        known = [one for one in known if one.keeps]
    if any(one.keeps is not True for one in known):
        return "none" if all(one.keeps is False for one in known) else "many", ()
    near = sorted(known, key=lambda one: (one.at.path != path, one.use != "eval"))
    return "may be", (Step(near[0].at, f"{says} keeps a last batch that is smaller than the others"),)


@dataclass
class Rests:
    """Answers for every pass. The loaders of a pass that were not followed may be any that are not for training.

    `built`: all loaders, None to look for them where it is asked.
    """

    program: Program
    built: Iterable[Built] | None = None
    _built: dict[Place, Built] = field(default_factory=dict)
    _read: bool = False

    def of(self, found: Pass) -> tuple[Rest, tuple[Step, ...]]:
        """Whether there may be a smaller last batch, and the step that shows it.

        "single": batches have one sample; "many": they have several, and nobody knows of the last.
        """
        self._read_all()
        if found.loaders and found.followed:
            known = [self._built[place] for place in sorted(found.loaders) if place in self._built]
            if len(known) < len(found.loaders):
                return "unknown", ()
        else:
            known = self._for_evaluation()
        says = "the loader" if found.loaders and found.followed else LIKE_ALL
        return judged(known, found.followed, found.loop.symbol.path, says)

    def for_evaluation(self, path: str) -> tuple[Rest, tuple[Step, ...]]:
        """The same of a loader out of sight, which is like all those for evaluation."""
        self._read_all()
        return judged(self._for_evaluation(), False, path, LIKE_ALL)

    def _for_evaluation(self) -> list[Built]:
        return [one for one in self._built.values() if one.use != "train"] or list(self._built.values())

    def _read_all(self) -> None:
        if self._read:
            return
        self._read = True
        every = self.program.each(built_in) if self.built is None else self.built
        self._built.update((one.at, one) for one in every)

    def built_in(self, path: str) -> Iterator[Built]:
        """The calls of a file that build loaders."""
        for symbol in functions(self.program, path):
            names = assigned_names(self.program.body(symbol))
            for call in called(self.program.body(symbol)):
                meaning = self._loader(symbol, call)
                if meaning is not None:
                    full = spelled_out(self.program, symbol, call)
                    yield self._one(symbol, full, meaning, names.get(id(call), ""))

    def _loader(self, symbol: FunctionSymbol, call: f.Call) -> Loader | None:
        resolved = self.program.resolve(symbol.path, call.function)
        meaning = self.program.apis.data(resolved.name) if isinstance(resolved, External) else None
        return meaning if isinstance(meaning, Loader) else None

    def _one(self, symbol: FunctionSymbol, call: f.Call, meaning: Loader, name: str) -> Built:
        at = Place(symbol.path, call.span)
        data = given(call, meaning.dataset)
        use = use_of(name) or use_of(code(data)) or use_of(self.program.function(symbol).name)
        if use is None and given(call, meaning.shuffle) == f.Constant(True):
            use = "train"
        return Built(at, use, self._keeps(call, meaning, use), self._batches(symbol, call, meaning))

    def _keeps(self, call: f.Call, meaning: Loader, use: str | None) -> bool | None:
        if given(call, meaning.batch_sampler) is not None:
            return None
        flag = given(call, meaning.drop_last)
        if flag is None:
            return None if any(one.stars for one in call.arguments) else True
        if isinstance(flag, f.Constant):
            return not flag.value
        if use != "train" and asks_for_training(flag):
            return True  # `drop_last=is_train`
        return None

    def _batches(
        self, symbol: FunctionSymbol, call: f.Call, meaning: Loader
    ) -> Literal["of many", "of one", "one"] | None:
        size = given(call, meaning.batch_size)
        if size is None:
            spread = any(one.stars for one in call.arguments) or given(call, meaning.batch_sampler) is not None
            return None if spread else "of one"
        constant = self._constant(symbol, size)
        if constant == 1:
            return "of one"
        whole = isinstance(size, f.Call) and last_name(size.function) == "len"
        return "one" if whole or ".shape[0]" in code(size) else "of many"

    def _constant(self, symbol: FunctionSymbol, expression: Expr) -> object:
        """The number that an expression is, or is unless somebody says otherwise."""
        if isinstance(expression, f.Constant):
            return expression.value
        name = last_name(expression)
        if isinstance(expression, f.Name):
            for position, parameter in enumerate(self.program.function(symbol).parameters):
                if parameter.name == name and isinstance(parameter.default, f.Constant):
                    return parameter.default.value
                if parameter.name == name and (number := self._from_callers(symbol, name, position)) is not None:
                    return number
            if (number := alike(values_of(self.program.body(symbol), name))) is not None:
                return number
        variable = self.program.resolve(symbol.path, expression)
        if isinstance(variable, VariableSymbol):
            number = alike(values_of(self.program.files[variable.path].bodies[0], variable.name))
            if number is not None:
                return number
        return self._option(name)

    def _from_callers(self, symbol: FunctionSymbol, name: str, position: int) -> object:
        """The number that every call of a function gives it for a parameter, None where they differ or don't tell."""
        given_by = [
            argument(call, name, position)
            for one in self.program.users(self.program.function(symbol).name)
            for call in called(self.program.body(one))
            if self.program.resolve(one.path, call.function) == symbol
        ]
        numbers = {one.value if isinstance(one, f.Constant) else None for one in given_by}
        return numbers.pop() if len(numbers) == 1 else None

    def _option(self, name: str) -> object:
        """The default of a command line's option, where the program has one of this name."""
        defaults = [
            option.value
            for symbol in self.program.users("add_argument")
            for call in called(self.program.body(symbol))
            if last_name(call.function) == "add_argument" and names_option(call, name)
            if isinstance(option := argument(call, "default", None), f.Constant)
        ]
        return defaults[0] if len(set(defaults)) == 1 else None


def alike(values: list[Expr]) -> object:
    """The one number that values are, None where they are others, or none."""
    numbers = {one.value if isinstance(one, f.Constant) else None for one in values}
    return numbers.pop() if len(numbers) == 1 else None


def given(call: f.Call, wanted: Argument | None) -> Expr | None:
    return argument(call, wanted.keyword, wanted.position) if wanted is not None else None


def names_option(call: f.Call, name: str) -> bool:
    """Whether `add_argument("--batch-size", …)` gives `args.batch_size`."""
    return any(
        isinstance(one.value, f.Constant)
        and isinstance(one.value.value, str)
        and one.value.value.lstrip("-").replace("-", "_") == name
        for one in call.arguments
        if not one.keyword
    )


def asks_for_training(flag: Expr) -> bool:
    """Whether a flag is true in training only: `is_train`, `split == "train"`."""
    if isinstance(flag, f.Comparison):
        return flag.operator == "==" and any(
            isinstance(side, f.Constant) and isinstance(side.value, str) and bool(words(side.value) & TRAINING)
            for side in (flag.left, flag.right)
        )
    return isinstance(flag, f.Name | f.Attribute) and bool(words(last_name(flag)) & TRAINING)


def assigned_names(block: Block) -> dict[int, str]:
    """The names that calls' results get, by the identity of the call."""
    found = {}
    for statement in statements(block):
        if isinstance(statement, f.Assign) and statement.value is not None:
            name = code(statement.targets[0])
            for call in called((statement,)):
                found[id(call)] = name
    return found


def values_of(block: Block, name: str) -> list[Expr]:
    """What a block assigns to a name."""
    return [
        statement.value
        for statement in statements(block)
        if isinstance(statement, f.Assign) and statement.value is not None and f.Name(name) in statement.targets
    ]
