"""``search``: try learning rates and ranks freely, with Optuna, in one process or several."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli._click import reads_some
from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._options import print_page
from lora_advisor.cli._reading import recipe_of

if TYPE_CHECKING:
    from lora_advisor.calibrate.search import Searched
    from lora_advisor.recipe import Recipe

EXAMPLES: Final = """\b
Examples:
  lora-advisor search config.yaml --trials 30 --rank
  lora-advisor search config.yaml --trials 60 --storage sqlite:////shared/search.db

\b
Start the same command in several terminals: all take trials of one study. A trial whose
process died is given up after a minute and tried again. calibrate needs fewer steps for a
learning rate; searching is for those who want to see the whole range.
"""


@click.command("search", epilog=EXAMPLES)
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), metavar="PATH", help="The base's folder.")
@click.option(
    "--dataset",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Rows to train on (JSONL, JSON, CSV, Parquet) in place of those the config names.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    metavar="N",
    help="Short runs that the study is to have, whichever process makes them.",
)
@click.option(
    "--storage",
    default="sqlite:///lora-advisor-search.db",
    show_default=True,
    metavar="URL",
    help="The database that processes share.",
)
@click.option("--rank", is_flag=True, help="Search a quarter of the rank and four times it, too.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda, mps.")
@click.option("--max-length", type=click.IntRange(min=8), metavar="N", help="Cut rows to N tokens.")
@click.option("--trust-remote-code", is_flag=True, help="Run code that comes with the model.")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@reads_some("--model", "--allow-network")
def command(config_file: Path, **options: Any) -> None:
    """Search learning rate (and rank) for CONFIG with Optuna, by short runs on its own data."""
    from lora_advisor.cli.calibrate import LOST, QUIET, refuse_missing

    refuse_missing()
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    found = _searched(recipe_of(config_file, options, lost=LOST), options)
    print_page(_page(found, options), options)


def _searched(recipe: Recipe, options: dict[str, Any]) -> Searched:
    from lora_advisor.calibrate.calibration import Wanted
    from lora_advisor.calibrate.engines import engine
    from lora_advisor.calibrate.journal import runner
    from lora_advisor.calibrate.reading import Chosen, Reader
    from lora_advisor.calibrate.refusals import RefusalError
    from lora_advisor.calibrate.search import search
    from lora_advisor.calibrate.session import Asked, read_setup
    from lora_advisor.calibrate.short_runs import STEPS
    from lora_advisor.console import progress
    from lora_advisor.models.locate import ModelError

    chosen = Chosen(
        device=options["device"],
        trust_remote_code=options["trust_remote_code"],
        length=options["max_length"],
    )
    asked = Asked(
        wanted=Wanted(seed=options["seed"]),
        chosen=chosen,
        model=options["model"],
        dataset=options["dataset"],
        output=Path(),
    )
    try:
        setup = read_setup(Reader(recipe), asked)
        with (
            progress("searching", options["trials"] * STEPS) as tick,
            engine("serial", setup, tick=tick) as serial,
        ):
            return search(
                setup,
                runner(serial, None, lambda _: None),
                storage=options["storage"],
                trials=options["trials"],
                seed=options["seed"],
                ranks=options["rank"],
            )
    except (RefusalError, ModelError) as error:
        raise CannotRunError(str(error)) from None


def _page(found: Searched, options: dict[str, Any]) -> str:
    from lora_advisor.reports import _search

    return _search.as_json(found) if options["output_format"] == "json" else _search.as_text(found)
