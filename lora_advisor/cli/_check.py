"""What ``check`` does, and its options; click is not needed for either."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.cli._exits import FAILED, FOUND, refusal
from lora_advisor.cli._options import inputs, settings_of
from lora_advisor.cli._table import PLUGIN, READING, Option
from lora_advisor.record import replace
from lora_advisor.reports import Options, counted, formats, render_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lora_advisor.explaining import Explanation
    from lora_advisor.findings import Report
    from lora_advisor.recipe import Recipe
    from lora_advisor.settings import Settings
    from lora_advisor.targets import Targets

OPTIONS: Final = (
    Option(
        names=("--select",),
        kind="texts",
        metavar="RULES",
        offers="rules",
        help="Check only these: codes, prefixes, names or areas, with commas.",
    ),
    Option(
        names=("--ignore",),
        kind="texts",
        metavar="RULES",
        offers="rules",
        help="Leave these rules out.",
    ),
    Option(names=("--pedantic",), help="Report matters of taste, too."),
    Option(
        names=("--fail-on",),
        kind="choice",
        choices=("error", "warning", "info", "never"),
        help="Lowest severity that fails the run; error unless the settings say otherwise.",
    ),
    Option(names=("--exit-zero",), help="Exit 0 whatever is found."),
    Option(
        names=("--output-format",),
        kind="choice",
        choices=formats(),
        metavar="FORMAT",
        default="full",
        help=f"How findings are written: {', '.join(formats())}.",
    ),
    Option(
        names=("--output-file",),
        kind="path",
        metavar="FILE",
        help="Write that format to a file; the terminal shows the full report.",
    ),
    Option(
        names=("--baseline",),
        kind="file",
        metavar="FILE",
        help="Leave out the findings that this file knows (see lora-advisor baseline).",
    ),
    Option(names=("--statistics",), help="Count findings by rule instead."),
    Option(names=("--show-files",), help="List the configs, with their signs, and stop."),
    Option(names=("--skip-unknown",), help="Pass over named files that are no config."),
    Option(names=("-q", "--quiet"), help="Findings only, no summary."),
    Option(names=("--add-ignores",), help="Write an ignore comment at every finding."),
    Option(
        names=("--reason",),
        kind="text",
        metavar="TEXT",
        default="",
        help="What those comments say, and why.",
    ),
    Option(names=("--watch",), help="Check again whenever a file changes."),
    Option(
        names=("--fix",), help="Repair what can be repaired without changing the trained result."
    ),
    Option(names=("--unsafe-fixes",), help="Repair also where the trained result changes."),
    Option(names=("--fix-only",), help="Repair like --fix, and report nothing else."),
    Option(names=("--diff",), help="Show what --fix would change as a diff; change nothing."),
    PLUGIN,
    *READING,
)


def run(paths: Sequence[Path], options: dict[str, Any]) -> int:
    """Check, repair or watch as the options say; return the exit code."""
    from lora_advisor.console import remark

    paths = paths or (Path(),)
    if options["watch"]:
        from lora_advisor.cli._watching import watch

        watch(paths)
    fixing = _is_fixing(options)
    named, stdin = inputs(paths, options)
    settings = _settings(paths, options)
    meanings: list[Explanation] = []
    report = _report(named, settings, options, meanings, stdin)
    remark(report.failures, report.notices, verbose=options["verbose"], quiet=options["quiet"])
    if options["add_ignores"]:
        from lora_advisor.cli._ignoring import add_ignores

        add_ignores(report, options["reason"])
        return FAILED if report.failures else 0
    if fixing:
        from lora_advisor.cli._fixing import fix

        ended = fix(report, settings, options, stdin[1] if stdin is not None else None)
        if ended is not None:
            return ended
        meanings.clear()
        report = _report(named, settings, options, meanings)
    _deliver(report, settings, options, _beside(report, settings, options, meanings))
    return _exit_code(report, settings, options)


def _is_fixing(options: dict[str, Any]) -> bool:
    """Whether files are to be repaired, or a repair is to be shown."""
    wanted = bool(options["fix"] or options["fix_only"] or options["diff"])
    if options["unsafe_fixes"] and not wanted:
        raise refusal("--unsafe-fixes needs --fix, --fix-only or --diff")
    return wanted


def _settings(paths: Sequence[Path], options: dict[str, Any]) -> Settings:
    settings = settings_of(paths, options)
    if options["baseline"] is None:
        return settings
    return replace(settings, baseline=options["baseline"])


def _report(
    named: Sequence[Path],
    settings: Settings,
    options: dict[str, Any],
    meanings: list[Explanation],
    stdin: tuple[bytes, str] | None = None,
) -> Report:
    """Check; a format that explains the configs has their ``meanings`` added to the list."""
    from lora_advisor.baseline import BaselineError
    from lora_advisor.checking import check_paths
    from lora_advisor.plugins import PluginError
    from lora_advisor.render import TextError
    from lora_advisor.rules import SelectionError

    try:
        return check_paths(
            named,
            settings,
            stdin=stdin,
            found=options["skip_unknown"],
            meet=_explainer(settings, options, meanings),
        )
    except (SelectionError, BaselineError, PluginError, TextError) as error:
        raise refusal(str(error)) from None


def _explainer(
    settings: Settings, options: dict[str, Any], meanings: list[Explanation]
) -> Callable[[Recipe, Targets], object] | None:
    if not _shows(options, "html"):
        return None
    from lora_advisor.explaining import explain_whole

    return lambda recipe, targets: meanings.append(explain_whole(recipe, targets, settings))


def _shows(options: dict[str, Any], form: str) -> bool:
    return options["output_format"] == form and not (options["statistics"] or options["show_files"])


def _beside(
    report: Report, settings: Settings, options: dict[str, Any], meanings: Sequence[Explanation]
) -> dict[str, Any]:
    """Add what the configs mean, or the repairs that hold, for the formats that show them."""
    if _shows(options, "rdjson"):
        from lora_advisor.fixes import proved

        return {"repairs": proved(report, settings)}
    return {"meanings": tuple(meanings)}


def _deliver(
    report: Report,
    settings: Settings,
    options: dict[str, Any],
    beside: dict[str, Any],
) -> None:
    """Write the report where it was asked for."""
    from lora_advisor.console import report_options, write

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
        from lora_advisor.reports.github import summary

        _save(Path(page), summary(report), "a")


def _save(path: Path, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8", newline="\n", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise refusal(f"cannot write {path}: {error.strerror}") from None


def _exit_code(report: Report, settings: Settings, options: dict[str, Any]) -> int:
    if report.failures:
        return FAILED
    if options["show_files"] or options["exit_zero"]:
        return 0
    return FOUND if counted(report, settings.fail_on) else 0
