"""Comments that silence findings: where they are put, and what the command line makes of `--add-ignore`."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import BUG, NET, Lint, rules

from evallint import read
from evallint.facts import Span
from evallint.findings import Finding, Place
from evallint.fix import Edit, Lines, Unfixable, applied
from evallint.fix.ignoring import Silence, ignoring

CALL = "            correct += (model(x) == y).sum()"
SILENT = "  # evallint: ignore[eval-missing] -- later"


def span(text: str, code: str) -> Span:
    """Where a stretch of code stands in a text."""
    start = text.index(code)
    end = start + len(code)
    first, last = (text.count("\n", 0, at) + 1 for at in (start, end))
    return Span(first, start - text.rfind("\n", 0, start), last, end - text.rfind("\n", 0, end))


def moved(text: str, edits: Sequence[Edit], one: Span) -> Span:
    line, column = Lines(text).moved(edits, one.line, one.column - 1)
    end_line, end_column = Lines(text).moved(edits, one.end_line, one.end_column - 2)
    return Span(line, column + 1, end_line, end_column + 2)


def silenced(text: str, *codes: str) -> str:
    """A text with comments at calls of `model`, which must silence just these, whatever else they leave as it is."""
    spans = [span(text, code) for code in codes]
    edits = [comment.edit for comment in ignoring(text, [Silence("eval-missing", one) for one in spans], "r")]
    after = applied(text, edits)
    assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(text))
    found = [Finding(Place("a.py", moved(text, edits, one)), "", (), rule="eval-missing") for one in spans]
    verdict = read.judge("a.py", found, read.suppressions(after), {"eval-missing": "mode"}, lambda rule: True)
    assert (verdict.kept, verdict.hygiene) == ((), ())
    return after.replace("# evallint: ignore[eval-missing] -- r", "#")


@pytest.mark.parametrize(
    ("before", "code", "after"),
    [
        ("y = f(x)\n", "f(x)", "y = f(x)  #\n"),
        ("y = f(x)", "f(x)", "y = f(x)  #"),
        ("y = f(x)  # why\n", "f(x)", "y = f(x)  # why  #\n"),
        ("y = f(x)  # evallint: ignore[mode] -- q\n", "f(x)", None),
        ("y = f(\n    x,\n)\n", "f(\n    x,\n)", "y = f(  #\n    x,\n)\n"),
        ("y = g(\n    f(x),\n    2,\n)\n", "f(x)", "y = g(\n    f(x),  #\n    2,\n)\n"),
        ('y = f("""a\nb""", x)\n', 'f("""a\nb""", x)', 'y = f("""a\nb""", x)  #\n'),
        ('y = f("""a\nb"""), """c\nd"""\n', 'f("""a\nb""")', '#\ny = f("""a\nb"""), """c\nd"""\n'),
        ('y = g(\n    f(x), """\n    b""")\n', "f(x)", 'y = g(\n    #\n    f(x), """\n    b""")\n'),
        ("y = 1 + \\\n    f(x)\n", "f(x)", "y = 1 + \\\n    f(x)  #\n"),
        ("if a:\n    y = f(x) + \\\n        1\n", "f(x)", "if a:\n    #\n    y = f(x) + \\\n        1\n"),
        ("y = 1 + \\\n  f(x) + \\\n  1\n", "f(x)", "#\ny = 1 + \\\n  f(x) + \\\n  1\n"),
        ("if a:\n\ty = f(x) + \\\n\t\t1\n", "f(x)", "if a:\n\t#\n\ty = f(x) + \\\n\t\t1\n"),
        ("@a\ndef g(b=f(x)):\n    pass\n", "f(x)", "@a\ndef g(b=f(x)):  #\n    pass\n"),
        ("if a: y = f(x)\nelse: z\n", "f(x)", "if a: y = f(x)  #\nelse: z\n"),
        ("y = f'{f(x)}\\\n'\n", "f(x)", "#\ny = f'{f(x)}\\\n'\n"),
        ('y = f"""{f(x)}\n"""\n', "f(x)", '#\ny = f"""{f(x)}\n"""\n'),
        ("a; y = f(x); b\n", "f(x)", "a; y = f(x); b  #\n"),
        ("\x0cif a:\n    y = f(x)\n", "f(x)", "\x0cif a:\n    y = f(x)  #\n"),
    ],
)
def test_a_comment_goes_where_it_changes_nothing_else(before: str, code: str, after: str | None) -> None:
    if after is None:
        assert "ignore[mode] -- q  # evallint: ignore[eval-missing] -- r" in applied(
            before, [one.edit for one in ignoring(before, [Silence("eval-missing", span(before, code))], "r")]
        )
        return
    assert silenced(before, code) == after


def test_findings_of_one_line_share_a_comment() -> None:
    text = "y = f(x)\n"
    silences = [Silence(rule, span(text, "f(x)")) for rule in ("no-grad-missing", "eval-missing", "eval-missing")]
    (comment,) = ignoring(text, silences, " both ")
    assert comment.silences == (0, 1, 2)
    assert comment.edit.new == "  # evallint: ignore[eval-missing, no-grad-missing] -- both"


def test_a_text_that_is_not_python_gets_none() -> None:
    with pytest.raises(Unfixable, match="not Python"):
        ignoring("y = f(x)\n(", [Silence("eval-missing", Span(1, 5, 1, 9))], "r")


# ---- the command line ----------------------------------------------------------------------------


def test_add_ignore_silences_all_that_is_found_and_changes_nothing_else(lint: Lint) -> None:
    keeps = NET.replace("self.drop = nn.Dropout(0.5)", "self.drops = [nn.Dropout(0.5), nn.Dropout(0.1)]").replace(
        ".drop(", ".drops[0]("
    )
    files = {"a.py": BUG, "b.py": BUG.replace("\n", "\r\n"), "c.py": keeps}
    assert "3 errors" in lint(files=files).out
    code, out, err = lint("--add-ignore=later")
    assert (code, out) == (0, "Found nothing in 3 files (3 suppressed).\n")
    assert err == "evallint: silenced 3 findings in 3 files\n"
    assert Path("a.py").read_text() == BUG.replace(CALL, CALL + SILENT)
    assert Path("b.py").read_bytes() == Path("a.py").read_bytes().replace(b"\n", b"\r\n")
    assert lint("--add-ignore", "later")[:2] == (0, "Found nothing in 3 files (3 suppressed).\n")


def test_with_diff_nothing_is_written(lint: Lint) -> None:
    code, out, err = lint("--add-ignore=later", "--diff", files={"a.py": BUG})
    assert (code, err) == (1, "evallint: would silence 1 finding in 1 file\n")
    assert [line for line in out.splitlines()[2:] if line[0] in "+-"] == [f"-{CALL}", f"+{CALL}{SILENT}"]
    assert Path("a.py").read_text() == BUG


@pytest.mark.parametrize(
    "words",
    [
        ["--add-ignore", " "],
        ["--add-ignore", "a # b"],
        ["--add-ignore", "a\nb"],
        ["--add-ignore", "a", "--fix"],
        ["--add-ignore", "a", "--write-baseline"],
        ["--add-ignore", "a", "-"],
    ],
)
def test_add_ignore_is_refused_without_a_reason_or_with_what_does_not_go_together(lint: Lint, words: list[str]) -> None:
    code, out, err = lint(*words, files={"a.py": BUG})
    assert (code, out) == (2, "")
    assert "--add-ignore" in err
    assert Path("a.py").read_text() == BUG


def test_only_what_is_shown_is_silenced(lint: Lint) -> None:
    lint("--write-baseline", files={"a.py": BUG, "evallint.toml": 'baseline = "evallint-baseline.json"\n'})
    Path("b.py").write_text(BUG)
    assert "(1 suppressed" in lint("--add-ignore=later").out
    assert Path("a.py").read_text() == BUG
    assert Path("b.py").read_text() == BUG.replace(CALL, CALL + SILENT)


def test_what_can_not_be_written_in_a_files_encoding_is_told(lint: Lint) -> None:
    data = f"# coding: latin-1\n{BUG}".encode("latin-1")
    Path("a.py").write_bytes(data)
    code, out, err = lint("--add-ignore=später ✓")
    assert code == 1
    assert "eval-missing not silenced: '✓' can't be written in" in err
    assert "eval-missing" in out
    assert Path("a.py").read_bytes() == data


# ---- notebooks -----------------------------------------------------------------------------------


def notebook(*cells: str) -> str:
    code = [
        {"cell_type": "code", "execution_count": 3, "id": f"c{number}", "metadata": {"a": 1.0}, "outputs": [],
         "source": cell.splitlines(keepends=True)}
        for number, cell in enumerate(cells)
    ]  # fmt: skip
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def test_in_a_notebook_only_the_lines_of_source_change(lint: Lint) -> None:
    parts = (NET, "%matplotlib inline\nmodel = Net()\n", BUG[len(NET) :].replace("    model = Net()\n", ""))
    before = notebook(*parts)
    lint("--add-ignore=später", files={"a.ipynb": before})
    line = json.dumps(CALL + "\n", ensure_ascii=False)
    comment = SILENT.replace("later", "sp\\u00e4ter")
    assert Path("a.ipynb").read_text("utf-8") == before.replace(line, line.replace('\\n"', comment + '\\n"'))
    assert rules(lint("--output-format", "json")) == []


def test_beside_a_magic_a_finding_is_left_and_told(lint: Lint) -> None:
    timed = BUG.replace(CALL, "            pass") + "model = Net()\nmodel.load_state_dict(kept)\n"
    timed += "with torch.no_grad():\n    %time model(test_x)\n"
    before = notebook(timed)
    lint(files={"a.ipynb": before})
    _, _, err = lint("--add-ignore=later")
    assert "cell 1:23: eval-missing not silenced: it touches a line that only IPython understands" in err
    assert Path("a.ipynb").read_text() == before
