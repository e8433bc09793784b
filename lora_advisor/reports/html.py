"""A check as one page that needs nothing beside itself: findings, and what each config means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.findings import Severity
from lora_advisor.reports._page_frame import frames
from lora_advisor.reports._page_memory import memory
from lora_advisor.reports._text import harmless
from lora_advisor.wording import show

if TYPE_CHECKING:
    from markupsafe import Markup

    from lora_advisor.explaining import Explanation
    from lora_advisor.findings import Finding, Report
    from lora_advisor.reports import Options

TEMPLATES: Final = Path(__file__).parent / "templates"
MEMORY: Final = ("run.memory_low", "run.memory_high")
FIRST: Final = {
    "train.effective_batch": "effective batch",
    "train.per_step_batch": "examples a step of one process",
    "train.horizon": "steps",
    "lora.scaling": "scaling",
    "lora.adapted_modules": "adapted modules",
    "lora.trainable_parameters": "trainable parameters",
}
"""What stands above the table of all numbers, as it is called there."""


def render(report: Report, options: Options) -> str:
    """Write the page; everything that comes from a config is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["words"] = _words
    page: str = environment.get_template("check.html.j2").render(
        files=_files(report, options),
        failures=report.failures,
        counts=_counts(report),
        total=len(report.findings),
        skipped=len(report.skipped),
        assumed=", ".join(f"{name} {release}" for name, release in report.assumed),
    )
    return page + "\n"


def _words(text: str) -> Markup:
    """Escape a text, and set what stands between backticks as code."""
    from markupsafe import Markup, escape  # comes with Jinja2

    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def _counts(report: Report) -> dict[str, int]:
    found = [finding.severity for finding in report.findings]
    return {str(level): found.count(level) for level in sorted(Severity, reverse=True)}


def _files(report: Report, options: Options) -> list[dict[str, Any]]:
    frameworks = {checked.file: checked.framework or "" for checked in report.files}
    meanings = _by_file(report, options)
    places = (found.place.file for found in report.findings)
    return [
        {
            "name": harmless(file),
            "framework": frameworks.get(file, ""),
            "findings": [_finding(f, report) for f in report.findings if f.place.file == file],
            "facts": _facts(meanings[file]) if file in meanings else [],
            "first": _first(meanings[file]) if file in meanings else "",
            "memory": memory(meanings[file].memory, options.gpu) if file in meanings else None,
        }
        for file in dict.fromkeys((*frameworks, *places))
    ]


def _by_file(report: Report, options: Options) -> dict[str, Explanation]:
    """Choose for each file the recipe it was told by: a script may hold several."""
    told = {checked.file: checked.framework for checked in report.files}
    found = {m.file: m for m in options.meanings if told.get(m.file) == m.framework}
    return {**{meaning.file: meaning for meaning in options.meanings}, **found}


def _finding(found: Finding, report: Report) -> dict[str, Any]:
    return {
        "code": found.code,
        "name": found.name,
        "severity": str(found.severity),
        "evidence": found.evidence,
        "message": harmless(found.message),
        "place": harmless(f"{found.place.file}:{found.place.line}:{found.place.column}"),
        "frames": frames(found, report),
        "notes": [harmless(item.label) for item in found.related if item.place is None],
        "why": harmless(found.why),
        "fixes": [harmless(fix.title) + _safety(fix.safety, fix.changes) for fix in found.fixes],
        "url": found.url if found.url.startswith(("https://", "http://")) else "",
    }


def _safety(safety: str, changes: tuple[object, ...]) -> str:
    return f" ({safety} fix)" if changes else ""


def _facts(meaning: Explanation) -> list[dict[str, str]]:
    """Return the numbers that follow from a config, but memory, which is drawn."""
    told = (fact for fact in meaning.derived if fact.is_number and fact.name not in MEMORY)
    return [
        {"name": fact.name, "value": harmless(show(fact.value)), "title": fact.title}
        for fact in told
        if fact.known and fact.value is not None
    ]


def _first(meaning: Explanation) -> str:
    known = {fact.name: fact.value for fact in meaning.derived if fact.known}
    told = ((words, known.get(name)) for name, words in FIRST.items())
    return "; ".join(
        f"{words} {value:,}" if isinstance(value, int) else f"{words} {harmless(show(value))}"
        for words, value in told
        if value is not None
    )
