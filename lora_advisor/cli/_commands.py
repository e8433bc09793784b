"""The commands as click knows them: modules of this package, each imported when it is called."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

import click

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


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from lora_advisor.reports._tool import NAME, version

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
        command: click.Command = import_module(f"{__package__}.{module}").command
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
