"""Codemods of expressions: arguments that are set, and code that takes the place of other code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from evallint.extract.nodes import cst
from evallint.facts import Span
from evallint.findings import Remove, Replace, ReplaceKept, SetArgument, Swap
from evallint.fix.edits import Edit, Unfixable
from evallint.fix.tree import Tree, own

Item: TypeAlias = "cst.BaseElement | cst.Arg"
HOLE: Final = "{}"
TIGHT: Final = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.List, cst.Dict, cst.Set)
"""Expressions that need no parentheses before a dot or a call."""

LOOSE: Final = (cst.Tuple, cst.Yield, cst.NamedExpr, cst.GeneratorExp, cst.StarredElement)
"""Expressions that need parentheses to be one argument."""

SEVERAL: Final = (cst.Tuple, cst.List, cst.Dict, cst.Set, cst.GeneratorExp, cst.BaseComp, cst.BaseString, cst.Lambda)
"""Expressions that give no single tensor."""


def set_argument(tree: Tree, fix: SetArgument) -> list[Edit]:
    call = tree.call(fix.at.span)
    if any(given.star == "**" for given in call.args):
        raise Unfixable(f"`**` may give `{fix.keyword}` already")
    given = _given(call, fix)
    if given is not None:
        start, end = tree.extent(given.value)
        return [Edit(start, end, fix.value)]
    code = f"{fix.keyword}={fix.value}"
    if not call.args:
        _, end = tree.extent(call)
        end -= sum(len(tree.module.code_for_node(one)) for one in call.rpar) + 1
        return [Edit(end, end, code)]
    return [_appended(tree, call, code)]


def _given(call: cst.Call, fix: SetArgument) -> cst.Arg | None:
    """Return the argument that is to change, None where it is left to its default."""
    for one in call.args:
        if one.keyword is not None and one.keyword.value == fix.keyword:
            return one
    plain = [one for one in call.args if one.keyword is None]
    if fix.position is None or (fix.position >= len(plain) and not any(one.star for one in plain)):
        return None
    if any(one.star for one in plain[: fix.position + 1]):
        raise Unfixable(f"`*` may give `{fix.keyword}` already")
    return plain[fix.position]


def _appended(tree: Tree, call: cst.Call, code: str) -> Edit:
    """Return the edit that adds an argument after the last, laid out as that is."""
    last = call.args[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        raise Unfixable("its generator needs parentheses first")
    _, end = tree.extent(last.value)
    start_line = tree.range(last).start.line
    indent = tree.indent(start_line)
    leads = tree.lines.offset(start_line, len(indent)) == tree.extent(last)[0]
    space = f"\n{indent}" if leads and start_line > tree.range(call).start.line else " "
    if isinstance(last.comma, cst.MaybeSentinel):
        return Edit(end, end, f",{space}{code}")
    end += len(tree.module.code_for_node(last.comma.whitespace_before)) + 1
    return Edit(end, end, f"{space}{code},")


def replace(tree: Tree, fix: Replace) -> list[Edit]:
    if fix.part:
        start, end = tree.extent(_part(tree, fix))
        return [Edit(start, end, _filled(fix.code, fix.part, None))]
    found = tree.exact(fix.at.span)
    expression = next((node for node in found if isinstance(node, cst.BaseExpression)), None)
    if expression is not None:
        start, end = tree.extent(expression) if HOLE in fix.code else _inner(tree, expression)
        return [Edit(start, end, _filled(fix.code, tree.code(expression), expression))]
    statement = next((node for node in found if isinstance(node, cst.BaseSmallStatement)), None)
    if statement is None:
        raise Unfixable("no statement stands there")
    start, end = tree.extent(statement)
    if HOLE not in fix.code:
        return [Edit(start, end, fix.code)]
    value = _value(statement)
    return [Edit(start, end, _filled(fix.code, tree.code(value), value))]


def replace_kept(tree: Tree, fix: ReplaceKept) -> list[Edit]:
    kept = _kept(tree, tree.exact(fix.at.span), fix.argument)
    if HOLE in fix.code and isinstance(kept, SEVERAL):
        raise Unfixable("what is kept there is put together of several values")
    start, end = tree.extent(kept)
    return [Edit(start, end, _filled(fix.code, tree.code(kept), kept))]


def remove(tree: Tree, fix: Remove) -> list[Edit]:
    item, items = _item(tree, tree.exact(fix.at.span))
    number = items.index(item)
    start, end = tree.extent(item.value)
    if number + 1 < len(items):
        return [Edit(start, tree.extent(items[number + 1].value)[0], "")]
    if number == 0:
        raise Unfixable("nothing else stands there")
    before = len(tree.text[:start].rstrip())
    _, last = tree.extent(items[number - 1].value)
    if isinstance(item.comma, cst.Comma):
        end += len(tree.module.code_for_node(item.comma.whitespace_before)) + 1
    elif tree.text[last:before].strip() == ",":
        before = last
    return [Edit(before, end, "")]


def _item(tree: Tree, found: Sequence[cst.CSTNode]) -> tuple[Item, Sequence[Item]]:
    """Return what is to be removed, of those that stand at a place, and all that it stands in a row with."""
    for node in found:
        item = tree.parent(node)
        above = tree.parent(item) if item is not None else None
        if isinstance(item, cst.Element) and isinstance(above, cst.List | cst.Tuple):
            return item, above.elements
        if isinstance(item, cst.Arg) and isinstance(above, cst.Call) and not any(one.keyword for one in above.args):
            return item, above.args
    raise Unfixable("it stands in no list")


def swap(tree: Tree, fix: Swap) -> list[Edit]:
    if fix.at.path != fix.other.path:
        raise Unfixable("the other stands in another file")
    one, other = (_expression(tree, place.span) for place in (fix.at, fix.other))
    lists = [list(tree.above(node))[1:2] for node in (one, other)]
    if lists[0] != lists[1] or not isinstance(lists[0][0], cst.List | cst.Tuple):
        raise Unfixable("the two stand in no common list")
    (start, end), (first, last) = tree.extent(one), tree.extent(other)
    return sorted([Edit(start, end, tree.text[first:last]), Edit(first, last, tree.text[start:end])])


def _expression(tree: Tree, span: Span) -> cst.BaseExpression:
    found = next((node for node in tree.exact(span) if isinstance(node, cst.BaseExpression)), None)
    if found is None:
        raise Unfixable("no expression stands there")
    return found


# ---- which expression is meant ---------------------------------------------------------------------


def _inner(tree: Tree, node: cst.CSTNode) -> tuple[int, int]:
    """Return where a node stands within its own parentheses."""
    found = tree.range(node)
    return (
        tree.lines.offset(found.start.line, found.start.column),
        tree.lines.offset(found.end.line, found.end.column),
    )


def _part(tree: Tree, fix: Replace) -> cst.BaseExpression:
    statement = tree.statement(fix.at.span)
    if isinstance(statement, cst.With):
        parts: list[cst.BaseExpression] = [item.item for item in statement.items]
    else:
        parts = [node for node in own(statement) if isinstance(node, cst.BaseExpression)]
    found = [node for node in parts if fix.part in (tree.code(node), tree.text[slice(*_inner(tree, node))])]
    if not found:
        raise Unfixable(f"`{fix.part}` does not stand there")
    if len(found) > 1 and not isinstance(statement, cst.With):
        raise Unfixable(f"`{fix.part}` stands there more than once")
    return found[0]


def _value(statement: cst.BaseSmallStatement) -> cst.BaseExpression:
    """Return the value of an assignment."""
    if isinstance(statement, cst.Assign | cst.AugAssign | cst.AnnAssign) and statement.value is not None:
        return statement.value
    raise Unfixable("nothing is assigned there")


def _kept(tree: Tree, found: Sequence[cst.CSTNode], argument: int) -> cst.BaseExpression:
    """Return what an assignment adds to, or puts into, its target, or what a call is given."""
    for node in found:
        if isinstance(node, cst.Call):
            if len(node.args) <= argument or any(one.star for one in node.args[: argument + 1]):
                raise Unfixable("what the call is given is not in sight")
            return node.args[argument].value
        if isinstance(node, cst.AugAssign):
            return node.value
        if isinstance(node, cst.Assign):
            return _added(tree, node)
    raise Unfixable("nothing is kept there")


def _added(tree: Tree, assign: cst.Assign) -> cst.BaseExpression:
    """Return the other side of `total = total + loss`, any other value as it is."""
    value = assign.value
    if isinstance(value, cst.BinaryOperation) and not value.lpar:
        targets = {tree.code(one.target) for one in assign.targets}
        if tree.code(value.left) in targets:
            return value.right
        if tree.code(value.right) in targets:
            return value.left
    return value


# ---- code with a hole ------------------------------------------------------------------------------


def _filled(template: str, code: str, node: cst.CSTNode | None) -> str:
    """Return a template with code in its place, in parentheses where it needs them there."""
    before, hole, after = template.partition(HOLE)
    if not hole or node is None:
        return before + code + after if hole else template
    bare = not getattr(node, "lpar", ())
    tight = re.match(r"[.(\[]", after) is not None
    if bare and (isinstance(node, LOOSE) or (tight and not isinstance(node, TIGHT))):
        code = f"({code})"
    return before + code + after
