"""Of which of Python's own classes constants and containers are, as `isinstance()` and `type()` ask."""

from __future__ import annotations

from evallint.interpret.values import Atom, Known, Ref, State
from evallint.program import ClassSymbol, External


def class_of(kind: type | ClassSymbol) -> External | ClassSymbol:
    """The class of a constant, as code names it."""
    return kind if isinstance(kind, ClassSymbol) else External(f"builtins.{kind.__name__}")


CLASSES = frozenset(class_of(kind) for kind in (bool, int, float, str, type(None)))
"""What `type(x)` may be for a constant."""

TENSOR = External("torch.Tensor")

TENSORS = frozenset((TENSOR, External("torch.autograd.Variable")))
"""The classes of every tensor: the second is another name for the first to isinstance()."""


def is_one_of(what: Atom, wanted: Atom, state: State) -> bool | None:
    """`isinstance(what, wanted)` for a constant, list, tuple or dict; None where that is not known."""
    names = classes(wanted, state)
    if names is None or not all(name.partition(".")[0] in ("builtins", "numbers", "collections") for name in names):
        return None
    if isinstance(what, Known) and isinstance(what.kind, type):
        bases = NUMBERS.get(what.kind, frozenset((f"builtins.{what.kind.__name__}",)))
        return not bases.isdisjoint(names)
    kind = state.heap[what.address].kind if isinstance(what, Ref) else None
    if kind not in ("list", "dict"):
        return None
    found = {name for name in names if name.rpartition(".")[2] in CONTAINERS[kind]}
    return None if len(found) == 1 and found <= EXACT[kind] else bool(found)


def classes(atom: Atom, state: State) -> tuple[str, ...] | None:
    """The names of a class, or of those in a tuple; None where one of them is none out of sight."""
    if isinstance(atom, External):
        return (atom.name,)
    thing = state.heap[atom.address] if isinstance(atom, Ref) else None
    if thing is None or thing.kind != "list" or thing.rest is not None:
        return None
    found = [next(iter(value.atoms)) if len(value.atoms) == 1 else None for value in thing.items.values()]
    names = tuple(one.name for one in found if isinstance(one, External))
    return names if len(names) == len(found) else None


NUMBERS = {
    bool: frozenset("builtins.bool builtins.int numbers.Number numbers.Real numbers.Integral".split()),
    int: frozenset("builtins.int numbers.Number numbers.Real numbers.Integral".split()),
    float: frozenset("builtins.float numbers.Number numbers.Real".split()),
}
CONTAINERS = {
    "list": frozenset("list tuple Sequence Iterable Collection Sized".split()),
    "dict": frozenset("dict OrderedDict defaultdict Mapping Iterable Collection Sized".split()),
}
"""The classes that what the interpreter calls so may be of, by their last names."""

EXACT = {
    "list": frozenset(("builtins.list", "builtins.tuple")),
    "dict": frozenset(("collections.OrderedDict", "collections.defaultdict")),
}
"""Those of which it may be one and not the other."""
