"""The language server over its protocol: real processes, and a client that speaks with them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import BUG, FINE, NET

from evallint.facts import Span

pytest_lsp: Any = pytest.importorskip("pytest_lsp")
types: Any = importlib.import_module("lsprotocol.types")

HERE = Path(__file__).resolve().parents[1]
PATIENCE = 60
"""Seconds after which an answer is not waited for any more."""

MODEL = NET
USE = """\
import torch
from model import Net

def validate(val_loader):
    net = Net()
    with torch.no_grad():
        for x, y in val_loader:
            net(x)
"""


def capabilities(**more: Any) -> Any:
    """What a client of today can do; `more` are capabilities of text documents and the workspace by their path."""
    given: dict[str, Any] = {
        "general": {"positionEncodings": ["utf-16"]},
        "window": {"workDoneProgress": False},
        "textDocument": {
            "publishDiagnostics": {"relatedInformation": True, "versionSupport": True},
            "codeAction": {"resolveSupport": {"properties": ["edit"]}, "dataSupport": True},
        },
        "workspace": {"workspaceEdit": {"documentChanges": True}, "workspaceFolders": True},
        "notebookDocument": {"synchronization": {}},
    }
    for path, value in more.items():
        *parts, last = path.split("__")
        table = given
        for part in parts:
            table = table.setdefault(part, {})
        table[last] = value
    converter = importlib.import_module("lsprotocol.converters").get_converter()
    return converter.structure(given, types.ClientCapabilities)


class Server:
    """A server process and the client that it serves."""

    def __init__(self, *words: str, **more: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.client: Any = pytest_lsp.make_test_lsp_client()
        self.do(self.client.start_io(sys.executable, "-m", "evallint", "server", *words))
        params = types.InitializeParams(capabilities(**more))
        self.offers = self.do(self.client.initialize_session(params)).capabilities
        self._versions: dict[str, int] = {}

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until something holds and return what it is."""

        async def wait() -> Any:
            while not (value := holds()):
                await asyncio.sleep(0.01)
            return value

        return self.do(wait())

    def end(self) -> int:
        self.do(self.client.shutdown_session())
        code: int = self.client._server.returncode
        self.do(self.client.stop())
        self.loop.close()
        return code

    # ---- what an editor does -----------------------------------------------------------------------------

    def add(self, folder: Path, **files: str) -> None:
        """Plant files in a folder and add that to the workspace."""
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        event = types.WorkspaceFoldersChangeEvent([types.WorkspaceFolder(folder.as_uri(), folder.name)], [])
        self.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

    def open(self, path: Path, text: str | None = None) -> str:
        uri: str = path.as_uri()
        text = path.read_text(encoding="utf-8") if text is None else text
        item = types.TextDocumentItem(uri, "python", 1, text)
        self._versions[uri] = 1
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def edit(self, uri: str, text: str, at: tuple[int, int, int, int] | None = None) -> None:
        """Replace a stretch (lines and characters from 0), or all, of an open text."""
        self._versions[uri] += 1
        change = types.TextDocumentContentChangeWholeDocument(text)
        if at:
            range_ = types.Range(types.Position(*at[:2]), types.Position(*at[2:]))
            change = types.TextDocumentContentChangePartial(range_, text)
        document = types.VersionedTextDocumentIdentifier(self._versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def rules(self, uri: str) -> list[str] | None:
        """The rules of the diagnostics that were published last for an address."""
        some = self.client.diagnostics.get(uri)
        return None if some is None else [one.code for one in some]

    def shows(self, uri: str, *rules: str) -> list[Any]:
        """Wait until exactly these rules are shown at an address, and return the diagnostics."""
        self.until(lambda: self.rules(uri) == list(rules))
        return list(self.client.diagnostics[uri])

    def actions(self, uri: str, range_: Any, *only: str) -> dict[str, Any]:
        """The actions that are offered at a place, by their titles."""
        context = types.CodeActionContext([], list(only) or None)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), range_, context)
        return {action.title: action for action in self.do(self.client.text_document_code_action_async(params))}

    def after(self, action: Any, uri: str, text: str) -> str:
        """The text that an action leaves."""
        edit = self.do(self.client.code_action_resolve_async(action)).edit
        (document,) = edit.document_changes
        assert document.text_document.uri == uri
        assert document.text_document.version == self._versions.get(uri)
        return applied(text, document.edits)

    def hover(self, uri: str, line: int, character: int) -> str:
        at = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, character))
        answer = self.do(self.client.text_document_hover_async(at))
        return answer.contents.value if answer else ""


def applied(text: str, edits: Any) -> str:
    """A text of letters that take one unit each, after edits."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for edit in sorted(edits, key=lambda edit: edit.range.start.line, reverse=True):
        start, end = (starts[at.line] + at.character for at in (edit.range.start, edit.range.end))
        text = text[:start] + edit.new_text + text[end:]
    return text


def stretch(range_: Any) -> tuple[int, int, int, int]:
    return range_.start.line, range_.start.character, range_.end.line, range_.end.character


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that publishes, shared by all tests that bring a folder of their own."""
    one = Server("--no-cache")
    yield one
    assert one.end() == 0


# ---- what is found ---------------------------------------------------------------------------------------


def test_a_finding_is_published_with_its_place_its_rule_and_its_trace(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    uri = server.open(tmp_path / "train.py")
    (one,) = server.shows(uri, "eval-missing")
    assert stretch(one.range) == (18, 24, 18, 32)
    assert one.severity == types.DiagnosticSeverity.Error
    assert one.source == "evallint"
    assert one.message == "`model` is still in training mode when it runs on `val_loader`"
    assert one.data["fix"] == "safe"
    assert Path(one.code_description.href.removeprefix("file://")).read_text().startswith("# `eval-missing`")
    assert [(step.location.uri, step.location.range.start.line) for step in one.related_information] == [
        (uri, 14),
        (uri, 18),
    ]


def test_an_edit_in_one_file_changes_what_is_found_in_another(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, model=MODEL, use=USE)
    model, use = tmp_path / "model.py", (tmp_path / "use.py").as_uri()
    server.shows(use, "eval-missing")
    uri = server.open(model)
    server.edit(uri, MODEL.replace("nn.Dropout(0.5)", "nn.Linear(2, 2)"))
    server.shows(use)
    server.edit(uri, MODEL)
    (one,) = server.shows(use, "eval-missing")
    server.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    assert one.related_information[0].location.uri == use


def test_a_file_that_is_not_saved_yet_is_part_of_its_project(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, use=USE)
    uri = server.open(tmp_path / "use.py")
    server.shows(uri)
    server.open(tmp_path / "model.py", MODEL)
    server.shows(uri, "eval-missing")


def test_the_latest_of_many_edits_is_what_counts(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    uri = server.open(tmp_path / "train.py")
    for letter in "        model.eval()\n":
        column = 0 if letter == " " else len("        model.eval()\n")
        server.edit(uri, " " if column == 0 else "", (17, column, 17, column))
    server.edit(uri, BUG)
    server.edit(uri, "        model.eval()\n", (17, 0, 17, 0))
    server.shows(uri)
    server.edit(uri, "", (17, 0, 18, 0))
    (one,) = server.shows(uri, "eval-missing")
    assert one.range.start.line == 18


WIDE = (
    BUG.replace("            correct += (model(x) == y).sum()", '\t\t\ts = "模𝛼", model(x)')
    .replace("        for", "\t\tfor")
    .replace("    with", "\twith")
    .replace("    model =", "\tmodel =")
    .replace("    correct =", "\tcorrect =")
)
"""The bug behind tabs, a letter of three bytes and one of four, which is two units of UTF-16."""


def test_columns_behind_letters_of_several_units_are_those_of_the_client(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=WIDE)
    uri = server.open(tmp_path / "train.py")
    assert server.offers.position_encoding == "utf-16"
    (one,) = server.shows(uri, "eval-missing")
    assert stretch(one.range) == (18, 14, 18, 22)
    server.edit(uri, "x", (18, 14, 18, 22))  # the client's own columns come back in its edits
    server.shows(uri)


@pytest.mark.parametrize(("encoding", "start"), [("utf-8", 18), ("utf-16", 14), ("utf-32", 13)])
def test_each_encoding_counts_in_its_units(encoding: str, start: int) -> None:
    positions: Any = importlib.import_module("evallint.lsp.positions")
    lines = positions.Lines(WIDE, encoding)
    range_ = lines.range(Span(19, 14, 19, 22))
    assert stretch(range_) == (18, start, 18, start + 8)
    assert WIDE[lines.offset(range_.start) : lines.offset(range_.end)] == "model(x)"
    assert lines.offset(types.Position(18, 999)) == lines.offset(types.Position(19, 0)) - 1
    assert lines.offset(types.Position(999, 0)) == len(WIDE)


def test_a_form_feed_ends_no_line(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train="\f# a\u2028b\x0c\n" + BUG)
    uri = server.open(tmp_path / "train.py")
    (one,) = server.shows(uri, "eval-missing")
    assert one.range.start.line == 19
    server.edit(uri, "        model.eval()\n", (18, 0, 18, 0))
    server.shows(uri)


def test_a_text_that_declares_an_encoding_is_judged_as_it_is_shown(server: Server, tmp_path: Path) -> None:
    text = "# coding: latin-1\n" + BUG.replace("correct = 0", "correct, é = 0, '€'")
    server.add(tmp_path)
    uri = server.open(tmp_path / "train.py", text)
    server.shows(uri, "eval-missing")


def test_while_code_is_no_python_what_it_was_stands_for_it(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, model=MODEL, use=USE)
    use, model = server.open(tmp_path / "use.py"), server.open(tmp_path / "model.py")
    (one,) = server.shows(use, "eval-missing")
    server.edit(model, "def f(:\n" + MODEL)
    server.shows(model, "not-judged")
    server.edit(use, "import (\n", (0, 0, 0, 0))
    found, trouble = server.shows(use, "eval-missing", "not-judged")
    assert (found.range.start.line, trouble.range.start.line) == (one.range.start.line + 1, 0)
    assert server.actions(use, found.range) == {}
    server.edit(use, "        if net(:\n", (8, 0, 9, 0))
    server.shows(use, "not-judged")
    server.edit(model, MODEL)
    server.shows(model)


def test_a_broken_file_is_told_where_it_breaks_and_nothing_else_suffers(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG, other=FINE)
    uri = server.open(tmp_path / "other.py", FINE + "def f(:\n")
    server.shows((tmp_path / "train.py").as_uri(), "eval-missing")
    (one,) = server.shows(uri, "not-judged")
    assert one.range.start.line == FINE.count("\n")
    server.edit(uri, FINE)
    server.shows(uri)


def test_a_file_outside_of_all_folders_is_judged_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(BUG)
    uri = server.open(tmp_path / "train.py", BUG)
    server.shows(uri, "eval-missing")
    assert server.rules((tmp_path / "other.py").as_uri()) is None


def test_what_changes_on_the_disk_is_judged_as_it_is_now(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    path, new = tmp_path / "train.py", tmp_path / "new.py"
    server.shows(path.as_uri(), "eval-missing")
    path.write_text(FINE)
    new.write_text(BUG)
    told(server, path, new)
    server.shows(path.as_uri())
    server.shows(new.as_uri(), "eval-missing")
    uri = server.open(path, BUG)
    server.shows(uri, "eval-missing")
    server.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    server.shows(uri)


def test_a_folder_that_goes_takes_its_findings_along(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    uri = (tmp_path / "train.py").as_uri()
    server.shows(uri, "eval-missing")
    event = types.WorkspaceFoldersChangeEvent([], [types.WorkspaceFolder(tmp_path.as_uri(), "")])
    server.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
    server.shows(uri)


# ---- what is done about it -------------------------------------------------------------------------------

FIX = "evallint: call `model.eval()` before it evaluates"
IGNORE = "evallint: ignore `eval-missing` on this line"
ALL = "evallint: fix all that is safe"


def test_a_finding_comes_with_its_fix_and_a_comment_that_silences_it(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    uri = server.open(tmp_path / "train.py")
    (one,) = server.shows(uri, "eval-missing")
    offered = server.actions(uri, one.range)
    assert list(offered) == [FIX, IGNORE, ALL]
    assert offered[FIX].is_preferred
    assert offered[FIX].diagnostics == (one,)
    fixed = server.after(offered[FIX], uri, BUG)
    assert fixed == BUG.replace("        for x, y", "        model.eval()\n        for x, y")
    silenced = server.after(offered[IGNORE], uri, BUG)
    assert "(model(x) == y).sum()  # evallint: ignore[eval-missing] -- TODO: say why\n" in silenced
    for text in (fixed, silenced):
        server.edit(uri, text)
        server.shows(uri)


def test_actions_are_offered_where_they_are_asked_for(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    uri = server.open(tmp_path / "train.py")
    (one,) = server.shows(uri, "eval-missing")
    nowhere = types.Range(types.Position(0, 0), types.Position(0, 0))
    assert list(server.actions(uri, nowhere)) == [ALL]
    assert list(server.actions(uri, one.range, "source")) == [ALL]
    assert list(server.actions(uri, nowhere, "source.fixAll")) == [ALL]
    assert list(server.actions(uri, one.range, "quickfix")) == [FIX, IGNORE]
    assert list(server.actions(uri, one.range, "refactor")) == []


def test_all_safe_fixes_of_a_file_go_together(server: Server, tmp_path: Path) -> None:
    text = BUG + BUG[len(NET) :].replace("def validate", "def score")
    server.add(tmp_path, train=text, other=BUG)
    uri = server.open(tmp_path / "train.py")
    server.shows(uri, "eval-missing", "eval-missing")
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    fixed = server.after(server.actions(uri, whole, "source.fixAll")[ALL], uri, text)
    assert fixed.count("model.eval()") == 2
    server.edit(uri, fixed)
    server.shows(uri)


def test_line_ends_stay_as_they_are(server: Server, tmp_path: Path) -> None:
    text = BUG.replace("\n", "\r\n")
    server.add(tmp_path)
    uri = server.open(tmp_path / "train.py", text)
    (one,) = server.shows(uri, "eval-missing")
    fixed = server.after(server.actions(uri, one.range)[FIX], uri, text)
    assert fixed.replace("\r\n", "").count("\n") == 0
    assert fixed.count("\r\n") == text.count("\r\n") + 1


def test_a_fix_that_is_not_safe_says_so_and_is_none_of_all(server: Server, tmp_path: Path) -> None:
    (tmp_path / "evallint.toml").write_text('extend-unsafe-fixes = ["eval-missing"]')
    server.add(tmp_path, train=BUG)
    uri = server.open(tmp_path / "train.py")
    (one,) = server.shows(uri, "eval-missing")
    offered = server.actions(uri, one.range)
    assert list(offered) == [f"{FIX} (unsafe)", IGNORE]
    assert not offered[f"{FIX} (unsafe)"].is_preferred
    assert "model.eval()" in server.after(offered[f"{FIX} (unsafe)"], uri, BUG)


def test_what_points_at_a_finding_is_told_its_rule(server: Server, tmp_path: Path) -> None:
    text = BUG + "x = 1  # evallint: ignore[no-grad-missing]\n"
    server.add(tmp_path, train=text)
    uri = server.open(tmp_path / "train.py")
    server.until(lambda: server.rules(uri))
    on_finding = server.hover(uri, 18, 26)
    assert "`model` is still in training mode" in on_finding
    assert "1. `Net` is built: a new module is in training mode" in on_finding
    assert "\n## Wrong\n" in on_finding
    assert server.hover(uri, 19, 32).startswith("### no-grad-missing\n")
    assert server.hover(uri, 19, 2) == ""


# ---- notebooks -------------------------------------------------------------------------------------------


def test_a_notebook_is_judged_cell_by_cell(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path)
    notebook = (tmp_path / "a.ipynb").as_uri()
    cells = {"prose": "# Title", "net": f"%matplotlib inline\n{NET}", "use": "\n" + BUG[len(NET) :].strip("\n")}
    kinds = dict.fromkeys(cells, types.NotebookCellKind.Code) | {"prose": types.NotebookCellKind.Markup}
    uris = {name: f"vscode-notebook-cell:{tmp_path}/a.ipynb#{name}" for name in cells}
    document = types.NotebookDocument(
        notebook, "jupyter-notebook", 1, [types.NotebookCell(kinds[name], uris[name]) for name in cells]
    )
    texts = [types.TextDocumentItem(uris[name], "python", 1, text) for name, text in cells.items()]
    server.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(document, texts))
    (one,) = server.shows(uris["use"], "eval-missing")
    assert one.range.start.line == 6
    assert one.related_information[0].location.uri == uris["use"]
    server.shows(uris["net"])
    server._versions[uris["use"]] = 1
    fixed = server.after(server.actions(uris["use"], one.range)[FIX], uris["use"], cells["use"])
    assert "        model.eval()\n        for" in fixed
    change = types.NotebookDocumentCellContentChanges(
        types.VersionedTextDocumentIdentifier(2, uris["use"]), [types.TextDocumentContentChangeWholeDocument(fixed)]
    )
    server.client.notebook_document_did_change(
        types.DidChangeNotebookDocumentParams(
            types.VersionedNotebookDocumentIdentifier(2, notebook),
            types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[change])),
        )
    )
    server.shows(uris["use"])


def test_a_notebook_that_a_client_shows_as_text_is_judged(server: Server, tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": text} for text in (NET, BUG[len(NET) :])]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    server.add(tmp_path)
    (one,) = server.shows((tmp_path / "a.ipynb").as_uri(), "eval-missing")
    assert one.message.startswith("cell 2, line 7: `model` is still in training mode")


# ---- settings --------------------------------------------------------------------------------------------


def told(server: Server, *paths: Path) -> None:
    """Tell the server that files have changed on the disk."""
    events = [types.FileEvent(path.as_uri(), types.FileChangeType.Changed) for path in paths]
    server.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))


def test_a_config_file_that_changes_holds_at_once(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    uri, config = server.open(tmp_path / "train.py"), tmp_path / "pyproject.toml"
    server.shows(uri, "eval-missing")
    config.write_text('[tool.evallint]\nignore = ["eval-missing"]\n')
    told(server, config)
    server.shows(uri)


def test_a_config_file_that_is_wrong_is_told_and_the_one_before_holds(server: Server, tmp_path: Path) -> None:
    server.add(tmp_path, train=BUG)
    config = tmp_path / "evallint.toml"
    uri = server.open(tmp_path / "train.py")
    server.shows(uri, "eval-missing")
    config.write_text('\nignore = ["eval-mising"]\n')
    told(server, config)
    (one,) = server.shows(config.as_uri(), "not-judged")
    assert one.range.start.line == 1
    assert "did you mean `eval-missing`?" in one.message
    assert any("eval-mising" in message.message for message in server.client.messages)
    server.shows(uri, "eval-missing")
    config.write_text('ignore = ["eval-missing"]\n')
    told(server, config)
    server.shows(uri)
    server.shows(config.as_uri())


def test_the_settings_of_the_client_beat_those_of_files(tmp_path: Path) -> None:
    server = Server("--no-cache")
    server.add(tmp_path, train=BUG)
    uri = server.open(tmp_path / "train.py")
    server.shows(uri, "eval-missing")

    def change(**settings: Any) -> None:
        params = types.DidChangeConfigurationParams({"evallint": settings})
        server.client.workspace_did_change_configuration(params)

    change(settings={"ignore": ["mode"]})
    server.shows(uri)
    change(scope="all")
    server.until(lambda: any("`scope` takes workspace or open" in one.message for one in server.client.messages))
    server.shows(uri, "eval-missing")
    change(ignoreReason="dropout is wanted")
    (one,) = server.shows(uri, "eval-missing")
    silenced = server.after(server.actions(uri, one.range)[IGNORE], uri, BUG)
    assert "# evallint: ignore[eval-missing] -- dropout is wanted\n" in silenced
    assert server.end() == 0


# ---- pulled diagnostics, and how it is run ---------------------------------------------------------------


def test_a_client_that_pulls_is_answered_and_told_when_to_ask_again(tmp_path: Path) -> None:
    server = Server(
        "--no-cache",
        textDocument__diagnostic={"relatedDocumentSupport": False},
        workspace__diagnostics={"refreshSupport": True},
    )
    server.add(tmp_path, model=MODEL, use=USE, train=BUG)
    uri, model = server.open(tmp_path / "use.py"), server.open(tmp_path / "model.py")

    def pull(uri: str, before: str | None = None) -> Any:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=before)
        return server.do(server.client.text_document_diagnostic_async(params))

    first = pull(uri)
    assert [one.code for one in first.items] == ["eval-missing"]
    assert pull(uri, first.result_id).kind == "unchanged"
    server.edit(model, MODEL.replace("nn.Dropout(0.5)", "nn.Linear(2, 2)"))
    server.until(lambda: server.client.diagnostic_refresh_count)
    assert pull(uri, first.result_id).items == ()
    everything = server.do(server.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([])))
    found = {one.uri: [diagnostic.code for diagnostic in one.items] for one in everything.items}
    assert found == {uri: [], model: [], (tmp_path / "train.py").as_uri(): ["eval-missing"]}
    known = [types.PreviousResultId(one.uri, one.result_id) for one in everything.items]
    again = server.do(server.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams(known)))
    assert {one.kind for one in again.items} == {"unchanged"}
    assert not server.client.diagnostics
    assert server.end() == 0


def test_a_long_analysis_shows_how_it_gets_on(tmp_path: Path) -> None:
    server = Server("--no-cache", window__workDoneProgress=True, general__positionEncodings=["utf-32", "utf-8"])
    assert server.offers.position_encoding == "utf-32"
    server.add(tmp_path, **{f"train{number}": BUG + f"# {number}\n" for number in range(40)})
    server.shows((tmp_path / "train0.py").as_uri(), "eval-missing")
    (reports,) = server.client.progress_reports.values()
    server.until(lambda: reports[-1].kind == "end")
    assert [reports[0].kind, reports[0].title] == ["begin", "evallint"]
    assert server.end() == 0


def test_a_client_may_come_to_an_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "evallint", "server", "--tcp", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        with connected(port) as stream:
            nothing: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
            assert b'"name": "evallint"' in asked(stream, {"id": 1, "method": "initialize", "params": nothing})
            assert b'"result": null' in asked(stream, {"id": 2, "method": "shutdown"})
            assert asked(stream, {"method": "exit"}) == b""
        assert process.wait(PATIENCE) == 0
        assert process.stdout and process.stdout.read() == b""


def asked(stream: socket.socket, message: dict[str, Any]) -> bytes:
    """Send a message and return what comes back."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stream.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    return stream.recv(10_000)


def connected(port: int) -> socket.socket:
    for _ in range(PATIENCE * 20):
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.05)
    raise TimeoutError


def test_an_address_without_a_port_is_refused() -> None:
    command = [sys.executable, "-m", "evallint", "server", "--tcp", "127.0.0.1:x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "evallint: error: --tcp: `127.0.0.1:x` is not of the form HOST:PORT\n")


def test_a_client_that_leaves_without_a_word_leaves_no_server_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evallint", "server"]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_without_its_extra_the_command_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['pygls'] = None; from evallint import cli; sys.exit(cli.main(['server']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    says = "evallint: error: the server needs pygls 2: pip install 'evallint[lsp]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", says)


def test_the_settings_that_the_documentation_shows_are_understood() -> None:
    options: Any = importlib.import_module("evallint.lsp.options")
    text = (HERE / "docs" / "editors.md").read_text(encoding="utf-8")
    shown = json.loads(text.partition("## Settings")[2].partition("```json\n")[2].partition("```")[0])
    wishes = options.wishes({"evallint": shown})
    assert set(shown) == set(options.KEYS)
    assert (wishes.scope, wishes.reason, wishes.settings["show-info"]) == ("open", "wanted here", True)
