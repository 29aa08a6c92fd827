"""What may know what: the laws that keep the stages apart."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from evallint import pages
from evallint.read import suppression

PACKAGE = Path(pages.__file__).parent
ORDER = (
    "facts walk findings codec memory spelling apis statistics packs pages config read extract program link interpret "
    "project gather check fix probe report cache baseline engine daemon testing trace shift scaffold lsp cli"
).split(" ")
ONLY_IN = {
    "libcst": {"extract", "fix"},
    "torch": {"probe", "trace"},
    "torchvision": {"probe"},
    "pygls": {"lsp"},
    "lsprotocol": {"lsp"},
}
GATHERED = {
    "code": {"code"},
    "modes": {"code", "modes"},
    **{name: {"code", "modes", name} for name in ("data", "state", "metric")},
}
STRANGERS = {"check", "fix", "probe", "report"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """The stage or thing that a module belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> list[str]:
    """The full names of what a module imports, wherever in it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def own_imports(path: Path) -> Iterator[str]:
    """The stages and things that a module imports from."""
    for name in imports(path):
        head, _, rest = name.partition(".")
        if head == "evallint" and rest.split(".")[0] not in ("", "__version__"):
            yield rest.split(".")[0]


def test_imports_go_left() -> None:
    for path in MODULES:
        if path.name == "__main__.py" or path == PACKAGE / "__init__.py":
            continue
        for imported in own_imports(path):
            assert ORDER.index(imported) <= ORDER.index(part(path)), f"{path} imports `{imported}`"


def test_what_is_gathered_of_one_thing_knows_code_modes_and_itself() -> None:
    for path in (PACKAGE / "gather").glob("*/**/*.py"):
        own = path.relative_to(PACKAGE / "gather").parts[0]
        parts = [name.split(".") for name in imports(path) if name.startswith("evallint.gather.")]
        assert {imported for _, _, imported, *_ in parts} <= GATHERED[own], path


def test_stages_that_judge_and_tell_do_not_know_each_other() -> None:
    for path in MODULES:
        if part(path) in STRANGERS:
            assert set(own_imports(path)) & STRANGERS <= {part(path)}, path


def test_each_heavy_library_is_known_to_its_stage_only() -> None:
    for path in MODULES:
        for name in imports(path):
            allowed = ONLY_IN.get(name.split(".")[0])
            assert allowed is None or part(path) in allowed, f"{path} imports `{name}`"


def test_rules_do_not_know_how_code_is_written_or_what_libraries_are_called() -> None:
    for path in (PACKAGE / "check").glob("*/*.py"):
        assert not {"extract", "link", "interpret", "gather", "apis"} & set(own_imports(path)), path


def test_every_page_has_a_module_and_every_module_a_page() -> None:
    about_comments = {suppression.BARE, suppression.UNKNOWN, suppression.UNUSED}
    described = {(page.category, page.name) for page in pages.load().values()}
    checked = {
        (path.parent.name, path.stem.replace("_", "-"))
        for path in (PACKAGE / "check").glob("*/*.py")
        if path.name != "__init__.py"
    }
    assert described == checked | {(suppression.CATEGORY, name) for name in about_comments}


def test_the_docstring_of_a_rule_is_the_summary_of_its_page() -> None:
    for page in pages.load().values():
        module = PACKAGE / "check" / page.category / f"{page.name.replace('-', '_')}.py"
        if page.category != suppression.CATEGORY:
            assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) == page.summary


def test_starting_a_run_imports_nothing_heavy() -> None:
    heavy = {*ONLY_IN, "pyflakes", "multiprocessing", "asyncio", "unittest"}
    code = f"import sys, evallint.cli, evallint.engine; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_child_stands_on_nothing_but_the_standard_library_and_itself() -> None:
    for path in (PACKAGE / "probe" / "child").rglob("*.py"):
        for name in imports(path):
            assert name.startswith("evallint.probe.child") or name.split(".")[0] in sys.stdlib_module_names, (
                path,
                name,
            )
