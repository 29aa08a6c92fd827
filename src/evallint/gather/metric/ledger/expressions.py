"""What expressions are, as quantities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Expr
from evallint.gather.code.sites import of_self, statements
from evallint.gather.metric.ledger import entering
from evallint.gather.metric.ledger.words import SAME, as_named, counts_samples, is_nominal, item_of
from evallint.gather.metric.passes import names_loader
from evallint.gather.metric.quantities import DATA, NUMBER, OUTPUT, SAMPLE, UNKNOWN, Quantity, combined, of_kind
from evallint.interpret.reading import last_name
from evallint.interpret.render import code, render

if TYPE_CHECKING:
    from evallint.gather.metric.ledger.following import Ledger


def of_name(ledger: Ledger, expression: f.Name) -> Quantity:
    found = ledger.frame.names.get(expression.id)
    if found is not None:
        return as_read(ledger, found)
    return by_name(ledger, expression)


def as_read(ledger: Ledger, value: Quantity) -> Quantity:
    """An average that was taken within the pass, and is used after it."""
    if value.kind == "average" and value.at is not None and not entering.is_running(ledger, value.loop):
        entering.settle(ledger, value)
    return value


def by_name(ledger: Ledger, expression: Expr) -> Quantity:
    name = last_name(expression)
    if is_nominal(name):
        return of_kind("nominal")
    if counts_samples(expression):
        return Quantity("samples")
    if names_loader(expression) and not isinstance(expression, f.Call):
        return Quantity("loader", text=entering.called_here(ledger, expression))
    return UNKNOWN


def of_attribute(ledger: Ledger, expression: f.Attribute) -> Quantity:
    text = code(expression)
    found = ledger.frame.names.get(text)
    if found is not None:
        return as_read(ledger, found)
    base = ledger.value(expression.value)
    name = expression.name
    if base.kind == "data":
        return of_kind("size") if is_nominal(name) or name == "num_graphs" else DATA
    if base.kind == "sample":
        return SAMPLE
    if base.is_of_batch:
        if name in ("shape", "dtype", "device", "ndim"):
            return DATA
        return base if name in SAME else as_named(OUTPUT, name)
    if base.kind == "loader":
        if name == "dataset":
            return Quantity("parts", parts=(("dataset", UNKNOWN),), text="dataset")
        return of_kind("nominal") if is_nominal(name) else UNKNOWN
    if base.kind == "parts":
        return base.part(name) or UNKNOWN
    if base.kind in ("list", "sum", "average"):
        return base if name in ("data", "T") else UNKNOWN
    own = of_self(expression)
    if own and is_nominal(name) and sets_size(ledger, name):
        return UNKNOWN
    named = by_name(ledger, expression)
    return NUMBER if own and named == UNKNOWN and is_setting(ledger, name) else named


def is_setting(ledger: Ledger, name: str) -> bool:
    """Whether an object is told by a parameter or a constant, when it is made, what an attribute is, and never again:
    the weight of a term of a loss."""
    klass, program = ledger.frame.klass, ledger.program
    plain = False
    for method in program.methods(klass) if klass is not None else ():
        function = program.function(method)
        if name not in function.mentions:
            continue
        parameters = {one.name for one in function.parameters}
        for one in statements(program.body(method)):
            targets = one.targets if isinstance(one, f.Assign) else (one.target,) if isinstance(one, f.Augment) else ()
            if any(of_self(target) == name for target in targets):
                plain = function.name == "__init__" and isinstance(one, f.Assign) and is_plain(one.value, parameters)
                if not plain:
                    return False
    return plain


def is_plain(value: Expr | None, parameters: set[str]) -> bool:
    match value:
        case f.Name(name):
            return name in parameters
        case f.Constant(int() | float()):
            return True
        case f.Operation(_, left, right):
            return is_plain(left, parameters) and is_plain(right, parameters)
    return False


def sets_size(ledger: Ledger, name: str) -> bool:
    """Whether a class sets its attribute to the size of a batch that it is given."""
    if ledger.frame.klass is None:
        return False
    return any(
        isinstance(one, f.Assign)
        and any(of_self(target) == name for target in one.targets)
        and any(part in code(one.value) for part in (".size(", ".shape[", "len("))
        for method in ledger.program.methods(ledger.frame.klass)
        for one in statements(ledger.program.body(method))
    )


def of_collection(ledger: Ledger, expression: f.Collection) -> Quantity:
    if not expression.items and expression.kind == "list":
        return NUMBER
    return Quantity("parts", parts=tuple((index, ledger.value(one)) for index, one in enumerate(expression.items)))


def of_mapping(ledger: Ledger, expression: f.Mapping) -> Quantity:
    parts: list[tuple[object, Quantity]] = []
    for key, item in zip(expression.keys, expression.values, strict=True):
        value = ledger.value(item)
        if isinstance(key, f.Constant):
            name = key.value if isinstance(key.value, str) else ""
            parts.append((key.value, as_named(value, name)))
        elif key is None and value.kind == "parts":
            parts += value.parts
        else:
            parts.append(("*", value))
    return Quantity("parts", parts=tuple(parts)) if parts else NUMBER


def of_subscript(ledger: Ledger, expression: f.Subscript) -> Quantity:
    found = ledger.frame.names.get(code(expression))
    if found is not None:
        return as_read(ledger, found)
    base = ledger.value(expression.value)
    key: object = expression.key.value if isinstance(expression.key, f.Constant) else None
    if isinstance(expression.value, f.Attribute) and expression.value.name == "shape":
        return of_kind("size") if key == 0 and (base.is_of_batch or base.kind == "data") else UNKNOWN
    if isinstance(expression.value, f.Call) and last_name(expression.value.function) == "size":
        return of_kind("size") if key == 0 else UNKNOWN
    if base.kind == "loader":
        return Quantity("loader", text=code(expression))
    if base.kind == "list":
        return UNKNOWN
    if base.kind == "samples":
        return base
    if base.kind in ("number", "unknown") and isinstance(key, str):
        return by_name(ledger, f.Name(key)) if is_nominal(key) else UNKNOWN
    return item_of(base, key)


def of_unary(ledger: Ledger, expression: f.Unary) -> Quantity:
    value = ledger.value(expression.operand)
    if expression.operator == "not":
        return UNKNOWN
    return value


def of_comparison(ledger: Ledger, expression: f.Comparison) -> Quantity:
    kinds = {ledger.value(expression.left).kind, ledger.value(expression.right).kind}
    if "sample" in kinds:
        return SAMPLE
    return of_kind("each") if kinds & {"output", "each"} else DATA if "data" in kinds else UNKNOWN


def of_operation(ledger: Ledger, expression: f.Operation) -> Quantity:
    left, right = ledger.value(expression.left), ledger.value(expression.right)
    if expression.operator in ("/", "//") and left.kind == "sum":
        divisor = render(expression.right)
        shown = f"({divisor})" if isinstance(expression.right, f.Operation) else divisor
        text = f"{render(expression.left)} {expression.operator} {shown}"
        return entering.quotient(ledger, left, right, text, expression.right)
    found = combined(expression.operator, left, right)
    if found.kind in ("stretched", "scaled") and found not in (left, right):
        weighted(ledger, found, render(expression))
    return found


def weighted(ledger: Ledger, value: Quantity, text: str) -> None:
    """A number of a batch is multiplied or divided by the size that batches nominally have."""
    assert value.inner is not None
    loop = next((one.number for one in reversed(ledger.loops) if one.number), 0)
    again = value.kind == "scaled" and value.inner.kind == "mean"
    entering.enter(ledger, "scaled" if again else "nominal", text, loop)


def of_text(ledger: Ledger, expression: f.Text) -> Quantity:
    for part in expression.parts:
        ledger.value(part)
    return UNKNOWN


def of_comprehension(ledger: Ledger, expression: f.Comprehension) -> Quantity:
    before = dict(ledger.frame.names)
    lists: list[Quantity] = []
    parts = False
    for clause in expression.clauses:
        source = ledger.value(clause.iterable)
        element, each = ledger.elements(clause.iterable)
        if source.kind == "list":
            lists.append(source)
        parts = parts or each or bool(clause.conditions)
        ledger.bind(clause.target, element)
    value = ledger.value(expression.value if expression.value is not None else expression.element)
    ledger.frame.names = before
    if expression.kind == "dict":
        return Quantity("parts", parts=(("*", value),))
    if len(lists) == 1 == len(expression.clauses) and not parts:
        return replace(lists[0], inner=value)
    if value.is_of_batch and not parts:
        return value
    return SAMPLE if value.is_of_batch or value.kind == "sample" else UNKNOWN
