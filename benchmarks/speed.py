"""Compares the CPU time of a cold ``lora-advisor check`` with yamllint on the same files.

``--mixed`` adds what one more file costs, kind by kind, and the memory of large runs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from speed_mixed import mixed_tables
from speed_process import Used, used
from tables import markdown_table
from tool import DEFAULT_COMMAND, ROOT, CannotRunError, find_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CORPUS = ROOT.parent / "shared" / "corpus"
EXAMPLES = ROOT / "examples"
YAML_ENDINGS = (".yaml", ".yml")
YAMLLINT = [sys.executable, "-m", "yamllint", "-d", "relaxed"]

HEAD = (
    "files",
    "rounds",
    "lora-advisor CPU s (min / median / max)",
    "yamllint CPU s (min / median / max)",
    "ratio (min / median / max)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """CPU seconds (user and system) of both tools, one pair per round."""

    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """Our time over theirs, round by round: load on the machine hits both alike."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]


def main() -> int:
    """Measure and print; 0 whatever the ratio, 2 where a tool or files are missing."""
    options = parse_options()
    try:
        command = list(find_tool(options.command).command)
        with tempfile.TemporaryDirectory(prefix="speed-") as name:
            folder = Path(name)
            files = copy_files(find_files(options.files, options.count), folder, options.count)
            run = partial(used, own=options.command == DEFAULT_COMMAND, folder=folder)
            single = [[name] for name in files[: options.runs + 1]]
            rows = [
                measure(command, single, run),
                measure(command, [files] * (max(1, options.runs // 3) + 1), run),
            ]
            print(markdown_table(HEAD, rows))
            if options.mixed is not None:
                print(mixed_tables(options.mixed, command, run, folder))
    except (CannotRunError, OSError) as error:
        print(f"speed.py: {error}", file=sys.stderr)
        return 2
    return 0


def parse_options() -> argparse.Namespace:
    """Read the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="rounds of one file, each another")
    parser.add_argument("--count", type=int, default=200, help="files of the large set")
    parser.add_argument("--files", type=Path, help="folder of YAML files to take them from")
    parser.add_argument("--mixed", type=Path, help="folder of configs, scripts and notebooks")
    parser.add_argument(
        "--command",
        default=DEFAULT_COMMAND,
        help="our command line, run as it is installed; by default this checkout, which reads "
        "every card at its start",
    )
    return parser.parse_args()


def find_files(folder: Path | None, count: int) -> list[Path]:
    """Choose YAML files spread evenly over a folder: the corpus, else the examples."""
    home = folder or (CORPUS if CORPUS.is_dir() else EXAMPLES)
    paths = sorted(path for path in home.rglob("*") if path.suffix in YAML_ENDINGS)
    found = [path for path in paths if is_yaml(path)]
    if not found:
        raise CannotRunError(f"{home}: no YAML file to time")
    step = max(1, len(found) // count)
    return found[::step][:count]


def is_yaml(path: Path) -> bool:
    """Whether a file parses: a linter that stops at a broken one would win by doing less."""
    try:
        return bool(list(yaml.parse(path.read_bytes(), Loader=yaml.CSafeLoader)))
    except yaml.YAMLError:
        return False


def copy_files(found: Sequence[Path], folder: Path, count: int) -> list[str]:
    """Copy files under new names, again and again until there are enough of them."""
    names = [f"{at:03}_{found[at % len(found)].name}" for at in range(count)]
    for at, name in enumerate(names):
        shutil.copyfile(found[at % len(found)], folder / name)
    return names


def measure(
    command: Sequence[str], rounds: Sequence[Sequence[str]], run: Callable[[Sequence[str]], Used]
) -> list[str]:
    """Time both tools in turn, round by round on the same files; the first is not counted."""
    pairs = [
        (run([*command, "check", *files, "--exit-zero"]), run([*YAMLLINT, *files]))
        for files in rounds
    ]
    timing = Timing(
        ours=[pair[0].seconds for pair in pairs[1:]], theirs=[pair[1].seconds for pair in pairs[1:]]
    )
    spreads = [spread(values) for values in (timing.ours, timing.theirs, timing.ratios)]
    return [str(len(rounds[0])), str(len(rounds) - 1), *spreads]


def spread(values: Sequence[float]) -> str:
    """Write the least, the median and the greatest."""
    return f"{min(values):.3f} / {statistics.median(values):.3f} / {max(values):.3f}"


if __name__ == "__main__":
    sys.exit(main())
