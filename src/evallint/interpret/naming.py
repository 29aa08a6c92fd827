"""What names stand for: variables of functions and files, imports, definitions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from evallint import facts as f
from evallint.facts import Expr, Stmt
from evallint.interpret import data, library, modules
from evallint.interpret.outcomes import with_role
from evallint.interpret.reading import is_method_call
from evallint.interpret.values import UNKNOWN, UNKNOWN_MODE, Address, Callee, State, Thing, Value, constant, of
from evallint.program import ClassSymbol, External, FunctionSymbol, Symbol, VariableSymbol

if TYPE_CHECKING:
    from evallint.interpret.machine import Machine

DEEPEST = 16
"""Calls are followed this deep."""


def set_name(machine: Machine, name: str, value: Value, state: State) -> None:
    frame = machine.frames[-1]
    address = frame.address
    if name in frame.outer:
        address = module_frame(machine, frame.path, state)
    state.own(address).attributes[name] = value
    if state.assumed:
        stale = {key for key in state.assumed if name in key[1] and key[0] == address}
        if stale:
            state.assumed = {key: truth for key, truth in state.assumed.items() if key not in stale}
    for ref in value.refs():
        if not state.heap[ref].label:
            state.own(ref).label = name
    data.named(machine, value, name)


def outer(machine: Machine, statement: f.Outer, state: State) -> list[State]:
    if statement.word == "global":
        machine.frame.outer.update(statement.names)
    return [state]


def import_(machine: Machine, statement: f.Import, state: State) -> list[State]:
    if not statement.bound:
        return [state]
    symbol = machine.program.imported(machine.frame.path, statement)
    if machine.frame.symbol is None:
        bind_at_top(machine, statement, statement.bound, symbol, state)
        return [state]
    value = symbol_value(machine, symbol, state) if symbol is not None else UNKNOWN
    set_name(machine, statement.bound, value, state)
    return [state]


def bind_at_top(machine: Machine, statement: Stmt, name: str, symbol: Symbol | None, state: State) -> None:
    """Bind a name at the top of a file: `lookup` knows it, unless the file binds it anew further on."""
    frame = machine.frame
    held = name in state.heap[frame.address].attributes
    if symbol is None:
        state.own(frame.address).attributes.pop(name, None)
    elif held or (machine.program.lookup(frame.path, name) != symbol and is_at_top(machine, statement)):
        set_name(machine, name, symbol_value(machine, symbol, state), state)


def is_at_top(machine: Machine, statement: Stmt) -> bool:
    """Whether a statement of a file stands in no block, such as that of a `try` or an `if`."""
    return any(one is statement for one in machine.program.files[machine.frame.path].bodies[0])


def define(machine: Machine, statement: f.Define, state: State) -> list[State]:
    frame = machine.frame
    symbol = FunctionSymbol(frame.path, statement.function)
    function = machine.program.function(symbol)
    if frame.symbol is None and function.owner < 0 and not function.qualname.count("."):
        bind_at_top(machine, statement, function.name, symbol, state)
    within = frame.address if frame.symbol is not None else None
    if within is not None:
        set_name(machine, function.name, of(Callee(symbol, None, within)), state)
    return [state]


def define_class(machine: Machine, statement: f.DefineClass, state: State) -> list[State]:
    frame = machine.frame
    if frame.symbol is not None:
        symbol = ClassSymbol(frame.path, statement.klass)
        set_name(machine, machine.program.klass(symbol).name, of(symbol), state)
    return [state]


def named(machine: Machine, expression: f.Name, state: State) -> Value:
    name = expression.id
    value = variable(machine, name, state)
    return with_role(value, name, name)


def variable(machine: Machine, name: str, state: State) -> Value:
    frame = machine.frames[-1]
    address: Address | None = frame.address if name not in frame.outer else None
    while address is not None:
        thing = state.heap.get(address)
        if thing is None:
            break
        found = thing.attributes.get(name)
        if found is not None:
            return found
        address = thing.inner
    return global_variable(machine, frame.path, name, state)


def global_variable(machine: Machine, path: str, name: str, state: State) -> Value:
    module = state.heap.get(("module", path))
    if module is not None:
        assigned = module.attributes.get(name)
        if assigned is not None:
            return assigned
    known = machine.globals.get((path, name))
    if known is not None:
        return known
    symbol = machine.program.lookup(path, name)
    if isinstance(symbol, VariableSymbol):
        return static_variable(machine, symbol.path, symbol.name, state)
    if symbol is not None:
        found = symbol_value(machine, symbol, state)
    else:
        found = of(External(f"builtins.{name}")) if name in library.BUILTINS else UNKNOWN
    machine.globals[path, name] = found
    return found


def symbol_value(machine: Machine, symbol: Symbol, state: State) -> Value:
    """What a symbol is as a value."""
    if isinstance(symbol, VariableSymbol):
        return static_variable(machine, symbol.path, symbol.name, state)
    found = machine.symbol_values.get(symbol)
    if found is None:
        found = machine.symbol_values[symbol] = of(Callee(symbol) if isinstance(symbol, FunctionSymbol) else symbol)
    return found


def static_variable(machine: Machine, path: str, name: str, state: State) -> Value:
    """A variable of a file whose code is not running: its last plain assignment, and what is done to it after."""
    address = module_frame(machine, path, state)
    found = state.heap[address].attributes.get(name)
    if found is not None:
        return found
    state.own(address).attributes[name] = UNKNOWN  # while it is evaluated, and should it fail
    if len(machine.frames) >= DEEPEST:
        return UNKNOWN
    said = machine.variables.of(path, name)
    if said is None:
        return UNKNOWN
    with machine.running(None, path, address, machine.place(), said.assign.span):
        machine.block((said.assign,), [state])
        done_to(machine, name, said.later, address, state)
    found = state.heap[address].attributes.get(name, UNKNOWN)
    if not found.atoms and not found.flow.roles:
        symbol = machine.symbol(("global", path, name), name, state)
        state.own(address).attributes[name] = symbol
        return symbol
    return found


def done_to(machine: Machine, name: str, statements: Iterable[Stmt], address: Address, state: State) -> None:
    """What later statements of a file do to the model that a variable of it is.

    Its own methods are called, and libraries; the program's own code that gets hold of it may do anything.
    """
    held = state.heap[address].attributes.get(name, UNKNOWN)
    if not any(modules.is_model(state.heap[ref]) for ref in held.refs()):
        return
    for statement in statements:
        if is_method_call(statement, name) or (
            isinstance(statement, f.Evaluate) and calls_library(machine, statement.value)
        ):
            machine.block((statement,), [state])
        else:
            for ref in held.refs():
                modules.switch(ref, UNKNOWN_MODE, state)


def calls_library(machine: Machine, expression: Expr) -> bool:
    function = expression.function if isinstance(expression, f.Call) else expression
    found = machine.program.resolve(machine.frame.path, function)
    return isinstance(found, External) or (isinstance(function, f.Name) and function.id in library.BUILTINS)


def module_frame(machine: Machine, path: str, state: State) -> Address:
    address = ("module", path)
    if address not in state.heap:
        thing = Thing("frame", label=path)
        thing.attributes["__name__"] = constant(path)
        state.put(address, thing)
    return address
