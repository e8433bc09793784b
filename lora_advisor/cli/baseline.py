"""``baseline``: accept what is there, so that a check reports what is new."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import click

from lora_advisor.cli._click import plugin_option, reads_configs
from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._exits import FAILED
from lora_advisor.cli._options import inputs, settings_of
from lora_advisor.record import replace

EXAMPLES: Final = """\b
Examples:
  lora-advisor baseline                   accept every finding below this folder
  lora-advisor check --baseline .lora-advisor-baseline.json
  lora-advisor baseline --prune           forget what has been repaired
"""


@click.command("baseline", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--accept-new", is_flag=True, help="Add what is not in the baseline yet.")
@click.option("--prune", is_flag=True, help="Drop what is not found any more.")
@click.option(
    "--output-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The baseline; by default the one of the settings, or .lora-advisor-baseline.json.",
)
@click.option("--pedantic", is_flag=True, help="Accept matters of taste, too.")
@plugin_option
@reads_configs
@click.pass_context
def command(context: click.Context, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Write the findings of today down, to be told of new ones only.

    An entry is known by rule, file, config path and value: it holds when lines move, and ends when
    the value changes.
    """
    from lora_advisor import baseline
    from lora_advisor.checking import check_paths
    from lora_advisor.console import remark
    from lora_advisor.plugins import PluginError
    from lora_advisor.render import TextError
    from lora_advisor.rules import SelectionError

    named, stdin = inputs(paths or (Path(),), options)
    settings = settings_of(paths or (Path(),), options)
    file = options["output_file"] or settings.baseline or Path(baseline.NAME)
    settings = replace(settings, baseline=None)
    try:
        report = check_paths(named, settings, stdin=stdin)
    except (SelectionError, PluginError, TextError) as error:
        raise CannotRunError(str(error)) from None
    remark(report.failures, report.notices, verbose=options["verbose"])
    found = Counter(baseline.known(finding, file.parent) for finding in report.findings)
    old = _old(file, options)
    try:
        gone = baseline.without_known(report, file)[2] if old is not None else Counter()
        kept = _kept(old, found, gone, options)
        baseline.write(file, kept.elements())
    except OSError as error:
        raise CannotRunError(f"cannot write {file}: {error.strerror}") from None
    click.echo(f"{file}: {kept.total()} findings accepted", err=True)
    context.exit(FAILED if report.failures else 0)


def _old(file: Path, options: dict[str, Any]) -> Counter[Any] | None:
    from lora_advisor import baseline

    if not file.exists():
        return None
    if not (options["accept_new"] or options["prune"]):
        raise CannotRunError(f"{file} is there already; add to it (--accept-new) or --prune it")
    try:
        return baseline.read(file)
    except baseline.BaselineError as error:
        raise CannotRunError(str(error)) from None


def _kept(
    old: Counter[Any] | None, found: Counter[Any], gone: Counter[Any], options: dict[str, Any]
) -> Counter[Any]:
    if old is None:
        return found
    kept = old - gone if options["prune"] else Counter(old)
    return kept | found if options["accept_new"] else kept
