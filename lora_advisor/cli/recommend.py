"""``recommend``: better values for a config, or all of them for a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._click import reads_some
from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._options import print_page
from lora_advisor.cli._reading import recipe_of

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.recommend import Recommendation
    from lora_advisor.recommend.situation import Situation

METHODS: Final = ("sft", "dpo", "orpo", "kto", "grpo", "reward", "classification", "seq2seq")
RECOMMEND_EXAMPLES: Final = """\b
Examples:
  lora-advisor recommend config.yaml --gpu 24GB
  lora-advisor recommend --model Qwen/Qwen3-8B --dataset train.jsonl --gpu "RTX 4090"
  lora-advisor recommend --model Qwen/Qwen3-8B --method dpo --gpu 80GB --to axolotl
"""


@click.command("recommend", epilog=RECOMMEND_EXAMPLES)
@click.argument("config_file", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path))
@click.option("--model", metavar="ID|PATH", help="The base model: its id, or its folder.")
@click.option(
    "--dataset",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Training examples (JSONL, JSON, CSV), to count and measure.",
)
@click.option("--tokens", type=click.FloatRange(min=1), metavar="N", help="Tokens to be learnt.")
@click.option("--examples", type=click.IntRange(min=1), metavar="N", help="Training examples.")
@click.option("--gpu", metavar="MEMORY|NAME", help="Such as 24GB, A100-80GB or 'RTX 4090'.")
@click.option("--devices", type=click.IntRange(min=1), metavar="N", help="How many such GPUs.")
@click.option("--method", type=click.Choice(METHODS), help="By default the config's, else sft.")
@click.option(
    "--to",
    metavar="FORMAT",
    shell_complete=_completing.writers,
    help="Write a config in this format instead.",
)
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@reads_some("--model", "--gpu")
def command(config_file: Path | None, to: str | None, **options: Any) -> None:
    """Recommend values: what to change in CONFIG and what to leave, or all for a new config."""
    from lora_advisor.recommend import recommend

    recipe, lookup = _read(config_file, options)
    situation = _situation(recipe, lookup, options)
    found = recommend(situation)
    if to is None:
        _print(found, situation, options)
    else:
        _write(found, situation, to, options)


def _read(path: Path | None, options: dict[str, Any]) -> tuple[Recipe | None, Lookup]:
    """Read the config, if one is given, and choose where the base model is looked for."""
    from lora_advisor.models.lookup import Lookup

    folder = (
        Path(options["model"]) if options["model"] and Path(options["model"]).is_dir() else None
    )
    near = path.parent if path is not None else None
    lookup = Lookup(given=folder, near=near, fetches=options["allow_network"])
    if path is None:
        return None, lookup
    return recipe_of(path, options, lost="there is nothing to advise"), lookup


def _situation(recipe: Recipe | None, lookup: Lookup, options: dict[str, Any]) -> Situation:
    from lora_advisor.gpus import GpuError
    from lora_advisor.models.locate import ModelError
    from lora_advisor.recommend.ask import Question, QuestionError, situation
    from lora_advisor.recommend.dataset import DatasetError

    question = Question(
        model=options["model"] or "",
        method=options["method"] or "",
        gpu=options["gpu"] or "",
        devices=options["devices"],
        dataset=options["dataset"],
        tokens=options["tokens"],
        examples=options["examples"],
    )
    try:
        return situation(question, recipe, lookup)
    except (QuestionError, GpuError, DatasetError, ModelError) as error:
        raise CannotRunError(str(error)) from None


def _write(found: Recommendation, situation: Situation, to: str, options: dict[str, Any]) -> None:
    """Write the advised config, and say on standard error what to be careful of."""
    from lora_advisor.cli.convert import tell, writer_named
    from lora_advisor.convert import convert_values
    from lora_advisor.convert.writer import ConvertError

    writer = writer_named(to)
    try:
        made = convert_values(
            found.values,
            writer,
            recipe=situation.recipe,
            dataset=situation.dataset,
            layers=situation.base.leaves,
        )
    except ConvertError as error:
        raise CannotRunError(str(error)) from None
    print_page(made.text, options)
    tell(made, options)
    for note in (*found.notes, *found.outside):
        click.echo(f"note: {note}", err=True)


def _print(found: Recommendation, situation: Situation, options: dict[str, Any]) -> None:
    from lora_advisor.cli._options import page_options
    from lora_advisor.reports import _advice

    if options["output_format"] == "json":
        print_page(_advice.as_json(found, situation), options)
    else:
        print_page(_advice.as_text(found, situation, page_options(options)), options)
