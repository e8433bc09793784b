"""``inspect``: what of a model is adapted, and whether the training fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli._click import reads_configs
from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._exits import FAILED
from lora_advisor.cli._options import STDIN, inputs, print_page, settings_of

if TYPE_CHECKING:
    from lora_advisor.gather import Gathered
    from lora_advisor.inspect import Inspection, Subject
    from lora_advisor.inspect.subjects import Wishes
    from lora_advisor.recipe import Recipe
    from lora_advisor.settings import Settings

INSPECT_EXAMPLES: Final = """\b
Examples:
  lora-advisor inspect config.yaml --gpu 24GB
  lora-advisor inspect Qwen/Qwen3-8B --target-modules q_proj,v_proj
  lora-advisor inspect path/to/model --lora lora.json --output-format json
  lora-advisor inspect config.yaml --output-format html > model.html
"""


@click.command("inspect", epilog=INSPECT_EXAMPLES)
@click.argument("subject", metavar="CONFIG|MODEL")
@click.option("--target-modules", metavar="NAMES", help="With commas, a regex, or all-linear.")
@click.option(
    "--lora",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A LoraConfig in JSON.",
)
@click.option("--auto-class", metavar="NAME", help="Class that loads a MODEL, if not its usual.")
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Batch of one GPU.")
@click.option("--max-length", type=click.IntRange(min=1), metavar="N", help="Tokens of an example.")
@click.option("--bits", type=click.Choice(["4", "8", "16"]), help="Bits the base is loaded in.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "html", "svg"]),
    default="text",
    show_default=True,
)
@reads_configs
@click.pass_context
def command(context: click.Context, /, subject: str, **options: Any) -> None:
    """Show a model under an adapter: what is adapted, how large it is, and whether it fits."""
    found, code = inspected(subject, options)
    _deliver(found, options)
    context.exit(code)


def inspected(subject: str, options: dict[str, Any]) -> tuple[list[Inspection], int]:
    """Inspect what the user named; also return the exit code."""
    from lora_advisor.inspect import inspect
    from lora_advisor.inspect.subjects import SubjectError

    settings = settings_of([Path(subject)], options)
    try:
        subjects, code = _subjects(subject, _wishes(options), settings, options)
    except SubjectError as error:
        raise CannotRunError(str(error)) from None
    return [inspect(item, settings.gpu) for item in subjects], code


def _wishes(options: dict[str, Any]) -> Wishes:
    from lora_advisor.inspect.subjects import Wishes

    return Wishes(
        targets=options["target_modules"],
        lora=options["lora"],
        auto_class=options["auto_class"],
        batch=options["batch_size"],
        length=options["max_length"],
        bits=int(options["bits"]) if options["bits"] else None,
    )


def _subjects(
    name: str, wishes: Wishes, settings: Settings, options: dict[str, Any]
) -> tuple[list[Subject], int]:
    from lora_advisor.inspect.subjects import is_model, of_model
    from lora_advisor.source import SUFFIXES

    path = Path(name)
    if is_model(path):
        return [of_model(name, wishes, settings)], 0
    is_file = path.is_file() or path.suffix in SUFFIXES
    if name != STDIN and not is_file and not path.is_dir():
        return [of_model(name, wishes, settings)], 0
    return _of_config(path, wishes, settings, options)


def _of_config(
    path: Path, wishes: Wishes, settings: Settings, options: dict[str, Any]
) -> tuple[list[Subject], int]:
    from lora_advisor.console import remark
    from lora_advisor.gather import gather

    named, stdin = inputs([path], options)
    gathered = gather(named, settings, stdin=stdin)
    discovery = gathered.discovery
    remark(discovery.failures, discovery.notices, verbose=options["verbose"])
    own = [recipe for recipe in gathered.recipes if recipe.document.path in discovery.named]
    if not own and discovery.failures:
        return [], FAILED
    if not own:
        raise CannotRunError(f"{path} is in no known config format")
    reasons: list[str] = []
    tried = [_tried(recipe, wishes, settings, gathered, reasons) for recipe in own]
    subjects = [subject for subject in tried if subject is not None]
    if not subjects:
        raise CannotRunError("\n".join(reasons))
    return subjects, FAILED if discovery.failures else 0


def _tried(
    recipe: Recipe, wishes: Wishes, settings: Settings, gathered: Gathered, reasons: list[str]
) -> Subject | None:
    """Return what a recipe's model comes to; None, with a reason more, where it is not known."""
    from lora_advisor.inspect.subjects import SubjectError, of_recipe

    try:
        return of_recipe(recipe, wishes, settings, gathered.targets[recipe.document.path])
    except SubjectError as error:
        reasons.append(str(error))
        return None


def _deliver(found: list[Inspection], options: dict[str, Any]) -> None:
    from lora_advisor.console import report_options
    from lora_advisor.reports import _inspection
    from lora_advisor.settings import Settings

    chosen = options["output_format"]
    if chosen == "json":
        print_page(_inspection.as_json(found), options)
    elif chosen == "text":
        style = report_options(Settings(), options)
        print_page("\n\n".join(_inspection.as_text(item, style) for item in found), options)
    elif found:
        from lora_advisor.reports import _picture

        draw = _picture.as_html if chosen == "html" else _picture.as_svg
        print_page(draw(found), options)
