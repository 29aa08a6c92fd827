"""Drop rates that a constructor is given: is one ever other than 0?"""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.facts import Expr
from evallint.gather.code.running import Running
from evallint.gather.code.sites import called, of_self, statements
from evallint.interpret.reading import last_name
from evallint.program import ClassSymbol, FunctionSymbol, Program

QUIET = (f.Constant(0), f.Constant(0.0), f.Constant(None))


def is_never_set(program: Program, running: Running, klass: ClassSymbol | None, rate: Expr | None) -> bool:
    """Whether a rate is an attribute that is 0 unless the constructor is given another, and no code in sight does."""
    if klass is None or rate is None or not of_self(rate):
        return False
    values = list(own_values(program, klass, of_self(rate)))
    return bool(values) and all(
        value in QUIET or is_left_out(program, running, klass, method, value) for method, value in values
    )


def own_values(program: Program, klass: ClassSymbol, name: str) -> Iterator[tuple[FunctionSymbol, Expr]]:
    """What the methods of a class and its bases set an attribute to, with the method."""
    for base in program.lineage(klass):
        for method in program.methods(base) if isinstance(base, ClassSymbol) else ():
            for statement in statements(program.body(method)):
                if not isinstance(statement, f.Assign) or statement.value is None:
                    continue
                if any(of_self(target) == name for target in statement.targets):
                    yield method, statement.value


def default_of(program: Program, method: FunctionSymbol, value: Expr) -> Expr:
    """The default of a parameter, anything else as it is."""
    for parameter in program.function(method).parameters:
        if value == f.Name(parameter.name) and parameter.default is not None:
            return parameter.default
    return value


def is_left_out(program: Program, running: Running, klass: ClassSymbol, method: FunctionSymbol, value: Expr) -> bool:
    """Whether a value is a parameter of the constructor whose default is 0 and that no construction in sight gives."""
    function = program.function(method)
    names = [parameter.name for parameter in function.parameters]
    if not isinstance(value, f.Name) or value.id not in names or default_of(program, method, value) not in QUIET:
        return False
    position = names.index(value.id) - 1
    makers = {program.klass(kin).name for kin in running.family(klass)} | {"__init__"}
    for user in {user for maker in makers for user in running.users(maker)}:
        for call in called(program.body(user)):
            if last_name(call.function) in makers and gives(call, value.id, position):
                return False
    return True


def gives(call: f.Call, keyword: str, position: int) -> bool:
    """Whether a call gives a parameter, or may: by a `*part` or a `**part`."""
    plain = [given for given in call.arguments if not given.keyword]
    return (
        any(given.stars for given in call.arguments)
        or any(given.keyword == keyword and given.value not in QUIET for given in call.arguments)
        or (len(plain) > position and plain[position].value not in QUIET)
    )
