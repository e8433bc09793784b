"""Executes the claims of the cards with older releases, and writes what held with which.

    version_matrix.py FOLDER [NAME ...] [--write-only]

For each generation of ``tests/proofs/releases/generations.json`` (or those named) a virtual
environment is made in FOLDER, which takes about 2 GB each, and ``tests.proofs.verdicts`` is run by
it; the verdicts are kept beside that file, one JSON each, and ``docs/versions.md`` is written from
all of them. ``--write-only`` writes the page from the verdicts that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.cards import cards  # noqa: E402 - needs the path above

if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASES = ROOT / "tests" / "proofs" / "releases"
PAGE = ROOT / "docs" / "versions.md"
COMMON = ("bitsandbytes", "scipy", "click", "PyYAML", "jinja2", "pydantic", "pytest", "packaging")
HEAD = """# Which claims hold with which releases

Written by `scripts/version_matrix.py`, which executed every rule's proof with each of these
generations of libraries. `yes`: the bad examples behave as the rule says and the good ones do not.
`no`: they behave otherwise, and the rule is silent for that release. `-`: the proof itself cannot
run there (a model, an argument or a device that the release does not know).
"""


def main() -> None:
    """Make the environments, run the proofs in each, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--write-only", action="store_true")
    options = parser.parse_args()
    for name, pins in generations().items():
        if not options.write_only and name in (options.names or generations()):
            execute(name, environment(options.folder / name, pins))
    PAGE.write_text(page(), "utf-8")


def generations() -> dict[str, dict[str, str]]:
    """Return the releases of each generation by its name, oldest first."""
    text = (RELEASES / "generations.json").read_text("utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def environment(folder: Path, pins: Mapping[str, str]) -> Path:
    """Make a virtual environment with pinned releases, if it is not there; return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    wanted = [f"{package}=={release}" for package, release in pins.items()]
    subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted, *COMMON], check=True)
    return python


def execute(name: str, python: Path) -> None:
    """Keep the verdicts of one environment."""
    command = [str(python), "-m", "tests.proofs.verdicts", str(RELEASES / f"{name}.json")]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)


def page() -> str:
    """Return the page: one row for every rule that depends on a release."""
    found = {name: verdicts(name) for name in generations()}
    rows = [_row(card, found) for card in sorted(cards().values(), key=lambda card: card.id)]
    heads = ["rule", "holds for", *(_title(pins) for pins in generations().values())]
    table = [_line(heads), _line(["---"] * len(heads)), *filter(None, rows)]
    counts = [f"* {_title(pins)}: {_counts(found[name])}" for name, pins in generations().items()]
    return "\n".join([HEAD, *counts, "", *table, ""])


def verdicts(name: str) -> dict[str, str]:
    """Return the verdicts of a generation by rule code; none where it was not executed."""
    path = RELEASES / f"{name}.json"
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {"verdicts": {}}
    found: dict[str, str] = kept["verdicts"]
    return found


def _row(card: Any, found: Mapping[str, Mapping[str, str]]) -> str:
    cells = [_cell(of.get(card.id, "unclear")) for of in found.values()]
    if not card.holds_for and "no" not in cells:
        return ""
    bounds = ", ".join(f"{package} {spec}" for package, spec in card.holds_for.items())
    return _line([f"[{card.id}](rules/{card.name}.md) {card.name}", bounds or "all", *cells])


def _cell(verdict: str) -> str:
    return {"holds": "yes", "differs": "no"}.get(verdict, "-")


def _counts(found: Mapping[str, str]) -> str:
    cells = [_cell(verdict) for verdict in found.values()]
    return f"{cells.count('yes')} hold, {cells.count('no')} do not, {cells.count('-')} cannot run"


def _title(pins: Mapping[str, str]) -> str:
    names = ("peft", "transformers", "trl")
    return " ".join(f"{name} {pins[name]}" for name in names)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
