"""What can be done about what was found: a fix, all safe fixes of a file, a comment that silences.

An action is offered at once and worked out when it is chosen, as `--fix` and `--add-ignore` work: on copies, which the
linter judges before anything is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lsprotocol import types

from evallint.engine.fixing import Change, Fixed
from evallint.engine.silencing import Silenced
from evallint.fix.ignoring import is_reason
from evallint.lsp.analysis import Analysis
from evallint.lsp.snapshot import Found, Snapshot
from evallint.read import suppression

FIX_ALL: Final = f"{types.CodeActionKind.SourceFixAll.value}.evallint"
KINDS: Final = (types.CodeActionKind.QuickFix, FIX_ALL)

REASON: Final = "TODO: say why"
"""What stands in a comment where the user has not said what should."""


class NothingDone(Exception):
    """Why an action does not come to anything, in words for the user."""


def offered(snapshot: Snapshot, uri: str, params: types.CodeActionParams) -> Iterator[types.CodeAction]:
    """Yield what can be done at a stretch of a text, still without the edits; `data` says what each is about."""
    only = params.context.only
    if _is_asked(types.CodeActionKind.QuickFix, only):
        here = [one for one in snapshot.at(uri, params.range) if snapshot.is_of_now(one.path)]
        for one in here:
            if one.reported.fix_applicability and one.reported.finding.fix:
                yield _fix(one)
        for one in here:
            if one.reported.category != suppression.CATEGORY:
                yield _silence(one)
    if _is_asked(FIX_ALL, only):
        path = next((path for path, document in snapshot.documents.items() if _holds(document.texts, uri)), None)
        safe = [one for one in snapshot.found if one.path == path and one.reported.fix_applicability == "safe"]
        if path and safe and snapshot.is_of_now(path):
            data = {"do": "fix", "uri": uri, "fingerprints": [one.reported.fingerprint for one in safe]}
            yield types.CodeAction("evallint: fix all that is safe", FIX_ALL, data=data)


def _is_asked(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind, or one above it, is among those asked for: all are where none is."""
    return only is None or any(kind == one or kind.startswith(f"{one}.") or not one for one in only)


def _holds(texts: Sequence[Any], uri: str) -> bool:
    return any(text.uri == uri for text in texts)


def _fix(one: Found) -> types.CodeAction:
    assert one.reported.finding.fix
    is_safe = one.reported.fix_applicability == "safe"
    title = one.reported.finding.fix.title
    return types.CodeAction(
        title=f"evallint: {title}" if is_safe else f"evallint: {title} (unsafe)",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[one.diagnostic],
        is_preferred=is_safe,
        data={"do": "fix", "uri": one.uri, "fingerprints": [one.reported.fingerprint], "unsafe": not is_safe},
    )


def _silence(one: Found) -> types.CodeAction:
    return types.CodeAction(
        title=f"evallint: ignore `{one.reported.finding.rule}` on this line",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[one.diagnostic],
        data={"do": "silence", "uri": one.uri, "fingerprints": [one.reported.fingerprint]},
    )


def carried_out(
    analysis: Analysis, overlays: Mapping[str, bytes], snapshot: Snapshot, data: Mapping[str, Any], reason: str
) -> Sequence[Change]:
    """Return the changes that an action comes to. NothingDone: none can be made."""
    wanted = frozenset(data["fingerprints"])
    outcome: Fixed | Silenced
    if data["do"] == "fix":
        outcome = analysis.fixed(overlays, wanted, bool(data.get("unsafe")))
    else:
        some = [one.reported for one in snapshot.found if one.reported.fingerprint in wanted]
        outcome = analysis.silenced(overlays, some, reason if is_reason(reason) else REASON)
    if not outcome.changes:
        why = f"nothing is changed: {outcome.held[0].reason}" if outcome.held else "that is not found any more"
        raise NothingDone(why)
    if not all(snapshot.is_of_now(change.file.path) for change in outcome.changes):
        raise NothingDone("a file that would change is no Python just now")
    return outcome.changes
