"""What the classes of modules do: dropout by function, layers built or held where PyTorch does not see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evallint import facts as f
from evallint.apis import FlaggedFunction, ModuleClass
from evallint.facts import Block, Expr, Span
from evallint.findings import Place, Step
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.link.natures import constants, walk
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import BuiltInForward, CutTraining, FlaggedCall, FrozenButLearning, PlainlyHeld

MODE_WORDS = frozenset(("training", "train", "eval", "deterministic", "inference", "sampling"))


@dataclass(frozen=True, slots=True)
class Site:
    """A call within a function: the tests and `with` contexts around it, and whether its result is kept in self."""

    call: f.Call
    guards: tuple[str, ...]
    contexts: tuple[Expr, ...]
    kept: bool
    in_lambda: bool


def sites(block: Block) -> Iterator[Site]:
    """Every call in a function's own code."""
    yield from _in_block(block, (), ())


def _in_block(block: Block, guards: tuple[str, ...], contexts: tuple[Expr, ...]) -> Iterator[Site]:
    for statement in block:
        match statement:
            case f.If(test, body, orelse):
                yield from _in(test, guards, contexts)
                yield from _in_block(body, (*guards, code(test)), contexts)
                yield from _in_block(orelse, (*guards, code(test)), contexts)
                if leaves(body):  # `if not self.training: return x` guards what follows
                    guards = (*guards, code(test))
            case f.With(items, body):
                for item in items:
                    yield from _in(item.context, guards, contexts)
                yield from _in_block(body, guards, (*contexts, *(item.context for item in items)))
            case f.For(_, iterable, body, orelse):
                yield from _in(iterable, guards, contexts)
                yield from _in_block((*body, *orelse), guards, contexts)
            case f.While(test, body, orelse):
                yield from _in(test, guards, contexts)
                yield from _in_block((*body, *orelse), guards, contexts)
            case f.Try(body, handlers, orelse, final):
                parts = (*body, *(part for handler in handlers for part in handler.body), *orelse, *final)
                yield from _in_block(parts, guards, contexts)
            case f.Match(subject, cases):
                yield from _in(subject, guards, contexts)
                for case in cases:
                    yield from _in_block(case.body, (*guards, code(subject)), contexts)
            case f.Assign(targets, value) if value is not None:
                kept = any(isinstance(target, f.Attribute) for target in targets)
                yield from _in(value, guards, contexts, kept)
            case f.Define() | f.DefineClass() | f.Import() | f.Outer() | f.Leave():
                continue
            case _:
                for part in statement:
                    if isinstance(part, tuple) and not isinstance(part, Span):
                        yield from _in(part, guards, contexts)


def leaves(body: Block) -> bool:
    return bool(body) and isinstance(body[-1], f.Return | f.Raise)


def _in(
    node: object, guards: tuple[str, ...], contexts: tuple[Expr, ...], kept: bool = False, in_lambda: bool = False
) -> Iterator[Site]:
    if isinstance(node, f.Call):
        yield Site(node, guards, contexts, kept, in_lambda)
        yield from _in(node.function, guards, contexts, False, in_lambda)
        for argument in node.arguments:
            yield from _in(argument.value, guards, contexts, kept, in_lambda)
    elif isinstance(node, f.Choice):
        inner = (*guards, code(node.test))
        yield from _in(node.test, guards, contexts, False, in_lambda)
        yield from _in(node.body, inner, contexts, kept, in_lambda)
        yield from _in(node.orelse, inner, contexts, kept, in_lambda)
    elif isinstance(node, f.Lambda):
        yield from _in(node.body, guards, contexts, False, True)
    elif isinstance(node, tuple) and not isinstance(node, Span | f.Parameter):
        for part in node:
            yield from _in(part, guards, contexts, kept, in_lambda)


def methods_of_modules(program: Program) -> Iterator[tuple[ClassSymbol, FunctionSymbol]]:
    """Every method of every class of modules, in the order of the files."""
    for path in sorted(program.files):
        for index, klass in enumerate(program.files[path].classes):
            symbol = ClassSymbol(path, index)
            if klass.methods and program.is_module(symbol):
                for method in program.methods(symbol):
                    yield symbol, method


# ---- functions with a flag ----------------------------------------------------------------------


def flagged_calls(program: Program) -> Iterator[FlaggedCall]:
    """Calls of functional dropout, attention and batch norm in the methods of modules."""
    for klass, method in methods_of_modules(program):
        function = program.function(method)
        if not {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "rrelu",
                "scaled_dot_product_attention", "batch_norm", "multi_head_attention_forward"} & set(function.mentions):  # fmt: skip
            continue
        for site in sites(program.body(method)):
            resolved = program.resolve(method.path, site.call.function)
            meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
            if isinstance(meaning, FlaggedFunction):
                yield flagged(program, klass, method, site, meaning)


def flagged(
    program: Program, klass: ClassSymbol, method: FunctionSymbol, site: Site, meaning: FlaggedFunction
) -> FlaggedCall:
    call = site.call
    name = meaning.name.rpartition(".")[2]
    guarded = any(words(guard) & MODE_WORDS for guard in site.guards)
    place = Place(method.path, call.span)
    function = program.function(method).qualname
    if any(argument.stars for argument in call.arguments):
        return FlaggedCall(place, function, name, "", "", True, False)
    rate = given(call, meaning.rate.keyword, meaning.rate.position) if meaning.rate is not None else None
    silent = rate is not None and isinstance(rate, f.Constant) and rate.value in (0, 0.0, None)
    if meaning.training is None:  # attention: the rate itself has to follow the mode
        tied = guarded or silent or rate is None or not is_fixed_rate(program, klass, method, rate)
        return FlaggedCall(place, function, name, "", code(rate), tied, False)
    flag = given(call, meaning.training.keyword, meaning.training.position)
    if flag is None:
        off = meaning.training.default is False
        return FlaggedCall(place, function, name, meaning.training.keyword, "", off or guarded or silent, True)
    always = isinstance(flag, f.Constant) and flag.value is True and name == "batch_norm" and has_statistics(call)
    return FlaggedCall(place, function, name, meaning.training.keyword, code(flag), guarded or not always, True)


def given(call: f.Call, keyword: str, position: int | None) -> Expr | None:
    for argument in call.arguments:
        if argument.keyword == keyword:
            return argument.value
    plain = [argument for argument in call.arguments if not argument.keyword]
    return plain[position].value if position is not None and position < len(plain) else None


def has_statistics(call: f.Call) -> bool:
    """Whether a functional batch norm is given running statistics, which it would move."""
    mean = given(call, "running_mean", 1)
    return mean is not None and not (isinstance(mean, f.Constant) and mean.value is None)


def is_fixed_rate(program: Program, klass: ClassSymbol, method: FunctionSymbol, rate: Expr) -> bool:
    """Whether a rate is the same in both modes: a number, or an attribute that the constructor sets from a number."""
    if isinstance(rate, f.Constant):
        return True
    if not (isinstance(rate, f.Attribute) and rate.value == f.Name("self")):
        return False
    default: Expr | None = None
    for other in program.methods(klass):
        for statement in walk(program.body(other)):
            if isinstance(statement, f.Assign) and rate in statement.targets:
                if program.function(other).name != "__init__":
                    return False
                default = statement.value
                if isinstance(default, f.Name):
                    default = parameter_default(program.function(other), default.id)
                    if default is None:
                        return True
    if default is None:
        return False
    return not (isinstance(default, f.Constant) and default.value in (0, 0.0))


def parameter_default(function: f.Function, name: str) -> Expr | None:
    return next((parameter.default for parameter in function.parameters if parameter.name == name), None)


# ---- layers built in forward --------------------------------------------------------------------


def built_in_forward(program: Program) -> Iterator[BuiltInForward]:
    """Layers that a forward pass constructs, and those in lambdas that are built and applied at once."""
    for _, method in methods_of_modules(program):
        function = program.function(method)
        runs = function.name in ("forward", "__call__")
        guarded = {"hasattr", "register_module", "add_module"} & set(function.mentions)
        for site in sites(program.body(method)):
            call = site.call
            at_once = isinstance(call.function, f.Call)
            if at_once and (runs or site.in_lambda):
                assert isinstance(call.function, f.Call)
                found = built(program, method, call.function)
            elif runs and not site.kept and not guarded:
                found = built(program, method, call)
            else:
                continue
            if found is not None:
                span = call.function.span if at_once and isinstance(call.function, f.Call) else call.span
                yield BuiltInForward(Place(method.path, span), function.qualname, *found)


def built(program: Program, method: FunctionSymbol, call: f.Call) -> tuple[str, str] | None:  # type: ignore[return]
    """The layer that a call constructs and what it loses by that, None where it loses nothing."""
    resolved = program.resolve(method.path, call.function)
    if not isinstance(resolved, External):
        return None
    meaning = program.apis.of(resolved.name)
    if not isinstance(meaning, ModuleClass) or meaning.container:
        return None
    if meaning.parameters:
        return program.title(resolved), "parameters"
    if meaning.dependence.default != "never" and meaning.dependence.on(*constants(call)) is not False:
        return (program.title(resolved), "mode") if meaning.dependence.default == "always" else None
    return None


# ---- layers held in plain containers ------------------------------------------------------------


def plainly_held(program: Program) -> Iterator[PlainlyHeld]:
    """Modules in list, tuple or dict attributes of a module."""
    for path in sorted(program.files):
        for index, klass in enumerate(program.files[path].classes):
            symbol = ClassSymbol(path, index)
            if klass.methods and program.is_module(symbol):
                yield from held_by(program, symbol)


def held_by(program: Program, klass: ClassSymbol) -> Iterator[PlainlyHeld]:
    methods = list(program.methods(klass))
    mentions = {name for method in methods for name in program.function(method).mentions}
    if mentions & {"add_module", "register_module", "setattr", "__setattr__", "_modules"}:
        return
    init = next((method for method in methods if program.function(method).name == "__init__"), None)
    if init is None:
        return
    lists: dict[str, tuple[Span, str]] = {}
    starts: dict[str, tuple[Span, str]] = {}
    registered: set[str] = set()
    for statement in statements(program.body(init)):
        if isinstance(statement, f.Assign) and statement.value is not None:
            for target in statement.targets:
                name = code(target)
                kind = plain_kind(statement.value)
                if kind is None:
                    other = code(statement.value)
                    if other in lists and name.startswith("self."):
                        lists[name] = (statement.span, lists[other][1])
                    elif name.startswith("self."):
                        lists.pop(name, None)
                        registered.add(name)
                    continue
                starts[name] = (statement.span, kind)
                if holds_modules(program, init, statement.value):
                    lists[name] = (statement.span, kind)
        elif isinstance(statement, f.Evaluate) and isinstance(statement.value, f.Call):
            call = statement.value
            if isinstance(call.function, f.Attribute) and call.function.name in ("append", "extend", "insert", "update"):
                name = code(call.function.value)
                if name in starts and any(is_module(program, init, argument.value) for argument in call.arguments):
                    lists.setdefault(name, starts[name] if name.startswith("self.") else starts[name])
    wrapped = {name for method in methods for name in handed_on(program.body(method))}
    for name, (span, kind) in lists.items():
        if not name.startswith("self.") or name in wrapped:
            continue
        used = first_use(program, methods, name.removeprefix("self."))
        if used is not None:
            yield PlainlyHeld(
                Place(klass.path, span), program.function(init).qualname, name, kind, used  # type: ignore[arg-type]
            )


def statements(block: Block) -> Iterator[f.Stmt]:
    """Every statement of a block, those within others included."""
    for node in walk(block):
        if isinstance(node, f.Assign | f.Evaluate | f.Augment):
            yield node


def plain_kind(value: Expr) -> str | None:
    if isinstance(value, f.Collection):
        return value.kind if value.kind != "set" else "list"
    if isinstance(value, f.Mapping):
        return "dict"
    if isinstance(value, f.Comprehension):
        return "dict" if value.kind == "dict" else "list"
    return None


def holds_modules(program: Program, init: FunctionSymbol, value: Expr) -> bool:
    if isinstance(value, f.Collection):
        return any(is_module(program, init, item) for item in value.items)
    if isinstance(value, f.Mapping):
        return any(is_module(program, init, item) for item in value.values)
    if isinstance(value, f.Comprehension):
        return is_module(program, init, value.value if value.value is not None else value.element)
    return False


def is_module(program: Program, method: FunctionSymbol, value: Expr) -> bool:
    """Whether an expression constructs a module that has parameters or a mode."""
    if not isinstance(value, f.Call):
        return False
    if isinstance(value.function, f.Attribute) and value.function.name in ("to", "cuda", "double", "float", "half", "eval"):
        return is_module(program, method, value.function.value)
    resolved = program.resolve(method.path, value.function)
    if isinstance(resolved, ClassSymbol):
        return program.is_module(resolved)
    if isinstance(resolved, External):
        meaning = program.apis.of(resolved.name)
        if isinstance(meaning, ModuleClass):
            if meaning.container:
                return any(is_module(program, method, argument.value) for argument in value.arguments)
            return bool(meaning.parameters)
    return False


def handed_on(block: Block) -> Iterator[str]:
    """What is passed to a call, and may be registered there: `nn.ModuleList(self.x)`, `nn.Sequential(*self.x)`."""
    for node in walk(block):
        if isinstance(node, f.Call):
            if isinstance(node.function, f.Name) and node.function.id in ("len", "enumerate", "zip", "range", "reversed", "print"):
                continue
            for argument in node.arguments:
                yield code(argument.value)


def first_use(program: Program, methods: list[FunctionSymbol], attribute: str) -> Place | None:
    """The first method other than the constructor that reads an attribute."""
    for method in methods:
        function = program.function(method)
        if function.name != "__init__" and attribute in function.mentions:
            return Place(method.path, function.span)
    return None


# ---- layers that never learn --------------------------------------------------------------------


def cut_layers(program: Program) -> Iterator[CutTraining]:
    """Trainable layers of a module that its forward runs under no_grad only."""
    for path in sorted(program.files):
        for index, klass in enumerate(program.files[path].classes):
            symbol = ClassSymbol(path, index)
            if klass.methods and program.is_module(symbol):
                yield from never_learning(program, symbol)


def never_learning(program: Program, klass: ClassSymbol) -> Iterator[CutTraining]:
    methods = list(program.methods(klass))
    mentions = {name for method in methods for name in program.function(method).mentions}
    if not mentions & {"no_grad", "inference_mode"} or mentions & {"requires_grad", "requires_grad_", "copy_", "data", "lerp_"}:
        return
    own = own_layers(program, methods)
    under: dict[str, tuple[FunctionSymbol, Site]] = {}
    free: set[str] = set()
    for method in methods:
        function = program.function(method)
        if function.name == "__init__" or not reaches(program, methods, method):
            continue
        for site in sites(program.body(method)):
            name = called_attribute(site.call)
            if name not in own:
                continue
            if any(is_no_grad(program, method, context) for context in site.contexts):
                under.setdefault(name, (method, site))
            else:
                free.add(name)
        free |= {name for name in own if name in function.mentions and name not in under}
    for name, (method, site) in under.items():
        if name not in free:
            place = Place(method.path, site.call.span)
            steps = (
                Step(Place(klass.path, own[name]), f"`self.{name}` is built here, to be trained"),
                Step(place, "it runs under no_grad, here and nowhere else"),
            )
            yield CutTraining(place, program.function(method).qualname, f"self.{name}", "layer", steps)


def reaches(program: Program, methods: list[FunctionSymbol], method: FunctionSymbol) -> bool:
    """Whether a method is the forward, or one that the forward mentions."""
    name = program.function(method).name
    return name == "forward" or any(
        program.function(other).name == "forward" and name in program.function(other).mentions for other in methods
    )


def own_layers(program: Program, methods: list[FunctionSymbol]) -> dict[str, Span]:
    """The attributes that the constructor sets to layers of torch's with parameters."""
    found: dict[str, Span] = {}
    for method in methods:
        if program.function(method).name != "__init__":
            continue
        for statement in statements(program.body(method)):
            if isinstance(statement, f.Assign) and statement.value is not None:
                resolved = (
                    program.resolve(method.path, statement.value.function) if isinstance(statement.value, f.Call) else None
                )
                meaning = program.apis.of(resolved.name) if isinstance(resolved, External) else None
                for target in statement.targets:
                    if isinstance(target, f.Attribute) and isinstance(meaning, ModuleClass) and meaning.parameters:
                        if meaning.name in ("torch.nn.Linear", "torch.nn.Conv1d", "torch.nn.Conv2d", "torch.nn.Conv3d"):
                            found[target.name] = statement.span
    return found


def called_attribute(call: f.Call) -> str:
    function = call.function
    return function.name if isinstance(function, f.Attribute) and function.value == f.Name("self") else ""


def is_no_grad(program: Program, method: FunctionSymbol, context: Expr) -> bool:
    if not isinstance(context, f.Call) or context.arguments:
        return False
    resolved = program.resolve(method.path, context.function)
    return isinstance(resolved, External) and program.apis.canonical(resolved.name) in ("torch.no_grad", "torch.inference_mode")


# ---- methods that an attribute hides ------------------------------------------------------------


def hidden_methods(program: Program) -> Iterator[FrozenButLearning]:
    """Methods that put batch norm into eval mode and that an attribute of the same name hides."""
    for klass, method in methods_of_modules(program):
        if program.function(method).name != "__init__":
            continue
        for statement in statements(program.body(method)):
            if not isinstance(statement, f.Assign):
                continue
            for target in statement.targets:
                if not (isinstance(target, f.Attribute) and target.value == f.Name("self")):
                    continue
                hidden = program.method(klass, target.name)
                if hidden is None or "eval" not in program.function(hidden).mentions:
                    continue
                defined = Place(hidden.path, program.function(hidden).span)
                steps = (
                    Step(defined, f"`{target.name}()` puts layers into eval mode"),
                    Step(Place(method.path, statement.span), f"this attribute hides the method `{target.name}`"),
                )
                yield FrozenButLearning(
                    Place(method.path, statement.span), program.function(method).qualname, f"self.{target.name}", steps
                )
