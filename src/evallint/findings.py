"""What a rule says, and what the run as a whole found: values without colours, paths on disk or exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from evallint.facts import Span

Severity: TypeAlias = Literal["error", "warning", "info"]
Precision: TypeAlias = Literal["high", "medium"]
Applicability: TypeAlias = Literal["safe", "unsafe"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""In rising order."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of one file. `path` is as the reports show it: relative to the working directory, with `/`."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trace: what happens at a place, in the present tense."""

    at: Place
    message: str


@dataclass(frozen=True, slots=True)
class InsertBefore:
    """A new statement before the statement that stands at a place."""

    at: Place
    code: str
    title: str


@dataclass(frozen=True, slots=True)
class InsertAfter:
    """A new statement after the statement that stands at a place."""

    at: Place
    code: str
    title: str


@dataclass(frozen=True, slots=True)
class Wrap:
    """The statement at a place, and those that follow up to the one at `through`, move into a new `with` block."""

    at: Place
    context: str
    title: str
    imports: tuple[str, ...] = ()
    through: Place | None = None


@dataclass(frozen=True, slots=True)
class WrapRest:
    """The statement at a place goes, and all that follows it in its block moves into a new `with` block."""

    at: Place
    context: str
    title: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decorate:
    """The function defined at a place gets one more decorator."""

    at: Place
    decorator: str
    title: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetArgument:
    """The call at a place gets a keyword argument, or another value for the one it has.

    `position`: where it may be given without its keyword, counted from 0; None where it may not.
    """

    at: Place
    keyword: str
    value: str
    title: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Replace:
    """The expression or statement at a place becomes `code`, in which `{}` stands for what it was.

    Of an assignment, `{}` is the value. `part`: an expression in the statement, in code, that is replaced in its place.
    """

    at: Place
    code: str
    title: str
    imports: tuple[str, ...] = ()
    part: str = ""


@dataclass(frozen=True, slots=True)
class ReplaceKept:
    """The value that the assignment at a place keeps, or an argument of the call there, becomes `code`."""

    at: Place
    code: str
    title: str
    argument: int = 0


@dataclass(frozen=True, slots=True)
class Remove:
    """The item of a list, or the argument, at a place goes, with its comma."""

    at: Place
    title: str


@dataclass(frozen=True, slots=True)
class Swap:
    """The expressions at two places of one file take each other's place."""

    at: Place
    other: Place
    title: str


@dataclass(frozen=True, slots=True)
class Together:
    """Several changes of one file that make sense together only: all are made, or none. `at` is where the last is."""

    at: Place
    parts: tuple[Replace | ReplaceKept, ...]
    title: str


Fix: TypeAlias = (
    InsertBefore
    | InsertAfter
    | Wrap
    | WrapRest
    | Decorate
    | SetArgument
    | Replace
    | ReplaceKept
    | Remove
    | Swap
    | Together
)
"""What would mend a finding. `{}` in its code stands for what was there before.

`imports` are the full names, such as `torch.no_grad`, that its code is written with: each is spelled as the file
already imports it, or imported.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule reports: a fact in the present tense, where it holds, why, and what would mend it.

    `severity` and `applicability` are None where those of the rule's page hold. `function` is the qualified name of
    the function the finding stands in (`<module>` for a file's own code). The engine sets `rule`.
    """

    at: Place
    says: str
    because: tuple[Step, ...]
    function: str = ""
    fix: Fix | None = None
    severity: Severity | None = None
    applicability: Applicability | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that kept a file, or a part of the run, from being judged: shown under `errors`, never silent."""

    path: str
    line: int
    message: str


Verdict: TypeAlias = Literal["confirmed", "refuted", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an experiment on the real thing says of a finding.

    `summary`: what was measured, or why nothing could be, in a sentence. `numbers` are what JSON knows: numbers, words,
    lists and tables of them. `assumed`: what stands in for what the code does not say. `seconds`: how long it took.
    """

    experiment: str
    verdict: Verdict
    summary: str
    numbers: Mapping[str, object]
    assumed: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding as it is shown: with what its rule's page says of it, and what identifies it over time.

    `lines` is the source text of the lines of `finding.at` (at least one). `fingerprint` (32 hex digits) depends on the
    rule, the path, the text of the finding's statement and its occurrence among equal ones, not on line numbers.
    `cell` is the notebook cell, 1-based over all cells, or None; then line numbers count from the cell's start, and
    those of `in_text` through the whole notebook. `evidence` is there once the finding has been probed.
    """

    finding: Finding
    category: str
    severity: Severity
    precision: Precision
    fix_applicability: Applicability | None
    lines: tuple[str, ...]
    fingerprint: str
    cell: int | None = None
    in_text: Finding | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One whole run. `reported` is sorted by path, line, column and rule; `hidden_info` counts what `--show-info` adds,
    `known` what is left out because it was found before.

    `troubles` are files (or parts of the run) that were not judged; `crashed` is true where evallint itself failed on
    one of them. `fixed` counts the findings that were mended, None where nobody asked for that. `sources` gives the
    text of every file that a reported finding or its trace stands in, for code frames.
    """

    reported: tuple[Reported, ...]
    troubles: tuple[Trouble, ...]
    files: int
    suppressed: int = 0
    hidden_info: int = 0
    crashed: bool = False
    known: int = 0
    fixed: int | None = None
    sources: dict[str, str] | None = None
