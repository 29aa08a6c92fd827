"""How a file spells what a fix's code is written with: by an import that it has, or by a new one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from libcst.helpers import get_full_name_for_node

from evallint.extract.nodes import cst
from evallint.findings import Fix
from evallint.fix.edits import Edit, Unfixable
from evallint.fix.tree import Tree, children


class Binding(NamedTuple):
    """A name that an import binds: what it stands for, the line of the import, and whether the file itself has it."""

    bound: str
    full: str
    line: int
    of_file: bool


def spelled(tree: Tree, fix: Fix, code: str) -> tuple[str, list[Edit]]:
    """Return a fix's code with all that it names spelled as the file does, and the edits that import what it lacks."""
    edits: list[Edit] = []
    for name in getattr(fix, "imports", ()):
        local, line = _local(tree, fix, name)
        code = code.replace(name, local)
        edits += [_added(tree, line)] if line else []
    return code, edits


def _local(tree: Tree, fix: Fix, name: str) -> tuple[str, str]:
    """Return how a full name is spelled at a place, and the import that this needs ("" none)."""
    statement = tree.statement(fix.at.span)
    functions = tree.functions(statement)
    line = fix.at.span.line
    hidden = {bound for function in functions for bound in _bound(function)}
    rebound = set(_bound(tree.module))
    usable = [
        binding
        for binding in _bindings(tree, tree.module)
        if (functions or binding.line < line) and binding.bound not in hidden | rebound
    ]
    for function in functions:
        usable += [binding for binding in _bindings(tree, function.body) if binding.line < line]
    fitting = [one for one in usable if name == one.full or name.startswith(one.full + ".")]
    if fitting:
        best = max(fitting, key=lambda one: len(one.full))
        return best.bound + name[len(best.full) :], ""
    taken = hidden | rebound | {binding.bound for binding in _bindings(tree, tree.module)}
    for statement_code, bound, local in _ways(name):
        if bound not in taken:
            return local, statement_code
    raise Unfixable(f"`{name}` has no name that is free here")


def _ways(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield imports of a full name, the usual first: the statement, the name that it binds, and how to spell it."""
    parts = name.split(".")
    if len(parts) > 2:
        yield f"from {parts[0]} import {parts[1]}", parts[1], ".".join(parts[1:])
    yield f"import {parts[0]}", parts[0], name
    yield f"from {'.'.join(parts[:-1])} import {parts[-1]}", parts[-1], parts[-1]


# ---- what is bound ---------------------------------------------------------------------------------


def _bindings(tree: Tree, block: cst.CSTNode) -> Iterator[Binding]:
    """Yield what the imports of a block bind, those under a `try` or a `with` included."""
    body = getattr(block, "body", ())
    for statement in body if isinstance(body, Sequence) else ():
        if isinstance(statement, cst.SimpleStatementLine):
            for one in statement.body:
                yield from _of_import(one, tree.range(statement).end.line, isinstance(block, cst.Module))
        elif isinstance(statement, cst.Try | cst.With):
            yield from _bindings(tree, statement.body)


def _of_import(statement: cst.CSTNode, line: int, of_file: bool) -> Iterator[Binding]:
    if isinstance(statement, cst.Import):
        for alias in statement.names:
            full = get_full_name_for_node(alias.name) or ""
            named = alias.evaluated_alias
            yield Binding(named or full.partition(".")[0], full if named else full.partition(".")[0], line, of_file)
    elif isinstance(statement, cst.ImportFrom):
        named = get_full_name_for_node(statement.module) if statement.module is not None else ""
        module = "." if statement.relative else named
        for alias in statement.names if not isinstance(statement.names, cst.ImportStar) else ():
            name = alias.evaluated_name
            yield Binding(alias.evaluated_alias or name, f"{module}.{name}", line, of_file)


def _bound(scope: cst.CSTNode) -> Iterator[str]:
    """Yield the names that a function, or a file outside its functions, binds by anything but an import."""
    for node in _inside(scope):
        match node:
            case cst.Param():
                yield node.name.value
            case cst.FunctionDef() | cst.ClassDef() if node is not scope:
                yield node.name.value
            case cst.AssignTarget() | cst.AugAssign() | cst.AnnAssign() | cst.For() | cst.NamedExpr():
                yield from _names(node.target)
            case cst.AsName() if isinstance(node.name, cst.BaseExpression):
                yield from _names(node.name)


def _inside(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for child in children(scope):
        if isinstance(child, cst.Import | cst.ImportFrom):
            continue
        yield child
        if not isinstance(child, cst.FunctionDef | cst.ClassDef | cst.Lambda):
            yield from _inside(child)


def _names(target: cst.CSTNode) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield from _names(element.value)


# ---- a new import ----------------------------------------------------------------------------------


class _Entry(NamedTuple):
    """One line of imports at the top of a file."""

    node: cst.SimpleStatementLine
    module: str
    plain: bool
    rank: int


def _added(tree: Tree, line: str) -> Edit:
    """Return the edit that puts an import where it belongs among those at the top of the file, sorted as they are."""
    entries = list(_entries(tree))
    module, plain = line.split()[1], line.startswith("import ")
    rank = _rank(module)
    group = [entry for entry in entries if entry.rank == rank]
    if group:
        alike = [entry for entry in group if entry.plain == plain]
        later = next((entry for entry in alike if entry.module > module), None)
        if later is None and not alike and plain:
            later = group[0]
        if later is not None:
            return _before(tree, later.node, f"{line}\n")
        return _after(tree, (alike or group)[-1].node, f"\n{line}")
    earlier = [entry for entry in entries if entry.rank < rank]
    if earlier:
        return _after(tree, earlier[-1].node, f"\n\n{line}")
    if entries:
        return _before(tree, entries[0].node, f"{line}\n\n")
    return _at_top(tree, line)


def _entries(tree: Tree) -> Iterator[_Entry]:
    """Yield the lines of imports that a file begins with, after what may stand before them."""
    for statement in tree.module.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            return
        first = statement.body[0]
        if isinstance(first, cst.Import):
            module = get_full_name_for_node(first.names[0].name) or ""
            yield _Entry(statement, module, True, _rank(module))
        elif isinstance(first, cst.ImportFrom):
            module = get_full_name_for_node(first.module) or "" if first.module is not None else ""
            yield _Entry(statement, module, False, 3 if first.relative else _rank(module))
        elif not (isinstance(first, cst.Expr) and isinstance(first.value, cst.BaseString)):
            return


def _rank(module: str) -> int:
    """Return the place of a module among imports: `__future__`, Python's own, all others."""
    root = module.partition(".")[0]
    return 0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2


def _at_top(tree: Tree, line: str) -> Edit:
    """Return the edit for a file without imports: after what describes it, before all else."""
    body = tree.module.body
    if body and tree.module.get_docstring(clean=False) is not None:
        return _after(tree, body[0], f"\n\n{line}")
    if not body:
        raise Unfixable("the file is empty")
    return _before(tree, body[0], f"{line}\n\n")


def _before(tree: Tree, node: cst.CSTNode, code: str) -> Edit:
    start = tree.lines.offset(tree.first_line(node), 0)
    return Edit(start, start, code)


def _after(tree: Tree, node: cst.CSTNode, code: str) -> Edit:
    end = tree.lines.end(tree.last_line(node))
    return Edit(end, end, code)
