"""The language server: what it offers to clients, and how it is run."""

from __future__ import annotations

import logging
import os
import sys

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from evallint import __version__
from evallint.lsp.actions import KINDS
from evallint.lsp.analysis import Options
from evallint.lsp.session import Session

NOTEBOOKS = ("jupyter-notebook", "interactive")


def serve(given: Options, address: tuple[str, int] | None = None) -> int:
    """Serve one client, on the standard streams or at an address, and return the exit code of the process."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs what clients are told anyway
    server = Served(given)
    if address:
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # to it, the end of the process is an error
        server.start_tcp(*address)
    else:
        # A stray print must not get between the messages.
        out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        server.start_io(stdout=out)
    return 0 if server.was_shut_down else 1


class Served(LanguageServer):
    def __init__(self, given: Options) -> None:
        selector = [
            types.NotebookDocumentFilterWithNotebook(types.NotebookDocumentFilterNotebookType(name))
            for name in NOTEBOOKS
        ]
        sync = types.NotebookDocumentSyncOptions(selector, save=True)
        super().__init__("evallint", __version__, notebook_document_sync=sync)
        self.was_shut_down = False
        session = Session(self, given)
        _offer_life(self, session)
        _offer_documents(self, session)
        _offer_notebooks(self, session)
        _offer_workspace(self, session)
        _offer_answers(self, session)


def _offer_life(server: Served, session: Session) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        session.begin(params)
        if session.pulls:
            _offer_pulls(server, session)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        await session.go()

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        server.was_shut_down = True
        await session.end()


def _offer_documents(server: Served, session: Session) -> None:
    documents = session.documents

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        session.document_changed(documents.open(params.text_document), 0.0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        session.document_changed(documents.change(params))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        session.closed(documents.close(params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        session.saved()


def _offer_notebooks(server: Served, session: Session) -> None:
    documents = session.documents

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenNotebookDocumentParams) -> None:
        session.document_changed(documents.open_notebook(params), 0.0)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeNotebookDocumentParams) -> None:
        session.document_changed(documents.change_notebook(params))

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseNotebookDocumentParams) -> None:
        session.closed(documents.close_notebook(params.notebook_document.uri))

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveNotebookDocumentParams) -> None:
        session.saved()


def _offer_workspace(server: Served, session: Session) -> None:
    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(params: types.DidChangeWorkspaceFoldersParams) -> None:
        session.folders_changed(params.event)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        session.files_changed(params.changes)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def settings_changed(params: types.DidChangeConfigurationParams) -> None:
        await session.settings_changed(params.settings)


def _offer_answers(server: Served, session: Session) -> None:
    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(list(KINDS), resolve_provider=True))
    async def code_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        return await session.code_actions(params)

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        return await session.resolve(action)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await session.hover(params)


def _offer_pulls(server: Served, session: Session) -> None:
    options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=True, identifier="evallint")

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def diagnostics(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        return await session.diagnostics(params)

    @server.feature(types.WORKSPACE_DIAGNOSTIC)
    async def all_diagnostics(params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        return await session.all_diagnostics(params)
