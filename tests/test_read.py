"""Which files are found, what text they hold, and what their comments silence."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evallint import read
from evallint.config import Configs
from evallint.facts import Span
from evallint.findings import Finding, Place, Trouble
from evallint.read.notebook import masked


@pytest.fixture(autouse=True)
def no_user_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-home"))


def plant(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")


def ignore(folder: Path, *lines: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("".join(f"{line}\n" for line in lines))


def found(folder: Path, *paths: str, **options: object) -> list[str]:
    options = {key.replace("_", "-"): value for key, value in options.items()}
    return [file.shown for file in read.discover(paths or ["."], Configs(str(folder), options=options)).files]


def troubles(folder: Path, *paths: str) -> list[Trouble]:
    return list(read.discover(paths, Configs(str(folder))).troubles)


# ---- discovery -----------------------------------------------------------------------------------


def test_a_directory_gives_its_python_files_and_notebooks_sorted(tmp_path: Path) -> None:
    plant(tmp_path, "b.py", "a/z.py", "a/n.ipynb", "a/readme.md", "a/stub.pyi", "c.pyw")
    assert found(tmp_path) == ["a/n.ipynb", "a/z.py", "b.py", "c.pyw"]


def test_paths_are_shown_relative_to_the_working_directory(tmp_path: Path) -> None:
    plant(tmp_path, "here/a.py", "there/b.py")
    assert found(tmp_path / "here", ".", "../there") == ["../there/b.py", "a.py"]


def test_a_file_knows_its_size_and_time(tmp_path: Path) -> None:
    plant(tmp_path, "a.py")
    (file,) = read.discover(["."], Configs(str(tmp_path))).files
    status = os.stat(tmp_path / "a.py")
    assert (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_a_file_given_twice_is_found_once(tmp_path: Path) -> None:
    plant(tmp_path, "a/x.py")
    assert found(tmp_path, "a", ".", "a/x.py", "a/../a/x.py") == ["a/x.py"]


def test_virtual_environments_and_caches_are_passed_over_but_build_is_not(tmp_path: Path) -> None:
    plant(tmp_path, ".venv/a.py", "x/node_modules/a.py", "__pycache__/a.py", ".git/a.py", "build/a.py")
    assert found(tmp_path) == ["build/a.py"]


def test_default_excludes_do_not_look_above_the_project(tmp_path: Path) -> None:
    plant(tmp_path, "dist/venv/project/a.py")
    assert found(tmp_path / "dist/venv/project") == ["a.py"]


def test_nested_gitignore_files_are_obeyed(tmp_path: Path) -> None:
    plant(
        tmp_path,
        "a.py",
        "gen/b.py",
        "src/c.py",
        "src/tmp/d.py",
        "src/old_e.py",
        "docs/old_f.py",
        "top.py",
        "src/top.py",
    )
    ignore(tmp_path, "gen/", "/top.py", "# comment", "")
    ignore(tmp_path / "src", "tmp", "old_*")
    assert found(tmp_path) == ["a.py", "docs/old_f.py", "src/c.py", "src/top.py"]


def test_a_deeper_gitignore_can_take_back(tmp_path: Path) -> None:
    plant(tmp_path, "a_gen.py", "keep/b_gen.py", "keep/c_gen.py")
    ignore(tmp_path, "*_gen.py")
    ignore(tmp_path / "keep", "!b_gen.py")
    assert found(tmp_path) == ["keep/b_gen.py"]


def test_the_gitignore_of_the_repository_above_counts(tmp_path: Path) -> None:
    plant(tmp_path, "repo/.git/HEAD", "repo/src/a.py", "repo/src/skip.py")
    ignore(tmp_path, "a.py")
    ignore(tmp_path / "repo", "skip.py")
    assert found(tmp_path / "repo/src") == ["a.py"]


def test_a_repository_within_is_not_ruled_from_outside(tmp_path: Path) -> None:
    plant(tmp_path, "sub/.git/HEAD", "sub/a.py", "a.py")
    ignore(tmp_path, "a.py")
    assert found(tmp_path) == ["sub/a.py"]


def test_the_private_excludes_of_a_repository_count(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "b.py", ".git/info/exclude")
    (tmp_path / ".git/info/exclude").write_text("b.py\n")
    assert found(tmp_path) == ["a.py"]


def test_gitignore_is_not_obeyed_when_told_so(tmp_path: Path) -> None:
    plant(tmp_path, "a.py")
    ignore(tmp_path, "a.py")
    assert found(tmp_path, respect_gitignore=False) == ["a.py"]


def test_a_line_that_is_no_pattern_spoils_no_other(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "b.py")
    ignore(tmp_path, "!", "a.py", "[z-a].py")
    assert found(tmp_path) == ["b.py"]


def test_excludes_are_patterns_relative_to_their_config(tmp_path: Path) -> None:
    plant(tmp_path, "gen/a.py", "src/gen/b.py", "src/c_pb2.py", "src/d.py")
    (tmp_path / "evallint.toml").write_text('extend-exclude = ["/gen", "*_pb2.py"]\n')
    assert found(tmp_path) == ["src/d.py", "src/gen/b.py"]
    assert found(tmp_path / "src") == ["d.py", "gen/b.py"]


def test_a_nested_config_rules_its_own_directory(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "sub/a.py", "sub/b.py")
    (tmp_path / "sub/evallint.toml").write_text('exclude = ["a.py"]\n')
    assert found(tmp_path) == ["a.py", "sub/b.py"]


def test_what_is_given_by_name_is_linted_even_if_it_is_ignored(tmp_path: Path) -> None:
    plant(tmp_path, ".git/HEAD", ".venv/a.py", "gen/b.py", "notes.txt")
    ignore(tmp_path, "gen/")
    assert found(tmp_path, ".venv/a.py", "gen", "notes.txt") == [".venv/a.py", "gen/b.py", "notes.txt"]


def test_force_exclude_passes_over_ignored_files_given_by_name(tmp_path: Path) -> None:
    plant(tmp_path, ".git/HEAD", ".venv/lib/a.py", "gen/b.py", "src/c.py", "src/deep/skip.py")
    ignore(tmp_path, "gen/")
    ignore(tmp_path / "src", "skip.py")
    names = [".venv/lib/a.py", "gen/b.py", "src/c.py", "src/deep/skip.py"]
    assert found(tmp_path, *names, force_exclude=True) == ["src/c.py"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    plant(tmp_path, "a/x.py")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/self.py").symlink_to("self.py")
    assert found(tmp_path) == ["a/x.py"]


def test_a_linked_file_is_found_under_its_own_name_once(tmp_path: Path) -> None:
    plant(tmp_path, "in/real.py", "out/other.py")
    (tmp_path / "in/a_link.py").symlink_to("real.py")
    (tmp_path / "in/link.py").symlink_to("../out/other.py")
    assert found(tmp_path / "in") == ["link.py", "real.py"]


def test_paths_that_lead_nowhere_are_troubles_and_the_rest_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "a.py")
    assert troubles(tmp_path, "none.py", "a.py") == [Trouble("none.py", 0, "no such file or directory")]
    assert found(tmp_path, "none.py", "a.py") == ["a.py"]


def test_what_is_neither_file_nor_directory_is_a_trouble(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert troubles(tmp_path, "pipe.py") == [Trouble("pipe.py", 0, "neither a file nor a directory")]
    assert troubles(tmp_path, ".") == []


def test_order_is_the_same_whatever_the_order_of_paths(tmp_path: Path) -> None:
    plant(tmp_path, "a/x.py", "b.py", "c/y.py")
    assert found(tmp_path, "c", "b.py", "a") == found(tmp_path, "a", "c", "b.py") == ["a/x.py", "b.py", "c/y.py"]


# ---- encodings -----------------------------------------------------------------------------------


def text_of(data: bytes) -> str:
    source = read.decode(data, "a.py")
    assert isinstance(source, read.Source), source
    return source.text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("x = 'é'\n".encode(), "x = 'é'\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbf# coding: utf-8\nx\n", "# coding: utf-8\nx\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (b"#!/bin/x\n# vim: set fileencoding=cp1252 :\n'\x80'\n", "#!/bin/x\n# vim: set fileencoding=cp1252 :\n'€'\n"),
        ("# -*- coding: future_fstrings -*-\nx = 'é'\n".encode(), "# -*- coding: future_fstrings -*-\nx = 'é'\n"),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"a\x0cb\n", "a\x0cb\n"),
    ],
)  # fmt: skip
def test_text_is_decoded_as_python_does(data: bytes, text: str) -> None:
    assert text_of(data) == text


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"a = 1\nb = '\xe9'\n", 2, "not utf-8: invalid continuation byte (byte 0xe9)"),
        (b"a\r\rb = '\xff'\n", 3, "not utf-8: invalid start byte (byte 0xff)"),
        ("x = 1\n".encode("utf-16"), 1, "not utf-8: invalid start byte (byte 0xff)"),
        (b"# coding: klingon\n", 1, "cannot be decoded: unknown encoding: klingon"),
        (b"# coding: rot13\n", 1, "cannot be decoded: 'rot13' is not a text encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, "cannot be decoded: encoding problem: utf-8"),
    ],
)
def test_text_that_cannot_be_decoded_is_a_trouble_with_its_line(data: bytes, line: int, says: str) -> None:
    trouble = read.decode(data, "a.py")
    assert isinstance(trouble, Trouble)
    assert (trouble.path, trouble.line) == ("a.py", line)
    assert trouble.message.startswith(says)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_text_or_a_trouble(data: bytes) -> None:
    for name in ("a.py", "a.ipynb"):
        assert isinstance(read.decode(data, name), read.Source | Trouble)


def test_unreadable_and_oversized_files_are_troubles(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "b.py")
    configs = Configs(str(tmp_path), options={"max-file-bytes": 3})
    gone, large = read.discover(["."], configs).files
    (tmp_path / "a.py").unlink()
    assert read.load(gone._replace(size=1)) == Trouble("a.py", 0, "cannot be read: no such file or directory")
    assert read.load(large) == Trouble("b.py", 0, "too large: 6 bytes, and `max-file-bytes` is 3")


def test_equal_bytes_have_an_equal_digest(tmp_path: Path) -> None:
    one, other, third = (read.decode(data, name) for data, name in [(b"x", "a.py"), (b"x", "b.py"), (b"y", "a.py")])
    assert isinstance(one, read.Source) and isinstance(other, read.Source) and isinstance(third, read.Source)
    assert one.digest == other.digest != third.digest


# ---- notebooks -----------------------------------------------------------------------------------


def notebook(*cells: str, language: str = "python") -> bytes:
    """A notebook with code cells, or Markdown where a cell starts with `#md`."""
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "markdown" if cell.startswith("#md") else "code",
                    "source": cell.splitlines(keepends=True),
                }
                for cell in cells
            ],
            "metadata": {"kernelspec": {"language": language}},
            "nbformat": 4,
        }
    ).encode()


def of_notebook(data: bytes) -> read.Source:
    source = read.decode(data, "a.ipynb")
    assert isinstance(source, read.Source), source
    return source


def test_code_cells_become_one_text_and_its_lines_know_their_cells() -> None:
    source = of_notebook(notebook("#md title", "a = 1\nb = 2", "#md more", "c = 3\n"))
    assert source.text == "a = 1\nb = 2\nc = 3\n\n"
    assert source.notebook is not None
    assert [source.notebook.locate(line) for line in (1, 2, 3)] == [(2, 1), (2, 2), (4, 1)]


def test_a_notebook_in_another_language_is_empty() -> None:
    assert of_notebook(notebook("x <- 1", language="R")).text == ""


def test_the_old_format_with_worksheets_is_read() -> None:
    data = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b"]}]}]}
    assert of_notebook(json.dumps(data).encode()).text == "a = 1\nb\n"


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install torch\nx = 1", "pass\nx = 1"),
        ("if True:\n    !ls\n    x", "if True:\n    pass\n    x"),
        ("files = !ls\nx", "files = None\nx"),
        ("model?\n?model\nmodel.eval??", "pass\npass\npass"),
        ("pip install torch", "pass"),
        ("!pip install a \\\n    b\nx = 1", "pass\n\nx = 1"),
        ("%time model.eval()", "0    ;model.eval()"),
        ("%timeit -n 10 f()", "pass"),
        ("%%time\nmodel.eval()", "\nmodel.eval()"),
        ("%%bash\nls", "\n"),
        ("%%html\n<b>", "\n"),
        ("x = '''\n%d of\n!\n'''", "x = '''\n%d of\n!\n'''"),
        ("x = (a\n% b)", "x = (a\n% b)"),
        ("await f()", "await f()"),
        ("!echo 'it\nx = 1", "pass\nx = 1"),
        ("%cd x\nprint 3", "pass\nprint 3"),
        ("", ""),
    ],
)
def test_what_only_ipython_understands_is_masked_line_for_line(cell: str, python: str) -> None:
    assert "\n".join(masked(cell)) == python


def test_a_cell_magic_named_in_the_config_holds_python() -> None:
    source = read.decode(notebook("%%wandb\nx = 1"), "a.ipynb", ("%%wandb",))
    assert isinstance(source, read.Source)
    assert source.text == "\nx = 1\n"


@given(st.text(alphabet="%!?\\\n x=('\"1", max_size=30))
def test_masking_keeps_the_number_of_lines(cell: str) -> None:
    assert len(masked(cell)) == cell.count("\n") + 1


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"{\n 'x': 1}", 2, "not a notebook: not JSON"),
        (b"[]", 0, "not a notebook: no object with cells"),
        (b"{}", 0, "not a notebook: no list of cells"),
        (b"{\n\xff}", 2, "not a notebook: not UTF-8"),
        (b"[" * 100_000, 0, "not a notebook: nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_a_trouble(data: bytes, line: int, says: str) -> None:
    trouble = read.decode(data, "a.ipynb")
    assert isinstance(trouble, Trouble)
    assert trouble.line == line
    assert trouble.message.startswith(says)


# ---- suppression ---------------------------------------------------------------------------------

CATALOGUE = {
    "eval-missing": "mode",
    "eval-not-called": "mode",
    "no-grad-missing": "grad",
    "suppression-bare": "lint",
    "suppression-unknown-rule": "lint",
    "suppression-unused": "lint",
}


def judged(text: str, *found: tuple[str, int] | tuple[str, int, int], seen: bool = True) -> tuple[list[str], list[str]]:
    """The rules that stay reported of those found at lines (or from line to line), and what is said of comments."""
    findings = [
        Finding(Place("a.py", Span(lines[0], 1, lines[-1], 9)), "it is so", (), rule=rule) for rule, *lines in found
    ]
    verdict = read.judge("a.py", findings, read.suppressions(text), CATALOGUE, lambda rule: seen)
    assert len(verdict.kept) + verdict.suppressed == len(findings)
    return [finding.rule for finding in verdict.kept], [finding.rule for finding in verdict.hygiene]


def test_a_comment_after_code_acts_on_its_line() -> None:
    text = "x\ny  # evallint: ignore[eval-missing]\nz\n"
    assert judged(text, ("eval-missing", 1), ("eval-missing", 2), ("eval-missing", 3)) == (["eval-missing"] * 2, [])


def test_a_comment_acts_on_the_rules_it_names() -> None:
    text = "y  # evallint: ignore[eval-missing, no-grad-missing] -- both are meant\n"
    found = ("eval-missing", 1), ("no-grad-missing", 1), ("eval-not-called", 1)
    assert judged(text, *found) == (["eval-not-called"], [])


def test_a_category_names_its_rules() -> None:
    assert judged("y  # evallint: ignore[mode]\n", ("eval-missing", 1), ("no-grad-missing", 1)) == (
        ["no-grad-missing"],
        [],
    )


def test_a_comment_on_the_last_line_of_a_call_acts_on_the_call() -> None:
    text = "f(\n    x,\n)  # evallint: ignore[eval-missing]\n"
    assert judged(text, ("eval-missing", 1, 3)) == ([], [])


def test_a_comment_alone_acts_on_the_whole_next_statement() -> None:
    text = "# evallint: ignore[eval-missing]\n\ny = f(\n    x,\n)\nz\n"
    assert judged(text, ("eval-missing", 4), ("eval-missing", 6)) == (["eval-missing"], [])


def test_a_comment_alone_acts_on_the_header_of_a_compound_statement_not_its_body() -> None:
    text = "# evallint: ignore[eval-missing]\nfor x in f(\n    y\n):\n    z\n"
    assert judged(text, ("eval-missing", 3), ("eval-missing", 5)) == (["eval-missing"], [])


def test_a_comment_alone_acts_on_decorators_and_their_function() -> None:
    text = "# evallint: ignore[eval-missing]\n@a\n@b(\n    1)\ndef f():\n    z\n"
    assert judged(text, ("eval-missing", 2), ("eval-missing", 5), ("eval-missing", 6)) == (["eval-missing"], [])


def test_comments_alone_stack() -> None:
    text = "# evallint: ignore[eval-missing]\n# why\n# evallint: ignore[no-grad-missing]\ny\n"
    assert judged(text, ("eval-missing", 4), ("no-grad-missing", 4)) == ([], [])


def test_a_comment_alone_within_brackets_acts_on_the_line_below() -> None:
    text = "f(\n    # evallint: ignore[eval-missing]\n    x,\n    y,\n)\n"
    assert judged(text, ("eval-missing", 3), ("eval-missing", 4)) == (["eval-missing"], [])


def test_a_file_ignore_acts_everywhere() -> None:
    text = "x\ny\n# evallint: file-ignore[eval-missing]\n"
    assert judged(text, ("eval-missing", 1), ("no-grad-missing", 1)) == (["no-grad-missing"], [])


def test_text_in_strings_is_no_comment() -> None:
    assert read.suppressions("x = '# evallint: ignore[eval-missing]'\n") == ()
    assert read.suppressions('"""\n# evallint: ignore\n"""\n') == ()


def test_a_comment_shares_its_line_with_other_tools() -> None:
    text = "y  # type: ignore  # evallint: ignore[eval-missing]  # noqa\n"
    assert judged(text, ("eval-missing", 1)) == ([], [])


def test_a_reason_is_kept() -> None:
    (comment,) = read.suppressions("y  # evallint: ignore[mode] -- dropout is wanted \n")
    assert comment.reason == "dropout is wanted"
    assert comment.span == Span(1, 4, 1, 49)


@pytest.mark.parametrize(
    "comment", ["ignore", "ignore[]", "file-ignore", "noqa", "disable[eval-missing]", "ignore -- x"]
)
def test_a_comment_without_names_silences_nothing(comment: str) -> None:
    assert judged(f"y  # evallint: {comment}\n", ("eval-missing", 1)) == (["eval-missing"], ["suppression-bare"])


def test_an_unknown_name_is_told() -> None:
    assert judged("y  # evallint: ignore[evall-missing]\n") == ([], ["suppression-unknown-rule"])


def test_a_comment_that_silences_nothing_is_told_for_each_name() -> None:
    text = "y  # evallint: ignore[eval-missing, no-grad-missing, mode]\n"
    assert judged(text, ("no-grad-missing", 1)) == ([], ["suppression-unused"] * 2)


def test_a_comment_is_not_called_unused_for_a_rule_that_was_not_judged() -> None:
    assert judged("y  # evallint: ignore[eval-missing]\n", seen=False) == ([], [])


def test_what_is_said_of_comments_can_be_silenced_too() -> None:
    text = "# evallint: file-ignore[suppression-unused]\ny  # evallint: ignore[eval-missing]\n"
    assert judged(text) == ([], [])


def test_comments_are_read_up_to_where_a_text_stops_being_python() -> None:
    assert len(read.suppressions("y  # evallint: ignore[mode]\n(((\n")) == 1


@example("\\\n", "ignore[mode]")
@given(
    st.text(alphabet="#\n '\"([])@:\\ef\tx", max_size=40), st.sampled_from(["ignore[mode]", "file-ignore[x]", "ignore"])
)
def test_no_text_breaks_the_reading_of_comments(text: str, comment: str) -> None:
    for found in read.suppressions(f"{text}# evallint: {comment}\n{text}"):
        assert found.first <= found.last
