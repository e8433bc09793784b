"""A recommendation as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.reports._text import cells, cut, harmless, padded, painter, wrap
from lora_advisor.reports.json import VERSION, dumped
from lora_advisor.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.laws import Law
    from lora_advisor.recommend import Recommendation
    from lora_advisor.recommend.plan import Advice
    from lora_advisor.recommend.situation import Situation
    from lora_advisor.reports import Options
    from lora_advisor.reports._text import Paint

HEADINGS: Final = {
    "change": "Change",
    "add": "Add",
    "keep": "Leave as it is",
    "set": "Advised values",
}
CONFIDENCE: Final = {"high": "green", "medium": "yellow", "low": "red"}
NAME: Final = 28
VALUE: Final = 12
_LEVEL: Final = 8


def as_text(found: Recommendation, situation: Situation, options: Options) -> str:
    """Write the values by what to do with them, then the reasons behind them, then the doubts."""
    paint = painter(colour=options.colour)
    lines = [wrap(harmless(_title(situation)), options.width, "", "  ")]
    for verdict, heading in HEADINGS.items():
        rows = [row for row in found.advice if row.verdict == verdict]
        if rows:
            lines += ["", paint(heading, bold=True)]
            for row in rows:
                lines += _row(row, options, paint)
    lines += _listed("Careful", found.notes, options, paint)
    lines += _listed("Outside of what the laws were seen on", found.outside, options, paint)
    reasons = [row for row in found.advice if row.verdict != "keep" or options.verbose]
    lines += _reasons(reasons, options, paint) if reasons else []
    return "\n".join(lines) + "\n"


def as_json(found: Recommendation, situation: Situation) -> str:
    """Write a recommendation as one JSON object, every value with its law."""
    base = situation.base
    content = {
        "version": VERSION,
        "model": base.name,
        "parameters": base.parameters,
        "method": situation.method,
        "gpu": situation.gpu.name if situation.gpu is not None else None,
        "devices": situation.devices,
        "tokens": situation.tokens,
        "examples": situation.examples,
        "advice": [_plain(row) for row in found.advice],
        "values": dict(found.values),
        "notes": list(found.notes),
        "outside": list(found.outside),
    }
    return dumped(content)


def _plain(row: Advice) -> dict[str, Any]:
    law = row.law
    return {
        "field": row.field,
        "key": row.key,
        "value": row.value,
        "verdict": row.verdict,
        "current": row.current,
        "figure": row.figure,
        "confidence": law.confidence,
        "rule": law.name,
        "reason": law.statement,
        "basis": law.basis,
        "valid": law.valid,
        "changes": law.changes,
        "disagreement": law.disagreement,
        "source": list(law.source),
    }


def _title(situation: Situation) -> str:
    base, gpu = situation.base, situation.gpu
    size = f"{base.parameters / 1e9:.3g}B parameters ({base.source})" if base.parameters else ""
    machine = f"{situation.devices} x {gpu.name}" if gpu is not None else "memory not stated"
    data = f"{situation.examples:,} examples" if situation.examples else ""
    tokens = f"{situation.tokens:,.0f} tokens to learn" if situation.tokens else ""
    parts = (size, situation.method, data, tokens, machine)
    return f"{base.name}: {', '.join(part for part in parts if part)}"


def _row(row: Advice, options: Options, paint: Paint) -> list[str]:
    """Write name, value, confidence and the numbers of the case, below where these do not fit."""
    name = row.key if row.verdict != "set" else row.field.partition(".")[2]
    value = show(row.value)
    if row.verdict == "change":
        value = f"{show(row.current)} -> {value}"
    level = f"{row.law.confidence:<{_LEVEL}}"
    head = f"  {padded(cut(harmless(name), NAME), NAME)} "
    room = options.width - cells(head) - _LEVEL - 1
    shown = padded(cut(harmless(value), room), min(VALUE, room))
    left = f"{head}{shown} "
    line = f"{left}{paint(level, fg=CONFIDENCE[row.law.confidence])}"
    if row.verdict == "keep" and not options.verbose:
        return [line.rstrip()]
    if cells(left) + _LEVEL + 1 + cells(row.figure) <= options.width:
        return [f"{line} {harmless(row.figure)}"]
    return [line.rstrip(), wrap(harmless(row.figure), options.width, "      ")]


def _reasons(rows: Sequence[Advice], options: Options, paint: Paint) -> list[str]:
    """Write each law once: what it says, what it rests on, its sources; more with ``--verbose``."""
    laws = {row.law.name: row.law for row in rows}
    lines = ["", paint("Why", bold=True)]
    for law in laws.values():
        fields = [row.field.partition(".")[2] for row in rows if row.law is law]
        lines.append(wrap(f"{', '.join(fields)}: {law.statement}", options.width, "  ", "    "))
        lines += _law(law, options)
    if not options.verbose:
        lines.append("  (--verbose adds what each rests on and where sources disagree)")
    return lines


def _law(law: Law, options: Options) -> list[str]:
    told = [law.source[0]]
    if options.verbose:
        told = [f"figures: {law.basis}", f"holds for: {law.valid}"]
        told += [f"would change: {law.changes}"] if law.changes else []
        told += [f"sources disagree: {law.disagreement}"] if law.disagreement else []
        told += list(law.source)
    return [wrap(text, options.width, "    ", "      ") for text in told]


def _listed(heading: str, told: Iterable[str], options: Options, paint: Paint) -> list[str]:
    lines = [wrap(harmless(text), options.width, "  - ", "    ") for text in told]
    return ["", paint(heading, bold=True), *lines] if lines else []
