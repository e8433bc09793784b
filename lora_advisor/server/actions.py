"""What can be done about a finding: its repairs, and a comment that ignores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lora_advisor.fixes import attempt
from lora_advisor.ignoring import silencing
from lora_advisor.server.diagnostics import diagnostic
from lora_advisor.server.positions import range_of, text_edit
from lora_advisor.source.edits import Edit, NotEditableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygls.workspace import TextDocument

    from lora_advisor.findings import Finding
    from lora_advisor.server.state import Look


def actions(look: Look, document: TextDocument, asked: types.Range) -> list[types.CodeAction]:
    """Give the actions of every finding on the lines that were asked about."""
    return [
        action
        for finding in look.report.findings
        if finding.place.file == look.path and _meets(range_of(finding.place, document), asked)
        for action in (*_repairs(look, document, finding), *_ignore(look, document, finding))
    ]


def _meets(own: types.Range, asked: types.Range) -> bool:
    return own.start.line <= asked.end.line and asked.start.line <= own.end.line


def _repairs(look: Look, document: TextDocument, finding: Finding) -> Iterator[types.CodeAction]:
    """Yield the repairs that hold when tried; a safe one is what the editor may prefer."""
    for fix in finding.fixes:
        try:
            edits, _, _ = attempt(look.report, finding, fix, look.settings)
        except NotEditableError:
            continue
        title = (
            f"{fix.title.rstrip('.')} ({finding.code}{'' if fix.safety == 'safe' else ', unsafe'})"
        )
        yield _action(title, edits, document, finding, preferred=fix.safety == "safe")


def _ignore(look: Look, document: TextDocument, finding: Finding) -> Iterator[types.CodeAction]:
    ours = look.report.sources[look.path]
    try:
        edit = silencing(ours, finding.place.line, [finding.name], "reason: ")
    except NotEditableError:
        return
    yield _action(f"Ignore {finding.name} here", [edit], document, finding, preferred=False)


def _action(
    title: str, edits: list[Edit], document: TextDocument, finding: Finding, *, preferred: bool
) -> types.CodeAction:
    changes = {document.uri: [text_edit(edit, document) for edit in edits]}
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(finding, document)],
        edit=types.WorkspaceEdit(changes=changes),
        is_preferred=preferred or None,
    )
