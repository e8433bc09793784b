"""One process: the CPU seconds it used, and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from tool import ROOT, CannotRunError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ACCEPTED_EXITS = frozenset({0, 1})


class Used(NamedTuple):
    """CPU seconds (user and system), and the peak of resident memory in MiB (Linux)."""

    seconds: float
    mebibytes: float


def used(words: Sequence[str], *, folder: Path, own: bool) -> Used:
    """Run a process in a folder; a failed run raises.

    ``own`` lets Python find this checkout; any other command runs as it is installed.
    """
    env = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    if own:
        env["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            words, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in ACCEPTED_EXITS:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            raise CannotRunError(f"{words[0]} ended with {process.returncode}: {' '.join(said)}")
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
