"""What calls give, as quantities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.apis import Average, Loader, Measure
from evallint.facts import Expr
from evallint.findings import Place
from evallint.gather.code.sites import of_self, root
from evallint.gather.metric.ledger import entering, objects
from evallint.gather.metric.ledger.words import (
    COMPARING,
    COUNTED,
    LISTS,
    NAMED,
    SAME,
    any_of,
    as_named,
    has_argument,
    is_class,
    reduced,
    rooted,
)
from evallint.gather.metric.passes import names_loader
from evallint.gather.metric.quantities import DATA, GIVEN, MEASURES, OUTPUT, SAMPLE, UNKNOWN, Quantity, of_kind
from evallint.interpret.reading import last_name
from evallint.interpret.render import code, render
from evallint.interpret.roles import words
from evallint.program import ClassSymbol, External, FunctionSymbol

if TYPE_CHECKING:
    from evallint.gather.metric.ledger.following import Ledger


def of_call(ledger: Ledger, call: f.Call) -> Quantity:
    place = Place(ledger.frame.symbol.path, call.span)
    function = call.function
    if ledger.seen.runs_model(place):
        followed = followed_call(ledger, call)
        if followed is not None and followed.kind != "unknown":
            return followed
        values = [ledger.value(one.value) for one in call.arguments]
        return of_criterion(ledger, call) if any(one.is_of_batch for one in values) else OUTPUT
    if isinstance(function, f.Name) and function.id in BUILTINS and function.id not in ledger.frame.names:
        return BUILTINS[function.id](ledger, call)
    if isinstance(function, f.Attribute):
        found = of_method(ledger, call, function)
        if found is not None:
            return found
    symbol = callee(ledger, function)
    if isinstance(symbol, External):
        found = of_library(ledger, symbol.name, call)
        if found is not None:
            return found
    followed = followed_call(ledger, call)
    if followed is not None and followed.kind != "unknown":
        return followed
    if isinstance(symbol, ClassSymbol):
        for one in call.arguments:
            ledger.value(one.value)
        return Quantity("object", klass=symbol)
    return out_of_sight(ledger, call)


def of_criterion(ledger: Ledger, call: f.Call) -> Quantity:
    """What a module of the program makes of a model's output, as a loss of several terms does."""
    made = objects.object_of(ledger, call.function, ledger.frame.names.get(code(call.function), UNKNOWN))
    if made is not None and made.klass is not None and is_told_to_reduce(ledger, made.klass):
        return OUTPUT  # by whoever makes it
    found = called_object(ledger, made.klass, call) if made is not None and made.klass is not None else None
    told = found is not None and (found.kind in MEASURES or found.kind == "parts")
    return found if found is not None and told else OUTPUT


def is_told_to_reduce(ledger: Ledger, klass: ClassSymbol) -> bool:
    """Whether a loss of the program is told when it is made what it makes of a batch, as those of torch are."""
    init = ledger.program.method(klass, "__init__")
    names = {one.name for one in ledger.program.function(init).parameters} if init is not None else set[str]()
    return not names.isdisjoint(REDUCING)


REDUCING = frozenset("reduction reduce size_average".split())


def callee(ledger: Ledger, function: Expr) -> object:
    """What is called, as far as it is no variable of the function."""
    base = root(function)
    if isinstance(base, f.Name) and base.id in ledger.frame.names:
        return None
    return ledger.program.resolve(ledger.frame.symbol.path, function)


def followed_call(ledger: Ledger, call: f.Call) -> Quantity | None:
    """What a function or method of the program gives, None where the call is of none, or is not followed."""
    function = call.function
    method = of_self(function)
    klass = ledger.frame.klass
    if method and klass is not None:
        symbol = ledger.program.method(klass, method)
        if symbol is not None:
            return named_result(ledger, ledger.inline(symbol, klass, call, skip=True), call)
    if isinstance(function, f.Attribute) and not method:
        base = objects.object_of(ledger, function.value, ledger.value(function.value))
        symbol = ledger.program.method(base.klass, function.name) if base is not None and base.klass else None
        if (
            base is not None
            and base.klass is not None
            and symbol is not None
            and (ledger.meters.intake(base.klass, function.name) is None)
        ):
            return named_result(ledger, ledger.inline(symbol, base.klass, call, skip=True), call)
    resolved = callee(ledger, function)
    if isinstance(resolved, FunctionSymbol):
        return named_result(ledger, ledger.inline(resolved, ledger.program.class_of(resolved), call, skip=False), call)
    return None


def named_result(ledger: Ledger, found: Quantity | None, call: f.Call) -> Quantity | None:
    return as_named(found, last_name(call.function)) if found is not None else None


def of_library(ledger: Ledger, name: str, call: f.Call) -> Quantity | None:
    """What a library's function makes of what it is given; None where no table knows it."""
    meaning = ledger.program.apis.metric(name)
    if isinstance(ledger.program.apis.data(name), Loader):
        return Quantity("loader")
    values = [ledger.value(one.value) for one in call.arguments]
    match meaning:
        case Measure():
            if is_class(name):
                return Quantity("object", text=reduced(meaning, call))
            return measured(ledger, reduced(meaning, call), values)
        case Average(_, weights):
            if not values or has_argument(call, ("axis", "dim"), 1):
                return OUTPUT if any(one.is_of_batch for one in values) else UNKNOWN
            weighted = weights is not None and any(one.keyword == weights.keyword for one in call.arguments)
            return UNKNOWN if weighted else mean_of(ledger, values[0], call)
    last = name.rpartition(".")[2]
    if not values:
        return None
    if last in LISTS and values[0].kind == "list":
        return values[0]
    if last in ("sum", "nansum") and not has_argument(call, ("axis", "dim"), 1):
        return total_of(ledger, values[0])
    if last == "sqrt":
        return rooted(values[0])
    if last in COMPARING and any(one.is_of_batch for one in values):
        return of_kind("each") if values[0].kind != "sample" else SAMPLE
    if values[0].kind == "list":
        return UNKNOWN
    if name.partition(".")[0] in ("torch", "numpy", "math") and (values[0].is_of_batch or values[0].kind == "data"):
        return values[0] if values[0].kind in ("data", "total", "mean", "value", "score") else OUTPUT
    return None


def measured(ledger: Ledger, gives: str, values: list[Quantity]) -> Quantity:
    if any(one.kind == "sample" for one in values):
        return SAMPLE
    if any(one.kind == "list" for one in values):
        return UNKNOWN
    if not any(one.is_of_batch or one.kind == "data" for one in values):
        return UNKNOWN
    return GIVEN[gives]


def mean_of(ledger: Ledger, value: Quantity, call: f.Call) -> Quantity:
    """The mean of all there is."""
    if value.kind == "list":
        return entering.averaged_list(ledger, value, render(call), call.span)
    if value.kind in ("each", "output", "total"):
        return of_kind("mean")
    return value


def total_of(ledger: Ledger, value: Quantity) -> Quantity:
    """The sum of all there is."""
    if value.kind == "list" and value.inner is not None:
        if value.inner.is_of_batch:
            return Quantity("sum", loop=value.loop, inner=value.inner, text=value.text)
        return UNKNOWN
    if value.kind in ("each", "output"):
        return of_kind("total")
    return value


def of_method(ledger: Ledger, call: f.Call, function: f.Attribute) -> Quantity | None:
    """`base.name(…)` for what is known of the base; None where nothing is."""
    name = function.name
    if of_self(function) and ledger.frame.klass is not None and ledger.program.method(ledger.frame.klass, name):
        return None
    loop = ledger.outliving(code(function.value))
    if name == "append" and loop is not None and len(call.arguments) == 1:
        given = call.arguments[0].value
        ledger.listed(function.value, ledger.of_pass(ledger.value(given), given, loop), loop)
        return UNKNOWN
    if name in ("extend", "insert") and loop is not None:
        ledger.bind(function.value, UNKNOWN)
        return UNKNOWN
    base = ledger.value(function.value)
    if base.kind == "list" and name == "mean":
        return entering.averaged_list(ledger, base, render(call), call.span)
    if base.kind == "list" and name == "sum":
        return total_of(ledger, base)
    if base.kind in ("list", "sum", "average") and name in SAME:
        return base
    if base.kind in ("data", "sample") or base.is_of_batch:
        return tensor_method(ledger, base, name, call)
    made = objects.object_of(ledger, function.value, base)
    if made is not None:
        return objects.method_of(ledger, made, name, call)
    return None


def tensor_method(ledger: Ledger, base: Quantity, name: str, call: f.Call) -> Quantity | None:
    if name == "size":
        first = [one.value for one in call.arguments]
        if base.kind == "sample" or first not in ([], [f.Constant(0)]):
            return UNKNOWN
        return of_kind("size") if first else Quantity("parts", parts=((0, of_kind("size")), ("*", DATA)))
    if name in ("numel", "nelement", "__len__"):
        return of_kind("size") if base.kind != "sample" else UNKNOWN
    values = [ledger.value(one.value) for one in call.arguments]
    if base.kind == "data":
        known = of_kind("each") if any(one.is_of_batch for one in values) else DATA
        return known if name not in ("items", "keys", "values", "get") else DATA
    if base.kind == "sample" or any(one.kind == "sample" for one in values):
        return SAMPLE
    reduces = not has_argument(call, ("dim", "axis"), 0)
    if name == "mean":
        return mean_of(ledger, base, call) if reduces else OUTPUT
    if name == "sum":
        return total_of(ledger, base) if reduces else base
    if name == "sqrt":
        return rooted(base)
    if name in ("item", "tolist") and base.kind == "output":
        return of_kind("value")
    if name in SAME:
        return base
    if name in COMPARING:
        return of_kind("each")
    return OUTPUT if base.kind in ("output", "each") else base


def out_of_sight(ledger: Ledger, call: f.Call) -> Quantity:
    """A call that is not followed: what goes in comes out, in some way."""
    function = call.function
    values = [ledger.value(one.value) for one in call.arguments]
    made = objects.object_of(ledger, function, ledger.frame.names.get(code(function), UNKNOWN))
    if made is not None and made.text:
        return measured(ledger, made.text, values)
    if made is not None and made.klass is not None:
        result = called_object(ledger, made.klass, call)
        if result is not None and result.kind != "unknown":
            return as_named(result, last_name(function))
    if any(one.kind == "sample" for one in values):
        return SAMPLE
    if not any(one.is_of_batch for one in values):
        return DATA if any(one.kind == "data" for one in values) else loaderlike(ledger, call)
    name = last_name(function)
    if words(name) & COUNTED:
        return of_kind("total")
    return of_kind("value") if words(name) & NAMED else OUTPUT


def loaderlike(ledger: Ledger, call: f.Call) -> Quantity:
    return Quantity("loader") if names_loader(call) else UNKNOWN


def called_object(ledger: Ledger, klass: ClassSymbol, call: f.Call) -> Quantity | None:
    """What an instance gives when it is called: its `forward`, or `__call__`."""
    for name in ("forward", "__call__"):
        method = ledger.program.method(klass, name)
        if method is not None:
            return ledger.inline(method, klass, call, skip=True)
    return None


def length_of(ledger: Ledger, call: f.Call) -> Quantity:
    if len(call.arguments) != 1:
        return UNKNOWN
    given = call.arguments[0].value
    if isinstance(given, f.Attribute) and given.name in ("dataset", "sampler", "indices"):
        return Quantity("samples")
    value = ledger.value(given)
    if value.kind == "list":
        return Quantity("batches", loop=value.loop)
    if value.kind in ("data",) or value.is_of_batch:
        return of_kind("size")
    text = value.text or entering.called_here(ledger, given)
    if value.kind == "loader":
        return Quantity("batches", loop=-1, text=text)
    if "dataset" in words(last_name(given)) or words(last_name(given)) & {"set", "ds"}:
        return Quantity("samples")
    return Quantity("batches", loop=-1, text=text) if text in ledger.cores.values() else UNKNOWN


def first_given(ledger: Ledger, call: f.Call) -> Quantity:
    values = [ledger.value(one.value) for one in call.arguments]
    return values[0] if values else UNKNOWN


def sum_of(ledger: Ledger, call: f.Call) -> Quantity:
    value = first_given(ledger, call)
    if value.kind == "list":
        return total_of(ledger, value)
    if value.kind == "parts":
        return any_of(value)
    return value if value.kind in MEASURES else OUTPUT if value.is_of_batch else UNKNOWN


def nothing_of(ledger: Ledger, call: f.Call) -> Quantity:
    first_given(ledger, call)
    return UNKNOWN


BUILTINS: dict[str, Callable[[Ledger, f.Call], Quantity]] = {
    "len": length_of,
    "sum": sum_of,
    "float": first_given,
    "int": first_given,
    "round": first_given,
    "abs": first_given,
    "max": first_given,
    "tqdm": first_given,
    "iter": first_given,
    "list": first_given,
    "tuple": first_given,
    "print": nothing_of,
}
