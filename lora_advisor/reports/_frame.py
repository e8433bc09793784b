"""A frame around the lines of a config that a finding is about, with carets below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.record import record
from lora_advisor.reports._text import cells, cut, harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.findings import Finding, Place, Report
    from lora_advisor.reports._text import Paint
    from lora_advisor.source.tree import Text

SHORTEST = 20
"""Cells of a source line that are shown at least, however narrow the terminal is."""


@record
class Mark:
    """A stretch to point at: the finding's own (``^``) or one that it rests on (``-``)."""

    place: Place
    label: str
    primary: bool


@record
class Style:
    """Width in cells, colour function and the primary mark's colour."""

    width: int
    paint: Paint
    accent: str


def marks(finding: Finding) -> list[Mark]:
    """Return what a finding points at, its own place first; nothing that goes without saying."""
    own = Mark(place=finding.place, label="", primary=True)
    others = (
        Mark(place=related.place, label=related.label, primary=False)
        for related in finding.related
        if related.place is not None and not related.background
    )
    return [own, *others]


def frame(pointed: Sequence[Mark], report: Report, style: Style) -> list[str]:
    """Draw the marked lines of each file, the finding's own file first, in the files' order."""
    files = dict.fromkeys(mark.place.file for mark in pointed)
    gutter = max(len(str(mark.place.line)) for mark in pointed)
    lines: list[str] = []
    for file in files:
        document = report.sources.get(file)
        if document is None:
            continue
        here = [mark for mark in pointed if mark.place.file == file]
        if lines:
            place = f"{file}:{here[0].place.line}:{here[0].place.column}"
            lines.append(f"{' ' * gutter}{style.paint('::: ', fg='blue')}{harmless(place)}")
        lines += _of_file(here, document, gutter, style)
    return lines


def _of_file(here: Iterable[Mark], document: Text, gutter: int, style: Style) -> list[str]:
    bar = style.paint("|", fg="blue")
    lines = [f"{' ' * gutter} {bar}"]
    previous = 0
    for mark in sorted(here, key=lambda mark: (mark.place.line, mark.place.column)):
        number = mark.place.line
        text, under = _pointed(mark, document.line(number), style.width - gutter - 3)
        if number != previous:
            if previous and number > previous + 1:
                lines.append(style.paint("...", fg="blue"))
            lines.append(f"{style.paint(f'{number:>{gutter}}', fg='blue')} {bar} {text}".rstrip())
        colour = style.accent if mark.primary else "blue"
        lines.append(f"{' ' * gutter} {bar} {style.paint(under, fg=colour)}".rstrip())
        previous = number
    return lines


def _pointed(mark: Mark, line: str, width: int) -> tuple[str, str]:
    """Return a source line, cut to a width around the mark, and the line that points at it."""
    start = min(mark.place.column - 1, len(line))
    goes_on = mark.place.end_line > mark.place.line
    end = len(line.rstrip()) if goes_on else min(mark.place.end_column - 1, len(line))
    before, marked, after = _cut(
        harmless(line[:start]),
        harmless(line[start:end]),
        harmless(line[end:]),
        max(width, SHORTEST),
    )
    label = _label(mark, line)
    sign = ("^" if mark.primary else "-") * max(cells(marked), 1)
    return before + marked + after, " " * cells(before) + sign + (f" {label}" if label else "")


def _label(mark: Mark, line: str) -> str:
    """Return what to write beside the carets; nothing that the line itself says."""
    last = mark.place.end_line
    span = f"to line {last}" if last > mark.place.line else ""
    key = mark.label.partition(": ")[0].partition("=")[0]
    shown = key.rpartition(".")[2] in line
    return ", ".join(part for part in (span, "" if shown else harmless(mark.label)) if part)


def _cut(before: str, marked: str, after: str, width: int) -> tuple[str, str, str]:
    if cells(before + marked + after) <= width:
        return before, marked, after
    marked = cut(marked, width - 2)
    room = width - cells(marked)
    kept = _tail(before, max(room // 2, room - cells(after)))
    return kept, marked, cut(after, room - cells(kept))


def _tail(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    text = text[-max(width - 1, 1) :]
    while text and cells(text) > width - 1:
        text = text[1:]
    return f"…{text}" if width > 0 else ""
