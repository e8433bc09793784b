"""``explain``: what a config means, or what a parameter does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._click import reads_configs
from lora_advisor.cli._errors import CannotRunError
from lora_advisor.cli._exits import FAILED
from lora_advisor.cli._options import STDIN, inputs, page_options, print_page, settings_of

EXPLAIN_EXAMPLES: Final = """\b
Examples:
  lora-advisor explain config.yaml
  lora-advisor explain use_rslora
"""


@click.command("explain", epilog=EXPLAIN_EXAMPLES)
@click.argument("subject", metavar="CONFIG|PARAMETER", shell_complete=_completing.subjects)
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@reads_configs
@click.pass_context
def command(context: click.Context, /, subject: str, **options: Any) -> None:
    """Say what a config means, value by value, or what a parameter does."""
    from lora_advisor.source import SUFFIXES

    path = Path(subject)
    looks_like_file = path.suffix in SUFFIXES or os.sep in subject
    if subject == STDIN or path.exists() or looks_like_file:
        context.exit(_explain_config(path, options))
    _explain_parameter(subject, options)


def _explain_config(path: Path, options: dict[str, Any]) -> int:
    from lora_advisor.console import remark, report_options
    from lora_advisor.explaining import explain_paths
    from lora_advisor.reports import _explanation

    named, stdin = inputs([path], options)
    settings = settings_of([path], options)
    explanations, discovery = explain_paths(named, settings, stdin=stdin)
    remark(discovery.failures, discovery.notices, verbose=options["verbose"])
    if not explanations and not discovery.failures:
        raise CannotRunError(f"{path} is in no known config format, so there is nothing to explain")
    if options["output_format"] == "json":
        print_page(_explanation.as_json(explanations), options)
    else:
        style = report_options(settings, options)
        print_page("\n\n".join(_explanation.as_text(item, style) for item in explanations), options)
    return FAILED if discovery.failures else 0


def _explain_parameter(name: str, options: dict[str, Any]) -> None:
    from lora_advisor import parameters
    from lora_advisor.reports import _pages

    parameter = parameters.load(name)
    if parameter is None:
        close = parameters.suggest(name)
        hint = f"did you mean {' or '.join(close)}?" if close else "known are the following:"
        listed = "" if close else f" {', '.join(parameters.names())}"
        raise CannotRunError(f"no file and no parameter is called {name!r}; {hint}{listed}")
    if options["output_format"] == "json":
        print_page(_pages.parameter_json(parameter), options)
    else:
        print_page(_pages.parameter_text(parameter, page_options(options)), options)
