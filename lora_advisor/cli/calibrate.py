"""``calibrate``: measure learning rate, rank and batch by a short training."""

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
    from lora_advisor.calibrate.session import Asked
    from lora_advisor.recipe import Recipe
    from lora_advisor.reports._calibration import Told

EXAMPLES: Final = """\b
Examples:
  lora-advisor calibrate config.yaml
  lora-advisor calibrate config.yaml --rank --model models/smollm2 --dataset train.jsonl
  lora-advisor calibrate config.yaml --resume --apply

\b
Writes report.html, report.json and journal.jsonl to the output folder.
Exit codes: 0 measured, 2 refused (the reason has a name) or could not run.
"""
NEEDED: Final = ("torch", "transformers", "peft", "datasets")
QUIET: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
LEAST: Final = 160
LOST: Final = "nothing can be measured"


@click.command("calibrate", epilog=EXAMPLES)
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), metavar="PATH", help="The base's folder.")
@click.option(
    "--dataset",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Rows to train on (JSONL, JSON, CSV, Parquet) in place of those the config names.",
)
@click.option(
    "--budget-steps",
    type=click.IntRange(min=LEAST),
    default=250,
    show_default=True,
    metavar="N",
    help="Optimizer steps in all; what goes beyond is left out.",
)
@click.option("--rank", is_flag=True, help="Also compare lower and higher ranks.")
@click.option("--batch", is_flag=True, help="Also measure the gradient noise scale.")
@click.option("--memory", is_flag=True, help="Also measure the memory of one step without running.")
@click.option(
    "--engine",
    type=click.Choice(["serial", "process", "ray"]),
    default="serial",
    show_default=True,
    help="Where trials run; the numbers are the same.",
)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, metavar="N")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda, mps.")
@click.option("--max-length", type=click.IntRange(min=8), metavar="N", help="Cut rows to N tokens.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("lora-advisor-calibration"),
    show_default=True,
    metavar="DIR",
)
@click.option("--resume", is_flag=True, help="Go on with the journal in the output folder.")
@click.option("--apply", is_flag=True, help="Write the values into the config, comments kept.")
@click.option("--trust-remote-code", is_flag=True, help="Run code that comes with the model.")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@reads_some("--model", "--allow-network")
def command(config_file: Path, **options: Any) -> None:
    """Measure the learning rate (and more) for CONFIG by a short training on its own data."""
    refuse_missing()
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    recipe = recipe_of(config_file, options, lost=LOST)
    told, reader = _measured(recipe, options)
    _print(told, options)
    if options["apply"]:
        _apply(config_file, told, reader)


def refuse_missing() -> None:
    """Say which libraries of the extra are not installed."""
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        told = f"{', '.join(missing)} not installed: pip install 'lora-advisor[calibrate]'"
        raise CannotRunError(told)


def _measured(recipe: Recipe, options: dict[str, Any]) -> tuple[Told, Any]:
    from lora_advisor.calibrate.journal import JournalError
    from lora_advisor.calibrate.refusals import RefusalError
    from lora_advisor.calibrate.session import session
    from lora_advisor.models.locate import ModelError
    from lora_advisor.reports._calibration import Told, write_files

    try:
        with _progress(options) as tick:
            measured = session(recipe, _asked(options), tick)
    except (RefusalError, JournalError, ModelError) as error:
        raise CannotRunError(str(error)) from None
    told = Told(
        config=recipe.document.path,
        model=Path(measured.setup.base.folder).name,
        setup=measured.setup,
        seed=options["seed"],
        found=measured.found,
        rows=measured.rows,
        notes=measured.reader.notes,
        versions=measured.versions,
        memory=measured.memory,
        wall=measured.wall,
    )
    write_files(told, options["output_dir"])
    return told, measured.reader


def _asked(options: dict[str, Any]) -> Asked:
    from lora_advisor.calibrate.calibration import Wanted
    from lora_advisor.calibrate.reading import Chosen
    from lora_advisor.calibrate.session import Asked

    return Asked(
        wanted=Wanted(
            rank=options["rank"],
            batch=options["batch"],
            budget=options["budget_steps"],
            seed=options["seed"],
        ),
        chosen=Chosen(
            device=options["device"],
            trust_remote_code=options["trust_remote_code"],
            length=options["max_length"],
        ),
        memory=options["memory"],
        model=options["model"],
        dataset=options["dataset"],
        engine=options["engine"],
        workers=options["workers"],
        output=options["output_dir"],
        resume=options["resume"],
    )


def _progress(options: dict[str, Any]) -> Any:
    from lora_advisor.console import progress

    return progress("calibrating", options["budget_steps"])


def _print(told: Told, options: dict[str, Any]) -> None:
    from lora_advisor.cli._options import page_options
    from lora_advisor.reports import _calibration

    if options["output_format"] == "json":
        print_page(_calibration.as_json(told), options)
    else:
        print_page(_calibration.as_text(told, page_options(options)), options)
        click.echo(f"\nReport: {options['output_dir'] / 'report.html'}")


def _apply(path: Path, told: Told, reader: Any) -> None:
    from lora_advisor.calibrate.advice import applied
    from lora_advisor.source.edits import NotEditableError

    try:
        text = applied(reader, told.rows)
        path.write_text(text, encoding="utf-8", newline="")
    except NotEditableError as error:
        raise CannotRunError(f"{path}: not changed: {error}") from None
    except OSError as error:
        raise CannotRunError(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(f"{path}: values written")
