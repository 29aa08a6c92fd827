"""Imports the project's files statement by statement, so that one that fails costs only itself.

Packages that are not installed are stood in for by objects that can be imported, decorate and be derived from, but
raise `Missing` once something is really asked of them.
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

from evallint.probe.child.assumed import Assumed

LONGEST_STATEMENT = 10
"""Seconds that one statement of a file may take as it is imported."""

NEVER_OURS = frozenset("torch torchvision torchaudio timm numpy evallint".split()) | set(sys.stdlib_module_names)


class Missing(Exception):
    """Something is asked of a package that is not installed."""


class Slow(Exception):
    """A statement took too long."""


class Failures:
    """What failed while files were imported, by the name that it would have bound."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], str] = {}

    def why(self, file: str, name: str) -> str:
        """Why a file did not get a name, "" where nothing is known of it."""
        return self.of.get((file, name), "")


class Project:
    """The files of the project, importable by their own names. `texts`: the code of notebooks, by their files."""

    def __init__(self, folder: str, assumed: Assumed, texts: Mapping[str, str]) -> None:
        self._texts = {os.path.realpath(file): text for file, text in texts.items()}
        self.folder = os.path.realpath(folder)
        self.assumed = assumed
        self.failures = Failures()
        self.stubs = Stubs(assumed)
        self._roots: list[str] = []
        self._trees: dict[str, ast.Module] = {}
        sys.meta_path.insert(0, Finder(self))
        sys.meta_path.append(self.stubs)

    def module(self, file: str) -> ModuleType:
        """The module that a file is, imported as far as that is possible."""
        file = os.path.realpath(file)
        root, name = self._placed(file)
        for folder in (*self._above(os.path.dirname(file)), root):
            if folder not in self._roots:
                self._roots.insert(0, folder)
                sys.path.insert(0, folder)
        if file in self._texts:
            return self._notebook(file, name)
        loaded = sys.modules.get(name)
        if loaded is not None and os.path.realpath(getattr(loaded, "__file__", None) or "") == file:
            return loaded
        return import_module(name)

    def _notebook(self, file: str, name: str) -> ModuleType:
        """A notebook as a module: its cells one after the other."""
        name = f"{name.replace('.', '_')}_ipynb"
        if name not in sys.modules:
            spec = ModuleSpec(name, Tolerant(self, file), origin=file)
            module = module_from_spec(spec)
            module.__file__ = file
            sys.modules[name] = module
            Tolerant(self, file).exec_module(module)
        return sys.modules[name]

    def tree(self, file: str) -> ast.Module:
        """The syntax tree of a file."""
        file = os.path.realpath(file)
        if file not in self._trees:
            self._trees[file] = ast.parse(self._text(file), file)
        return self._trees[file]

    def _text(self, file: str) -> str | bytes:
        if file in self._texts:
            return self._texts[file]
        with open(file, "rb") as stream:
            return stream.read()

    def holds(self, file: str) -> bool:
        """Whether a file is one of the project's own."""
        return file.startswith(os.path.join(self.folder, "")) and "site-packages" not in file.split(os.sep)

    def roots(self) -> Sequence[str]:
        return self._roots

    def add_root(self, folder: str) -> None:
        """Lets names of modules begin in a folder."""
        self._roots.append(folder)
        sys.path.append(folder)

    def _placed(self, file: str) -> tuple[str, str]:
        """The folder that a file's name as a module begins in, and that name."""
        root, parts = os.path.dirname(file), [os.path.splitext(os.path.basename(file))[0]]
        if parts == ["__init__"]:
            root, parts = os.path.dirname(root), [os.path.basename(root)]
        deepest = max((node.level for node in ast.walk(self.tree(file)) if isinstance(node, ast.ImportFrom)), default=0)
        while os.path.isfile(os.path.join(root, "__init__.py")) or len(parts) <= deepest:
            if not self.holds(os.path.join(root, "_")) or root == self.folder:
                break
            root, parts = os.path.dirname(root), [os.path.basename(root), *parts]
        return root, ".".join(parts)

    def _above(self, folder: str) -> Iterator[str]:
        """The folders above a file that its imports may begin in, the nearest last."""
        above = []
        while folder.startswith(self.folder):
            above.append(folder)
            if os.path.isdir(os.path.join(folder, "src")):
                above.append(os.path.join(folder, "src"))
            folder = os.path.dirname(folder)
        return (one for one in reversed(above) if not os.path.isfile(os.path.join(one, "__init__.py")))


class Finder(MetaPathFinder):
    """Finds the project's own modules."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in NEVER_OURS:
            return None
        spec = PathFinder.find_spec(fullname, list(self._project.roots()) if path is None else path)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        if not self._project.holds(os.path.realpath(spec.origin)):
            return None
        spec.loader = Tolerant(self._project, spec.origin)
        return spec


class Tolerant(Loader):
    """Runs the statements of a file one by one; those that fail are noted and passed over."""

    def __init__(self, project: Project, file: str) -> None:
        self._project = project
        self._file = os.path.realpath(file)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        tree = self._project.tree(self._file)
        flags = 0
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                flags |= sum(getattr(__import__("__future__"), alias.name).compiler_flag for alias in statement.names)
                continue
            if _runs_something(statement):
                continue
            try:
                code = compile(ast.Module([statement], []), self._file, "exec", flags, dont_inherit=True)
                with at_most(LONGEST_STATEMENT):
                    exec(code, module.__dict__)
            except (Exception, SystemExit) as error:
                self._note(statement, error)

    def _note(self, statement: ast.stmt, error: BaseException) -> None:
        for name in bound_by(statement):
            self._project.failures.of.setdefault((self._file, name), described(error))


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raises Slow in what takes longer."""

    def ring(*_: object) -> None:
        raise Slow(f"it took more than {seconds} s")

    former = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def _runs_something(statement: ast.stmt) -> bool:
    """Whether a statement at the top of a file is work rather than a definition: no import should train."""
    if isinstance(statement, ast.For | ast.While | ast.With | ast.AsyncFor | ast.AsyncWith):
        return any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WORK
            for node in ast.walk(statement)
        )
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        return isinstance(function, ast.Name) and function.id not in ("print", "setattr")
    return False


WORK = frozenset("backward step eval train fit save".split())


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def described(error: BaseException) -> str:
    """An error on one line."""
    words = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "allocate memory" in words:
        return "it needs more memory than it may have"
    if isinstance(error, Missing):
        return words
    return f"{type(error).__name__}: {words[:200]}" if words else type(error).__name__


# ---- packages that are not installed ---------------------------------------------------------------


class Stubs(MetaPathFinder):
    """Finds a stand-in for every package that nobody else finds."""

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.names: set[str] = set()
        self.is_strict = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package = fullname.partition(".")[0]
        importer = sys._getframe(1)
        while importer and "importlib" in importer.f_code.co_filename:
            if importer.f_back is None:
                break
            importer = importer.f_back
        if package in sys.stdlib_module_names or (path is not None and package not in self.names):
            return None
        if not self._asked_by_project(importer.f_code.co_filename) and package not in self.names:
            return None  # packages try imports to find out what is installed
        self.names.add(package)
        return ModuleSpec(fullname, StubLoader(self), is_package=True)

    def _asked_by_project(self, file: str) -> bool:
        own = os.path.dirname(os.path.abspath(__file__))
        return "site-packages" not in file and "lib/python" not in file and not file.startswith(own)


class StubLoader(Loader):
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = StubModule(spec.name)
        module.__dict__["_stubs"] = self._stubs
        module.__path__ = []
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


class StubModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(self.__dict__["_stubs"], f"{self.__name__}.{name}")


class Stub:
    """Something of a package that is not installed."""

    _stubs: Stubs
    _name: str

    def __init__(self, stubs: Stubs, name: str) -> None:
        self.__dict__.update(_stubs=stubs, _name=name)

    def _package(self) -> str:
        return self._name.partition(".")[0]

    def __getattr__(self, name: str) -> Stub:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(self._stubs, f"{self._name}.{name}")

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self._stubs.is_strict:
            raise Missing(f"it needs `{self._package()}`, which is not installed for this Python")
        if len(given) == 1 and not named and callable(given[0]):
            return given[0]  # a decorator
        return Stub(self._stubs, f"{self._name}()")

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        if self._name.endswith("Module"):
            self._stubs.assumed.add(f"`{self._name}` is not installed: a plain `nn.Module` stands in for it")
            return (plain_module(),)
        return (object,) if all(isinstance(base, Stub) for base in bases) else ()


def plain_module() -> type:
    """An `nn.Module` with the methods that a framework's module has."""
    base: type = import_module("torch").nn.Module
    return type("Plain", (base,), {"save_hyperparameters": save_hyperparameters, "log": ignore, "log_dict": ignore})


def save_hyperparameters(self: Any, *_: Any, **__: Any) -> None:
    given = sys._getframe(1).f_locals.items()
    self.hparams = Namespace(**{name: value for name, value in given if name not in ("self", "__class__")})


def ignore(self: Any, *_: Any, **__: Any) -> None:
    pass
