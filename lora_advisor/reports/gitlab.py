"""GitLab's code quality report: one issue a finding, each with a fingerprint of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.findings import Severity
from lora_advisor.reports._identity import identified
from lora_advisor.reports.json import dumped

if TYPE_CHECKING:
    from lora_advisor.findings import Finding, Report
    from lora_advisor.reports import Options

LEVELS: Final = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report, _options: Options) -> str:
    """Write a list of issues; GitLab hides those whose fingerprint it has seen."""
    return dumped([_issue(found, print_) for found, print_ in identified(report.findings)])


def _issue(found: Finding, fingerprint: str) -> dict[str, Any]:
    place = found.place
    return {
        "description": found.message,
        "check_name": found.name,
        "fingerprint": fingerprint,
        "severity": LEVELS[found.severity],
        "categories": ["Bug Risk"],
        "content": {"body": f"{found.why}\n\n{found.url}"},
        "location": {
            "path": place.file,
            "positions": {
                "begin": {"line": place.line, "column": place.column},
                "end": {"line": place.end_line, "column": place.end_column},
            },
        },
    }
