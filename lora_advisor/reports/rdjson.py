"""Reviewdog's diagnostic format, which carries the reason and the repair into a review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.findings import Severity
from lora_advisor.fixes import known
from lora_advisor.reports._tool import ADDRESS, NAME
from lora_advisor.reports.json import dumped
from lora_advisor.source.tree import Span

if TYPE_CHECKING:
    from lora_advisor.findings import Finding, Place, Report
    from lora_advisor.reports import Options
    from lora_advisor.source.edits import Edit
    from lora_advisor.source.tree import Text

LEVELS: Final = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.INFO: "INFO"}


def render(report: Report, options: Options) -> str:
    """Write one DiagnosticResult."""
    found = [_diagnostic(finding, report, options) for finding in report.findings]
    return dumped({"source": {"name": NAME, "url": ADDRESS}, "diagnostics": found})


def _diagnostic(found: Finding, report: Report, options: Options) -> dict[str, Any]:
    diagnostic = {
        "message": f"{found.message}\n{found.why}",
        "location": {"path": found.place.file, "range": _range(found.place, report)},
        "severity": LEVELS[found.severity],
        "code": {"value": found.code, "url": found.url},
    }
    edits = options.repairs.get(known(found), ())
    document = report.sources[found.place.file] if edits else None
    return diagnostic | (
        {"suggestions": [_suggestion(edit, document) for edit in edits]} if document else {}
    )


def _suggestion(edit: Edit, document: Text) -> dict[str, Any]:
    place = document.place(Span(start=edit.start, end=edit.end))
    ends = (("start", place.line, place.column), ("end", place.end_line, place.end_column))
    return {
        "range": {
            name: {"line": line, "column": _width(document.line(line)[: column - 1])}
            for name, line, column in ends
        },
        "text": edit.text,
    }


def _range(place: Place, report: Report) -> dict[str, Any]:
    ends = (("start", place.line, place.column), ("end", place.end_line, place.end_column))
    return {
        name: {"line": line, "column": _bytes(place.file, line, column, report)}
        for name, line, column in ends
    }


def _bytes(file: str, line: int, column: int, report: Report) -> int:
    """Count a column in bytes of UTF-8, as the format wants it."""
    document = report.sources.get(file)
    before = document.line(line)[: column - 1] if document is not None else " " * (column - 1)
    return _width(before)


def _width(before: str) -> int:
    return len(before.encode("utf-8", "surrogatepass")) + 1
