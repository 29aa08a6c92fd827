"""The linked program: what every name in every file stands for, and what every class is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Final, Literal, Protocol, TypeAlias, TypeVar, cast

from evallint.apis import Apis
from evallint.facts import Attribute, Block, Class, Expr, Fact, FileFacts, Function, Import, Name
from evallint.memory import Memo, Memory, Row

T = TypeVar("T")

# Symbols are named tuples, like facts, because they are hashed and compared by the million. `kind` keeps those apart
# whose other fields could be equal.


class FunctionSymbol(Fact):
    """A function or method of the program, by its index in its file's facts."""

    path: str
    index: int
    kind: Literal["function"] = "function"


class ClassSymbol(Fact):
    """A class of the program, by its index in its file's facts."""

    path: str
    index: int
    kind: Literal["class"] = "class"


class ModuleSymbol(Fact):
    """A file of the program, as something that can be imported; a `path` that ends with `/` is a mere folder."""

    path: str
    kind: Literal["file"] = "file"


class VariableSymbol(Fact):
    """A name that a file's own code assigns."""

    path: str
    name: str
    kind: Literal["variable"] = "variable"


class External(Fact):
    """Something outside the program, by its qualified name: `torch.nn.Linear`."""

    name: str
    kind: Literal["external"] = "external"


Symbol: TypeAlias = FunctionSymbol | ClassSymbol | ModuleSymbol | VariableSymbol | External


OWN_CODE: Final = "self.training"
"""What decides where a class asks for its mode itself and holds no layer that heeds it."""


@dataclass(frozen=True, slots=True)
class Nature:
    """Whether a module behaves differently in train and eval mode.

    `heeds`: "yes", "no", or "unknown" where a part of it is out of sight; `because` names what decides, or the method
    that runs no part which does. `statistics`: whether it holds running statistics (batch norm) that a forward in train
    mode moves; None unknown. `arguable`: whether only such layers make the difference as many run in train mode on
    purpose (instance norm).
    """

    heeds: Literal["yes", "no", "unknown"]
    because: str = ""
    statistics: bool | None = None
    arguable: bool = False

    @property
    def by_own_code(self) -> bool:
        """Whether nothing but code of the project's own, which asks for the mode, makes the difference."""
        return self.heeds == "yes" and self.because == OWN_CODE


UNKNOWN_NATURE = Nature("unknown")

Given: TypeAlias = frozenset[tuple[str, object]]
"""The parameters of a constructor or factory whose values are known, with these."""

NOTHING: Given = frozenset()

MODULE = object()
"""Stands for a module that a constructor is given, and that is judged for itself, or for an object that is none."""


INSTALLED = "<installed>/"
"""Files whose paths begin so are those of installed packages: they are followed, but nothing is reported of them."""


@dataclass(frozen=True)
class Program:
    """All files of a run, linked. Built by `link`; the look-ups answer None for what is out of sight.

    `linted` are the paths that findings are reported of, sorted.
    """

    files: Mapping[str, FileFacts]
    apis: Apis
    symbols: Symbols
    families: Families
    natures: Natures
    index: Index
    memory: Memory
    _methods: Memo[tuple[ClassSymbol, str], FunctionSymbol | None]
    _modules: Memo[Symbol | None, bool]
    _by_function: Memo[tuple[object, FunctionSymbol], object]
    _by_file: dict[tuple[object, ...], Row[object]] = field(default_factory=dict)

    @cached_property
    def linted(self) -> tuple[str, ...]:
        return tuple(sorted(path for path in self.files if not path.startswith(INSTALLED)))

    def each(self, find: Callable[..., Iterable[T]], *given: object) -> Iterable[T]:
        """What `find` finds in each file that findings are reported of: it is given the program, the file's path, and
        what is given here. Kept for each file, if the memory records, and then the same object as long as the same is
        found, whose loops are told by their identity; of equal `find` equal things are found."""
        if not self.memory.records:
            return chain.from_iterable(find(self, path, *given) for path in self.linted)
        key = find, *given
        if key not in self._by_file:
            self._by_file[key] = Row(self.memory, self.linted, lambda path: tuple(find(self, path, *given)))
        return cast("tuple[T, ...]", self._by_file[key].all())

    def once(self, find: Callable[[Program, FunctionSymbol], T], symbol: FunctionSymbol) -> T:
        """What `find` finds in a function. Kept; `find` is a function at the top of a module."""
        return cast(T, self._by_function.of((find, symbol), find, self, symbol))

    def users(self, name: str) -> Iterator[FunctionSymbol]:
        """The functions that mention a name, of those that findings are reported of, in the order of the files."""
        return (user for user in self.index.users(name) if not user.path.startswith(INSTALLED))

    def mentions_any(self, names: Iterable[str]) -> bool:
        """Whether any function that findings are reported of mentions one of these names."""
        return any(True for name in names for _ in self.users(name))

    def function(self, symbol: FunctionSymbol) -> Function:
        return self.files[symbol.path].functions[symbol.index]

    def klass(self, symbol: ClassSymbol) -> Class:
        return self.files[symbol.path].classes[symbol.index]

    def body(self, symbol: FunctionSymbol) -> Block:
        facts = self.files[symbol.path]
        return facts.bodies[facts.functions[symbol.index].body]

    def class_body(self, symbol: ClassSymbol) -> Block:
        facts = self.files[symbol.path]
        return facts.bodies[facts.classes[symbol.index].body]

    def classes_named(self, name: str) -> Iterator[ClassSymbol]:
        """The classes of a name, file by file."""
        for path in sorted(self.index.with_class(name)):
            classes = self.files[path].classes
            yield from (ClassSymbol(path, index) for index, klass in enumerate(classes) if klass.name == name)

    def methods(self, symbol: ClassSymbol) -> Iterator[FunctionSymbol]:
        """The methods that a class itself defines, in order."""
        return (FunctionSymbol(symbol.path, index) for index in self.klass(symbol).methods)

    def lookup(self, path: str, name: str) -> Symbol | None:
        """What a name at the top of a file stands for."""
        return self.symbols.lookup(path, name)

    def resolve(self, path: str, expression: Expr) -> Symbol | None:
        """What a dotted name in a file stands for, local names of functions left aside.

        `Norm = nn.BatchNorm2d` is followed, if that is all that the file ever makes of the name.
        """
        if isinstance(expression, Name):
            return self.symbols.meant(self.lookup(path, expression.id))
        if isinstance(expression, Attribute):
            owner = self.resolve(path, expression.value)
            return self.symbols.meant(self.member(owner, expression.name)) if owner is not None else None
        return None

    def member(self, owner: Symbol, name: str) -> Symbol | None:
        """What `owner.name` stands for."""
        match owner:
            case External(qualified):
                return External(f"{qualified}.{name}")
            case ModuleSymbol(path):
                return self.symbols.member(path, name)
            case ClassSymbol():
                return self.method(owner, name) or self.symbols.part(owner, name)
        return None

    def exported(self, module: ModuleSymbol) -> tuple[Symbol, ...]:
        """What the names at the top of a file stand for, each once."""
        return self.symbols.exported(module.path)

    def imported(self, path: str, statement: Import) -> Symbol | None:
        return self.symbols.imported(path, statement)

    def lineage(self, symbol: ClassSymbol) -> tuple[ClassSymbol | External, ...]:
        """The class and its bases, each once, in the order of its `__mro__`; bases out of sight are left out."""
        return self.families.lineage(symbol)

    def bases(self, symbol: ClassSymbol) -> tuple[Symbol | None, ...]:
        """What a class itself names as its bases, None for each that is out of sight."""
        return self.families.bases(symbol)

    def method(self, symbol: ClassSymbol, name: str, after: ClassSymbol | None = None) -> FunctionSymbol | None:
        """The method that an instance of the class has under a name; `after` a class of its lineage, for `super()`."""
        if after is not None:
            lineage = self.lineage(symbol)
            return self._found(lineage[lineage.index(after) + 1 :] if after in lineage else lineage, name)
        return self._methods.of((symbol, name), self._method, symbol, name)

    def _method(self, symbol: ClassSymbol, name: str) -> FunctionSymbol | None:
        return self._found(self.lineage(symbol), name)

    def _found(self, lineage: Iterable[ClassSymbol | External], name: str) -> FunctionSymbol | None:
        for base in lineage:
            if isinstance(base, ClassSymbol):
                for method in reversed(self.klass(base).methods):
                    if self.files[base.path].functions[method].name == name:
                        return FunctionSymbol(base.path, method)
        return None

    def called_on_self(self, symbol: FunctionSymbol) -> Iterator[str]:
        """The names of what a function calls on `self`."""
        return (name[5:-2] for name in self.function(symbol).mentions if name.startswith("self."))

    def reached(self, klass: ClassSymbol, starts: Iterable[FunctionSymbol]) -> list[FunctionSymbol]:
        """Methods of a class, and after them all that these get to through `self`, each once."""
        found = dict.fromkeys(starts)
        todo = list(found)
        for one in todo:
            for name in self.called_on_self(one):
                method = self.method(klass, name)
                if method is not None and method not in found:
                    found[method] = None
                    todo.append(method)
        return todo

    def mentioned(self, klass: ClassSymbol, method: FunctionSymbol) -> frozenset[str]:
        """What a method of a class mentions, or one that it gets to through `self`."""
        return frozenset(name for one in self.reached(klass, (method,)) for name in self.function(one).mentions)

    def externals(self, symbol: ClassSymbol) -> Iterator[str]:
        """The names of the classes outside the program that a class derives from, as the tables know them."""
        for base in self.lineage(symbol):
            if isinstance(base, External):
                yield from self.apis.lineage(base.name)

    def is_module(self, symbol: Symbol | None) -> bool:
        """Is this a class of `torch.nn.Module`s?"""
        return self._modules.of(symbol, self._is_module, symbol)

    def _is_module(self, symbol: Symbol | None) -> bool:
        if isinstance(symbol, External):
            return self.apis.is_module(symbol.name)
        return isinstance(symbol, ClassSymbol) and "torch.nn.Module" in self.externals(symbol)

    def class_of(self, symbol: FunctionSymbol) -> ClassSymbol | None:
        """The class whose method this is."""
        owner = self.function(symbol).owner
        return ClassSymbol(symbol.path, owner) if owner >= 0 else None

    def nature(self, symbol: Symbol | None, given: Given = NOTHING) -> Nature:
        """Whether an instance of a class of modules, built with these values, heeds its mode."""
        return self.natures.of(self, symbol, given)

    def title(self, symbol: Symbol | None) -> str:
        """The name a reader knows a symbol by."""
        match symbol:
            case ClassSymbol():
                return self.klass(symbol).name
            case FunctionSymbol():
                return self.function(symbol).name
            case External(name):
                return name.rpartition(".")[2]
            case VariableSymbol(_, name):
                return name
        return ""


class Symbols(Protocol):
    """Resolves names: what `link` gives."""

    def renew(self, path: str) -> Iterator[object]: ...

    def lookup(self, path: str, name: str) -> Symbol | None: ...

    def member(self, path: str, name: str) -> Symbol | None: ...

    def exported(self, path: str) -> tuple[Symbol, ...]: ...

    def imported(self, path: str, statement: Import) -> Symbol | None: ...

    def part(self, owner: Symbol, name: str) -> Symbol | None: ...

    def meant(self, symbol: Symbol | None) -> Symbol | None: ...


class Families(Protocol):
    """Tells what classes derive from: what `link` gives."""

    def lineage(self, symbol: ClassSymbol) -> tuple[ClassSymbol | External, ...]: ...

    def bases(self, symbol: ClassSymbol) -> tuple[Symbol | None, ...]: ...


class Index(Protocol):
    """Knows where names stand: what `link` gives."""

    def users(self, name: str) -> Collection[FunctionSymbol]: ...

    def importing(self, name: str) -> Collection[str]: ...

    def has_class(self, name: str) -> bool: ...

    def with_class(self, name: str) -> Collection[str]: ...

    def renew(self) -> None: ...


class Natures(Protocol):
    """Judges classes of modules: what `link` gives."""

    def of(self, program: Program, symbol: Symbol | None, given: Given = ...) -> Nature: ...
