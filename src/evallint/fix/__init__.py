"""From a text and what would mend its findings to the text mended: codemods that give splices.

LibCST parses and says where things stand; the text itself is never generated from its tree, so that whatever is outside
of an edit stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from evallint.findings import (
    Decorate,
    Fix,
    InsertAfter,
    InsertBefore,
    Remove,
    Replace,
    ReplaceKept,
    SetArgument,
    Swap,
    Together,
    Wrap,
    WrapRest,
)
from evallint.fix import expressions, notebook, statements
from evallint.fix.edits import Edit, Lines, Unfixable, applied
from evallint.fix.edits import spliced as spliced_text
from evallint.fix.imports import spelled
from evallint.fix.tree import Tree
from evallint.read import Source

__all__ = ["Edit", "Lines", "Mending", "Unfixable", "applied", "mending", "spliced"]

_CODE: Final = {Wrap: "context", WrapRest: "context", Decorate: "decorator", Replace: "code"}
"""The field of a fix that holds code which may need imports."""

_CODEMODS: Final[Mapping[type, Callable[[Tree, Any], list[Edit]]]] = {
    Decorate: statements.decorate,
    InsertAfter: statements.insert_after,
    InsertBefore: statements.insert_before,
    Remove: expressions.remove,
    Replace: expressions.replace,
    ReplaceKept: expressions.replace_kept,
    SetArgument: expressions.set_argument,
    Swap: expressions.swap,
    Wrap: statements.wrap,
    WrapRest: statements.wrap_rest,
}


class Mending(NamedTuple):
    """The edits of one text that carry out some fixes: which of them are `done`, and why others are not, by number.

    Fixes that are in neither get in the way of one that is done.
    """

    edits: tuple[Edit, ...]
    done: tuple[int, ...]
    refused: Mapping[int, str]


def mending(text: str, fixes: Sequence[Fix]) -> Mending:
    """Return what carries out as many of the fixes as go together; the first come first."""
    try:
        tree = Tree(text)
    except Unfixable as error:
        return Mending((), (), dict.fromkeys(range(len(fixes)), str(error)))
    done: list[int] = []
    refused: dict[int, str] = {}
    taken: list[list[Edit]] = []
    imports: dict[Edit, None] = {}
    for number, fix in enumerate(fixes):
        try:
            edits, added = _edits(tree, fix)
        except Unfixable as error:
            refused[number] = str(error)
            continue
        if edits not in taken:
            if any(_meet(edits, others) for others in taken):
                continue
            taken.append(edits)
        imports |= dict.fromkeys(added)
        done.append(number)
    everything = sorted({*imports, *(edit for edits in taken for edit in edits)})
    return Mending(tuple(everything), tuple(done), refused)


def spliced(data: bytes, source: Source, edits: Sequence[Edit]) -> bytes:
    """Return the bytes of a file after edits of the text that it was read as. Unfixable: see `edits` and `notebook`."""
    splice = spliced_text if source.notebook is None else notebook.spliced
    return splice(data, source, edits)


def _edits(tree: Tree, fix: Fix) -> tuple[list[Edit], list[Edit]]:
    field = _CODE.get(type(fix))
    added: list[Edit] = []
    if field is not None:
        code, added = spelled(tree, fix, getattr(fix, field))
        changes: Any = {field: code}
        fix = replace(fix, **changes)
    if isinstance(fix, Together):
        return _all(tree, fix)
    return _CODEMODS[type(fix)](tree, fix), added


def _all(tree: Tree, fix: Together) -> tuple[list[Edit], list[Edit]]:
    """Return the edits of all parts. Unfixable: one can't be carried out, or stands in another file."""
    if any(part.at.path != fix.at.path for part in fix.parts):
        raise Unfixable("a part of it stands in another file")
    made = [_edits(tree, part) for part in fix.parts]
    edits = sorted(edit for some, _ in made for edit in some)
    if any(one.end > other.start for one, other in pairwise(edits)):
        raise Unfixable("its parts change the same code")
    return edits, [edit for _, some in made for edit in some]


def _meet(edits: Sequence[Edit], others: Sequence[Edit]) -> bool:
    """Whether the stretches that two fixes change have something in common."""
    return edits[0].start <= others[-1].end and others[0].start <= edits[-1].end
