"""The command line: read options, call, print, exit; each command is a module of its own.

Exit codes: 0 nothing that fails the run, 1 findings at or above ``--fail-on``, 2 something could
not be read or done. No output format changes them. Commands import what they need when they run,
so that ``--help`` and a clean check stay fast; a plain ``check`` does without click.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from lora_advisor.cli._exits import FAILED
from lora_advisor.findings import TRACEBACK

if TYPE_CHECKING:
    import click

INTERRUPTED: Final = 130
READING: Final = frozenset({"check", "explain", "rule"})
"""Commands that leave nothing to be tidied up after the last word is written."""


def main() -> NoReturn:
    """Run the command line and exit; an interrupt or a bug ends in a sentence, no traceback."""
    gc.freeze()
    gc.set_threshold(100_000)  # a run makes few cycles; looking for them costs 5 % of it
    gc.enable()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the user gets a sentence
        code = _failed(error)
    _leave(code or 0)


def _run(words: list[str]) -> int | None:
    """Check what a plain command line asks for; click takes care of any other."""
    if words[:1] == ["check"]:
        from lora_advisor.cli import _check, _plain

        plain = _plain.read(words[1:], _check.OPTIONS)
        if plain is not None:
            gc.set_threshold(1_000_000)  # trees and recipes hold no cycles
            return _check.run(*plain)
    from lora_advisor.cli._commands import cli

    code: int | None = cli.main(standalone_mode=False)
    return code


def __getattr__(name: str) -> click.Group:
    """Import the commands with click, for those who ask for ``cli``."""
    if name != "cli":
        raise AttributeError(name)
    from lora_advisor.cli import _commands

    return _commands.cli


def _leave(code: int) -> NoReturn:
    """Exit; after a command that only reads without taking apart every object, for 20 ms."""
    if READING.isdisjoint(sys.argv[1:2]):
        sys.exit(code)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # said by the interpreter as it ends
        sys.exit(code)
    os._exit(code)


def _failed(error: Exception) -> int:
    """Say on standard error why there is no result."""
    import click

    if isinstance(error, click.Abort):
        return INTERRUPTED
    if not isinstance(error, click.ClickException):
        return _internal(error)
    error.show()
    return FAILED


def _internal(error: Exception) -> int:
    if os.environ.get(TRACEBACK):
        raise error
    told = f"error: internal error, please report it: {type(error).__name__}: {error}"
    sys.stderr.write(f"{told}\n  ({TRACEBACK}=1 shows where it happened)\n")
    return FAILED
