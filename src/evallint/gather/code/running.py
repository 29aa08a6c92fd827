"""What runs when a module does: its forward, and what that calls, looked for from the inside out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from evallint import facts as f
from evallint.findings import Place, Step
from evallint.gather.code.sites import Bindings, Site, bindings, encloser, local_names, of_self, sites
from evallint.interpret.reading import last_name
from evallint.memory import ByFile, Memo
from evallint.program import ClassSymbol, FunctionSymbol, ModuleSymbol, Program
from evallint.walk import within

Opens: TypeAlias = Callable[[Site, Bindings], bool]
"""Whether what a call leads to counts, by what stands around the call."""

FORWARD = frozenset(("forward", "__call__"))
LONGEST_WAY = 12


@dataclass(frozen=True, slots=True)
class Edge:
    """A function calls another, or hands it on (`site` None)."""

    caller: FunctionSymbol
    site: Site | None
    known: Bindings


class Running:
    """The functions that run when a module of the program does. Each function's callers are looked up by its name."""

    def __init__(self, program: Program) -> None:
        self.program = program
        memory = program.memory
        self._bases = ByFile(memory, program.files, self._bases_in)
        self._families: dict[ClassSymbol, dict[ClassSymbol, int]] = {}
        self._doors: Memo[str, bool] = memory.memo()
        self._members: Memo[str, dict[ClassSymbol, list[FunctionSymbol]]] = memory.memo()
        self._edges: Memo[FunctionSymbol, tuple[Edge, ...]] = memory.memo()
        self._named: Memo[FunctionSymbol, dict[str, list[f.Expr]]] = memory.memo()
        self._sites: Memo[FunctionSymbol, tuple[list[Site], Bindings]] = memory.memo()
        self._locals: Memo[FunctionSymbol, frozenset[str]] = memory.memo()
        self.renew()

    def renew(self) -> None:
        """Take in what files say now, and forget what stands on classes that have another family."""
        for _, before, after in self._bases.renew():
            old, new = frozenset(before or ()), frozenset(after)
            for pairs, number in ((old - new, -1), (new - old, 1)):
                for klass, base in pairs:
                    self._relate(klass, base, number)
                    self._relate(base, klass, number)
            self.program.memory.forget(("family", one) for pair in old ^ new for one in pair)

    def _relate(self, one: ClassSymbol, other: ClassSymbol, number: int) -> None:
        family = self._families.setdefault(one, {})
        family[other] = family.get(other, 0) + number
        if not family[other]:
            del family[other]

    def _bases_in(self, path: str) -> tuple[tuple[ClassSymbol, ClassSymbol], ...]:
        """The classes of a file, each with each of its bases, and with itself."""
        classes = (ClassSymbol(path, index) for index in range(len(self.program.files[path].classes)))
        pairs = ((klass, base) for klass in classes for base in self.program.lineage(klass))
        return tuple((klass, base) for klass, base in pairs if isinstance(base, ClassSymbol))

    def way_to(
        self,
        symbol: FunctionSymbol,
        is_root: Callable[[FunctionSymbol], bool],
        opens: Opens,
        dead: set[FunctionSymbol] | None = None,
    ) -> tuple[Step, ...] | None:
        """The calls by which a module's run gets to a function, outermost first; None where it does not.

        `is_root` is asked of each function on the way, `opens` of each call. `dead`: those known to lead nowhere, which
        grows; only for questions whose answers do not depend on where the way ends.
        """
        seen = {symbol}
        waiting: list[tuple[FunctionSymbol, tuple[Step, ...]]] = [(symbol, ())]
        while waiting:
            current, way = waiting.pop(0)
            if is_root(current):
                return way
            for edge in self.edges(current) if len(way) < LONGEST_WAY else ():
                if (
                    edge.caller in seen
                    or (dead and edge.caller in dead)
                    or (edge.site is not None and not opens(edge.site, edge.known))
                ):
                    continue
                seen.add(edge.caller)
                waiting.append((edge.caller, (self._step(edge, current), *way)))
        if dead is not None:
            dead |= seen
        return None

    def edges(self, symbol: FunctionSymbol) -> tuple[Edge, ...]:
        """Who calls a function: for a method its class, bases and subclasses, for any other whoever is in sight."""
        return self._edges.of(symbol, lambda: tuple(self._find(symbol)))

    def users(self, name: str) -> tuple[FunctionSymbol, ...]:
        """The functions that mention a name."""
        return tuple(self.program.index.users(name))

    def family(self, klass: ClassSymbol) -> frozenset[ClassSymbol]:
        """A class, its bases and the classes that derive from it."""
        self.program.memory.note(("family", klass))
        return frozenset(self._families.get(klass, (klass,)))

    def _step(self, edge: Edge, callee: FunctionSymbol) -> Step:
        caller = self.program.function(edge.caller)
        span = edge.site.call.span if edge.site is not None else caller.span
        name = self.program.function(callee).name
        return Step(Place(edge.caller.path, span), f"`{name}` runs here, in `{caller.qualname}`")

    def _find(self, symbol: FunctionSymbol) -> Iterator[Edge]:
        function = self.program.function(symbol)
        klass = self.program.class_of(symbol)
        users = self._callers(symbol, function.name) if klass is None else self._kin(klass, function.name)
        for user in users:
            if user != symbol and ("<locals>" not in function.qualname or self._shares(user, symbol)):
                yield from self._calls(user, symbol, function.name, klass is not None)

    def _callers(self, symbol: FunctionSymbol, name: str) -> Iterator[FunctionSymbol]:
        """The functions that mention a name, of files in which it can stand for a function: a file in which the name is
        another's, and which imports no module, is not even looked at."""
        for user in self.users(name):
            is_its = user.path == symbol.path or self.program.resolve(user.path, f.Name(name)) == symbol
            if is_its or self._doors.of(user.path, self._has_door, user.path):
                yield user

    def _has_door(self, path: str) -> bool:
        """Whether a file imports a module of the program as such, or perhaps one with all that is in another."""
        imports = self.program.files[path].imports
        return any(isinstance(self.program.imported(path, one), ModuleSymbol) for one in imports) or any(
            isinstance(found, ModuleSymbol)
            for one in imports
            if one.name == "*"
            for found in self.program.exported(ModuleSymbol(path))
        )

    def _kin(self, klass: ClassSymbol, name: str) -> Iterable[FunctionSymbol]:
        """The methods of a class's family, and the functions within these, that mention a name."""
        for kin in sorted(self.family(klass), key=lambda one: (one.path, one.index)):
            for member in self._members.of(kin.path, self._members_in, kin.path).get(kin, ()):
                if name in self.program.function(member).mentions:
                    yield member

    def _members_in(self, path: str) -> dict[ClassSymbol, list[FunctionSymbol]]:
        """The methods of the classes of a file, with the functions within them."""
        found: dict[ClassSymbol, list[FunctionSymbol]] = {}
        for index in range(len(self.program.files[path].functions)):
            user = FunctionSymbol(path, index)
            owner = self.program.class_of(encloser(self.program, user))
            if owner is not None:
                found.setdefault(owner, []).append(user)
        return found

    def _shares(self, user: FunctionSymbol, symbol: FunctionSymbol) -> bool:
        """Whether two functions are defined within the same one."""
        return user.path == symbol.path and encloser(self.program, user) == encloser(self.program, symbol)

    def _calls(self, user: FunctionSymbol, symbol: FunctionSymbol, name: str, is_method: bool) -> Iterator[Edge]:
        mentioned = sum(self._leads(node, user, symbol, name, is_method) for node in self._named_in(user).get(name, ()))
        if not mentioned:
            return
        found, known = self._sites_in(user)
        calls = 0
        for site in found:
            if self._leads(site.call.function, user, symbol, name, is_method):
                calls += 1
                yield Edge(user, site, known)
        if mentioned > calls and self.program.function(user).name != "__init__":
            yield Edge(user, None, known)

    def _named_in(self, user: FunctionSymbol) -> dict[str, list[f.Expr]]:
        """The names and attributes in a function's own code, by what they end in."""
        return self._named.of(user, self._find_named, user)

    def _find_named(self, user: FunctionSymbol) -> dict[str, list[f.Expr]]:
        found: dict[str, list[f.Expr]] = {}
        for node in within(self.program.body(user)):
            if isinstance(node, f.Name | f.Attribute):
                found.setdefault(last_name(node), []).append(node)
        return found

    def _sites_in(self, user: FunctionSymbol) -> tuple[list[Site], Bindings]:
        return self._sites.of(user, self._find_sites, user)

    def _find_sites(self, user: FunctionSymbol) -> tuple[list[Site], Bindings]:
        body = self.program.body(user)
        return list(sites(body)), bindings(body)

    def _leads(
        self, expression: f.Expr, user: FunctionSymbol, symbol: FunctionSymbol, name: str, is_method: bool
    ) -> bool:
        """Whether an expression in `user` stands for the function."""
        if last_name(expression) != name:
            return False
        if is_method:
            return bool(of_self(expression)) or is_super(expression) or is_class(expression)
        if "<locals>" in self.program.function(symbol).qualname:
            return isinstance(expression, f.Name)
        if isinstance(expression, f.Name) and name in self._locals.of(user, self._find_locals, user):
            return False
        return self.program.resolve(user.path, expression) == symbol

    def _find_locals(self, user: FunctionSymbol) -> frozenset[str]:
        """The names that a function binds itself, and that stand for nothing of its file there."""
        function = self.program.function(user)
        return local_names(function, self.program.body(user)) if function.name != "<module>" else frozenset()


def is_super(expression: f.Expr) -> bool:
    """`super().method`"""
    return (
        isinstance(expression, f.Attribute)
        and isinstance(expression.value, f.Call)
        and expression.value.function == f.Name("super")
    )


def is_class(expression: f.Expr) -> bool:
    """`Class.method` or `cls.method`"""
    return (
        isinstance(expression, f.Attribute)
        and isinstance(expression.value, f.Name)
        and (expression.value.id == "cls" or expression.value.id[:1].isupper())
    )
