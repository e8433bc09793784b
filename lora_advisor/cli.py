"""The command line: read options, call, print, exit.

Exit codes: 0 nothing that fails the run, 1 findings at or above ``--fail-on``, 2 something could
not be read or done. No output format changes them. Commands import what they need when they run,
so that ``--help`` and a clean check stay fast.
"""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from lora_advisor.reports import Options, counted, formats, render_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lora_advisor.findings import Report
    from lora_advisor.rules import Rule
    from lora_advisor.settings import Settings

FOUND: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
STDIN: Final = "-"

EXAMPLES: Final = """\b
Examples:
  lora-advisor check                      every config below this folder
  lora-advisor check config.yaml          one config
  lora-advisor explain config.yaml        what it means, value by value
  lora-advisor explain lora_alpha         what a parameter does
  lora-advisor rule LA201                 what a rule says, and why
"""
CHECK_EXAMPLES: Final = """\b
Examples:
  lora-advisor check configs/ --fail-on warning
  lora-advisor check config.yaml --target peft=0.17 --ignore LA310
  lora-advisor check --output-format sarif --output-file report.sarif
  lora-advisor check - --stdin-filename config.yaml < config.yaml

\b
Exit codes: 0 nothing that fails the run, 1 findings at or above --fail-on,
2 something could not be read or done.
"""
EXPLAIN_EXAMPLES: Final = """\b
Examples:
  lora-advisor explain config.yaml
  lora-advisor explain use_rslora
"""
RULE_EXAMPLES: Final = """\b
Examples:
  lora-advisor rule                       every rule in one line
  lora-advisor rule loftq-on-quantised-model
  lora-advisor rule --all --output-format json
"""


class CannotRunError(click.ClickException):
    """A run that cannot start; click prints the message."""

    exit_code = FAILED


def main() -> NoReturn:
    """Run the command line and exit; an interrupt or a bug ends in a sentence, no traceback."""
    gc.set_threshold(100_000)  # a run makes few cycles; looking for them costs 5 % of it
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = FAILED
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the user gets a sentence
        code = _internal(error)
    sys.exit(code)


def _internal(error: Exception) -> int:
    if os.environ.get("LORA_ADVISOR_TRACEBACK"):
        raise error
    told = f"error: internal error, please report it: {type(error).__name__}: {error}"
    click.echo(told, err=True)
    click.echo("  (LORA_ADVISOR_TRACEBACK=1 shows where it happened)", err=True)
    return FAILED


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from lora_advisor.reports._tool import NAME, version  # noqa: PLC0415

        click.echo(f"{NAME} {version()}")
        context.exit()


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXAMPLES, no_args_is_help=True
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


def _reads_configs(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that reads configs."""
    for name, extra in reversed(_READING.items()):
        command = click.option(*name.split("|"), **extra)(command)
    return command


_READING: Final[dict[str, dict[str, Any]]] = {
    "--framework": {"metavar": "NAME", "help": "Read the configs as this format."},
    "--target": {
        "multiple": True,
        "metavar": "PACKAGE=VERSION",
        "help": "Library version in use, such as peft=0.17; may be repeated.",
    },
    "--model": {
        "type": click.Path(exists=True, file_okay=False, path_type=Path),
        "metavar": "PATH",
        "help": "Folder of the base model (its config.json); by default found by the name it has.",
    },
    "--config": {
        "type": click.Path(path_type=Path),
        "metavar": "FILE",
        "help": "Settings file to use instead of the nearest one.",
    },
    "--isolated": {"is_flag": True, "help": "Read no settings file."},
    "--stdin-filename": {"metavar": "NAME", "help": "Name of the config given as -."},
    "--no-color": {"is_flag": True, "help": "No colours (as does NO_COLOR=1)."},
    "-v|--verbose": {"is_flag": True, "help": "List what is otherwise only counted."},
}


@cli.command(epilog=CHECK_EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    help="Check only these: codes, prefixes, names or areas, with commas.",
)
@click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out.")
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
    default="full",
    show_default=True,
    help="How findings are written.",
)
@click.option(
    "--output-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write that format to a file; the terminal shows the full report.",
)
@click.option("--show-files", is_flag=True, help="List the configs, with their signs, and stop.")
@click.option("--skip-unknown", is_flag=True, help="Pass over named files that are no config.")
@click.option("-q", "--quiet", is_flag=True, help="Findings only, no summary.")
@_reads_configs
@click.pass_context
def check(context: click.Context, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Check configs: files, folders (searched) or - for standard input; by default this folder."""
    from lora_advisor.check import check_paths  # noqa: PLC0415
    from lora_advisor.console import remark  # noqa: PLC0415
    from lora_advisor.rules import SelectionError  # noqa: PLC0415

    paths = paths or (Path(),)
    named, stdin = _inputs(paths, options)
    settings = _settings(paths, options)
    try:
        report = check_paths(named, settings, stdin=stdin, found=options["skip_unknown"])
    except SelectionError as error:
        raise CannotRunError(str(error)) from None
    quiet = options["quiet"]
    remark(report.failures, report.notices, verbose=options["verbose"], quiet=quiet)
    _deliver(report, settings, options)
    context.exit(_exit_code(report, settings, options))


@cli.command(epilog=EXPLAIN_EXAMPLES)
@click.argument("subject", metavar="CONFIG|PARAMETER")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@_reads_configs
@click.pass_context
def explain(context: click.Context, /, subject: str, **options: Any) -> None:
    """Say what a config means, value by value, or what a parameter does."""
    from lora_advisor.source import SUFFIXES  # noqa: PLC0415

    path = Path(subject)
    looks_like_file = path.suffix in SUFFIXES or os.sep in subject
    if subject == STDIN or path.exists() or looks_like_file:
        context.exit(_explain_config(path, options))
    _explain_parameter(subject, options)


@cli.command(epilog=RULE_EXAMPLES)
@click.argument("name", required=False, metavar="[CODE|NAME]")
@click.option("--all", "everything", is_flag=True, help="Every rule in full.")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--no-color", is_flag=True, help="No colours (as does NO_COLOR=1).")
def rule(name: str | None, **options: Any) -> None:
    """Show a rule's card: what it says, why, its repair, an example of each kind."""
    from lora_advisor import rules  # noqa: PLC0415
    from lora_advisor.reports import _pages  # noqa: PLC0415

    shown = [_rule(rules.load(), name)] if name else list(rules.load())
    if options["output_format"] == "json":
        _print(_pages.rules_json(shown), options)
    elif name or options["everything"]:
        pages = (_pages.rule_text(r, rules.card(r), _options(options)) for r in shown)
        _print("\n\n".join(pages), options)
    else:
        _print(_pages.rule_list(shown, _options(options)), options)


def _rule(listed: Sequence[Rule], wanted: str) -> Rule:
    from lora_advisor.rules import find  # noqa: PLC0415

    found = find(listed, wanted) or find(listed, wanted.upper()) or find(listed, wanted.lower())
    if found is None:
        close = _close(wanted, [name for r in listed for name in (r.code, r.name)])
        raise CannotRunError(f"no rule is called {wanted!r}{close}")
    return found


def _close(wanted: str, names: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    close = difflib.get_close_matches(wanted, list(names), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _inputs(
    paths: Sequence[Path], options: dict[str, Any]
) -> tuple[list[Path], tuple[bytes, str] | None]:
    """Split the paths into named ones and the text of standard input with its name."""
    named = [path for path in paths if str(path) != STDIN]
    if len(named) == len(paths):
        return named, None
    data = sys.stdin.buffer.read()
    return named, (data, options["stdin_filename"] or "<stdin>")


def _settings(paths: Iterable[Path], options: dict[str, Any]) -> Settings:
    """Read the project's settings and put the command line's over them."""
    from lora_advisor import settings  # noqa: PLC0415
    from lora_advisor.targets import TargetError  # noqa: PLC0415

    start = [options["stdin_filename"] or "." if str(p) == STDIN else p for p in paths]
    try:
        if options["config"] is not None:
            own = settings.from_file(options["config"])
        else:
            own = settings.Settings() if options["isolated"] else settings.nearest(start)
        return _overridden(own, options)
    except (settings.SettingsError, TargetError, ValueError) as error:
        raise CannotRunError(str(error)) from None


def _overridden(own: Settings, options: dict[str, Any]) -> Settings:
    from lora_advisor.settings import known_framework, threshold  # noqa: PLC0415
    from lora_advisor.targets import from_options  # noqa: PLC0415

    changes: dict[str, Any] = {"targets": own.targets.updated(from_options(options["target"]))}
    changes["ignore"] = (*own.ignore, *_names(options.get("ignore", ())))
    if options["model"] is not None:
        changes["model"] = options["model"]
    if options.get("select"):
        changes["select"] = _names(options["select"])
    if options.get("fail_on"):
        changes["fail_on"] = threshold(options["fail_on"])
    if options["framework"]:
        changes["framework"] = known_framework(options["framework"])
    return replace(own, **changes, pedantic=own.pedantic or options.get("pedantic", False))


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def _deliver(report: Report, settings: Settings, options: dict[str, Any]) -> None:
    """Write the report where it was asked for."""
    from lora_advisor.console import report_options, write  # noqa: PLC0415

    terminal = report_options(settings, options)
    chosen = options["output_format"]
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


def _explain_config(path: Path, options: dict[str, Any]) -> int:
    from lora_advisor.console import remark, report_options  # noqa: PLC0415
    from lora_advisor.explain import explain_paths  # noqa: PLC0415
    from lora_advisor.reports import _explanation  # noqa: PLC0415

    named, stdin = _inputs([path], options)
    settings = _settings([path], options)
    explanations, discovery = explain_paths(named, settings, stdin=stdin)
    remark(discovery.failures, discovery.notices, verbose=options["verbose"])
    if not explanations and not discovery.failures:
        raise CannotRunError(f"{path} is in no known config format, so there is nothing to explain")
    if options["output_format"] == "json":
        _print(_explanation.as_json(explanations), options)
    else:
        style = report_options(settings, options)
        _print("\n\n".join(_explanation.as_text(item, style) for item in explanations), options)
    return FAILED if discovery.failures else 0


def _explain_parameter(name: str, options: dict[str, Any]) -> None:
    from lora_advisor import parameters  # noqa: PLC0415
    from lora_advisor.reports import _pages  # noqa: PLC0415

    parameter = parameters.load(name)
    if parameter is None:
        close = parameters.suggest(name)
        hint = f"did you mean {' or '.join(close)}?" if close else "known are the following:"
        listed = "" if close else f" {', '.join(parameters.names())}"
        raise CannotRunError(f"no file and no parameter is called {name!r}; {hint}{listed}")
    if options["output_format"] == "json":
        _print(_pages.parameter_json(parameter), options)
    else:
        _print(_pages.parameter_text(parameter, _options(options)), options)


def _options(options: dict[str, Any]) -> Options:
    from lora_advisor.console import report_options  # noqa: PLC0415
    from lora_advisor.settings import Settings  # noqa: PLC0415

    return report_options(Settings(), {"verbose": False, **options})


def _print(text: str, options: dict[str, Any]) -> None:
    from lora_advisor.console import write  # noqa: PLC0415

    write(text, colour=_options(options).colour)
