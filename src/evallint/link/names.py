"""What names stand for: imports, re-exports, packages, base classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from evallint.facts import Assign, Block, Define, DefineClass, Expr, FileFacts, For, If, Import, Name, Try, With
from evallint.facts import Attribute as AttributeExpr
from evallint.program import INSTALLED, ClassSymbol, External, FunctionSymbol, ModuleSymbol, Symbol, VariableSymbol

Binding = FunctionSymbol | ClassSymbol | VariableSymbol | Import


class FileNames:
    """The names of a set of files, resolved as they are asked for."""

    def __init__(self, files: Mapping[str, FileFacts]) -> None:
        self._files = files
        self._bindings: dict[str, tuple[dict[str, Binding], list[Import]]] = {}
        self._modules: dict[tuple[str, str], str | None] = {}
        self._tails = tails(files)
        self._known: dict[tuple[str, str], Symbol | None] = {}
        self._asking: set[tuple[str, str]] = set()
        self._aliases: set[VariableSymbol] = set()
        self._lineages: dict[ClassSymbol, tuple[ClassSymbol | External, ...]] = {}

    # ---- names ----------------------------------------------------------------------------------

    def lookup(self, path: str, name: str) -> Symbol | None:
        """What a name at the top of a file stands for, None where nothing binds it."""
        key = path, name
        if key in self._known:
            return self._known[key]
        if key in self._asking or path not in self._files:
            return None
        self._asking.add(key)
        found = self._find(path, name)
        self._asking.discard(key)
        self._known[key] = found
        return found

    def _find(self, path: str, name: str) -> Symbol | None:
        names, stars = self._names(path)
        binding = names.get(name)
        if isinstance(binding, Import):
            return self.imported(path, binding)
        if binding is not None:
            return binding
        for star in stars:
            module = self._module(path, star.module, star.level)
            found = self.lookup(module, name) if module is not None else None
            if found is not None:
                return found
        return None

    def member(self, path: str, name: str) -> Symbol | None:
        """What `module.name` stands for: a name in the file, or a module of the package."""
        found = self.lookup(path, name)
        if found is not None:
            return found
        if path.endswith("__init__.py"):
            return self._as_module(self._module(path, name, 1))
        return None

    def imported(self, path: str, statement: Import) -> Symbol | None:
        """What an import binds."""
        if not statement.name:
            whole = statement.bound == statement.module.partition(".")[0]  # `import a.b` binds `a`
            name = statement.bound if whole else statement.module
            module = self._module(path, name, 0)
            return ModuleSymbol(module) if module is not None else External(name)
        module = self._module(path, statement.module, statement.level)
        if module is None:
            return self._outside(path, statement)
        return self.member(module, statement.name)

    def _outside(self, path: str, statement: Import) -> Symbol | None:
        """A module that is no file of ours: outside, or a folder without `__init__.py`."""
        below = f"{statement.module}.{statement.name}" if statement.module else statement.name
        inside = self._as_module(self._module(path, below, statement.level))
        if inside is not None or statement.level:
            return inside
        return External(below)

    def _as_module(self, path: str | None) -> ModuleSymbol | None:
        return ModuleSymbol(path) if path is not None else None

    # ---- modules --------------------------------------------------------------------------------

    def _module(self, path: str, dotted: str, level: int) -> str | None:
        """The file that a module's name means in a file: near ones first, as `sys.path` would find them."""
        if not level and dotted.partition(".")[0] == "torch":
            return None  # a file of that name within a package hides nothing
        key = path if level else path.rpartition("/")[0], f"{level}:{dotted}"
        if key not in self._modules:
            self._modules[key] = self._locate(path, dotted, level)
        return self._modules[key]

    def _locate(self, path: str, dotted: str, level: int) -> str | None:
        folder = path.rpartition("/")[0]
        if level:
            for _ in range(level - 1):
                folder = folder.rpartition("/")[0]
            return self._file(folder, dotted)
        while True:
            for root in (folder, f"{folder}/src" if folder else "src"):
                found = self._file(root, dotted)
                if found is not None:
                    return found
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        candidates = self._tails.get(dotted.replace(".", "/"), [])
        if len(candidates) == 1 and "." in dotted:
            return candidates[0]
        return self._file(INSTALLED.rstrip("/"), dotted)

    def _file(self, folder: str, dotted: str) -> str | None:
        base = "/".join(part for part in (folder, dotted.replace(".", "/")) if part)
        for candidate in (f"{base}.py", f"{base}/__init__.py" if base else "__init__.py"):
            if candidate in self._files:
                return candidate
        return None

    # ---- what a file binds ----------------------------------------------------------------------

    def _names(self, path: str) -> tuple[dict[str, Binding], list[Import]]:
        if path not in self._bindings:
            names: dict[str, Binding] = {}
            stars: list[Import] = []
            facts = self._files[path]
            for name, binding in bound(path, facts, facts.bodies[0]):
                if name == "*":
                    assert isinstance(binding, Import)
                    stars.append(binding)
                elif name not in names or not isinstance(binding, VariableSymbol):
                    names[name] = binding
            self._bindings[path] = names, stars
        return self._bindings[path]

    # ---- classes --------------------------------------------------------------------------------

    def lineage(self, symbol: ClassSymbol) -> tuple[ClassSymbol | External, ...]:
        """The class and its bases, each once, nearest first."""
        if symbol not in self._lineages:
            self._lineages[symbol] = (symbol,)  # a class that derives from itself ends here
            found: dict[ClassSymbol | External, None] = {symbol: None}
            for base in self._files[symbol.path].classes[symbol.index].bases:
                if base.keyword:
                    continue
                resolved = self._dotted(symbol.path, base.value)
                if isinstance(resolved, ClassSymbol):
                    found.update(dict.fromkeys(self.lineage(resolved)))
                elif isinstance(resolved, External):
                    found[resolved] = None
            self._lineages[symbol] = tuple(found)
        return self._lineages[symbol]

    def _dotted(self, path: str, expression: Expr) -> Symbol | None:
        if isinstance(expression, Name):
            found = self.lookup(path, expression.id)
            return self._alias(found)
        if isinstance(expression, AttributeExpr):
            owner = self._dotted(path, expression.value)
            if isinstance(owner, External):
                return External(f"{owner.name}.{expression.name}")
            if isinstance(owner, ModuleSymbol):
                return self._alias(self.member(owner.path, expression.name))
        return None

    def _alias(self, symbol: Symbol | None) -> Symbol | None:
        """`Base = nn.Module` at the top of a file."""
        if not isinstance(symbol, VariableSymbol):
            return symbol
        if symbol in self._aliases:
            return None
        self._aliases.add(symbol)
        try:
            return self._value_of(symbol)
        finally:
            self._aliases.discard(symbol)

    def _value_of(self, symbol: VariableSymbol) -> Symbol | None:
        for statement in self._files[symbol.path].bodies[0]:
            if not isinstance(statement, Assign) or statement.value is None:
                continue
            if any(isinstance(target, Name) and target.id == symbol.name for target in statement.targets):
                if isinstance(statement.value, Name) and statement.value.id == symbol.name:
                    return None
                return self._dotted(symbol.path, statement.value)
        return None


def bound(path: str, facts: FileFacts, block: Block) -> Iterator[tuple[str, Binding]]:
    """The names that a block at the top of a file binds, in order, those under `if`, `try` and `with` included."""
    for statement in block:
        match statement:
            case Import():
                yield (statement.bound or "*"), statement
            case Define(index):
                yield facts.functions[index].name, FunctionSymbol(path, index)
            case DefineClass(index):
                yield facts.classes[index].name, ClassSymbol(path, index)
            case Assign(targets):
                for name in assigned(targets):
                    yield name, VariableSymbol(path, name)
            case If(_, body, orelse):
                yield from bound(path, facts, orelse)
                yield from bound(path, facts, body)
            case Try(body, handlers, orelse, final):
                for handler in handlers:
                    yield from bound(path, facts, handler.body)
                for part in (body, orelse, final):
                    yield from bound(path, facts, part)
            case With(_, body) | For(_, _, body):
                yield from bound(path, facts, body)


def assigned(targets: Iterable[Expr]) -> Iterator[str]:
    for target in targets:
        if isinstance(target, Name):
            yield target.id
        elif hasattr(target, "items") and not isinstance(target, Name):
            yield from assigned(target.items)


def tails(paths: Iterable[str]) -> dict[str, list[str]]:
    """Files by every end of their module's path: `a/b/c.py` is found as `c`, `b/c` and `a/b/c`."""
    found: dict[str, list[str]] = {}
    for path in paths:
        if path.startswith(INSTALLED):
            continue
        parts = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
        for start in range(len(parts)):
            found.setdefault("/".join(parts[start:]), []).append(path)
    return found
