"""``check``: what is wrong with configs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._errors import FAILED, FOUND, CannotRunError
from lora_advisor.cli._fixing import (
    fixing_options,
    is_fixing,
    repairs,
    show_diff,
    tell,
    write_back,
)
from lora_advisor.cli._ignoring import add_ignores
from lora_advisor.cli._options import inputs, plugin_option, reads_configs, settings_of
from lora_advisor.record import replace
from lora_advisor.reports import Options, counted, formats, render_report

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.gather import Gathered
    from lora_advisor.settings import Settings

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
@click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    shell_complete=_completing.rules,
    help="Check only these: codes, prefixes, names or areas, with commas.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="RULES",
    shell_complete=_completing.rules,
    help="Leave these rules out.",
)
@click.option("--pedantic", is_flag=True, help="Report matters of taste, too.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="Lowest severity that fails the run; error unless the settings say otherwise.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option(
    "--output-format",
    type=click.Choice(formats()),
    metavar="FORMAT",
    default="full",
    help=f"How findings are written: {', '.join(formats())}.",
)
@click.option(
    "--output-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write that format to a file; the terminal shows the full report.",
)
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Leave out the findings that this file knows (see lora-advisor baseline).",
)
@click.option("--statistics", is_flag=True, help="Count findings by rule instead.")
@click.option("--show-files", is_flag=True, help="List the configs, with their signs, and stop.")
@click.option("--skip-unknown", is_flag=True, help="Pass over named files that are no config.")
@click.option("-q", "--quiet", is_flag=True, help="Findings only, no summary.")
@click.option("--add-ignores", is_flag=True, help="Write an ignore comment at every finding.")
@click.option("--reason", default="", metavar="TEXT", help="What those comments say, and why.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@fixing_options
@plugin_option
@reads_configs
@click.pass_context
def command(context: click.Context, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Check configs: files, folders (searched) or - for standard input; by default this folder."""
    from lora_advisor.console import remark  # noqa: PLC0415
    from lora_advisor.gather import gather  # noqa: PLC0415

    paths = paths or (Path(),)
    if options["watch"]:
        from lora_advisor.cli._watching import watch  # noqa: PLC0415

        watch(paths)
    fixing = is_fixing(options)
    named, stdin = inputs(paths, options)
    settings = settings_of(paths, options)
    if options["baseline"] is not None:
        settings = replace(settings, baseline=options["baseline"])
    gathered = gather(named, settings, stdin=stdin, found=options["skip_unknown"])
    report = _report(gathered, settings)
    quiet = options["quiet"]
    remark(report.failures, report.notices, verbose=options["verbose"], quiet=quiet)
    if options["add_ignores"]:
        add_ignores(report, options["reason"])
        context.exit(FAILED if report.failures else 0)
    if fixing:
        text = stdin[1] if stdin is not None else None
        repaired = repairs(report, settings, unsafe=options["unsafe_fixes"], stdin=text)
        if options["diff"]:
            context.exit(show_diff(repaired))
        write_back(repaired, text)
        tell(repaired, verbose=options["verbose"], quiet=quiet)
        if stdin is not None or options["fix_only"]:
            context.exit(FAILED if report.failures else 0)
        gathered = gather(named, settings, found=options["skip_unknown"])
        report = _report(gathered, settings)
    _deliver(report, settings, options, _beside(gathered, report, settings, options))
    context.exit(_exit_code(report, settings, options))


def _report(gathered: Gathered, settings: Settings) -> Report:
    from lora_advisor.baseline import BaselineError  # noqa: PLC0415
    from lora_advisor.check import check_gathered  # noqa: PLC0415
    from lora_advisor.plugins import PluginError  # noqa: PLC0415
    from lora_advisor.render import TextError  # noqa: PLC0415
    from lora_advisor.rules import SelectionError  # noqa: PLC0415

    try:
        return check_gathered(gathered, settings)
    except (SelectionError, BaselineError, PluginError, TextError) as error:
        raise CannotRunError(str(error)) from None


def _beside(
    gathered: Gathered, report: Report, settings: Settings, options: dict[str, Any]
) -> dict[str, Any]:
    """Explain the configs, or prove the repairs, for the formats that show them."""
    if options["statistics"] or options["show_files"]:
        return {}
    if options["output_format"] == "html":
        from lora_advisor.explain import explain_gathered  # noqa: PLC0415

        return {"meanings": explain_gathered(gathered, settings)}
    if options["output_format"] == "rdjson":
        from lora_advisor.fixes import proved  # noqa: PLC0415

        return {"repairs": proved(report, settings)}
    return {}


def _deliver(
    report: Report,
    settings: Settings,
    options: dict[str, Any],
    beside: dict[str, Any],
) -> None:
    """Write the report where it was asked for."""
    from lora_advisor.console import report_options, write  # noqa: PLC0415

    terminal = replace(report_options(settings, options), gpu=settings.gpu, **beside)
    chosen = "statistics" if options["statistics"] else options["output_format"]
    if options["show_files"]:
        write("".join(f"{c.file}: {c.framework} ({c.evidence})\n" for c in report.files))
        return
    if options["output_file"] is not None:
        plain = replace(terminal, width=Options().width, colour=False)
        _save(options["output_file"], render_report(report, chosen, plain), "w")
        chosen = "full"
    write(render_report(report, chosen, terminal), colour=terminal.colour)
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page and options["output_format"] == "github":
        from lora_advisor.reports.github import summary  # noqa: PLC0415

        _save(Path(page), summary(report), "a")


def _save(path: Path, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8", newline="\n", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise CannotRunError(f"cannot write {path}: {error.strerror}") from None


def _exit_code(report: Report, settings: Settings, options: dict[str, Any]) -> int:
    if report.failures:
        return FAILED
    if options["show_files"] or options["exit_zero"]:
        return 0
    return FOUND if counted(report, settings.fail_on) else 0
