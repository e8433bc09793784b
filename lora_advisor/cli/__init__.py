"""The command line: read options, call, print, exit; each command is a module of its own.

Exit codes: 0 nothing that fails the run, 1 findings at or above ``--fail-on``, 2 something could
not be read or done. No output format changes them. Commands import what they need when they run,
so that ``--help`` and a clean check stay fast.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

import click

from lora_advisor.cli._errors import FAILED

INTERRUPTED: Final = 130
READING: Final = frozenset({"check", "explain", "rule"})
"""Commands that leave nothing to be tidied up after the last word is written."""

EXAMPLES: Final = """\b
Examples:
  lora-advisor check                      every config below this folder
  lora-advisor check config.yaml          one config
  lora-advisor explain config.yaml        what it means, value by value
  lora-advisor explain lora_alpha         what a parameter does
  lora-advisor rule LA201                 what a rule says, and why
  lora-advisor recommend config.yaml      what would be better, and why
  lora-advisor convert config.yaml --to trl    the same in another format
"""


def main() -> NoReturn:
    """Run the command line and exit; an interrupt or a bug ends in a sentence, no traceback."""
    gc.freeze()
    gc.set_threshold(100_000)  # a run makes few cycles; looking for them costs 5 % of it
    gc.enable()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = FAILED
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the user gets a sentence
        code = _internal(error)
    _leave(code or 0)


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


def _internal(error: Exception) -> int:
    if os.environ.get("LORA_ADVISOR_TRACEBACK"):
        raise error
    told = f"error: internal error, please report it: {type(error).__name__}: {error}"
    click.echo(told, err=True)
    click.echo("  (LORA_ADVISOR_TRACEBACK=1 shows where it happened)", err=True)
    return FAILED


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from lora_advisor.reports._tool import NAME, version  # noqa: PLC0415

        click.echo(f"{NAME} {version()}")
        context.exit()


class Commands(click.Group):
    """The modules of this package as commands, each imported when it is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Name every command: ``add_rule.py`` is ``add-rule``."""
        names = (path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
        return sorted(name.replace("_", "-") for name in names)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import the command's module."""
        module = name.replace("-", "_")
        if not (module.isidentifier() and Path(__file__).with_name(f"{module}.py").is_file()):
            return None
        if module.startswith("_"):
            return None
        command: click.Command = import_module(f"{__name__}.{module}").command
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXAMPLES,
    no_args_is_help=True,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version.",
)
def cli() -> None:
    """Check and explain LoRA fine-tuning configs of any format.

    Says what in a config fails, silently does nothing or trains badly, and why. Runs nothing of
    what it reads, loads no model, needs no network.
    """
