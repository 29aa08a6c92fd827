"""What names that a program makes up while it runs may stand for: of models, and of the modules they are in."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from evallint import facts as f
from evallint.apis import Factory
from evallint.interpret.values import OPEN, WIDEST, Arguments, Callee, State, Value, in_order, of
from evallint.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol
from evallint.walk import within

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

ANY_MODULE: Final = "importlib.import_module()"
"""The name of a module of which only `import_module` knows the name."""


def import_module(machine: Machine, given: Arguments, expression: f.Call, state: State) -> Value:
    """`importlib.import_module(name)`."""
    name = given.positional[0].text() if given.positional else None
    if name is None or name.startswith("."):
        return of(External(ANY_MODULE))
    found = machine.program.imported(machine.frame.path, f.Import(name, "", "", 0, expression.span))
    return of(found) if isinstance(found, ModuleSymbol | External) else of(External(ANY_MODULE))


def of_any_module(machine: Machine, name: str) -> Value | None:
    """What a name of a module that only `import_module` knows may stand for: the functions that build models, and the
    classes of models, that go by it in the program. None for other names, and where there is none or too many."""
    module, _, own = name.rpartition(".")
    if module != ANY_MODULE:
        return None
    functions = (one for one in machine.relevance.named(own) if machine.program.function(one).qualname == own)
    found = [Callee(one) for one in functions if builds(machine, one)]
    models = [one for one in machine.program.classes_named(own) if machine.program.is_module(one)]
    return of(OPEN, *found, *models) if 0 < len(found) + len(models) < WIDEST else None


def any_of(machine: Machine, owner: Value, spelled: f.Expr | None = None) -> Value | None:
    """What an unknown name of a module may be, of which an f-string may spell a part: a function of it that builds
    models, or one of its classes (of its model classes, where it has some), one of a library's model factories, or a
    class for which the tables say what it is."""
    for atom in in_order(owner.atoms):
        if isinstance(atom, ModuleSymbol):
            builders = builders_of(machine, atom, spelled)
            if builders:
                return of(OPEN, *builders)
            classes = [one for one in machine.program.exported(atom) if isinstance(one, ClassSymbol)]
            models = [one for one in classes if machine.program.is_module(one)]
            found = models or classes
            found = [one for one in found if one.path == atom.path] or found
            if 0 < len(found) < WIDEST:
                return of(OPEN, *found)
        if isinstance(atom, External):
            chooser = machine.apis.any_of(atom.name)
            if chooser is not None:
                return of(External(chooser))
    return None


MOST_BUILDERS = 4
"""So many of a module's functions that build models stand for all of them."""


def builders_of(machine: Machine, module: ModuleSymbol, spelled: f.Expr | None) -> list[Callee]:
    """The first functions that a module offers for building models, of those whose names are spelled so, if any are."""
    functions = [
        one
        for one in machine.program.exported(module)
        if isinstance(one, FunctionSymbol) and not machine.program.function(one).name.startswith("_")
    ]
    so = [one for one in functions if fits(machine.program.function(one).name, spelled)]
    found = (one for one in so or functions if builds(machine, one))
    return [Callee(one) for one in islice(found, MOST_BUILDERS)]


def fits(name: str, spelled: f.Expr | None) -> bool:
    """Whether a name begins and ends as an f-string says: `f"{backbone}_text"`."""
    if not isinstance(spelled, f.Text) or not spelled.parts:
        return True
    first, last = (part.value if isinstance(part, f.Constant) else "" for part in (spelled.parts[0], spelled.parts[-1]))
    return name.startswith(str(first)) and name.endswith(str(last))


def builds(machine: Machine, symbol: FunctionSymbol, depth: int = 0) -> bool:
    """Whether a function gives back a model that it, or a function that it calls, constructs."""
    program = machine.program
    body = program.body(symbol)
    if not any(isinstance(node, f.Return) and node.value is not None for node in within(body)):
        return False
    called = [program.resolve(symbol.path, node.function) for node in within(body) if isinstance(node, f.Call)]
    return any(
        (isinstance(one, ClassSymbol | External) and program.is_module(one))
        or (isinstance(one, External) and isinstance(machine.apis.of(one.name), Factory))
        or (
            isinstance(one, FunctionSymbol)
            and one != symbol
            and depth < DEEPEST_BUILDER
            and builds(machine, one, depth + 1)
        )
        for one in called
    )


DEEPEST_BUILDER = 3
