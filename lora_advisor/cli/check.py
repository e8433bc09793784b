"""``check``: what is wrong with configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from lora_advisor.cli._check import OPTIONS, run
from lora_advisor.cli._click import with_options

CHECK_EXAMPLES: Final = """\b
Examples:
  lora-advisor check configs/ --fail-on warning
  lora-advisor check config.yaml --target peft=0.17 --ignore LA310
  lora-advisor check config.yaml --fix --diff
  lora-advisor check --output-format sarif --output-file report.sarif
  lora-advisor check - --stdin-filename config.yaml < config.yaml

\b
Exit codes: 0 nothing that fails the run, 1 findings at or above --fail-on,
2 something could not be read or done.
"""


@click.command("check", epilog=CHECK_EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(readable=False, path_type=Path))
@with_options(*OPTIONS)
@click.pass_context
def command(context: click.Context, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Check configs: files, folders (searched) or - for standard input; by default this folder."""
    context.exit(run(paths, options))
