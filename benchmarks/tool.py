"""Runs the real command line of lora-advisor and reads its JSON report."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from case_score import Finding, read_finding

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_COMMAND = f"{shlex.quote(sys.executable)} -m lora_advisor"
TIMEOUT_SECONDS = 60
FINDINGS_EXIT = 1


class CannotRunError(Exception):
    """The command line does not start at all, so there is nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A command line that can be run, and whether it takes a base model's folder."""

    command: tuple[str, ...]
    takes_model: bool

    def knows_gpu(self, name: str) -> bool:
        """Whether the tool takes a GPU by this name; asked of it once for each name."""
        return _takes_gpu(self.command, name)


@cache
def _takes_gpu(command: tuple[str, ...], name: str) -> bool:
    """Put an empty run to the tool; anything but a refusal says that the name is known."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_process([*command, "check", "--gpu", name], Path(folder))
    return done.returncode in {0, FINDINGS_EXIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished process: what it found, or why it did not get that far.

    ``seconds`` is wall time; ``exit_code`` is None after a timeout.
    """

    findings: Sequence[Finding]
    crash: str | None
    exit_code: int | None
    seconds: float


def find_tool(command: str) -> Tool:
    """Ask the command line for its help once; raises CannotRunError where it does not answer."""
    words = absolute(shlex.split(command))
    try:
        asked = run_process([*words, "check", "--help"], ROOT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRunError(f"{command}: {error}") from error
    if asked.returncode:
        raise CannotRunError(f"{command} check --help: {last_line(asked.stderr)}")
    return Tool(command=tuple(words), takes_model="--model" in asked.stdout)


def absolute(words: list[str]) -> list[str]:
    """Resolve the program, since each case runs in a folder of its own."""
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise CannotRunError(f"{' '.join(words) or 'empty command'}: no such program")
    # The last part stays a link: resolving it would step out of a virtual environment.
    return [str(Path(program).absolute()), *words[1:]]


def run_process(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; ``-m lora_advisor`` finds this checkout from anywhere."""
    env = dict(os.environ)
    if "-m" in words:
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
    return subprocess.run(
        words,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def check(tool: Tool, folder: Path, paths: Sequence[str], *, exit_zero: bool = True) -> Run:
    """Check files of a folder from inside it, as its user would."""
    words = [*tool.command, "check", *paths, "--output-format", "json"]
    words += ["--exit-zero"] if exit_zero else []
    if tool.takes_model and (folder / "model" / "config.json").exists():
        words += ["--model", "model"]
    start = time.perf_counter()
    try:
        done = run_process(words, folder)
    except subprocess.TimeoutExpired:
        crash = f"no answer in {TIMEOUT_SECONDS} s"
        return Run(findings=(), crash=crash, exit_code=None, seconds=time.perf_counter() - start)
    return read_run(done, time.perf_counter() - start)


def read_run(done: subprocess.CompletedProcess[str], seconds: float) -> Run:
    """Read the report of a finished process; anything but a whole report is a crash."""
    findings: list[Finding] = []
    crash = None
    if done.returncode not in {0, FINDINGS_EXIT} or "Traceback (most recent" in done.stderr:
        crash = f"exit {done.returncode}: {last_line(done.stderr)}"
    else:
        try:
            findings = [read_finding(raw) for raw in json.loads(done.stdout)["findings"]]
        except (ValueError, KeyError, TypeError) as error:
            crash = f"no JSON report: {error!r}"
    return Run(findings=findings, crash=crash, exit_code=done.returncode, seconds=seconds)


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "(nothing on stderr)"
