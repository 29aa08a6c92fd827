"""Whether a class of modules behaves differently in train and eval mode: read off its code and the tables."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from evallint.apis import UNKNOWN, Factory, FlaggedFunction, ModuleClass, ReturnsSelf
from evallint.facts import (
    Argument,
    Assign,
    Attribute,
    Block,
    Call,
    Choice,
    Constant,
    Define,
    Expr,
    For,
    Mapping,
    Name,
    Return,
    Subscript,
)
from evallint.link.settled import Values, bound, taken, value_of, values_in, values_kept
from evallint.memory import Memo, Memory
from evallint.program import (
    INSTALLED,
    MODULE,
    NOTHING,
    OWN_CODE,
    UNKNOWN_NATURE,
    ClassSymbol,
    External,
    FunctionSymbol,
    Given,
    Nature,
    Program,
    Symbol,
    VariableSymbol,
)
from evallint.walk import within

HARMLESS = Nature("no", statistics=False)

Locals: TypeAlias = dict[str, tuple[Expr, ...]]
"""What the names of a function's own may be: a parameter its default, a choice the names that it is made from."""


class ClassNatures:
    """Judges classes, each once."""

    def __init__(self, memory: Memory) -> None:
        # A class that holds itself adds nothing to itself.
        self._known: Memo[tuple[Symbol, Given], Nature] = memory.circles(lambda key: HARMLESS)

    def of(self, program: Program, symbol: Symbol | None, given: Given = NOTHING) -> Nature:
        """The nature of an instance of a class, or of what a function builds, called with these values."""
        if symbol is None:
            return UNKNOWN_NATURE
        return self._known.of((symbol, given), self._judge, program, symbol, given)

    def _judge(self, program: Program, symbol: Symbol, given: Given) -> Nature:
        if isinstance(symbol, External):
            return outside(program, symbol.name, (), {})
        if isinstance(symbol, FunctionSymbol):
            body = program.body(symbol)
            known = locals_of(program, symbol) | chosen_in(program, symbol, given)
            return total(self._parts(program, symbol.path, body, known, values=values_in(program, symbol, given)))
        if not isinstance(symbol, ClassSymbol):
            return UNKNOWN_NATURE
        return total(self._of_class(program, symbol, given))

    def _of_class(self, program: Program, symbol: ClassSymbol, given: Given) -> Iterator[Nature]:
        constructor = program.method(symbol, "__init__")
        lineage = program.lineage(symbol)
        own = [one for base in lineage if isinstance(base, ClassSymbol) for one in program.methods(base)]
        values = values_in(program, constructor, given) if constructor is not None else {}
        kept = values_kept(program, own, constructor, values) if constructor is not None else {}
        for base in lineage:
            if isinstance(base, External):
                if not is_of_python(base.name) and program.apis.canonical(base.name) != "torch.nn.Module":
                    yield self.of(program, base)
                continue
            if unseen_bases(program, base):
                yield UNKNOWN_NATURE
            called = called_attributes(program, base)
            for method in program.methods(base):
                body, known = program.body(method), locals_of(program, method)
                aside = lending(program, method) | unread(program, symbol, method, own, kept) | passing(program, method)
                if method == constructor:
                    known |= chosen_in(program, method, given)
                    known = {name: may_be for name, may_be in known.items() if (name, MODULE) not in given}
                settled = {**kept, **values} if method == constructor else kept
                yield from self._parts(program, base.path, body, known, called, settled, aside)

    def _parts(
        self,
        program: Program,
        path: str,
        block: Block,
        known: Locals,
        called: frozenset[str] = frozenset(),
        values: Values = MappingProxyType({}),
        aside: frozenset[int] = frozenset(),
    ) -> Iterator[Nature]:
        """What each call and each attribute in a block adds, branches that the values rule out left aside, and the
        calls that are `aside` by their identity."""
        for node in taken(block, values):
            if isinstance(node, Call):
                if id(node) not in aside and (not reads_file(program, path, node) or is_kept(node, block)):
                    yield self._of_call(program, path, node, known, values)
            elif isinstance(node, Define):
                within = FunctionSymbol(path, node.function)
                yield from self._parts(program, path, program.body(within), known | locals_of(program, within), called)
            elif isinstance(node, Attribute):
                if node.name == "training" and node.value == Name("self"):
                    yield Nature("yes", OWN_CODE, False)
            elif (
                isinstance(node, Assign)
                and isinstance(node.value, Name | Call)
                and any(is_called(target, called) for target in node.targets)
            ):
                yield self._of_held(program, path, node.value, known)

    def _of_call(self, program: Program, path: str, call: Call, known: Locals, values: Values) -> Nature:
        called = self._callees(program, path, call.function, known)
        if len(called) > 1:
            return total(self._of_callee(program, symbol, call, values) for symbol in called)
        return self._of_callee(program, called[0], call, values)

    def _of_callee(self, program: Program, symbol: Symbol | None, call: Call, values: Values) -> Nature:
        positional, keywords = constants(call, values)
        if isinstance(symbol, External):
            return outside(program, symbol.name, positional, keywords, builds=True)
        if isinstance(symbol, FunctionSymbol) or (isinstance(symbol, ClassSymbol) and program.is_module(symbol)):
            in_full = not any(argument.stars for argument in call.arguments)
            return self.of(program, symbol, bound(program, symbol, positional, keywords) if in_full else NOTHING)
        return HARMLESS

    def _of_held(self, program: Program, path: str, value: Expr, known: Locals) -> Nature:
        """An attribute that the class calls: unknown where its value is handed in or made out of sight."""
        if isinstance(value, Name):
            handed_in = value.id in known and known[value.id] in ((), (Constant(None),))
            return UNKNOWN_NATURE if handed_in else HARMLESS
        assert isinstance(value, Call)
        value = handed_on(program, value)
        called = self._callees(program, path, value.function, known)
        if any(symbol is None or isinstance(symbol, VariableSymbol) for symbol in called):
            # a function out of sight that is given a module most likely gives it back
            return (
                HARMLESS
                if any(self._builds(program, path, argument.value, known) for argument in value.arguments)
                else UNKNOWN_NATURE
            )
        unknown = (
            isinstance(symbol, External)
            and program.apis.of(symbol.name) is None
            and symbol.name.split(".")[0] not in ("torch", "math", "numpy", "functools")
            for symbol in called
        )
        return UNKNOWN_NATURE if any(unknown) else HARMLESS

    def _builds(self, program: Program, path: str, value: Expr, known: Locals) -> bool:
        """Whether an expression constructs a module that is judged for itself."""
        return isinstance(value, Call) and all(
            program.is_module(symbol) for symbol in self._callees(program, path, value.function, known)
        )

    def _callees(self, program: Program, path: str, function: Expr, known: Locals) -> tuple[Symbol | None, ...]:
        """What may be called: a name of the file, a parameter by its default, or one of several."""
        named = by_name(function)
        if named is not None:
            return (member_by_name(program, path, *named),)
        if isinstance(function, Subscript):
            return tuple(chosen_from(program, path, function, known)) or (None,)
        root: Expr = function
        while isinstance(root, Attribute):
            root = root.value
        if not isinstance(root, Name) or root.id not in known:
            return (program.resolve(path, function),)
        if function is not root or not known[root.id]:
            return (None,)
        return tuple(program.resolve(path, one) for one in known[root.id])


def handed_on(program: Program, value: Call) -> Call:
    """The call that made what methods of modules hand on: `nn.Linear(8, 8)` of `nn.Linear(8, 8).to(device)`."""
    while isinstance(value.function, Attribute) and isinstance(value.function.value, Call):
        if not isinstance(program.apis.method("torch.nn.Module", value.function.name), ReturnsSelf):
            break
        value = value.function.value
    return value


def by_name(function: Expr) -> tuple[Expr, Expr] | None:
    """The module and the name of `models.__dict__[name]` and `getattr(models, name)`."""
    match function:
        case Subscript(Attribute(owner, "__dict__"), key):
            return owner, key
        case Call(Name("getattr"), (Argument(owner), Argument(key), *_)):
            return owner, key
    return None


def member_by_name(program: Program, path: str, owner: Expr, key: Expr) -> Symbol | None:
    """What a module has under a name; for one that only a run tells, what stands for all that a library has."""
    found = program.resolve(path, owner)
    if found is not None and isinstance(key, Constant) and isinstance(key.value, str):
        return program.member(found, key.value)
    any_of = program.apis.any_of(found.name) if isinstance(found, External) else None
    return External(any_of) if any_of is not None else None


def chosen_from(program: Program, path: str, subscript: Subscript, known: Locals) -> Iterator[Symbol | None]:
    """What a dict of the file, of nothing but names, has under its keys: `NETS[name]`."""
    table = subscript.value
    found = program.resolve(path, table) if isinstance(table, Name) and table.id not in known else None
    if not isinstance(found, VariableSymbol):
        return
    block = program.body(FunctionSymbol(found.path, 0))
    given = [one.value for one in within(block) if isinstance(one, Assign) and Name(found.name) in one.targets]
    if len(given) == 1 and isinstance(given[0], Mapping):
        values = given[0].values
        if all(isinstance(value, Name | Attribute) for value in values):
            yield from (program.resolve(found.path, value) for value in values)


def outside(
    program: Program, name: str, positional: tuple[object, ...], keywords: dict[str, object], builds: bool = False
) -> Nature:
    """What a library's class or function adds when it is called with these constants."""
    meaning = program.apis.of(name)
    title = name.rpartition(".")[2]
    if isinstance(meaning, ModuleClass):
        if meaning.dependence.default == "children":
            return HARMLESS
        heeds = meaning.dependence.on(positional, keywords)
        if heeds is False:
            return HARMLESS
        if heeds is None and meaning.dependence.default == "unknown":
            return Nature("unknown", f"`{title}`")
        return Nature("yes", f"`{title}`", meaning.statistics, meaning.arguable)
    if isinstance(meaning, Factory):
        heeds = meaning.dependence.on(positional, keywords)
        if heeds is None:
            return Nature("unknown", f"`{title}`", meaning.statistics)
        return Nature("yes" if heeds else "no", f"`{title}`", meaning.statistics, meaning.arguable)
    if isinstance(meaning, FlaggedFunction):
        return HARMLESS if is_settled(meaning, positional, keywords) else Nature("yes", f"`{title}`", False)
    if meaning is None and not builds:
        return UNKNOWN_NATURE
    return HARMLESS


def is_settled(meaning: FlaggedFunction, positional: tuple[object, ...], keywords: dict[str, object]) -> bool:
    """Whether a call with these constants does the same whatever the mode of a module."""
    return is_off(meaning, positional, keywords) or always_on(meaning, positional, keywords)


def is_off(meaning: FlaggedFunction, positional: tuple[object, ...], keywords: dict[str, object]) -> bool:
    """Whether a call with these constants does nothing that training would: its flag is False, or its rate 0."""
    if meaning.training is not None and meaning.training.given(positional, keywords) is False:
        return True
    if meaning.rate is None:
        return False
    rate = meaning.rate.given(positional, keywords)
    return rate is not UNKNOWN and isinstance(rate, int | float) and rate == 0


def always_on(meaning: FlaggedFunction, positional: tuple[object, ...], keywords: dict[str, object]) -> bool:
    """Whether a call says itself that it does as in training, whatever the mode of a module."""
    return meaning.training is not None and meaning.training.given(positional, keywords) is True


def total(parts: Iterator[Nature]) -> Nature:
    """The nature of a whole: a layer that heeds the mode decides before what is unknown, the class's own code last."""
    decides: dict[tuple[str, bool, bool], Nature] = {}
    statistics, unsure = False, False
    for part in parts:
        statistics = statistics or bool(part.statistics)
        unsure = unsure or part.statistics is None
        decides.setdefault((part.heeds, part.by_own_code, part.arguable), part)
    layer, own, unknown = (decides.get((*key, False)) for key in (("yes", False), ("yes", True), ("unknown", False)))
    arguable = decides.get(("yes", False, True))
    known: Literal["yes", "no", "unknown"] = (
        "yes" if layer or arguable else "unknown" if unknown else "yes" if own else "no"
    )
    because = next((part.because for part in (layer, arguable, unknown, own) if part is not None), "")
    moves = True if statistics else None if unsure else False
    return Nature(known, because, moves, arguable is not None and layer is None)


def constants(call: Call, values: Values = MappingProxyType({})) -> tuple[tuple[object, ...], dict[str, object]]:
    """A call's arguments as the tables take them; what is neither a constant nor known to be one is UNKNOWN."""
    positional: list[object] = []
    keywords: dict[str, object] = {}
    for argument in call.arguments:
        value = value_of(argument.value, values)
        if argument.stars:
            return (UNKNOWN,) * 12, keywords
        if argument.keyword:
            keywords[argument.keyword] = value
        else:
            positional.append(value)
    return tuple(positional), keywords


def locals_of(program: Program, symbol: FunctionSymbol) -> Locals:
    """A function's parameters, by their defaults."""
    parameters = program.function(symbol).parameters
    return {one.name: (one.default,) if one.default is not None else () for one in parameters}


def chosen_in(program: Program, symbol: FunctionSymbol, given: Given) -> Locals:
    """The names that a function binds to nothing but names, of classes or factories that it chooses from: parameters
    only where they are given as None, for the function to choose."""
    parameters = locals_of(program, symbol).keys()
    found: dict[str, list[Expr]] = {}
    others = set(parameters - {name for name, value in given if value is None})
    for node in within(program.body(symbol)):
        if isinstance(node, For):
            others |= {part.id for part in within(node.target) if isinstance(part, Name)}
        elif isinstance(node, Assign):
            value = alternatives(node.value)
            for target in node.targets:
                if isinstance(target, Name) and value:
                    found.setdefault(target.id, []).extend(value)
                else:
                    others |= {part.id for part in within(target) if isinstance(part, Name)}
    own = {Name(name) for name in (*parameters, *found, *others)}
    return {name: tuple(values) for name, values in found.items() if name not in others and own.isdisjoint(values)}


def alternatives(value: Expr | None) -> tuple[Expr, ...]:
    """The names that a value may be: one, or those of a conditional expression; empty for other values."""
    if isinstance(value, Choice):
        body, orelse = alternatives(value.body), alternatives(value.orelse)
        return (*body, *orelse) if body and orelse else ()
    return (value,) if isinstance(value, Name | Attribute) else ()


def reads_file(program: Program, path: str, call: Call) -> bool:
    """Whether a call reads what may be a module, and is a state much more often."""
    symbol = program.resolve(path, call.function)
    meaning = program.apis.of(symbol.name) if isinstance(symbol, External) else None
    return isinstance(meaning, Factory) and meaning.mode == "unknown"


def is_kept(call: Call, block: Block) -> bool:
    """Whether what a call gives becomes an attribute of self, or is returned."""
    return any(
        node.value is call and (isinstance(node, Return) or any(map(is_of_self, node.targets)))
        for node in within(block)
        if isinstance(node, Assign | Return)
    )


def is_of_self(target: object) -> bool:
    return isinstance(target, Attribute) and target.value == Name("self")


LENDING = frozenset("state_dict load_state_dict parameters named_parameters".split())
"""Methods of a module that give or take weights, and nothing else."""


def lending(program: Program, method: FunctionSymbol) -> frozenset[int]:
    """The calls, by identity, that build what a method takes nothing of but weights, a state, or parts that do not heed
    the mode: it is no part of anything."""
    built: dict[str, list[Call]] = {}
    named = Counter[str]()
    lent: dict[str, Counter[str]] = {}
    found: list[Call] = []
    for node in within(program.body(method)):
        if isinstance(node, Name):
            named[node.id] += 1
        elif isinstance(node, Attribute) and isinstance(node.value, Name):
            lent.setdefault(node.value.id, Counter())[node.name] += 1
        elif isinstance(node, Attribute) and isinstance(node.value, Call):
            if node.name in lent_by(program, method, node.value):
                found.append(node.value)
        elif isinstance(node, Assign) and isinstance(node.value, Call):
            for target in node.targets:
                if isinstance(target, Name):
                    built.setdefault(target.id, []).append(node.value)
    for name, calls in built.items():
        parts = frozenset[str].intersection(*(lent_by(program, method, call) for call in calls)) if name in lent else ()
        if named[name] == sum(lent[name][part] for part in parts) + len(calls):
            found += calls
    return frozenset(map(id, found))


def lent_by(program: Program, method: FunctionSymbol, call: Call) -> frozenset[str]:
    """What may be taken of what a call builds without any of it heeding the mode."""
    symbol = program.resolve(method.path, call.function)
    meaning = program.apis.of(symbol.name) if isinstance(symbol, External) else None
    return LENDING.union(meaning.deaf) if isinstance(meaning, Factory) else LENDING


ENUMERATING = frozenset(
    "children named_children modules named_modules _modules __dict__ getattr vars add_module register_module".split()
)
"""What a class mentions that comes by its parts without naming them."""


def passing(program: Program, method: FunctionSymbol) -> frozenset[int]:
    """The calls, by identity, that build a layer in each forward anew, for that alone: it hears no `eval()`."""
    if program.function(method).name != "forward":
        return frozenset()
    found, kept = set[int](), set[int]()
    for node in within(program.body(method)):
        if isinstance(node, Call) and program.is_module(program.resolve(method.path, node.function)):
            found.add(id(node))
        elif isinstance(node, Assign) and any(isinstance(one, Attribute | Subscript) for one in node.targets):
            kept.update(id(call) for call in within(node.value) if isinstance(call, Call))
    return frozenset(found - kept)


def unread(
    program: Program, symbol: ClassSymbol, method: FunctionSymbol, own: Sequence[FunctionSymbol], kept: Values
) -> frozenset[int]:
    """The calls, by identity, that build an attribute which no code in sight reads, or none that runs where attributes
    of self are what is kept: such a layer never runs."""
    if any(one.path.startswith(INSTALLED) for one in own):
        return frozenset()  # who reads what in installed packages is not in sight
    mentioned = [program.function(one).mentions for one in own]
    if program.method(symbol, "forward") is None or any(not ENUMERATING.isdisjoint(names) for names in mentioned):
        return frozenset()
    found: set[int] = set()
    for node in within(program.body(method)):
        if not isinstance(node, Assign) or len(node.targets) != 1 or not isinstance(node.value, Call):
            continue
        target = node.targets[0]
        if isinstance(target, Attribute) and is_of_self(target) and not is_read(program, target.name, own, kept):
            found.update(id(call) for call in within(node) if isinstance(call, Call))
    return frozenset(found)


def is_read(program: Program, name: str, own: Sequence[FunctionSymbol], kept: Values) -> bool:
    """Whether any code reads an attribute of this name: that of a class's own methods but where its attributes rule it
    out, that of other classes' but from their own self."""
    for user in program.users(name):
        mine = user in own
        read = reads_among(taken(program.body(user), kept)) if mine and kept else program.once(reads, user)
        if name in (read.anywhere if mine or program.class_of(user) is None else read.but_of_self):
            return True
    return False


class Reads(NamedTuple):
    """The names of attributes that code reads, and those that it reads of anything but its own self."""

    anywhere: frozenset[str]
    but_of_self: frozenset[str]


def reads(program: Program, symbol: FunctionSymbol) -> Reads:
    """What a function reads."""
    return reads_among(within(program.body(symbol)))


def reads_among(nodes: Iterable[object]) -> Reads:
    """What is read, other than written, more often than it is written; words that are quoted may be such a name."""
    anywhere, of_self = Counter[str](), Counter[str]()
    for node in nodes:
        if isinstance(node, Attribute):
            anywhere[node.name] += 1
            of_self[node.name] += is_of_self(node)
        elif isinstance(node, Constant) and isinstance(node.value, str):
            anywhere[node.value] += 1
        elif isinstance(node, Assign):
            for target in node.targets:
                if isinstance(target, Attribute):
                    anywhere[target.name] -= 1
                    of_self[target.name] -= is_of_self(target)
    return Reads(frozenset(+anywhere), frozenset(name for name, times in anywhere.items() if times > of_self[name]))


def called_attributes(program: Program, symbol: ClassSymbol) -> frozenset[str]:
    """The attributes of self that the class's methods call."""
    return frozenset(
        node.function.name
        for method in program.methods(symbol)
        for node in within(program.body(method))
        if isinstance(node, Call) and isinstance(node.function, Attribute) and node.function.value == Name("self")
    )


def is_called(target: Expr, called: frozenset[str]) -> bool:
    return isinstance(target, Attribute) and is_of_self(target) and target.name in called


def is_of_python(name: str) -> bool:
    """Whether a class is Python's own: `abc.ABC`, `typing.Generic`."""
    return name.partition(".")[0] in sys.stdlib_module_names


def unseen_bases(program: Program, symbol: ClassSymbol) -> bool:
    """Whether a base of the class could not be resolved."""
    return None in program.bases(symbol)
