"""``convert``: a config in another framework's format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._click import reads_configs
from lora_advisor.cli._errors import CannotRunError, close_names
from lora_advisor.cli._options import print_page
from lora_advisor.cli._reading import recipe_of

if TYPE_CHECKING:
    from lora_advisor.convert import Converted
    from lora_advisor.convert.writer import Writer

CONVERT_EXAMPLES: Final = """\b
Examples:
  lora-advisor convert config.yaml --to trl > sft.yaml
  lora-advisor convert train.py --to axolotl
"""


@click.command("convert", epilog=CONVERT_EXAMPLES)
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option(
    "--to",
    required=True,
    metavar="FORMAT",
    shell_complete=_completing.writers,
    help="axolotl, llamafactory, trl, …",
)
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@reads_configs
def command(config_file: Path, to: str, **options: Any) -> None:
    """Write CONFIG in another format, and say what does not carry over and what changes."""
    from lora_advisor.convert import convert
    from lora_advisor.convert.writer import ConvertError
    from lora_advisor.reports import _conversion

    writer = writer_named(to)
    recipe = recipe_of(config_file, options, lost="there is nothing to convert")
    try:
        found = convert(recipe, writer)
    except ConvertError as error:
        raise CannotRunError(str(error)) from None
    if options["output_format"] == "json":
        print_page(_conversion.as_json(found), options)
    else:
        print_page(found.text, options)
        tell(found, options)


def writer_named(name: str) -> Writer:
    """Return a target format by its name; a mistake is answered with the names there are."""
    from lora_advisor.convert import writers

    known = writers()
    if name not in known:
        hint = close_names(name, known) or f"; known are {', '.join(known)}"
        raise CannotRunError(f"no format to write is called {name!r}{hint}")
    return known[name]


def tell(found: Converted, options: dict[str, Any]) -> None:
    """Say on standard error what the user has to know of a written config."""
    from lora_advisor.cli._options import page_options
    from lora_advisor.reports import _conversion

    text = _conversion.notes(found, page_options(options))
    if text:
        click.echo(text, err=True, nl=False)
