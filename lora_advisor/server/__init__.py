"""The language server: a check while one types, with reasons, repairs and completion.

Needs the extra ``[server]`` (pygls). It reads what the editor holds, runs nothing of it, and talks
to nobody but the editor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from lora_advisor.reports._tool import NAME, version
from lora_advisor.server.actions import actions
from lora_advisor.server.completion import completions
from lora_advisor.server.diagnostics import diagnostics
from lora_advisor.server.hover import hover
from lora_advisor.server.links import links
from lora_advisor.server.state import look

if TYPE_CHECKING:
    from pygls.workspace import TextDocument


def build() -> LanguageServer:
    """Make a server with every feature, not started yet."""
    server = LanguageServer(NAME, version())
    _watch(server)
    _answer(server)
    return server


def _watch(server: LanguageServer) -> None:
    """Publish the findings of each document that is opened or changed."""

    def publish(uri: str) -> None:
        document = server.workspace.get_text_document(uri)
        found = diagnostics(look(document), document)
        told = types.PublishDiagnosticsParams(uri=uri, diagnostics=found, version=document.version)
        server.text_document_publish_diagnostics(told)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(parameters: types.DidOpenTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(parameters: types.DidChangeTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(parameters: types.DidCloseTextDocumentParams) -> None:
        uri = parameters.text_document.uri
        told = types.PublishDiagnosticsParams(uri=uri, diagnostics=[])
        server.text_document_publish_diagnostics(told)


def _answer(server: LanguageServer) -> None:
    """Answer what an editor asks of one document: hover, repairs, completion, links."""

    def document_of(parameters: object) -> TextDocument:
        uri: str = parameters.text_document.uri  # type: ignore[attr-defined]
        return server.workspace.get_text_document(uri)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def on_hover(parameters: types.HoverParams) -> types.Hover | None:
        document = document_of(parameters)
        return hover(look(document), document, parameters.position)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=KINDS)
    )
    def on_action(parameters: types.CodeActionParams) -> list[types.CodeAction]:
        document = document_of(parameters)
        return actions(look(document), document, parameters.range)

    @server.feature(types.TEXT_DOCUMENT_COMPLETION)
    def on_completion(parameters: types.CompletionParams) -> list[types.CompletionItem]:
        document = document_of(parameters)
        return completions(look(document), document, parameters.position)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_LINK)
    def on_link(parameters: types.DocumentLinkParams) -> list[types.DocumentLink]:
        document = document_of(parameters)
        return links(look(document), document)


KINDS = [types.CodeActionKind.QuickFix]
