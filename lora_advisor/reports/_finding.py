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


def finding_text(found: Finding, report: Report, options: Options) -> str:
    """Write one finding in full, without a line end."""
    paint = painter(colour=options.colour)
    accent = COLOURS[found.severity]
    pointed = marks(found)
    gutter = max(len(str(mark.place.line)) for mark in pointed)
    style = Style(width=options.width, paint=paint, accent=accent)
    lines = [_head(found, options, paint, accent), *frame(pointed, report, style)]
    lines.append(f"{' ' * gutter} {paint('|', fg='blue')}")
    lines += (_note(name, text, gutter, options, paint) for name, text in _notes(found))
    return "\n".join(lines)


def _head(found: Finding, options: Options, paint: Paint, accent: str) -> str:
    """Write place, severity, rule and message; colours go in when the lines are filled."""
    place = f"{harmless(found.place.file)}:{found.place.line}:{found.place.column}:"
    kind = f"{found.severity}[{found.code}]"
    text = wrap(f"{found.name}: {harmless(found.message)}", options.width, f"{place} {kind} ", "  ")
    start = len(place) + 1
    return (
        paint(place, bold=True)
        + " "
        + paint(kind, fg=accent, bold=True)
        + text[start + len(kind) :]
    )


def _notes(found: Finding) -> Iterator[tuple[str, str]]:
    """Yield what stands below the frame: unwritten values, reason, repairs, rule."""
    for related in found.related:
        if related.place is None:
            yield "note", related.label
    yield "why", found.why
    for fix in found.fixes:
        yield "fix", f"{fix.title} ({fix.safety} fix)"
    yield "rule", found.url


def _note(name: str, text: str, gutter: int, options: Options, paint: Paint) -> str:
    """Write ``= why: …``, filled to the width and aligned below its text."""
    first = f"{' ' * gutter} = {name}: "
    filled = wrap(harmless(text), options.width, first, " " * cells(first))
    sign, rest = f"{' ' * gutter} {paint('=', fg='blue')} ", filled[gutter + 3 :]
    return sign + paint(f"{name}:", bold=True) + rest[len(name) + 1 :]
