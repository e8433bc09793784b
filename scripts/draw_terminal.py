"""Draws docs/check.svg, the picture in the README, from a real run of the command line.

``--check`` writes nothing and exits 1 when the picture is not what a run prints today.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = ROOT / "docs" / "check.svg"
ARGUMENTS: Final = ("check", "examples/axolotl/bad.yaml")
SGR: Final = re.compile(r"\x1b\[([0-9;]*)m")
COLOURS: Final = {
    "31": "#ff7b72",
    "32": "#7ee787",
    "33": "#e3b341",
    "34": "#79c0ff",
    "35": "#d2a8ff",
    "36": "#56d4dd",
    "91": "#ff7b72",
    "94": "#79c0ff",
}
"""What a terminal shows for the codes of ECMA-48 that the report uses."""
CELL: Final = 8.4
LINE: Final = 18
MARGIN: Final = 16
HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
aria-label="Output of lora-advisor {arguments}">
<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" \
fill="#d0d7de" xml:space="preserve" style="white-space: pre">
"""


def output() -> str:
    """Return what the command prints to a terminal of 80 columns, with its colour codes."""
    command = [sys.executable, "-m", "lora_advisor", *ARGUMENTS]
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"FORCE_COLOR": "1"}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 1:
        raise SystemExit(f"{' '.join(command)}: exit {run.returncode}\n{run.stderr}")
    return f"$ lora-advisor {' '.join(ARGUMENTS)}\n{run.stdout}"


def runs(line: str) -> Iterator[tuple[int, str, str]]:
    """Split a line at its colour codes into column, attributes of the text, and text."""
    column, codes = 0, set[str]()
    pieces = SGR.split(line)
    for text, code in zip(pieces[::2], ["", *pieces[1::2]], strict=True):
        for one in code.split(";") if code else []:
            codes = codes | {one} if one not in ("", "0") else set()
        if text.strip():  # browsers differ in what they do with spaces at the ends
            yield column + len(text) - len(text.lstrip()), _attributes(codes), text.strip()
        column += len(text)


def _attributes(codes: set[str]) -> str:
    found = [f' fill="{COLOURS[code]}"' for code in sorted(codes & COLOURS.keys())]
    found += [' font-weight="bold"'] if "1" in codes else []
    found += [' opacity="0.65"'] if "2" in codes else []
    return "".join(found)


def picture(text: str) -> str:
    """Return an SVG of a terminal's text; every piece is stretched to its number of cells."""
    lines = text.rstrip("\n").split("\n")
    width = round(2 * MARGIN + CELL * max(len(SGR.sub("", line)) for line in lines))
    head = HEAD.format(
        width=width, height=2 * MARGIN + LINE * len(lines), arguments=" ".join(ARGUMENTS)
    )
    return (
        head + "".join(_line(number, line) for number, line in enumerate(lines)) + "</g>\n</svg>\n"
    )


def _line(number: int, line: str) -> str:
    y = MARGIN + LINE * number + 13
    return "".join(
        f'<text x="{MARGIN + CELL * column:.1f}" y="{y}" textLength="{CELL * len(text):.1f}"'
        f"{attributes}>{escape(text)}</text>\n"
        for column, attributes, text in runs(line)
    )


def main() -> int:
    """Write the picture, or say whether it is current."""
    drawn = picture(output())
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(drawn, "utf-8")
        return 0
    current = PICTURE.is_file() and PICTURE.read_text("utf-8") == drawn
    if not current:
        print(f"{PICTURE.relative_to(ROOT)} is not current: python {Path(__file__).name} draws it")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
