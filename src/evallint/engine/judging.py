"""From the facts of all files to what the rules find in them."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from evallint import codec
from evallint.facts import FileFacts, Function, Span
from evallint.findings import Finding, Trouble

if TYPE_CHECKING:
    from evallint.interpret.events import Events
    from evallint.project import Project

NO_FACTS: Final = FileFacts(
    functions=(Function("<module>", "<module>", -1, (), (), None, False, False, 0, (), Span(1, 1, 1, 1)),),
    classes=(),
    imports=(),
    bodies=((),),
)
"""The facts of an empty file, which also stand for those of a file that mentions nothing a rule could be about."""


class Judged(NamedTuple):
    """What the rules found, which of them failed, and how."""

    findings: tuple[Finding, ...] = ()
    failed: frozenset[str] = frozenset()
    troubles: tuple[Trouble, ...] = ()


def decoded(encoded: Mapping[str, bytes]) -> dict[str, FileFacts]:
    """Return the facts of the files. Raises `codec.Corrupt`."""
    from evallint.extract.deep import deep

    with little_garbage():
        return deep(lambda: {path: codec.decode(facts) if facts else NO_FACTS for path, facts in encoded.items()})


def judged(
    files: Mapping[str, FileFacts], rules: Collection[str], places: Mapping[str, str], own_apis: tuple[str, ...] = ()
) -> Judged:
    """Return what these rules find in the program that the files make together, which lie at these absolute paths.

    `own_apis` are the texts of the project's own tables about libraries. Raises `codec.Corrupt`.
    """
    from evallint.extract.deep import deep

    with little_garbage():
        return deep(lambda: _judged(files, rules, places, own_apis))


def _judged(
    files: Mapping[str, FileFacts], rules: Collection[str], places: Mapping[str, str], own_apis: tuple[str, ...]
) -> Judged:
    from evallint import gather, interpret, link

    program = link.link(files, places, own_apis)
    runs = interpret.interpret(program)
    return judgement(gather.gather(program, runs), runs, rules)


def judgement(project: Project, runs: Iterable[Events], rules: Collection[str]) -> Judged:
    """Return what these rules find in a project that these runs have shown."""
    found = _checked(project, rules)
    lost = (
        Trouble(run.entry.rpartition(":")[0], 0, f"`{run.entry.rpartition(':')[2]}` was not followed: {run.failed}")
        for run in runs
        if run.failed
    )
    return found._replace(troubles=(*found.troubles, *lost))


def _checked(project: Project, rules: Collection[str]) -> Judged:
    """Return what the rules find; one that fails takes no other with it."""
    from evallint import check

    modules = check.rules()
    findings: list[Finding] = []
    troubles: dict[str, Trouble] = {}
    for rule in sorted(rules):
        try:
            findings += check.run_one(project, rule, modules)
        except Exception as error:
            troubles[rule] = Trouble("", 0, f"the rule `{rule}` failed: {_described(error)}")
    return Judged(tuple(findings), frozenset(troubles), tuple(troubles.values()))


def _described(error: Exception) -> str:
    """Return an error with where it was raised, on one line."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words} ({os.path.basename(last.filename)}:{last.lineno})"


@contextmanager
def little_garbage() -> Iterator[None]:
    """Facts and states hold hardly a cycle: searching millions of them for some again and again is wasted time."""
    former = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if former:
            gc.enable()
