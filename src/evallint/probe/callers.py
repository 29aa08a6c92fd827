"""Who calls what: the places at which the program builds its classes and calls its functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from evallint import facts as f
from evallint.findings import Place
from evallint.gather.code.sites import sites
from evallint.program import ClassSymbol, FunctionSymbol, Program, Symbol


class CallSite(NamedTuple):
    """A call in the code of a function."""

    at: Place
    function: str
    call: f.Call


class Callers:
    """The calls of a program, by what they call."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def of(self, symbol: Symbol) -> Sequence[CallSite]:
        """Where something is called, in the order of the files."""
        return self._by_symbol.get(symbol, ())

    def at(self, place: Place) -> CallSite | None:
        """The call that begins at a place."""
        return self._by_place.get((place.path, place.span.line, place.span.column))

    @cached_property
    def of_functions(self) -> Mapping[tuple[str, str], Sequence[CallSite]]:
        """Where functions are called, by path and qualified name; a class stands for its constructor."""
        found: dict[tuple[str, str], list[CallSite]] = {}
        for symbol, calls in self._by_symbol.items():
            if isinstance(symbol, FunctionSymbol):
                found[symbol.path, self._program.function(symbol).qualname] = list(calls)
            elif isinstance(symbol, ClassSymbol):
                init = self._program.method(symbol, "__init__")
                if init is not None:
                    found.setdefault((init.path, self._program.function(init).qualname), []).extend(calls)
        return found

    def all(self) -> Sequence[CallSite]:
        """Every call, in the order of the files."""
        return self._all

    @cached_property
    def _all(self) -> list[CallSite]:
        return [
            CallSite(Place(path, site.call.span), function.qualname, site.call)
            for path in self._program.linted
            for function in self._program.files[path].functions
            for site in sites(self._program.files[path].bodies[function.body])
        ]

    @cached_property
    def _by_place(self) -> dict[tuple[str, int, int], CallSite]:
        found: dict[tuple[str, int, int], CallSite] = {}
        for site in self._all:
            found.setdefault((site.at.path, site.at.span.line, site.at.span.column), site)
        return found

    @cached_property
    def _by_symbol(self) -> dict[Symbol, list[CallSite]]:
        found: dict[Symbol, list[CallSite]] = defaultdict(list)
        for site in self._all:
            symbol = self._program.resolve(site.at.path, site.call.function)
            if symbol is None:
                symbol = self._method(site)
            if symbol is not None:
                found[symbol].append(site)
        return found

    def _method(self, site: CallSite) -> Symbol | None:
        """The method that `self.name(…)` calls in a class, or the only one in sight of that name."""
        function = site.call.function
        if not isinstance(function, f.Attribute):
            return None
        found = self._methods.get(function.name, [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def _methods(self) -> dict[str, list[FunctionSymbol]]:
        found: dict[str, list[FunctionSymbol]] = defaultdict(list)
        for path in self._program.linted:
            for index, function in enumerate(self._program.files[path].functions):
                if function.owner >= 0:
                    found[function.name].append(FunctionSymbol(path, index))
        return found
