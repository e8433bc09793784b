"""An explanation of a config as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.recipe import Origin
from lora_advisor.reports._text import cells, cut, harmless, padded, painter, wrap
from lora_advisor.reports.json import VERSION, dumped
from lora_advisor.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.explaining import Derived, Explained, Explanation
    from lora_advisor.reports import Options
    from lora_advisor.reports._text import Paint

HEADINGS: Final = {
    "lora": "Adapter",
    "train": "Training",
    "quant": "Quantisation",
    "model": "Base model",
    "data": "Data",
    "run": "Launch",
}
NAME: Final = 29
VALUE: Final = 20
NARROW: Final = 8
EMPTY: Final[tuple[object, ...]] = (None, {}, [])


def as_text(explanation: Explanation, options: Options) -> str:
    """Write values by group, then what follows from them, then what is unknown and why."""
    paint = painter(colour=options.colour)
    shown = [value for value in explanation.values if options.verbose or _tells(value)]
    lines = [_title(explanation, options)]
    for group, heading in HEADINGS.items():
        rows = [value for value in shown if value.field.startswith(f"{group}.") and value.known]
        if rows:
            lines += ["", paint(heading, bold=True)]
            lines += [_row(row, explanation.file, options.width) for row in rows]
    lines += _follows(explanation.derived, options, paint)
    lines += _unknown(explanation, options, paint)
    return "\n".join(lines) + "\n"


def as_json(explanations: Iterable[Explanation]) -> str:
    """Write explanations as one JSON object, places as in the report's JSON."""
    return dumped({"version": VERSION, "explanations": [_plain(item) for item in explanations]})


def _plain(explanation: Explanation) -> dict[str, Any]:
    return {**asdict(explanation), "assumed": dict(explanation.assumed)}


def _tells(row: Explained) -> bool:
    """Whether a value says more than that a switch nobody spells is off."""
    if row.place is not None:
        return True
    spelled = row.origin == Origin.FRAMEWORK.value or row.key != row.field
    return spelled and row.value not in EMPTY


def _title(explanation: Explanation, options: Options) -> str:
    told = f"{explanation.file}: {explanation.title} ({explanation.evidence})"
    lines = [wrap(harmless(told), options.width, "", "  ")]
    if explanation.assumed:
        versions = ", ".join(f"{package} {text}" for package, text in explanation.assumed)
        lines.append(wrap(f"For {versions}; else current releases.", options.width, "", "  "))
    return "\n".join(lines)


def _row(row: Explained, file: str, width: int) -> str:
    left = f"  {padded(row.field.partition('.')[2], NAME)} "
    origin = _origin(row, file)
    room = max(width - cells(left) - cells(origin) - 1, VALUE)
    return f"{left}{padded(cut(harmless(show(row.value)), room), VALUE)} {origin}"


def _origin(row: Explained, file: str) -> str:
    """Say where a value comes from: the place and, where it has another name, the user's key."""
    if row.place is None:
        return row.origin
    here = row.place.file == file
    place = f"line {row.place.line}" if here else f"{row.place.file}:{row.place.line}"
    same = row.key.rpartition(".")[2] == row.field.rpartition(".")[2]
    return harmless(place if same else f"{place}, {row.key}")


def _follows(derived: Sequence[Derived], options: Options, paint: Paint) -> list[str]:
    known = [fact for fact in derived if fact.known and fact.value is not None]
    known = [fact for fact in known if fact.is_number or options.verbose]
    lines = ["", paint("What follows", bold=True)] if known else []
    for fact in known:
        value = harmless(cut(show(fact.value), VALUE))
        left = f"  {padded(fact.name, NAME)} {padded(value, NARROW)} "
        lines.append(wrap(fact.title, options.width, left))
    return lines


def _unknown(explanation: Explanation, options: Options, paint: Paint) -> list[str]:
    """List each reason why something is unknown, once, with the facts that it leaves open."""
    reasons: dict[str, list[str]] = {row.why: [] for row in explanation.values if row.why}
    for fact in explanation.derived:
        if fact.why and (fact.is_number or options.verbose):
            reasons.setdefault(fact.why, []).append(fact.name)
    lines = ["", paint("Unknown", bold=True)] if reasons else []
    for reason, facts in reasons.items():
        told = f"{reason} (so {', '.join(facts)})" if facts else reason
        lines.append(wrap(harmless(told), options.width, "  ", "    "))
    return lines
