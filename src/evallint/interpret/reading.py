"""What the code of a function says of itself before it is run: its tests, its names, and what loops assign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from evallint import facts as f
from evallint.facts import Block, Expr, Stmt
from evallint.interpret import library
from evallint.interpret.render import code
from evallint.walk import within


@dataclass(frozen=True, slots=True)
class Tests:
    """What a function asks: the texts it tests more than once, the names it uses otherwise than as a flag, and by what
    is compared with different constants the texts of these comparisons."""

    repeated: frozenset[str]
    used: frozenset[str]
    equal: Mapping[str, frozenset[str]] = field(default_factory=dict)


NO_TESTS = Tests(frozenset(), frozenset())


def is_switch(statement: f.Stmt) -> bool:
    """Whether a statement is nothing but a call of `train` or `eval`."""
    match statement:
        case f.Evaluate(f.Call(f.Attribute(_, "train" | "eval"))):
            return True
    return False


def is_short(iterable: Expr) -> bool:
    """Whether a loop goes over `range(n)` for a small number."""
    match iterable:
        case f.Call(f.Name("range"), (f.Argument(f.Constant(int() as count)),)):
            return count <= SHORT
    return False


SHORT = 16


def asked(test: Expr) -> Iterator[str]:
    """The texts of the plain tests that a test is made of."""
    for one in conditions(test):
        if not isinstance(one, f.Constant):
            yield code(one)
            if isinstance(one, f.Comparison) and isinstance(one.left, f.Name | f.Attribute | f.Subscript):
                yield code(one.left) + " =="


def last_name(expression: Expr) -> str:
    """`c` of `a.b.c`, "" of what is no dotted name's end."""
    if isinstance(expression, f.Attribute):
        return expression.name
    return expression.id if isinstance(expression, f.Name) else ""


def argument(call: f.Call, keyword: str, position: int | None) -> Expr | None:
    """What a call gives for a parameter, None where it gives nothing, or hides it in a `*part`."""
    for given in call.arguments:
        if given.keyword == keyword:
            return given.value
    plain = [given for given in call.arguments if not given.keyword]
    if position is None or position >= len(plain) or any(given.stars for given in plain[: position + 1]):
        return None
    return plain[position].value


def conditions(test: Expr) -> Iterator[Expr]:
    """The tests that `and`, `or` and `not` put together."""
    if isinstance(test, f.Unary) and test.operator == "not":
        yield from conditions(test.operand)
    elif isinstance(test, f.Logic):
        yield from conditions(test.left)
        yield from conditions(test.right)
    else:
        yield test


def comparisons(test: Expr) -> Iterator[f.Comparison]:
    """The comparisons with constants that a test is made of."""
    if isinstance(test, f.Unary):
        yield from comparisons(test.operand)
    elif isinstance(test, f.Logic):
        yield from comparisons(test.left)
        yield from comparisons(test.right)
    elif isinstance(test, f.Comparison) and is_with_constant(test):
        yield test


def is_with_constant(test: f.Comparison) -> bool:
    """`name == "constant"`"""
    return test.operator == "==" and isinstance(test.right, f.Constant)


def is_among_constants(test: f.Comparison) -> bool:
    """`name in ("one", "other")`"""
    return (
        test.operator == "in"
        and isinstance(test.right, f.Collection)
        and all(isinstance(one, f.Constant) for one in test.right.items)
    )


def tests_in(body: Block, weighty: Callable[[str], bool]) -> Tests:
    """What a function's own code tests, and how it uses its names. A test is worth repeating only where something of
    weight, a mode or a gradient, hangs on it."""
    tests: list[f.If] = []
    others: list[Expr] = []
    used: set[str] = set()
    for node in within(body):
        if node.__class__ not in TELLING:
            continue
        match node:
            case f.Attribute(f.Name(name)) | f.Subscript(f.Name(name)) | f.Call(f.Name(name)) | f.For(_, f.Name(name)):
                used.add(name)
            case f.If():
                tests.append(node)
            case f.While(test) | f.Choice(test) | f.Assert(test):
                others.append(test)
            case f.Argument(value) if isinstance(value, f.Comparison | f.Name | f.Unary | f.Attribute):
                others.append(value)
    matters = {text for test in tests if has_weight(test, weighty) for text in asked(test.test)}
    if not matters:
        return Tests(frozenset(), frozenset(used))
    every = [*(one.test for one in tests), *others]
    counts = Counter(text for test in every for text in asked(test))
    equal: dict[str, set[str]] = {}
    for test in every:
        for comparison in comparisons(test):
            equal.setdefault(code(comparison.left), set()).add(code(comparison))
    return Tests(
        frozenset(text for text in matters if counts[text] > 1),
        frozenset(used),
        {left: frozenset(texts) for left, texts in equal.items() if len(texts) > 1},
    )


TELLING = frozenset((f.Attribute, f.Subscript, f.Call, f.For, f.If, f.While, f.Choice, f.Assert, f.Argument))


def has_weight(statement: f.If, weighty: Callable[[str], bool]) -> bool:
    return any(weighty(name) for name in called_in((statement.body, statement.orelse)))


def called_in(root: object) -> Iterator[str]:
    """The last names of everything called in a fact."""
    for node in within(root):
        if isinstance(node, f.Call):
            function = node.function
            if isinstance(function, f.Attribute):
                yield function.name
            elif isinstance(function, f.Name):
                yield function.id


def gone_over(iterable: Expr) -> Expr:
    """`loader` of `tqdm(enumerate(loader))`."""
    while isinstance(iterable, f.Call) and iterable.arguments and not iterable.arguments[0].stars:
        last = last_name(iterable.function)
        if last not in ("enumerate", "iter", "list") and not library.is_transparent(last):
            break
        iterable = iterable.arguments[0].value
    return iterable


def names_in(expression: Expr) -> Iterator[str]:
    """The names an expression is read through: `val_loader` in `tqdm(enumerate(self.val_loader))`."""
    match expression:
        case f.Name(name):
            yield name
        case f.Attribute(value, name):
            yield name
            yield from names_in(value)
        case f.Subscript(value, index):
            if isinstance(index, f.Constant) and isinstance(index.value, str):
                yield index.value
            yield from names_in(value)
        case f.Call(function, arguments):
            if isinstance(function, f.Attribute):
                yield function.name
                yield from names_in(function.value)
            for argument in arguments[:2]:
                yield from names_in(argument.value)


def bound_names(statement: f.Assign) -> set[str]:
    found: set[str] = set()
    todo = list(statement.targets)
    while todo:
        target = todo.pop()
        if isinstance(target, f.Name):
            found.add(target.id)
        elif isinstance(target, f.Collection):
            todo.extend(target.items)
    return found


def is_method_call(statement: Stmt, name: str) -> bool:
    """`name.part.method(…)` as a statement."""
    if not isinstance(statement, f.Evaluate) or not isinstance(statement.value, f.Call):
        return False
    owner = statement.value.function
    if not isinstance(owner, f.Attribute):
        return False
    while isinstance(owner, f.Attribute):
        owner = owner.value
    return isinstance(owner, f.Name) and owner.id == name


def handed_on(statement: Stmt) -> set[str]:
    """The variables in a call as a statement, or in what a loop goes over."""
    if isinstance(statement, f.For):
        statement = f.Evaluate(statement.iterable, statement.span)
    if not isinstance(statement, f.Evaluate):
        return set()
    return {node.id for node in within(statement) if isinstance(node, f.Name)}


@lru_cache(maxsize=4096)
def reset_in(body: Block) -> frozenset[str]:
    """What the statements of a loop's body assign anew in every pass, or rid of its graph: `state.detach_()`."""
    found: set[str] = set()
    for statement in straight(body):
        if isinstance(statement, f.Evaluate) and isinstance(statement.value, f.Call):
            function = statement.value.function
            if isinstance(function, f.Attribute) and function.name == "detach_":
                found.add(code(function.value))
        if isinstance(statement, f.Assign) and statement.value is not None:
            for target in statement.targets:
                texts = map(code, target.items) if isinstance(target, f.Collection) else (code(target),)
                found.update(text for text in texts if not reads(statement.value, text))
        elif isinstance(statement, f.For):
            found.update(begun_in(statement))
        elif isinstance(statement, f.If):
            others = (statement.orelse, tuple(one for one in body if one is not statement))
            found.update(reset_in(statement.body) - grown_in(others))
    return frozenset(found)


def begun_in(loop: f.For) -> Iterator[str]:
    """What a loop over the keys of something begins anew: `for name in names: sums[name] = 0`."""
    for statement in straight(loop.body):
        if isinstance(statement, f.Assign) and isinstance(statement.value, f.Constant):
            for target in statement.targets:
                if isinstance(target, f.Subscript) and target.key == loop.target:
                    yield code(target.value)


@lru_cache(maxsize=4096)
def own_calls(body: Block) -> tuple[str, ...]:
    """The methods of `self` that are called, as statements of their own, whenever a block is reached."""
    found = []
    for statement in straight(body):
        match statement:
            case f.Evaluate(f.Call(f.Attribute(f.Name("self"), name))):
                found.append(name)
    return tuple(found)


def grown_in(blocks: tuple[Block, ...]) -> set[str]:
    """The names that code adds to, or calls a method of."""
    found = set()
    for node in chain.from_iterable(map(within, blocks)):
        match node:
            case f.Augment(target=target):
                found.add(code(target))
            case f.Call(function=f.Attribute(value=owner)):
                found.add(code(owner))
    return found


def straight(block: Block) -> Iterator[Stmt]:
    """The statements of a block that are reached whenever it is."""
    for statement in block:
        yield statement
        if isinstance(statement, f.With):
            yield from straight(statement.body)


def reads(expression: Expr, text: str) -> bool:
    """Whether a sum, product or the like has this among its parts."""
    if isinstance(expression, f.Operation):
        return reads(expression.left, text) or reads(expression.right, text)
    return code(expression) == text


def adds(expression: Expr, text: str) -> bool:
    """Whether an expression is a sum with this in one of its terms, and more than a number in another: `0.9 * total +
    loss`, not `loss * mask` or `1 - mask`."""
    parts = list(terms(expression))
    return any(reads(part, text) for part in parts) and any(
        not reads(part, text) and not isinstance(part, f.Constant) for part in parts
    )


def terms(expression: Expr) -> Iterator[Expr]:
    if isinstance(expression, f.Operation) and expression.operator in "+-":
        yield from terms(expression.left)
        yield from terms(expression.right)
    else:
        yield expression


def is_target(name: str, expression: f.Comprehension) -> bool:
    return any(
        isinstance(part, f.Name) and part.id == name
        for clause in expression.clauses
        for part in (clause.target.items if isinstance(clause.target, f.Collection) else (clause.target,))
    )


def flat(block: Block) -> Iterator[Stmt]:
    """The statements of a file's own code, those under `if`, `try` and `with` included."""
    for statement in block:
        yield statement
        match statement:
            case f.If(_, body, orelse):
                yield from flat(orelse)
                yield from flat(body)
            case f.Try(body, handlers, orelse, final):
                for handler in handlers:
                    yield from flat(handler.body)
                yield from flat(body)
                yield from flat(orelse)
                yield from flat(final)
            case f.With(_, body) | f.While(_, body) | f.For(_, _, body):
                yield from flat(body)
