"""Weights that a client of federated training sends to be averaged: parameters only, or the whole state."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.facts import Block, Expr
from evallint.findings import Place, Step
from evallint.gather.code.sites import called, of_self, root, statements
from evallint.gather.state.saves import uses_batch_norm
from evallint.interpret.reading import last_name
from evallint.interpret.render import code
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol, Program
from evallint.project import BareParameters
from evallint.walk import within

CLIENTS = frozenset("client clients participant worker party".split())
SENDING = frozenset(
    "upload send share communicate push get return parameters params weights model state update updates".split()
)
BARE = frozenset(("parameters", "named_parameters"))
BUFFERS = frozenset("buffers named_buffers register_buffer running_mean running_var".split())
LOCAL = frozenset("bn fedbn personal personalized local private".split())
"""Words of methods that keep statistics where they are on purpose."""


def sent_parameters(program: Program) -> Iterator[BareParameters]:
    """Methods by which a client gives away the parameters of the model that it trains, and no buffers."""
    found = list(program.each(sent_from))
    if found and uses_batch_norm(program):
        yield from found


def sent_from(program: Program, path: str) -> Iterator[BareParameters]:
    for index in range(len(program.files[path].classes)):
        klass = ClassSymbol(path, index)
        if not is_client(program, klass) or keeps_buffers(program, klass):
            continue
        for method in program.methods(klass):
            function = program.function(method)
            given = given_away(program.body(method)) if words(function.name) & SENDING else None
            if given is None or feeds_optimizer(program, function.name):
                continue
            at, model = Place(path, given.span), code(given.function).rpartition(".")[0]
            step = Step(at, f"the parameters of `{model}` are sent from here, its buffers stay")
            yield BareParameters(at, function.qualname, model, "sent", False, (step,))


def is_client(program: Program, klass: ClassSymbol) -> bool:
    """Whether a class is a client by its name or bases, and trains a model of its own."""
    lineage = program.lineage(klass)
    said = frozenset[str]().union(*(words(program.title(base)) for base in lineage))
    if not said & CLIENTS or said & LOCAL:
        return False
    return any("backward" in program.function(method).mentions for method in methods(program, klass)) or any(
        isinstance(base, External) for base in lineage
    )


def methods(program: Program, klass: ClassSymbol) -> Iterator[FunctionSymbol]:
    """The methods of a client, without those of its bases that it has replaced."""
    return (
        method
        for base in program.lineage(klass)
        if isinstance(base, ClassSymbol)
        for method in program.methods(base)
        if program.method(klass, program.function(method).name) == method
    )


def keeps_buffers(program: Program, klass: ClassSymbol) -> bool:
    """Whether any of a client's methods sees to the buffers."""
    return any(BUFFERS & set(program.function(method).mentions) for method in methods(program, klass))


def given_away(body: Block) -> f.Call | None:
    """`self.model.parameters()` that a method returns, each element perhaps copied and moved."""
    local = {
        target.id: statement.value
        for statement in statements(body)
        if isinstance(statement, f.Assign) and statement.value is not None
        for target in statement.targets
        if isinstance(target, f.Name)
    }
    for statement in statements(body):
        if isinstance(statement, f.Return) and statement.value is not None:
            value = statement.value
            call = bare(local.get(value.id, value) if isinstance(value, f.Name) else value)
            if call is not None and "state_dict" not in {last_name(other.function) for other in called(body)}:
                return call
    return None


def bare(value: Expr) -> f.Call | None:
    """The parameters of what self holds, where an expression is made of them and nothing else that is called."""
    calls = [node for node in within(value) if isinstance(node, f.Call) and last_name(node.function) in BARE]
    if len(calls) != 1 or has_test(value) or not is_list(value, calls[0]):
        return None
    function = calls[0].function
    held = function.value if isinstance(function, f.Attribute) else function
    return calls[0] if root(held) == f.Name("self") and of_self(function) == "" else None


def has_test(value: Expr) -> bool:
    """Whether some of the parameters are left out."""
    return any(isinstance(node, f.Comprehension) and any(c.conditions for c in node.clauses) for node in within(value))


def is_list(value: Expr, call: f.Call) -> bool:
    """Whether an expression gives all parameters themselves: a norm or a number of them is sent nowhere."""
    match value:
        case f.Comprehension("list" | "dict" | "generator", _, _, (clause,)):
            return clause.iterable == call
        case f.Call(f.Name("list" | "dict" | "tuple" | "OrderedDict"), (given,)):
            return is_list(given.value, call)
        case f.Call(f.Attribute(_, "deepcopy"), (given,)):
            return is_list(given.value, call)
    return value == call


def feeds_optimizer(program: Program, name: str) -> bool:
    """Whether what a method of this name gives is handed to a constructor: an optimizer's, most likely."""
    return any(
        isinstance(given.value, f.Call) and last_name(given.value.function) == name
        for symbol in program.users(name)
        for call in called(program.body(symbol))
        if last_name(call.function)[:1].isupper()
        for given in call.arguments
    )
