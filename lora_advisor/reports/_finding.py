"""One finding for people: its frame, reason, repairs and rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.reports._frame import Style, frame, marks
from lora_advisor.reports._text import COLOURS, cells, harmless, painter, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.findings import Finding, Report
    from lora_advisor.reports import Options
    from lora_advisor.reports._text import Paint


def finding_text(found: Finding, report: Report, options: Options, *, again: bool = False) -> str:
    """Write one finding in full, without a line end.

    ``again`` leaves out what an earlier finding of the same rule has said: the reason, the page.
    """
    paint = painter(colour=options.colour)
    accent = COLOURS[found.severity]
    pointed = marks(found)
    gutter = max(len(str(mark.place.line)) for mark in pointed)
    style = Style(width=options.width, paint=paint, accent=accent)
    lines = [_head(found, options, paint, accent), *frame(pointed, report, style)]
    lines.append(f"{' ' * gutter} {paint('|', fg='blue')}")
    lines += (_note(name, text, gutter, options, paint) for name, text in _notes(found, again))
    if not again:
        lines.append(_page(found.url, gutter, options, paint))
    return "\n".join(lines)


def _head(found: Finding, options: Options, paint: Paint, accent: str) -> str:
    """Write place, severity, rule and message; a place is never broken."""
    place = f"{harmless(found.place.file)}:{found.place.line}:{found.place.column}:"
    kind = f"{found.severity}[{found.code}]"
    stand_in = "x" * cells(place)
    said = f"{stand_in} {kind} {found.name}: {harmless(found.message)}"
    after = wrap(said, options.width, "", "  ")[len(stand_in) :]
    return paint(place, bold=True) + after.replace(kind, paint(kind, fg=accent, bold=True), 1)


def _notes(found: Finding, again: bool) -> Iterator[tuple[str, str]]:
    """Yield what stands below the frame: unwritten values, reason, repairs."""
    for related in found.related:
        if related.place is None:
            yield "note", related.label
    if not again:
        yield "why", found.why
    for fix in found.fixes:
        yield "fix", f"{fix.title} ({fix.safety} fix)" if fix.changes else fix.title


def _note(name: str, text: str, gutter: int, options: Options, paint: Paint) -> str:
    """Write ``= why: …``, filled to the width and aligned below its text."""
    first = f"{' ' * gutter} = {name}: "
    filled = wrap(harmless(text), options.width, first, " " * cells(first))
    sign, rest = f"{' ' * gutter} {paint('=', fg='blue')} ", filled[gutter + 3 :]
    return sign + paint(f"{name}:", bold=True) + rest[len(name) + 1 :]


def _page(url: str, gutter: int, options: Options, paint: Paint) -> str:
    """Write the address of the rule's page, unbroken: on a line of its own where it is too long."""
    margin = " " * (gutter + 3)
    first = f"{' ' * gutter} {paint('=', fg='blue')} {paint('rule:', bold=True)}"
    if cells(f"{margin}rule: {url}") <= options.width:
        return f"{first} {url}"
    return f"{first}\n{margin if cells(margin + url) <= options.width else ''}{url}"
