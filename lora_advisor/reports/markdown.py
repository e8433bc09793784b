"""Markdown for a comment or a page: a table of findings, worst first, and how to repair them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.reports.github import summary

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.reports import Options


def render(report: Report, _options: Options) -> str:
    """Write the table that a GitHub job's summary shows, too."""
    return summary(report)
