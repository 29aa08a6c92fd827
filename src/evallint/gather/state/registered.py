"""What a class of modules registers, and what it holds beside that: tensors that are not saved, or do not move."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evallint import facts as f
from evallint.apis import TensorSource
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.running import FORWARD, Running
from evallint.gather.code.sites import called, module_classes, of_self, own_parts, reached, statements
from evallint.interpret.reading import argument, last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import LostBuffer, PlainTensor
from evallint.walk import within

Contents: TypeAlias = Literal["random", "constant", "data", "scalar"]

Kind: TypeAlias = Literal["raw", "moved", "asked", "index"]

MOVING = frozenset("to cuda cpu type type_as expand_as new new_tensor new_zeros new_ones".split())
"""Methods by which a tensor, or what is made of it, gets where it is needed."""

ASKING = frozenset("shape size dim ndim numel item tolist device dtype numpy is_cuda requires_grad names".split())
"""What may be asked of a tensor wherever it is."""

BLENDING = frozenset("mul_ add_ lerp_ div_ sub_ addcmul_ copy_ index_add_ scatter_add_".split())
"""Methods that change a tensor by something new."""

REDUCING = frozenset("sum mean max min prod norm std var item numel".split())
SEEDING = frozenset("manual_seed seed_everything seed Generator RandomState default_rng set_seed".split())
OVERRIDES = frozenset("_apply to cuda _load_from_state_dict load_state_dict state_dict __setattr__".split())
"""Methods by which a class sees to its tensors itself."""


@dataclass(frozen=True, slots=True)
class Held:
    """An attribute of a module that its constructor gives a tensor."""

    at: Place
    function: str
    name: str
    value: Expr
    contents: Contents
    placed: bool


@dataclass(frozen=True, slots=True)
class Buffer:
    """A buffer by the call that registers it."""

    at: Place
    function: str
    name: str
    persistent: bool


@dataclass
class Klass:
    """A class of modules: what its constructor holds and registers, and the methods that run in a forward."""

    program: Program
    symbol: ClassSymbol
    building: frozenset[FunctionSymbol]
    running: frozenset[FunctionSymbol]
    others: frozenset[FunctionSymbol]
    held: dict[str, Held] = field(default_factory=dict)
    buffers: dict[str, Buffer] = field(default_factory=dict)
    late: dict[str, Buffer] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    dynamic: bool = False


# ---- classes ----------------------------------------------------------------------------------------------


def lost_buffers(program: Program, path: str, running: Running) -> Iterator[LostBuffer]:
    """What modules learn as they run, and do not save."""
    for klass in described(program, path, running):
        yield from transient(klass)
        yield from late(klass)
        yield from flags(klass)


def plain_tensors(program: Program, path: str, running: Running) -> Iterator[PlainTensor]:
    """Tensors that modules use in their forward, and hold as plain attributes."""
    if not moves(program):
        return
    for klass in described(program, path, running):
        for held in klass.held.values():
            found = harm(klass, held)
            if found is not None:
                yield found


def described(program: Program, path: str, running: Running) -> Iterator[Klass]:
    for symbol in module_classes(program, path):
        own = list(program.methods(symbol))
        init = next((method for method in own if program.function(method).name == "__init__"), None)
        if init is None or any(program.function(method).name in OVERRIDES for method in own):
            continue
        kin = running.family(symbol) | {symbol}
        every = frozenset(method for one in kin for method in program.methods(one))
        building = reached(program, symbol, (init,))
        forwards = reached(program, symbol, (one for one in every if program.function(one).name in FORWARD))
        klass = Klass(program, symbol, building, forwards - building, every - building - forwards)
        for method in sorted(building, key=lambda one: one.index):
            describe(klass, method)
        for method in sorted(klass.running, key=lambda one: one.index):
            klass.late.update((buffer.name, buffer) for buffer in registered(program, method))
        if not klass.dynamic:
            yield klass


def describe(klass: Klass, method: FunctionSymbol) -> None:
    """Take in what a method of the construction holds and registers."""
    program = klass.program
    qualname = program.function(method).qualname
    for call in called(program.body(method)):
        name = of_self(call.function)
        if name in ("register_buffer", "register_parameter") and not is_text(argument(call, "name", 0)):
            klass.dynamic = True
        if name == "register_parameter":
            klass.parameters.add(text_of(argument(call, "name", 0)))
    klass.buffers.update((buffer.name, buffer) for buffer in registered(program, method))
    for statement in statements(program.body(method)):
        if not isinstance(statement, f.Assign) or statement.value is None:
            continue
        for target in statement.targets:
            name = of_self(target)
            if not name:
                continue
            if last_name(function_of_call(statement.value)) == "Parameter":
                klass.parameters.add(name)
            contents = contents_of(program, method, statement.value)
            if contents is not None:
                place = Place(method.path, statement.span)
                placed = is_placed(statement.value) or (name in klass.held and klass.held[name].placed)
                klass.held[name] = Held(place, qualname, name, statement.value, contents, placed)
            elif statement.value != f.Constant(None):
                klass.mixed.add(name)


def registered(program: Program, method: FunctionSymbol) -> Iterator[Buffer]:
    qualname = program.function(method).qualname
    for call in called(program.body(method)):
        if of_self(call.function) == "register_buffer":
            name = text_of(argument(call, "name", 0))
            persistent = argument(call, "persistent", 2) != f.Constant(False)
            if name:
                yield Buffer(Place(method.path, call.span), qualname, name, persistent)


def function_of_call(value: Expr) -> Expr:
    return value.function if isinstance(value, f.Call) else value


def is_text(value: Expr | None) -> bool:
    return isinstance(value, f.Constant) and isinstance(value.value, str)


def text_of(value: Expr | None) -> str:
    return value.value if isinstance(value, f.Constant) and isinstance(value.value, str) else ""


# ---- what a tensor is made of -----------------------------------------------------------------------------


def contents_of(program: Program, method: FunctionSymbol, value: Expr, depth: int = 0) -> Contents | None:
    """What is in the tensor that an expression makes, None where it makes none, or that is not known."""
    if depth > 6:
        return None
    if isinstance(value, f.Operation):
        sides = [contents_of(program, method, side, depth + 1) for side in (value.left, value.right)]
        return weightiest(sides)
    if isinstance(value, f.Unary):
        return contents_of(program, method, value.operand, depth + 1)
    if isinstance(value, f.Subscript):
        return contents_of(program, method, value.value, depth + 1)
    if not isinstance(value, f.Call):
        return None
    resolved = program.resolve(method.path, value.function)
    if isinstance(resolved, External):
        meaning = program.apis.of(resolved.name)
        if isinstance(meaning, TensorSource):
            return "scalar" if is_scalar(value) else meaning.contents
        if resolved.name.startswith("torch.") and resolved.name.count(".") == 1:
            return weightiest([contents_of(program, method, one.value, depth + 1) for one in value.arguments])
        return None
    if isinstance(value.function, f.Attribute):
        inner = contents_of(program, method, value.function.value, depth + 1)
        plain = inner is not None and value.function.name in REDUCING and not value.arguments
        return "scalar" if plain else inner
    return None


def weightiest(found: list[Contents | None]) -> Contents | None:
    kinds: tuple[Contents, ...] = ("random", "data", "constant", "scalar")
    return next((kind for kind in kinds if kind in found), None)


def is_scalar(call: f.Call) -> bool:
    """`torch.tensor(0.5)`: a tensor without dimensions works on any device, and what is no list may be a number."""
    if last_name(call.function) not in ("tensor", "as_tensor"):
        return False
    return bool(call.arguments) and not isinstance(call.arguments[0].value, f.Collection | f.Comprehension)


def is_placed(value: Expr) -> bool:
    """Whether the code says where the tensor is to be."""
    for node in within(value):
        if isinstance(node, f.Argument) and node.keyword == "device":
            return True
        if isinstance(node, f.Attribute) and node.name in MOVING:
            return True
    return False


def moves(program: Program) -> bool:
    """Whether anything in the program is ever moved to another device."""
    return program.mentions_any(("cuda", "to", "device"))


# ---- plain tensors ----------------------------------------------------------------------------------------


def harm(klass: Klass, held: Held) -> PlainTensor | None:
    """What is wrong with a tensor that is a plain attribute, None where nothing is."""
    name = held.name
    if name in klass.buffers or name in klass.late or name in klass.parameters or name in klass.mixed:
        return None
    uses = [use for method in order(klass.running) for use in uses_of(klass, method, name)]
    if not uses:
        return None
    first = Step(uses[0].at, f"`self.{name}` is used here")
    made = Step(held.at, f"`self.{name}` is a plain tensor, neither parameter nor buffer")
    given = [method for method in klass.running if assigns(klass, method, name)]
    if held.contents == "random" and not given and not seeded(klass, held):
        if any(use.kind != "asked" for use in uses) and not assigned_elsewhere(klass, name):
            return PlainTensor(held.at, held.function, name, "random", (made, first))
        return None
    changed = carried(klass, name)
    if changed is not None and not any(assigns(klass, method, name) for method in klass.others):
        return PlainTensor(held.at, held.function, name, "changes", (made, changed))
    if held.placed or held.contents == "scalar" or given or assigned_elsewhere(klass, name):
        return None
    raw = next((use for use in uses if use.kind == "raw"), None)
    if raw is None or any(use.kind == "moved" for use in uses):
        return None
    return PlainTensor(
        held.at, held.function, name, "stays", (made, Step(raw.at, f"`self.{name}` meets what has been moved here"))
    )


@dataclass(frozen=True, slots=True)
class Use:
    at: Place
    kind: Kind


def order(methods: frozenset[FunctionSymbol]) -> list[FunctionSymbol]:
    return sorted(methods, key=lambda one: (one.path, one.index))


def uses_of(klass: Klass, method: FunctionSymbol, name: str) -> Iterator[Use]:
    """How a method reads an attribute."""
    program = klass.program
    if name not in program.function(method).mentions:
        return
    for statement in statements(program.body(method)):
        if isinstance(statement, f.Outer):
            continue
        for kind in kinds(own_parts(statement), name, lambda function: is_foreign(program, method, function)):
            if isinstance(statement, f.For) or program.once(fits_estimator, method):
                kind = "asked"
            elif kind == "raw" and is_moved_later(program.body(method), statement):
                kind = "moved"
            yield Use(Place(method.path, statement.span), kind)


def is_moved_later(body: Block, statement: f.Stmt) -> bool:
    """Whether what a statement makes, under a name of its own, is moved as a whole: `noise = …; noise.cuda()`."""
    if not isinstance(statement, f.Assign):
        return False
    return any(
        isinstance(call.function, f.Attribute)
        and call.function.name in MOVING
        and isinstance(call.function.value, f.Name)
        and call.function.value in statement.targets
        for call in called(body)
    )


def is_foreign(program: Program, method: FunctionSymbol, function: Expr) -> bool:
    """Whether a function is of a library that knows tensors as sequences or arrays on the CPU only: `random.choice`."""
    symbol = program.resolve(method.path, function)
    if not isinstance(symbol, External):
        return False
    library = symbol.name.partition(".")[0]
    return library in sys.stdlib_module_names or library in ("numpy", "scipy")


def fits_estimator(program: Program, method: FunctionSymbol) -> bool:
    """Whether a function makes an estimator of a library that takes arrays, and gives it tensors as they are: these are
    on the CPU, all that meet in it: `SVC().fit(torch.cat([x, self.base]), y)`."""
    calls = list(called(program.body(method)))
    if any(last_name(call.function) in LEAVING for call in calls):
        return False
    made = {
        target
        for statement in statements(program.body(method))
        if isinstance(statement, f.Assign) and isinstance(statement.value, f.Call)
        if is_estimator(program, method, statement.value)
        for target in statement.targets
    }
    return any(
        isinstance(call.function, f.Attribute)
        and call.function.name.startswith("fit")
        and (call.function.value in made or is_estimator(program, method, call.function.value))
        for call in calls
    )


LEAVING = frozenset("cpu numpy tolist to".split())
"""Methods by which a tensor gets where arrays are."""


def is_estimator(program: Program, method: FunctionSymbol, value: Expr) -> bool:
    symbol = program.resolve(method.path, value.function) if isinstance(value, f.Call) else None
    return isinstance(symbol, External) and symbol.name.partition(".")[0] == "sklearn"


def kinds(node: object, name: str, foreign: Callable[[Expr], bool] = lambda function: False) -> Iterator[Kind]:
    """The ways in which an attribute of self is read in an expression."""
    match node:
        case f.Attribute() | f.Call(f.Attribute()) if (chain := chained(node, name)) is not None:
            yield "moved" if MOVING & set(chain) else "asked" if ASKING & set(chain[:1]) else "raw"
            if isinstance(node, f.Call):
                for argument in node.arguments:
                    yield from kinds(argument.value, name, foreign)
        case f.Call(f.Attribute(f.Call(f.Name() | f.Attribute(), arguments), moving)) if moving in MOVING and is_alone(
            arguments, name
        ):
            yield "moved"
        case f.Call(f.Attribute(f.Subscript() as part, moving)) if moving in MOVING and root_of_self(part) == name:
            yield "moved"
        case f.Subscript(value, key):
            yield from kinds(value, name, foreign)
            for _ in kinds(key, name, foreign):
                yield "index"
        case f.Call(function, arguments) if last_name(function) in MOVING | {"len", "print", "as_tensor"}:
            for argument in arguments:
                for _ in kinds(argument.value, name, foreign):
                    yield "moved"
            yield from kinds(function, name, foreign)
        case f.Call(function, arguments) if foreign(function):
            for _ in kinds(arguments, name, foreign):
                yield "asked"
        case f.Comparison("is" | "is not", left):
            for _ in kinds(left, name, foreign):
                yield "asked"
        case f.Attribute() if of_self(node) == name:
            yield "raw"
        case tuple():
            for part in node:
                yield from kinds(part, name, foreign)


def is_alone(arguments: tuple[f.Argument, ...], name: str) -> bool:
    """Whether an attribute of self is the first of these arguments, and all others are constants given by keyword."""
    return (
        bool(arguments)
        and of_self(arguments[0].value) == name
        and all(one.keyword and isinstance(one.value, f.Constant) for one in arguments[1:])
    )


def chained(node: object, name: str) -> list[str] | None:
    """The attributes and methods asked of an attribute of self, in order, None where that is not at the root."""
    found: list[str] = []
    while not of_self(node):
        match node:
            case f.Attribute(inner, other):
                found.insert(0, other)
                node = inner
            case f.Call(f.Attribute() as function):
                node = function
            case _:
                return None
    return found if of_self(node) == name else None


def assigns(klass: Klass, method: FunctionSymbol, name: str) -> bool:
    return any(
        of_self(target) == name
        for statement in statements(klass.program.body(method))
        if isinstance(statement, f.Assign)
        for target in statement.targets
    )


def seeded(klass: Klass, held: Held) -> bool:
    """Whether the random contents are the same each time."""
    return any(
        SEEDING & set(klass.program.function(method).mentions)
        or any("seed" in words(name) for name in klass.program.function(method).mentions)
        or any(isinstance(node, f.Argument) and node.keyword == "generator" for node in within(held.value))
        for method in klass.building
    )


def assigned_elsewhere(klass: Klass, name: str) -> bool:
    """Whether code outside the constructor sets an attribute of this name: `model.mask = model.mask.cuda()`."""
    program = klass.program
    return any(
        isinstance(target, f.Attribute) and target.name == name
        for symbol in program.users(name)
        if symbol not in klass.building
        for statement in statements(program.body(symbol))
        if isinstance(statement, f.Assign)
        for target in statement.targets
    )


def carried(klass: Klass, name: str) -> Step | None:
    """Where a forward gives an attribute a new value that it has read before: what one call leaves for the next."""
    for method in order(klass.running):
        program = klass.program
        if name not in program.function(method).mentions or program.function(method).name not in FORWARD:
            continue
        read = False
        for statement in program.body(method):
            if isinstance(statement, f.Assign) and any(of_self(target) == name for target in statement.targets):
                again = any(True for _ in kinds(own_parts(statement), name))
                if (read or again) and not is_move(statement.value, name):
                    return Step(Place(method.path, statement.span), f"each forward pass changes `self.{name}`")
                if not read:
                    return None
            if isinstance(statement, f.Augment) and of_self(statement.target) == name:
                return Step(Place(method.path, statement.span), f"each forward pass changes `self.{name}`")
            if not isinstance(statement, f.If | f.Outer):
                read = read or any(kind == "raw" for kind in kinds(own_parts(statement), name))
    return None


def is_move(value: Expr | None, name: str) -> bool:
    """`self.x.to(y.device)`"""
    return isinstance(value, f.Call) and isinstance(value.function, f.Attribute) and value.function.name in MOVING


# ---- buffers that are lost --------------------------------------------------------------------------------


def transient(klass: Klass) -> Iterator[LostBuffer]:
    """Buffers that are not persistent, though each pass changes them by what they were."""
    for buffer in klass.buffers.values():
        if buffer.persistent:
            continue
        step = next((found for method in order(klass.running) for found in learns(klass, method, buffer.name)), None)
        if step is not None and not any(assigns(klass, method, buffer.name) for method in klass.others):
            made = Step(buffer.at, f"`{buffer.name}` is registered with `persistent=False`, so it is not saved")
            yield LostBuffer(buffer.at, buffer.function, buffer.name, "transient", (made, step))


def learns(klass: Klass, method: FunctionSymbol, name: str) -> Iterator[Step]:
    """Where a method changes an attribute by what it was, but for what it has filled by its parts before."""
    program = klass.program
    for statement in statements(program.body(method)):
        says = f"`self.{name}` learns here"
        match statement:
            case f.Assign((f.Subscript(owner),), f.Constant() | f.Attribute() | f.Subscript() as value) if (
                of_self(owner) == name and root_of_self(value) != name
            ):
                return
            case f.Assign(targets, value, _, span) if value is not None:
                if any(of_self(target) == name for target in targets) and blends(value, name):
                    yield Step(Place(method.path, span), says)
            case f.Augment(target, _, _, span) if of_self(target) == name:
                yield Step(Place(method.path, span), says)
            case f.Evaluate(f.Call() as call, span):
                if changes_in_place(call, name):
                    yield Step(Place(method.path, span), says)


def blends(value: Expr, name: str) -> bool:
    """Whether an attribute is a term of its new value: `m * self.mean + (1 - m) * x.mean()`."""
    if isinstance(value, f.Operation):
        return (
            blends(value.left, name) or blends(value.right, name) or name in (of_self(value.left), of_self(value.right))
        )
    return False


def changes_in_place(call: f.Call, name: str) -> bool:
    """`self.mean.mul_(m).add_(x)`; of `copy_`, only what blends the old value in."""
    function = call.function
    if not isinstance(function, f.Attribute) or function.name not in BLENDING:
        return False
    inner = function.value
    while isinstance(inner, f.Call) and isinstance(inner.function, f.Attribute):
        inner = inner.function.value
    owner = root_of_self(inner)
    if owner != name:
        return False
    return function.name != "copy_" or any(blends(argument.value, name) for argument in call.arguments)


def root_of_self(expression: Expr) -> str:
    """`x` of `self.x`, `self.x.data` and `self.x[0]`."""
    while isinstance(expression, f.Attribute | f.Subscript) and not of_self(expression):
        expression = expression.value
    return of_self(expression)


def late(klass: Klass) -> Iterator[LostBuffer]:
    """Buffers that a forward registers: a new model, which has not run yet, cannot take them back."""
    for buffer in klass.late.values():
        if not buffer.persistent or buffer.name in klass.buffers or buffer.name in klass.held:
            continue
        if any(buffer.name == name for method in klass.others for name in names_registered(klass, method)):
            continue
        step = Step(buffer.at, f"`{buffer.name}` is registered when the model runs, and saved from then on")
        yield LostBuffer(buffer.at, buffer.function, buffer.name, "late", (step,))


def names_registered(klass: Klass, method: FunctionSymbol) -> Iterator[str]:
    return (buffer.name for buffer in registered(klass.program, method))


def flags(klass: Klass) -> Iterator[LostBuffer]:
    """Plain flags that say whether weights were set from the first batch: a loaded model sets them once more."""
    program = klass.program
    for method in order(klass.building):
        for statement in statements(program.body(method)):
            if not isinstance(statement, f.Assign) or statement.value != f.Constant(False):
                continue
            for name in filter(None, map(of_self, statement.targets)):
                step = next((found for run in order(klass.running) for found in done_once(klass, run, name)), None)
                if step is None or set_outside(klass, name):
                    continue
                made = Step(Place(method.path, statement.span), f"`self.{name}` is a plain flag, which is not saved")
                qualname = program.function(method).qualname
                yield LostBuffer(Place(method.path, statement.span), qualname, name, "flag", (made, step))


def done_once(klass: Klass, method: FunctionSymbol, name: str) -> Iterator[Step]:
    """`if not self.ready: self.scale.data.copy_(…); self.ready = True`"""
    for statement in statements(klass.program.body(method)):
        if not isinstance(statement, f.If) or not is_unset(statement.test, name):
            continue
        for inner in writes(klass, statement.body):
            yield Step(Place(method.path, inner), "weights are set from the data here, once a process")


def is_unset(test: Expr, name: str) -> bool:
    match test:
        case f.Unary("not", operand):
            return of_self(operand) == name
        case f.Comparison("==" | "is", left, f.Constant(False)):
            return of_self(left) == name
        case f.Logic("and", left, right):
            return is_unset(left, name) or is_unset(right, name)
    return False


def writes(klass: Klass, block: Block) -> Iterator[f.Span]:
    """Where registered tensors are given other values, here or in a method that is called."""
    for statement in statements(block):
        match statement:
            case f.Assign(targets, _, _, span):
                if any(is_data(klass, target) for target in targets):
                    yield span
            case f.Evaluate(f.Call(f.Attribute(owner, name), _, span)) if name in ("copy_", "set_", "fill_"):
                if root_of_self(owner) in klass.parameters | klass.buffers.keys():
                    yield span
            case f.Evaluate(f.Call(function, _, span)) if of_self(function):
                method = klass.program.method(klass.symbol, of_self(function))
                if method is not None and method not in klass.building:
                    yield from (span for _ in writes(klass, klass.program.body(method)))


def is_data(klass: Klass, target: Expr) -> bool:
    """`self.scale.data`, or a slice of it, of a parameter or buffer."""
    owner = root_of_self(target)
    return "data" in code(target).split(".") and owner in klass.parameters | klass.buffers.keys()


def set_outside(klass: Klass, name: str) -> bool:
    """Whether other code sets the flag, as one who loads weights would."""
    program = klass.program
    return any(
        isinstance(target, f.Attribute) and target.name == name
        for symbol in program.users(name)
        if symbol not in klass.building and symbol not in klass.running
        for statement in statements(program.body(symbol))
        if isinstance(statement, f.Assign)
        for target in statement.targets
    )
