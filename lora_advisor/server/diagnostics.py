"""Findings as the editor's diagnostics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from lora_advisor.findings import Severity
from lora_advisor.reports._tool import NAME
from lora_advisor.server.positions import range_of

if TYPE_CHECKING:
    from pygls.workspace import TextDocument

    from lora_advisor.findings import Failure, Finding
    from lora_advisor.server.state import Look

LEVELS: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


def diagnostics(look: Look, document: TextDocument) -> list[types.Diagnostic]:
    """Give what a check finds in a text, and why it cannot be read where it cannot."""
    found = [f for f in look.report.findings if f.place.file == look.path]
    failed = [_failure(f) for f in look.report.failures if f.file == look.path]
    return [diagnostic(finding, document) for finding in found] + failed


def diagnostic(found: Finding, document: TextDocument) -> types.Diagnostic:
    """Turn one finding into a diagnostic with its reason and the address of its rule."""
    return types.Diagnostic(
        range=range_of(found.place, document),
        message=f"{found.message}\n{found.why}",
        severity=LEVELS[found.severity],
        code=found.code,
        code_description=types.CodeDescription(href=found.url),
        source=NAME,
        related_information=_related(found, document),
        data={"name": found.name, "path": found.path},
    )


def _related(
    found: Finding, document: TextDocument
) -> list[types.DiagnosticRelatedInformation] | None:
    places = [(r.place, r.label) for r in found.related if r.place is not None]
    return [
        types.DiagnosticRelatedInformation(
            location=types.Location(
                uri=document.uri
                if place.file == found.place.file
                else Path(place.file).absolute().as_uri(),
                range=range_of(place, document),
            ),
            message=label,
        )
        for place, label in places
    ] or None


def _failure(failure: Failure) -> types.Diagnostic:
    start = types.Position(line=(failure.line or 1) - 1, character=(failure.column or 1) - 1)
    return types.Diagnostic(
        range=types.Range(start=start, end=start),
        message=failure.message,
        severity=types.DiagnosticSeverity.Error,
        source=NAME,
    )
