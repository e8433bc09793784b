"""One line for each finding, for editors, ``grep`` and long lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.reports._summary import summary
from lora_advisor.reports._text import COLOURS, harmless, painter

if TYPE_CHECKING:
    from lora_advisor.findings import Finding, Report
    from lora_advisor.reports import Options
    from lora_advisor.reports._text import Paint


def render(report: Report, options: Options) -> str:
    """Write ``file:line:column: severity[code] name: message`` lines, then the summary."""
    paint = painter(colour=options.colour)
    lines = "".join(f"{_line(found, paint)}\n" for found in report.findings)
    return lines + summary(report, options)


def _line(found: Finding, paint: Paint) -> str:
    place = f"{harmless(found.place.file)}:{found.place.line}:{found.place.column}:"
    kind = paint(f"{found.severity}[{found.code}]", fg=COLOURS[found.severity], bold=True)
    message = harmless(" ".join(found.message.split()))
    return f"{paint(place, bold=True)} {kind} {found.name}: {message}"
