"""The lines of a config that a finding is about, as stretches that a page marks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from lora_advisor.reports._frame import marks
from lora_advisor.reports._text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.findings import Finding, Report
    from lora_advisor.reports._frame import Mark


def frames(found: Finding, report: Report) -> list[dict[str, Any]]:
    """Return the marked lines of each file, the finding's own file first."""
    pointed = marks(found)
    files = dict.fromkeys(mark.place.file for mark in pointed)
    return [
        {"file": file, "lines": list(_lines(file, pointed, report))}
        for file in files
        if file in report.sources
    ]


def _lines(file: str, pointed: Iterable[Mark], report: Report) -> Iterator[dict[str, Any]]:
    document = report.sources[file]
    here = sorted((mark for mark in pointed if mark.place.file == file), key=_order)
    previous = 0
    for number, group in groupby(here, key=lambda mark: mark.place.line):
        yield {
            "number": number,
            "gap": bool(previous) and number > previous + 1,
            "parts": list(_parts(document.line(number), group)),
        }
        previous = number


def _parts(line: str, here: Iterable[Mark]) -> Iterator[dict[str, str]]:
    """Split a line into plain and marked stretches; of overlapping marks the first counts."""
    at = 0
    for mark in here:
        start = min(mark.place.column - 1, len(line))
        goes_on = mark.place.end_line > mark.place.line
        end = len(line.rstrip()) if goes_on else min(mark.place.end_column - 1, len(line))
        if start < at:
            continue
        yield {"kind": "", "text": harmless(line[at:start]), "label": ""}
        kind = "own" if mark.primary else "other"
        yield {"kind": kind, "text": harmless(line[start:end]), "label": harmless(mark.label)}
        at = end
    yield {"kind": "", "text": harmless(line[at:]), "label": ""}


def _order(mark: Mark) -> tuple[int, int, bool]:
    return mark.place.line, mark.place.column, not mark.primary
