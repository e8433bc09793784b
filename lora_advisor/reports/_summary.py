"""The last lines of a text report: what was found, what counts, what nobody could decide."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from lora_advisor.findings import Severity
from lora_advisor.reports import counted
from lora_advisor.reports._text import COLOURS, harmless, listed, painter, plural, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lora_advisor.findings import Report, Skipped
    from lora_advisor.reports import Options

REASONS = 3
"""How many reasons of skipped rules a short report names."""
_MODEL = "name the model with --model PATH"
"""What helps where the modules, sizes or limits of a model are not known."""
_KEYED = re.compile(r"([\w.\[\]-]+): (.+)", re.DOTALL)
"""A reason about one key: the key, and why its value is not known."""


def summary(report: Report, options: Options) -> str:
    """Write the summary; empty when the options ask for quiet."""
    if options.quiet:
        return ""
    lines = [wrap(_found(report, options), options.width, "", "  ")]
    lines += [wrap(line, options.width, "", "  ") for line in _repairable(report)]
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


def _repairable(report: Report) -> Iterator[str]:
    """Say how many findings have a repair, and the options that carry them out."""
    offered = [{fix.safety for fix in found.fixes if fix.changes} for found in report.findings]
    safe = sum("safe" in safeties for safeties in offered)
    unsafe = sum(safeties == {"unsafe"} for safeties in offered)
    if safe or unsafe:
        parts = [f"{safe} with --fix"] if safe else []
        parts += [f"{unsafe} with --fix --unsafe-fixes"] if unsafe else []
        yield f"Can be repaired: {', '.join(parts)}; --diff shows how."


def _skipped(report: Report, options: Options) -> list[str]:
    if not report.skipped:
        return []
    head = f"{plural(len(report.skipped), 'rule')} could not be decided"
    if options.verbose:
        return [f"{head}:", *_every(report.skipped, options.width)]
    told = [harmless(text) for text in _reasons(report.skipped)]
    more = len(told) - REASONS
    named = "; ".join(told[:REASONS]) + (f"; {plural(more, 'more reason')}" if more > 0 else "")
    return [wrap(f"{head}: {named}. -v lists them.", options.width, "", "  ")]


def _reasons(skipped: Iterable[Skipped]) -> list[str]:
    """Name what would decide the rules, the commonest first; each rule counts for one reason.

    Causes with the same remedy are told once; several reasons carry the number of their rules.
    """
    causes = [_causes(one.reason) for one in skipped]
    common = Counter(_remedy(cause) for one in causes for cause in one)
    alike: dict[str, set[str]] = defaultdict(set)
    keys: dict[str, set[str]] = defaultdict(set)
    for one in causes:
        for cause, of in one.items():
            alike[_remedy(cause)].add(cause)
            keys[_remedy(cause)].update(of)
    chosen = Counter(max(map(_remedy, one), key=lambda remedy: common[remedy]) for one in causes)
    told = [(_told(remedy, alike[remedy], keys[remedy]), n) for remedy, n in chosen.most_common()]
    several = len(told) > 1
    return [f"{text} ({number})" if several and number > 1 else text for text, number in told]


def _remedy(cause: str) -> str:
    """Return what would help; where that is the model, it is the same for all that rests on it."""
    return _MODEL if cause.endswith(_MODEL) else cause


def _told(remedy: str, causes: set[str], keys: set[str]) -> str:
    """Write a reason: its one cause, or what causes with the same remedy come to."""
    if len(causes) > 1:
        return f"the models are not known well enough: {remedy}"
    return _keyed(next(iter(causes)), sorted(keys))


def _keyed(cause: str, keys: Sequence[str]) -> str:
    """Write a cause after the keys it is about; many keys share one that needs none of them."""
    if len(keys) == 1 or (keys and cause.startswith("its ")):
        return f"{listed(keys, 2)}: {cause}"
    return cause


def _causes(reason: str) -> dict[str, list[str]]:
    """Split a rule's reason into causes, each with the keys that it keeps unknown."""
    found: dict[str, list[str]] = defaultdict(list)
    for part in reason.split("; "):
        match = _KEYED.fullmatch(part)
        found[match[2] if match else part] += [match[1]] if match else []
    return found


def _every(skipped: Iterable[Skipped], width: int) -> Iterator[str]:
    """List the rules below their files, keys with the same cause together."""
    file = ""
    for one in skipped:
        if one.file != file:
            file = one.file
            yield harmless(f"  {file}")
        causes = _causes(one.reason).items()
        told = (f"{', '.join(keys)}: {why}" if keys else why for why, keys in causes)
        yield wrap(harmless(f"{one.code} {one.name}: {'; '.join(told)}"), width, "    ", "      ")


def _assumed(report: Report, options: Options) -> str:
    """Name the versions somebody stated; of the others only that they are the current ones."""
    stated = [f"{package} {text}" for package, text in report.assumed if not _current(text)]
    if options.verbose or not stated:
        stated = [f"{package} {text}" for package, text in report.assumed]
    if options.verbose:
        return wrap(f"Assumed versions: {', '.join(stated)}.", options.width, "", "  ")
    if all(_current(text) for _, text in report.assumed):
        text = "Assumed the current release of every library (--target PACKAGE=VERSION)."
        return wrap(text, options.width, "", "  ")
    return wrap(
        f"Assumed versions: {', '.join(stated)}; else the current ones.", options.width, "", "  "
    )


def _current(text: str) -> bool:
    return text.endswith("(current)") and ";" not in text
