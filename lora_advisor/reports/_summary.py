"""The last lines of a text report: what was found, what counts, what nobody could decide."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lora_advisor.findings import Severity
from lora_advisor.reports import counted
from lora_advisor.reports._text import COLOURS, harmless, listed, painter, plural, wrap

if TYPE_CHECKING:
    from lora_advisor.findings import Report
    from lora_advisor.reports import Options

REASONS = 3
"""How many reasons of skipped rules a short report names."""


def summary(report: Report, options: Options) -> str:
    """Write the summary; empty when the options ask for quiet."""
    if options.quiet:
        return ""
    lines = [_found(report, options)]
    if report.failures:
        lines.append(f"{plural(len(report.failures), 'file')} could not be read.")
    if report.suppressed:
        lines.append(f"{plural(report.suppressed, 'finding')} ignored by comments or settings.")
    if report.known:
        lines.append(f"{plural(report.known, 'known finding')} left out (baseline).")
    lines += _skipped(report, options)
    if any(checked.framework for checked in report.files):
        lines.append(_assumed(report, options))
    return "\n".join(lines) + "\n"


def _found(report: Report, options: Options) -> str:
    known = [checked for checked in report.files if checked.framework]
    files = plural(len(known), "config")
    if not known:
        return "No LoRA fine-tuning config to check."
    if not report.findings:
        return painter(colour=options.colour)(f"No problems found in {files}.", fg="green")
    bad = len({found.place.file for found in report.findings})
    where = f"in {files}" if bad == len(known) else f"in {bad} of {files}"
    return f"Found {_counts(report, options)} {where}{_weight(report, options)}."


def _counts(report: Report, options: Options) -> str:
    paint = painter(colour=options.colour)
    numbers = Counter(found.severity for found in report.findings)
    names = {Severity.INFO: "note"}
    return ", ".join(
        paint(plural(numbers[level], names.get(level, str(level))), fg=COLOURS[level])
        for level in sorted(numbers, reverse=True)
    )


def _weight(report: Report, options: Options) -> str:
    number = counted(report, options.fail_on)
    if number == 0:
        return "; none fails the run"
    return "" if number == len(report.findings) else f"; {number} of them failed the run"


def _skipped(report: Report, options: Options) -> list[str]:
    if not report.skipped:
        return []
    if options.verbose:
        head = f"{plural(len(report.skipped), 'rule')} could not be decided:"
        return [head, *(_line(s.file, s.code, s.name, s.reason) for s in report.skipped)]
    reasons = Counter(skipped.reason for skipped in report.skipped).most_common()
    named = listed((harmless(reason) for reason, _ in reasons), REASONS)
    text = f"{plural(len(report.skipped), 'rule')} could not be decided: {named} (-v lists them)."
    return [wrap(text, options.width, "", "  ")]


def _line(file: str, code: str, name: str, reason: str) -> str:
    return harmless(f"  {file}: {code} {name}: {reason}")


def _assumed(report: Report, options: Options) -> str:
    """Name the versions somebody stated; of the others only that they are the current ones."""
    stated = [f"{package} {text}" for package, text in report.assumed if not _current(text)]
    if options.verbose or not stated:
        stated = [f"{package} {text}" for package, text in report.assumed]
    if options.verbose:
        return wrap(f"Assumed versions: {', '.join(stated)}.", options.width, "", "  ")
    if all(_current(text) for _, text in report.assumed):
        return "Assumed the current release of every library (--target PACKAGE=VERSION)."
    return wrap(
        f"Assumed versions: {', '.join(stated)}; else the current ones.", options.width, "", "  "
    )


def _current(text: str) -> bool:
    return text.endswith("(current)") and ";" not in text
