"""One client: its folders, what is open in it, and what it is told."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from evallint import read
from evallint.config import CONFIG_NAMES, ConfigError, Configs
from evallint.engine.session import Reader
from evallint.lsp import actions
from evallint.lsp.analysis import Analysis, Options
from evallint.lsp.documents import Document, Documents, path_of, uri_of
from evallint.lsp.edits import workspace_edit
from evallint.lsp.folders import Desk, Folder, describe, overlays
from evallint.lsp.hovering import hover
from evallint.lsp.options import SECTION, Unclear, Wishes, wishes
from evallint.lsp.snapshot import NOT_JUDGED, NOWHERE, SOURCE, Client, Snapshot

WATCHED: Final = ("**/*.{py,pyw,ipynb}", *(f"**/{name}" for name in CONFIG_NAMES), "**/.gitignore")
FIRST_PAUSE: Final = 0.0
LONG: Final = 0.25
"""Seconds after which an analysis shows that it goes on, and again."""

LONGEST_ANSWER: Final = 5.0
"""Seconds that the beginning waits for the client's settings."""

LAST_PAUSE: Final = 2.0
"""Seconds that the end waits for what can't be interrupted."""


class Refused(JsonRpcException):
    """Why a request is not answered, for the user to read."""

    CODE = types.LSPErrorCodes.RequestFailed.value


class Session:
    """Everything between `initialize` and `exit`."""

    def __init__(self, server: LanguageServer, given: Options) -> None:
        self.documents = Documents()
        self.pulls = False
        self._server = server
        self._given = given
        self._client = Client()
        self._wishes: dict[str, Wishes] = {}
        self._common = Wishes()
        self._folders: dict[str, Folder] = {}
        self._lone: dict[str, Folder] = {}
        self._desk = Desk()
        self._reader = Reader()
        self._published: dict[str, dict[str, str]] = {}
        self._pulled: dict[str, str] = {}
        self._told_wrong: dict[str, str] = {}
        self._logged: dict[str, Sequence[str]] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    # ---- beginning and end -----------------------------------------------------------------------------

    def begin(self, params: types.InitializeParams) -> None:
        """Take in what the client can do, and its folders."""
        self.documents.encoding = self._server.workspace.position_encoding or types.PositionEncodingKind.Utf16
        self._client = Client(
            self.documents.encoding,
            self._can("text_document.publish_diagnostics.related_information")
            or self._can("text_document.diagnostic.related_information"),
        )
        self.pulls = self._can("text_document.diagnostic") and self._can("workspace.diagnostics.refresh_support")
        self._common = self._understood(params.initialization_options)
        roots = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or ""]
        for uri in filter(None, roots):
            self._add(uri)

    async def go(self) -> None:
        """Ask for what the client can tell by itself, and judge everything for the first time."""
        self._register()
        await self._ask_wishes()
        for folder in self._all():
            self._start(folder)

    async def end(self) -> None:
        """Stop, and let what was learnt of files be written down, unless that takes long."""
        closing = [*(folder.close() for folder in self._all()), self._desk.do(self._reader.close)]
        await asyncio.wait(closing, timeout=LAST_PAUSE)

    def _can(self, capability: str) -> bool:
        return bool(get_capability(self._server.client_capabilities, capability, False))

    def _register(self) -> None:
        registrations = []
        if self._can("workspace.did_change_watched_files.dynamic_registration"):
            watchers = [types.FileSystemWatcher(pattern) for pattern in WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            name = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registrations.append(types.Registration("evallint-files", name, options))
        if self._can("workspace.did_change_configuration.dynamic_registration"):
            section = types.DidChangeConfigurationRegistrationOptions(SECTION)
            name = types.WORKSPACE_DID_CHANGE_CONFIGURATION
            registrations.append(types.Registration("evallint-settings", name, section))
        if registrations:
            self._server.client_register_capability(types.RegistrationParams(registrations))

    def _start(self, folder: Folder) -> None:
        folder.changed(FIRST_PAUSE)
        if self._can("window.work_done_progress"):
            self._tasks.add(task := asyncio.ensure_future(self._show_progress(folder)))
            task.add_done_callback(self._tasks.discard)

    async def _show_progress(self, folder: Folder) -> None:
        """Show how the first analysis of a folder gets on, if that takes long."""
        await asyncio.sleep(LONG)
        if folder.is_known or folder not in self._all():
            return
        progress, token = self._server.work_done_progress, f"evallint {folder.path}"
        await progress.create_async(token)
        progress.begin(token, types.WorkDoneProgressBegin("evallint", message="reading files", percentage=0))
        while not folder.is_known and folder in self._all():
            done, of = folder.progress
            message = f"reading files: {done} of {of}" if of else "judging"
            percentage = 90 * done // of if of else 90
            progress.report(token, types.WorkDoneProgressReport(message=message, percentage=percentage))
            await asyncio.sleep(LONG)
        progress.end(token, types.WorkDoneProgressEnd())

    # ---- folders ---------------------------------------------------------------------------------------

    def folders_changed(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        for gone in event.removed:
            folder = self._folders.pop(path_of(gone.uri) or "", None)
            if folder:
                self._drop(folder)
        for new in event.added:
            folder = self._add(new.uri)
            if folder:
                self._start(folder)
        self._find_homes()

    def _add(self, uri: str) -> Folder | None:
        path = path_of(uri)
        if path is None or path in self._folders:
            return None
        self._folders[path] = self._folder(path, self._analysis(path))
        return self._folders[path]

    def _folder(self, path: str, analysis: Analysis) -> Folder:
        def own() -> Mapping[str, Document]:
            return {at: document for at, document in self.documents.all().items() if self._home(at) is folder}

        folder = Folder(path, analysis, self._desk, own, self._client, self._hear)
        return folder

    def _analysis(self, path: str, only: str = "") -> Analysis:
        wish = self._wish(path)
        given = self._given
        merged = given._replace(config=(*given.config, *wish.config), settings={**given.settings, **wish.settings})
        return Analysis(path, merged, self._reader, only)

    def _drop(self, folder: Folder) -> None:
        folder.close()
        for uri in self._published.pop(folder.path, {}):
            self._publish(uri, None, ())

    def _all(self) -> list[Folder]:
        return [*self._folders.values(), *self._lone.values()]

    def _home(self, path: str) -> Folder | None:
        """Return the folder that a file is judged in: the innermost one of the workspace, or one of its own."""
        around = [root for root in self._folders if path.startswith(os.path.join(root, ""))]
        return self._folders[max(around, key=len)] if around else self._lone.get(path)

    def _find_homes(self) -> None:
        """Give a folder to every document outside of the workspace, and take it from those that are in it or closed."""
        paths = self.documents.all()
        for path in [path for path in self._lone if path not in paths or self._home(path) is not self._lone[path]]:
            folder = self._lone.pop(path)
            if folder not in self._lone.values():
                self._drop(folder)
        for path in paths:
            if self._home(path) is None:
                self._lone[path] = self._lone_folder(path)

    def _lone_folder(self, path: str) -> Folder:
        """Return the project of a file; a file that belongs to none is judged alone."""
        try:
            root = read.project_of(path, Configs(os.path.dirname(path)).of_directory(os.path.dirname(path)))
        except ConfigError:
            root = ""
        known = next((folder for folder in self._lone.values() if folder.path == root), None)
        if known:
            return known
        place = root or os.path.dirname(path)
        return self._folder(place, self._analysis(place, "" if root else path))

    # ---- wishes ----------------------------------------------------------------------------------------

    async def settings_changed(self, given: object) -> None:
        """Take in the settings of the client, which it sends or is asked for."""
        if self._can("workspace.configuration"):
            await self._ask_wishes()
            return
        self._common = self._understood(given)
        self._use_wishes({})

    async def _ask_wishes(self) -> None:
        if not self._can("workspace.configuration") or not self._folders:
            return
        paths = list(self._folders)
        items = [types.ConfigurationItem(uri_of(path), SECTION) for path in paths]
        try:
            asking = self._server.workspace_configuration_async(types.ConfigurationParams(items))
            answers = await asyncio.wait_for(asking, LONGEST_ANSWER)
        except Exception:
            return  # a client that says it can need not be able to
        self._use_wishes({path: self._understood(one) for path, one in zip(paths, answers, strict=False) if one})

    def _understood(self, given: object) -> Wishes:
        try:
            return wishes(given)
        except Unclear as error:
            self._show(f"evallint: settings: {error}", types.MessageType.Error)
            return Wishes()

    def _use_wishes(self, new: dict[str, Wishes]) -> None:
        before = {path: self._wish(path) for path in self._folders}
        self._wishes = new
        for path, folder in self._folders.items():
            if self._wish(path) != before[path] or not new:
                folder.use(self._analysis(path))

    def _wish(self, path: str) -> Wishes:
        return self._wishes.get(path, self._common)

    # ---- what changes ----------------------------------------------------------------------------------

    def document_changed(self, path: str | None, pause: float | None = None) -> None:
        """Judge anew where a document was opened, edited or closed."""
        if path is None:
            return
        home = self._home(path)
        self._find_homes()
        for folder in {id(one): one for one in (home, self._home(path)) if one}.values():
            if pause is None:
                folder.changed()
            else:
                folder.changed(pause)

    def saved(self) -> None:
        """Look at the disk again where nobody else tells of it."""
        if not self._can("workspace.did_change_watched_files.dynamic_registration"):
            for folder in self._all():
                folder.changed_on_disk()

    def files_changed(self, events: Iterable[types.FileEvent]) -> None:
        """Look at the disk again where something has changed that is not open."""
        new = [event for event in events if not self._is_save(event)]
        for folder in self._all():
            if any(_is_within(event.uri, folder.path) for event in new):
                folder.changed_on_disk()

    def _is_save(self, event: types.FileEvent) -> bool:
        return event.type == types.FileChangeType.Changed and self.documents.at(path_of(event.uri) or "") is not None

    def closed(self, path: str | None) -> None:
        """Judge what is on the disk again where a document was closed."""
        home = self._home(path) if path else None
        if home:
            home.changed_on_disk()
        self._find_homes()

    # ---- what is told ----------------------------------------------------------------------------------

    def _hear(self, folder: Folder) -> None:
        """Tell the client what is new in a folder."""
        snapshot = folder.snapshot
        wrong = describe(folder.error) if folder.error else snapshot.wrong if snapshot else ""
        self._tell_wrong(folder, wrong)
        if snapshot is None or folder.error:
            return
        self._log(folder, snapshot.failures)
        if not self.pulls:
            self._push(folder, snapshot)
        elif any(self._pulled.get(uri, "") != name for uri, name in snapshot.results.items() if uri in self._pulled):
            self._server.workspace_diagnostic_refresh(None)

    def _push(self, folder: Folder, snapshot: Snapshot) -> None:
        """Publish the diagnostics of all that is open, and of what has changed."""
        results = self._of_interest(folder, snapshot)
        known = self._published.get(folder.path, {})
        for uri in known.keys() - results.keys():
            self._publish(uri, None, ())
        for uri, name in results.items():
            version = snapshot.version(uri)
            if version is not None or known.get(uri) != name:
                self._publish(uri, version, snapshot.diagnostics[uri])
        self._published[folder.path] = results

    def _of_interest(self, folder: Folder, snapshot: Snapshot) -> dict[str, str]:
        """Return what identifies the diagnostics of each address that is this folder's to tell of."""
        everything = self._wish(folder.path).scope == "workspace"
        return {
            uri: name
            for uri, name in snapshot.results.items()
            if snapshot.version(uri) is not None or (everything and self._is_own(folder, uri))
        }

    def _is_own(self, folder: Folder, uri: str) -> bool:
        path = path_of(uri)
        return path is not None and self._home(path) in (folder, None)

    def _publish(self, uri: str, version: int | None, diagnostics: Iterable[types.Diagnostic]) -> None:
        params = types.PublishDiagnosticsParams(uri, list(diagnostics), version)
        self._server.text_document_publish_diagnostics(params)

    def _tell_wrong(self, folder: Folder, wrong: str) -> None:
        """Show once what is wrong with a folder as a whole, and where that is in a file, there."""
        if self._told_wrong.get(folder.path, "") == wrong:
            return
        before = _in_file(self._told_wrong.get(folder.path, ""))
        self._told_wrong[folder.path] = wrong
        if before:
            self._publish(before[0], None, ())
        if wrong:
            self._show(wrong if wrong.startswith("evallint") else f"evallint: {wrong}", types.MessageType.Error)
        if place := _in_file(wrong):
            self._publish(place[0], None, [place[1]])

    def _log(self, folder: Folder, failures: Sequence[str]) -> None:
        """Write down once what went wrong that belongs to no file."""
        before = self._logged.get(folder.path, ())
        self._logged[folder.path] = failures
        for failure in failures:
            if failure not in before:
                params = types.LogMessageParams(types.MessageType.Error, f"evallint: {failure}")
                self._server.window_log_message(params)

    def _show(self, message: str, kind: types.MessageType) -> None:
        self._server.window_show_message(types.ShowMessageParams(kind, message))

    # ---- what is asked for -----------------------------------------------------------------------------

    async def diagnostics(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        uri = params.text_document.uri
        snapshot = await self._latest(uri)
        some = snapshot.diagnostics.get(uri, ()) if snapshot else ()
        name = snapshot.results.get(uri, "") if snapshot else ""
        self._pulled[uri] = name
        if params.previous_result_id and params.previous_result_id == name:
            return types.RelatedUnchangedDocumentDiagnosticReport(name)
        return types.RelatedFullDocumentDiagnosticReport(list(some), result_id=name)

    async def all_diagnostics(self, params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        before = {one.uri: one.value for one in params.previous_result_ids}
        items: list[types.WorkspaceDocumentDiagnosticReport] = []
        for folder in self._all():
            snapshot = await folder.latest()
            for uri, name in self._of_interest(folder, snapshot).items() if snapshot else ():
                assert snapshot
                version = snapshot.version(uri)
                if before.pop(uri, None) == name:
                    items.append(types.WorkspaceUnchangedDocumentDiagnosticReport(uri, name, version))
                else:
                    some = list(snapshot.diagnostics[uri])
                    items.append(types.WorkspaceFullDocumentDiagnosticReport(uri, some, version, result_id=name))
        items += [types.WorkspaceFullDocumentDiagnosticReport(uri, [], None) for uri in before]
        return types.WorkspaceDiagnosticReport(items)

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        snapshot = await self._latest(uri)
        if snapshot is None:
            return []
        offered = list(actions.offered(snapshot, uri, params))
        resolvable = get_capability(
            self._server.client_capabilities, "text_document.code_action.resolve_support.properties", ()
        )
        if "edit" in (resolvable or ()):
            return offered
        return [done for one in offered if (done := await self._done(one))]

    async def _done(self, action: types.CodeAction) -> types.CodeAction | None:
        """Return an action with its edit; None where it comes to nothing."""
        try:
            return await self.resolve(action)
        except Refused:
            return None

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """Return an action with the edit that it comes to. Refused: there is none."""
        data: Any = action.data
        folder = self._folder_of(data["uri"])
        snapshot = await folder.latest() if folder else None
        if folder is None or snapshot is None:
            raise Refused("its file is not open any more")
        is_versioned = self._can("workspace.workspace_edit.document_changes")
        reason = self._wish(folder.path).reason

        def edit(analysis: Analysis, documents: Mapping[str, Document]) -> types.WorkspaceEdit:
            changes = actions.carried_out(analysis, overlays(documents), snapshot, data, reason)
            return workspace_edit(changes, documents, self._client.encoding, is_versioned)

        try:
            action.edit = await folder.ask(edit)
        except (actions.NothingDone, ConfigError) as error:
            raise Refused(f"evallint: {error}") from error
        return action

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        place = self.documents.place(params.text_document.uri)
        folder = self._folder_of(params.text_document.uri)
        return hover(folder.snapshot if folder else None, place[1], params.position) if place else None

    async def _latest(self, uri: str) -> Snapshot | None:
        folder = self._folder_of(uri)
        return await folder.latest() if folder else None

    def _folder_of(self, uri: str) -> Folder | None:
        place = self.documents.place(uri)
        path = place[0] if place else path_of(uri)
        return self._home(path) if path else None


def _is_within(uri: str, folder: str) -> bool:
    path = path_of(uri)
    return path is not None and path.startswith(os.path.join(folder, ""))


def _in_file(wrong: str) -> tuple[str, types.Diagnostic] | None:
    """Return where a config file is that something is wrong with, and what."""
    match = re.match(r"(?P<path>[^:]+\.toml)(?::(?P<line>\d+))?: (?P<says>.*)", wrong, re.DOTALL)
    if match is None:
        return None
    line = int(match["line"] or 1) - 1
    range_ = types.Range(types.Position(line, 0), types.Position(line + 1, 0)) if match["line"] else NOWHERE
    severity = types.DiagnosticSeverity.Error
    diagnostic = types.Diagnostic(range_, match["says"], severity=severity, code=NOT_JUDGED, source=SOURCE)
    return uri_of(os.path.abspath(match["path"])), diagnostic
