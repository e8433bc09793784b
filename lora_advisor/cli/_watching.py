"""``check --watch``: the same check in a process of its own, whenever a file has changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAUSE: Final = 0.5
"""Seconds between two looks at the files."""


def watch(paths: Iterable[Path]) -> NoReturn:
    """Check, wait for a change of name, size or time, and check again; Ctrl-C ends it."""
    command = [sys.executable, "-m", "lora_advisor"]
    command += [argument for argument in sys.argv[1:] if argument != "--watch"]
    seen: dict[str, tuple[int, int]] | None = None
    while True:
        now = {name: stamp for path in paths for name, stamp in _stamps(path)}
        if now != seen:
            click.clear()
            subprocess.run(command, check=False)  # noqa: S603 - this very command
            click.echo("\nwatching; Ctrl-C ends", err=True)
            seen = now
        time.sleep(PAUSE)


def _stamps(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield every config below a path with its time and size."""
    from lora_advisor.source import SUFFIXES

    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(folder, name) for name in names if Path(name).suffix in SUFFIXES):
            yield from _stamp(file)
    if path.is_file():
        yield from _stamp(path)


def _stamp(file: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        state = file.stat()
    except OSError:  # gone since it was listed
        return
    yield str(file), (state.st_mtime_ns, state.st_size)
