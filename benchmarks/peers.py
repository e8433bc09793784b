"""Compares lora-advisor with peft-doctor on the same cases and prints one Markdown table."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from case_files import Case, lay_out, read_cases
from peer_causes import ABOUT_THE_MACHINE, CAUSES
from tables import markdown_table
from tool import DEFAULT_COMMAND, CannotRunError, Tool, check, find_tool, last_line, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PEER = "peft-doctor==0.9.2"
CACHE = Path.home() / ".cache" / "lora-advisor-benchmarks"
LOUD = frozenset({"error", "warning"})
PYTHON = ("peft-python", "hf-python", "unsloth-python")
# The dialects it says it reads, and the commands its manual gives for such files.
COMMANDS: dict[str, tuple[str, ...]] = {
    "adapter-config-json": ("lora-config-check",),
    "axolotl-yaml": ("lora-config-check", "quantization-check"),
    "llamafactory-yaml": ("lora-config-check", "quantization-check"),
    "trl-yaml": ("sft-check", "quantization-check"),
    **dict.fromkeys(PYTHON, ("check",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a tool said of one folder: causes it named, and how it behaved.

    ``loud`` counts errors and warnings; ``seconds`` is the wall time of each process.
    """

    causes: frozenset[str]
    loud: int
    failed: bool
    crashes: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a tool said of both sides of a case; a clean case has no fixed side."""

    case: Case
    faulty: Said
    fixed: Said | None


def main() -> int:
    """Run both tools over the cases; 0 whatever the result, 2 where one could not be run."""
    options = parse_options()
    try:
        cases = shared_cases(options.folder)
        tool = find_tool(options.command)
        peer = (options.peer_python or make_peer(options.cache)).absolute()
        prove_peer(peer)
    except (CannotRunError, ValueError, OSError, subprocess.SubprocessError) as error:
        print(f"peers.py: {error}", file=sys.stderr)
        return 2
    ours = [run_pair(case, lambda *at: ask_ours(tool, *at)) for case in cases]
    theirs = [run_pair(case, lambda *at: ask_peer(peer, *at)) for case in cases]
    print(comparison({"lora-advisor": ours, PEER.replace("==", " "): theirs}))
    if options.details:
        print(details(theirs))
    return 0


def parse_options() -> argparse.Namespace:
    """Read the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of case files")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"for the peer (default {CACHE})")
    parser.add_argument("--peer-python", type=Path, help=f"interpreter that has {PEER}")
    parser.add_argument("--command", default=DEFAULT_COMMAND, help="our command line")
    parser.add_argument("--details", action="store_true", help="list what the peer got right")
    return parser.parse_args()


def shared_cases(folder: Path) -> list[Case]:
    """Read the cases whose dialect both tools read; raises CannotRunError where there is none."""
    cases = [case for case in read_cases(folder) if case.dialect in COMMANDS]
    if not cases:
        raise CannotRunError(f"{folder}: no case in a dialect the peer reads")
    return cases


def make_peer(cache: Path) -> Path:
    """Return the interpreter of a virtual environment with the peer, made on first use."""
    home = cache / PEER
    python = home / "bin" / "python"
    if not (home / "bin" / "peft-doctor").exists():
        venv.create(home, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", PEER]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    return python


def prove_peer(python: Path) -> None:
    """Ask the peer for its version; raises CannotRunError unless it is the one compared here."""
    asked = run_process([str(python), "-m", "peft_doctor.cli", "version"], Path.cwd())
    if asked.stdout.strip() != PEER.partition("==")[2]:
        raise CannotRunError(f"{python}: {PEER} does not answer: {last_line(asked.stderr)}")


def run_pair(case: Case, ask: Callable[[Path, Case, Sequence[str]], Said]) -> Pair:
    """Ask a tool about both sides of a case, each in a fresh folder."""
    sides = {}
    for side in filter(None, (case.faulty, case.fixed)):
        with tempfile.TemporaryDirectory(prefix="case-") as name:
            paths = lay_out(case, side, Path(name), pins=True)
            sides[side.name] = ask(Path(name), case, paths)
    return Pair(case=case, faulty=sides["faulty"], fixed=sides.get("fixed"))


def ask_ours(tool: Tool, folder: Path, _case: Case, paths: Sequence[str]) -> Said:
    """Check a folder with lora-advisor as in daily use: a finding fails the run."""
    run = check(tool, folder, paths, exit_zero=False)
    return Said(
        causes=frozenset(finding.cause for finding in run.findings if finding.cause),
        loud=sum(finding.severity in LOUD for finding in run.findings),
        failed=run.exit_code != 0,
        crashes=int(run.crash is not None),
        seconds=(run.seconds,),
    )


def ask_peer(python: Path, folder: Path, case: Case, paths: Sequence[str]) -> Said:
    """Check a folder with every command of peft-doctor that fits its files."""
    issues: list[dict[str, Any]] = []
    exits: list[int] = []
    seconds: list[float] = []
    for words in peer_commands(case, paths, folder):
        start = time.perf_counter()
        done = run_process([str(python), "-m", "peft_doctor.cli", *words, "-o", "json"], folder)
        seconds.append(time.perf_counter() - start)
        exits.append(done.returncode)
        issues += read_issues(done.stdout)
    said = [issue for issue in issues if issue["code"] not in ABOUT_THE_MACHINE]
    return Said(
        causes=frozenset(cause for issue in said for cause in CAUSES.get(issue["code"], ())),
        loud=sum(issue["severity"] in LOUD for issue in said),
        failed=any(exits),
        crashes=sum(code not in {0, 1} for code in exits),
        seconds=tuple(seconds),
    )


def peer_commands(case: Case, paths: Sequence[str], folder: Path) -> list[list[str]]:
    """List the commands for a case: the config's own, then those for its side files."""
    config = paths[0]
    commands = [[name, config] for name in COMMANDS[case.dialect]]
    compared = [] if case.dialect in PYTHON else ["--training-args", config]
    for side in paths[1:]:
        text = (folder / side).read_text(encoding="utf-8")
        if side == "serve.sh":
            commands.append(
                ["serving-check", str(Path(config).parent), "--engine", text.split()[0]]
            )
        else:
            commands.append(["distributed-check", side, *compared])
            commands += [["fsdp-check", side, *compared]] if "fsdp_config" in text else []
    return commands


def read_issues(text: str) -> list[dict[str, Any]]:
    """Take the issues out of the peer's JSON; none where it printed something else."""
    try:
        issues: list[dict[str, Any]] = json.loads(text)["issues"]
    except (ValueError, KeyError, TypeError):
        return []
    return issues


def comparison(tools: dict[str, Sequence[Pair]]) -> str:
    """Write the table: a row per measure, a column per tool."""
    columns = [measures(pairs) for pairs in tools.values()]
    rows = [[name, *[column[name] for column in columns]] for name in columns[0]]
    return markdown_table(["measure", *tools], rows)


def measures(pairs: Sequence[Pair]) -> dict[str, str]:
    """Count recall, alarms, exits and time of one tool."""
    faults = [pair for pair in pairs if pair.case.tags and not pair.case.silent]
    quiet = [pair.faulty for pair in pairs if pair.case.silent]
    twins = [(pair, pair.fixed) for pair in faults if pair.fixed]
    sides = [side for pair in pairs for side in (pair.faulty, pair.fixed) if side]
    times = [seconds for side in sides for seconds in side.seconds]
    return {
        "right cause named": share([right(pair) for pair in faults]),
        **{
            f"  {group}": share([right(pair) for pair in faults if pair.case.dialect in dialects])
            for group, dialects in dialect_groups().items()
        },
        "right cause named, still named once fixed": share(
            [bool(fixed.causes & set(pair.case.tags)) for pair, fixed in twins]
        ),
        "fixed twins with an error or warning": share([fixed.loud > 0 for _, fixed in twins]),
        "files to stay silent on, with an error or warning": share(
            [side.loud > 0 for side in quiet]
        ),
        "faulty files with a failing exit code": share([pair.faulty.failed for pair in faults]),
        "files to stay silent on, with a failing exit code": share([side.failed for side in quiet]),
        "crashes": str(sum(side.crashes for side in sides)),
        "median seconds per cold process": f"{statistics.median(times):.2f}",
    }


def dialect_groups() -> dict[str, tuple[str, ...]]:
    """Group the dialects for the table."""
    return {
        "adapter_config.json": ("adapter-config-json",),
        "axolotl, LLaMA-Factory, TRL YAML": ("axolotl-yaml", "llamafactory-yaml", "trl-yaml"),
        "Python": PYTHON,
    }


def right(pair: Pair) -> bool:
    """Whether the tool named one of the case's causes on the faulty side, at any severity."""
    return bool(pair.faulty.causes & set(pair.case.tags))


def share(flags: Sequence[bool]) -> str:
    """Write how many of how many."""
    return f"{sum(flags)} of {len(flags)}"


def details(pairs: Sequence[Pair]) -> str:
    """List the cases a tool got right, and the causes it named elsewhere."""
    lines = [
        f"  {pair.case.id}: {', '.join(sorted(pair.faulty.causes)) or '-'}"
        + (" (right)" if right(pair) else "")
        for pair in pairs
    ]
    return "\n".join(["\nCauses the peer named:", *lines])


if __name__ == "__main__":
    sys.exit(main())
