"""Annotations of GitHub Actions: worst first, because a step shows ten of each kind only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.findings import Severity
from lora_advisor.reports._text import harmless

if TYPE_CHECKING:
    from lora_advisor.findings import Failure, Finding, Report
    from lora_advisor.reports import Options

COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, _options: Options) -> str:
    """Write one workflow command for each file that could not be read and each finding."""
    worst_first = sorted(report.findings, key=lambda found: -found.severity)
    lines = [_failure(failure) for failure in report.failures]
    lines += [_annotation(found) for found in worst_first]
    return "".join(f"{line}\n" for line in lines)


def summary(report: Report) -> str:
    """Write the findings as a Markdown table for the job's summary page."""
    rows = [_row(found) for found in report.findings]
    rows += [f"| error | {_cell(f.file)} | | {_cell(f.message)} |" for f in report.failures]
    if not rows:
        return "### lora-advisor\n\nNo problems found.\n"
    head = "### lora-advisor\n\n| severity | place | rule | message |\n|---|---|---|---|\n"
    return head + "".join(f"{row}\n" for row in rows)


def _annotation(found: Finding) -> str:
    place = found.place
    properties = {"file": place.file, "line": str(place.line)}
    if place.line == place.end_line:
        properties |= {"col": str(place.column), "endColumn": str(place.end_column)}
    properties |= {"endLine": str(place.end_line), "title": f"{found.code} {found.name}"}
    parts = [found.message, *(f"fix: {fix.title}" for fix in found.fixes), found.url]
    return _command(COMMANDS[found.severity], properties, "\n".join(parts))


def _failure(failure: Failure) -> str:
    properties = {"file": failure.file, "line": str(failure.line or 1), "title": "cannot be read"}
    return _command("error", properties, failure.message)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {written}::{_data(message)}"


def _data(text: str) -> str:
    lines = "%0D".join(harmless(part.replace("%", "%25")) for part in text.split("\r"))
    return lines.replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _row(found: Finding) -> str:
    place = f"{found.place.file}:{found.place.line}"
    rule = f"[{found.code} {found.name}]({found.url})"
    return f"| {found.severity} | {_cell(place)} | {rule} | {_cell(found.message)} |"


def _cell(text: str) -> str:
    """Keep a text from ending its cell or becoming markup."""
    escaped = harmless(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())
