"""Codemods of statements: new ones before and after others, and `with` blocks around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evallint.extract.nodes import cst
from evallint.findings import Decorate, InsertAfter, InsertBefore, Wrap, WrapRest
from evallint.fix.edits import Edit, Unfixable
from evallint.fix.tree import Statement, Tree, yields


def insert_before(tree: Tree, fix: InsertBefore) -> list[Edit]:
    statement = tree.statement(fix.at.span)
    if _leads(tree, statement):
        line = tree.first_line(statement)
        start = tree.lines.offset(tree.top_line(statement), 0)
        return [Edit(start, start, f"{tree.indent(line)}{fix.code}\n")]
    start, _ = tree.extent(statement)
    return [Edit(start, start, f"{fix.code}; ")]


def insert_after(tree: Tree, fix: InsertAfter) -> list[Edit]:
    statement = tree.statement(fix.at.span)
    if _ends(tree, statement):
        end = tree.lines.end(tree.last_line(statement))
        return [Edit(end, end, f"\n{tree.indent(tree.first_line(statement))}{fix.code}")]
    _, end = tree.extent(statement)
    return [Edit(end, end, f"; {fix.code}")]


def decorate(tree: Tree, fix: Decorate) -> list[Edit]:
    function = tree.statement(fix.at.span)
    if not isinstance(function, cst.FunctionDef):
        raise Unfixable("no function is defined there")
    if yields(function.body):
        raise Unfixable("a generator runs when its decorator has returned")
    line = tree.range(function).start.line
    start = tree.lines.offset(line, 0)
    return [Edit(start, start, f"{tree.indent(line)}@{fix.decorator}\n")]


def wrap(tree: Tree, fix: Wrap) -> list[Edit]:
    first = tree.statement(fix.at.span)
    last = tree.statement(fix.through.span) if fix.through is not None else first
    first, last = _in_one_block(tree, first, last)
    within = _between(tree, first, last)
    if any(map(yields, within)):
        raise Unfixable("whatever receives what is yielded would run without gradients too")
    if first is last and isinstance(tree.parent(first), cst.SimpleStatementSuite):
        return _wrap_suite(tree, first, fix.context)
    line = tree.top_line(first)
    start = tree.lines.offset(line, 0)
    header = f"{tree.indent(line)}with {fix.context}:\n"
    moved = list(_indented(tree, line, tree.last_line(last)))
    if moved[0].start == start:
        return [moved[0]._replace(new=header + moved[0].new), *moved[1:]]
    return [Edit(start, start, header), *moved]


def wrap_rest(tree: Tree, fix: WrapRest) -> list[Edit]:
    statement = tree.statement(fix.at.span)
    line = tree.parent(statement)
    block = tree.parent(line) if line is not None else None
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1 or block is None:
        raise Unfixable("other statements share its line")
    siblings = _statements(block)
    rest = siblings[siblings.index(line) + 1 :]
    if not rest:
        raise Unfixable("nothing follows it")
    if any(map(yields, rest)):
        raise Unfixable("whatever receives what is yielded would run without gradients too")
    start, end = tree.extent(statement)
    return [
        Edit(start, end, f"with {fix.context}:"),
        *_indented(tree, tree.last_line(line) + 1, tree.last_line(rest[-1])),
    ]


# ---- where statements stand ------------------------------------------------------------------------


def _leads(tree: Tree, statement: Statement) -> bool:
    """Whether a statement is the first on its line."""
    line = tree.parent(statement)
    if isinstance(statement, cst.BaseCompoundStatement):
        return True
    return isinstance(line, cst.SimpleStatementLine) and line.body[0] is statement


def _ends(tree: Tree, statement: Statement) -> bool:
    """Whether a statement is the last on its line."""
    line = tree.parent(statement)
    if isinstance(statement, cst.BaseCompoundStatement):
        return True
    return isinstance(line, cst.SimpleStatementLine) and line.body[-1] is statement


def _statements(block: cst.CSTNode) -> Sequence[cst.CSTNode]:
    body = getattr(block, "body", ())
    return body if isinstance(body, Sequence) else ()


def _in_one_block(tree: Tree, first: Statement, last: Statement) -> tuple[Statement, Statement]:
    """Return the statements of one block in which two stand, or that they are."""
    if first is last:
        return first, last
    ours = [first, *tree.above(first)]
    theirs = [last, *tree.above(last)]
    common = next((node for node in ours if node in theirs), None)
    if not isinstance(common, cst.IndentedBlock | cst.Module):
        raise Unfixable("its statements stand in different blocks")
    return _below(ours, common), _below(theirs, common)


def _below(path: Sequence[cst.CSTNode], block: cst.CSTNode) -> Statement:
    inner: cst.CSTNode = path[path.index(block) - 1]
    if isinstance(inner, cst.SimpleStatementLine):
        inner = inner.body[0]
    assert isinstance(inner, cst.BaseSmallStatement | cst.BaseCompoundStatement)
    return inner


def _between(tree: Tree, first: Statement, last: Statement) -> Iterator[cst.CSTNode]:
    lines = [tree.parent(one) if isinstance(one, cst.BaseSmallStatement) else one for one in (first, last)]
    assert lines[0] is not None and lines[1] is not None
    block = tree.parent(lines[0])
    siblings = _statements(block) if isinstance(block, cst.IndentedBlock | cst.Module) else ()
    if lines[0] not in siblings or lines[1] not in siblings:
        yield from (line for line in lines if line is not None)
        return
    yield from siblings[siblings.index(lines[0]) : siblings.index(lines[1]) + 1]


# ---- blocks ----------------------------------------------------------------------------------------


def _indented(tree: Tree, first: int, last: int) -> Iterator[Edit]:
    """Yield what indents lines by one level; what begins within a string stays, and so do blank lines."""
    unit = tree.unit(first)
    last = _with_comments(tree, first, last)
    inside = tree.within_strings(first, last)
    for line in range(first, last + 1):
        code = tree.lines.of(line)
        if not code.strip() or line in inside:
            continue
        start = tree.lines.offset(line, code[: len(tree.indent(line))].rfind("\f") + 1)
        yield Edit(start, start, unit)


def _with_comments(tree: Tree, first: int, last: int) -> int:
    """Return the last line of comments that follow a block and are indented as what is in it."""
    indent = tree.indent(first)
    line = last
    while line < len(tree.lines.starts):
        line += 1
        code = tree.lines.of(line)
        if code.strip() and not (code.strip().startswith("#") and len(tree.indent(line)) > len(indent)):
            break
        last = line if code.strip() else last
    return last


def _wrap_suite(tree: Tree, statement: Statement, context: str) -> list[Edit]:
    """What follows a colon on its line moves to a line of its own."""
    suite = tree.parent(statement)
    assert isinstance(suite, cst.SimpleStatementSuite)
    if any(yields(one) for one in suite.body):
        raise Unfixable("whatever receives what is yielded would run without gradients too")
    start, _ = tree.extent(suite.body[0])
    space = len(tree.module.code_for_node(suite.leading_whitespace))
    owner = next(node for node in tree.above(suite) if isinstance(node, cst.BaseCompoundStatement))
    line = tree.first_line(owner)
    return [Edit(start - space, start, f"\n{tree.indent(line)}{tree.unit(line)}with {context}: ")]
