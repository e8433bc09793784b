"""The report for people: each finding in a frame, with its reason, its repair and its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.reports._summary import summary

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.reports import Options


def render(report: Report, options: Options) -> str:
    """Write every finding as a frame, then the summary."""
    return _findings(report, options) + summary(report, options)


def _findings(report: Report, options: Options) -> str:
    if not report.findings:
        return ""
    from lora_advisor.reports._finding import finding_text  # a clean run saves it

    seen: set[str] = set()
    texts = []
    for found in report.findings:
        texts.append(finding_text(found, report, options, again=found.code in seen))
        seen.add(found.code)
    return "".join(f"{text}\n\n" for text in texts)
