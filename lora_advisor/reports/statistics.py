"""How often each rule reports, the most frequent first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lora_advisor.reports._text import COLOURS, painter

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.reports import Options


def render(report: Report, options: Options) -> str:
    """Write ``count severity code name`` lines; nothing where nothing was found."""
    paint = painter(colour=options.colour)
    counts = Counter((f.severity, f.code, f.name) for f in report.findings).most_common()
    width = len(str(counts[0][1])) if counts else 0
    return "".join(
        f"{number:>{width}}  {paint(f'{severity!s:<7}', fg=COLOURS[severity])}  {code}  {name}\n"
        for (severity, code, name), number in counts
    )
