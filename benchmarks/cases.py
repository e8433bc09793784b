"""Runs lora-advisor over a folder of misconfiguration cases and says what it found and missed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from case_files import Case, lay_out, read_cases
from case_report import as_json, report
from case_score import Outcome, Wanted, expectation, score
from tool import DEFAULT_COMMAND, CannotRunError, Run, Tool, check, find_tool

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> int:
    """Run the cases and print the score; 0 whatever the score, 2 where nothing could be run."""
    options = parse_options()
    try:
        cases = chosen(read_cases(options.folder), options)
        tool = find_tool(options.command)
    except (CannotRunError, ValueError, OSError) as error:
        print(f"cases.py: {error}", file=sys.stderr)
        return 2
    if not cases:
        print(f"cases.py: {options.folder}: no case to run", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(options.jobs) as pool:
        run = partial(run_case, tool=tool, pins=not options.current, index=options.index)
        outcomes = list(pool.map(lambda pair: run(*pair), cases))
    print(report(outcomes, others=options.others))
    if options.json:
        options.json.write_text(json.dumps(as_json(outcomes), indent=2) + "\n", encoding="utf-8")
    return 0


def parse_options() -> argparse.Namespace:
    """Read the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of case files")
    parser.add_argument("--dialect", type=listed, help="only these dialects, by comma")
    parser.add_argument("--only", type=listed, help="only these kinds of detectable_by, by comma")
    parser.add_argument("--id", type=listed, help="only these cases, by comma")
    parser.add_argument("--current", action="store_true", help="drop pins, expect today_tags")
    parser.add_argument("--index", action="store_true", help="write known module names as index")
    parser.add_argument("--others", action="store_true", help="list other findings on fixed twins")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every outcome here")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (default 2)")
    parser.add_argument("--command", default=DEFAULT_COMMAND, help="command line to run")
    return parser.parse_args()


def listed(text: str) -> list[str]:
    """Split a list written with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def chosen(cases: Sequence[Case], options: argparse.Namespace) -> list[tuple[Case, Wanted]]:
    """Keep the cases the options ask for, each with what it expects in this mode."""
    kept = [
        case
        for case in cases
        if (not options.dialect or case.dialect in options.dialect)
        and (not options.only or case.detectable_by in options.only)
        and (not options.id or case.id in options.id)
    ]
    pairs = [(case, expectation(case, current=options.current)) for case in kept]
    return [(case, wanted) for case, wanted in pairs if wanted is not None]


def run_case(case: Case, wanted: Wanted, *, tool: Tool, pins: bool, index: bool) -> Outcome:
    """Run both sides of a case, each in a fresh folder, and score them."""
    runs: dict[str, Run] = {}
    for side in filter(None, (case.faulty, case.fixed)):
        with tempfile.TemporaryDirectory(prefix="case-") as name:
            paths = lay_out(case, side, Path(name), pins=pins, index=index)
            facts = hardware_options(case, tool)
            runs[side.name] = check(tool, Path(name), [*paths, *facts])
    crashes = [f"{name}: {run.crash}" for name, run in runs.items() if run.crash]
    fixed = runs["fixed"].findings if "fixed" in runs else ()
    return score(case, wanted, runs["faulty"].findings, fixed, crashes)


def hardware_options(case: Case, tool: Tool) -> list[str]:
    """Tell the tool of the machine what its user would: the GPU, and how many processes run."""
    name, memory = case.hardware.get("gpu"), case.hardware.get("vram_gib")
    told = [f"{name}-{memory}GB", name] if name and memory else [name]
    known = next((text for text in filter(None, told) if tool.knows_gpu(str(text))), None)
    gpu = known or (f"{memory}GB" if memory else None)
    processes = case.hardware.get("num_processes") or (case.hardware.get("gpus") == 1 and 1)
    options = [("--gpu", gpu), ("--processes", processes)]
    return [part for flag, value in options if value for part in (flag, str(value))]


if __name__ == "__main__":
    sys.exit(main())
