"""Pages that teach: a rule's card and a parameter, as text and as JSON."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from lora_advisor import rules
from lora_advisor.expression import names
from lora_advisor.reports._text import cells, harmless, painter, wrap
from lora_advisor.reports.json import VERSION, dumped
from lora_advisor.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lora_advisor.parameters import Default, Parameter
    from lora_advisor.reports import Options
    from lora_advisor.rules import Rule

_OF_ITEM: Final = re.compile(r"\{\{\s*item\.\w+\s*\}\}")
"""A slot for a word of the finding at hand."""
_SLOT: Final = re.compile(r"\{\{\s*(?:key\.)?(?:\w+\.)?(\w+)\s*\}\}")


def rule_text(rule: Rule, card: dict[str, Any], options: Options) -> str:
    """Write a rule with its reason, its condition, its repairs and an example of each kind."""
    paint = painter(colour=options.colour)
    lines = [wrap(f"{rule.code} {rule.name}: {rule.summary}", options.width, "", "  "), ""]
    facts = f"{rule.severity}; evidence: {rule.evidence}; {rule.status}, since {rule.since}"
    lines += [wrap(facts, options.width), "", wrap(rule.why, options.width)]
    for heading, paragraphs in _sections(rule, card, options):
        lines += ["", paint(heading, bold=True), *paragraphs]
    return "\n".join(lines) + "\n"


def rule_list(listed: Iterable[Rule], options: Options) -> str:
    """Write one line for each rule: code, severity, name, summary."""
    lines = []
    for rule in listed:
        first = f"{rule.code} {rule.severity!s:<8}{rule.name}: "
        lines.append(wrap(rule.summary, options.width, first, " " * 14))
    return "".join(f"{line}\n" for line in lines)


def rules_json(listed: Iterable[Rule]) -> str:
    """Write rules as one JSON object."""
    return dumped({"version": VERSION, "rules": [_rule(rule) for rule in listed]})


def parameter_text(parameter: Parameter, options: Options) -> str:
    """Write a parameter's page: what it is, which way it pulls, its defaults, its rules."""
    paint = painter(colour=options.colour)
    lines = [wrap(parameter.title, options.width, "", "  "), "", parameter.what.rstrip()]
    sections = (
        (parameter.higher_label, parameter.higher),
        (parameter.lower_label, parameter.lower),
        ("How to choose", parameter.advice),
    )
    for heading, text in sections:
        lines += ["", paint(heading, bold=True), *_indented(text, options)]
    lines += ["", paint("Defaults", bold=True), *_defaults(parameter.defaults, options)]
    found = rules_about(parameter)
    about = [wrap(f"{r.name}: {r.summary}", options.width, f"  {r.code} ") for r in found]
    lines += ["", paint("Rules", bold=True), *about] if about else []
    lines += ["", paint("Sources", bold=True)]
    lines += [f"  {source.title}\n    {source.url}" for source in parameter.sources]
    if parameter.related:
        lines += ["", wrap(f"See also: {', '.join(parameter.related)}.", options.width, "", "  ")]
    return "\n".join(lines) + "\n"


def parameter_json(parameter: Parameter) -> str:
    """Write a parameter's page as one JSON object, its rules by code."""
    codes = [rule.code for rule in rules_about(parameter)]
    return dumped({"version": VERSION, "parameter": {**asdict(parameter), "rules": codes}})


def _sections(
    rule: Rule, card: dict[str, Any], options: Options
) -> Iterator[tuple[str, Sequence[str]]]:
    yield "Reported when", [wrap(str(card["when"]).strip(), options.width, "  ")]
    if rule.holds_for:
        versions = [f"  {package} {spec}" for package, spec in rule.holds_for.items()]
        yield "Holds for", versions
    if rule.fixes:
        titles = [f"{named(fix['title'])} ({fix['safety']})" for fix in rule.fixes]
        yield "Fix", [wrap(title, options.width, "  - ") for title in titles]
    for heading, kind in (("Reported", "bad"), ("Not reported", "good")):
        for example in (card.get("examples") or {}).get(kind, ())[:1]:
            text = harmless(str(example["text"]).rstrip())
            yield f"{heading} ({example['framework']})", [f"  {line}" for line in text.split("\n")]
    if rule.references:
        yield "References", [f"  {address}" for address in rule.references]
    yield "Page", [f"  {rule.url}"]


def named(template: str) -> str:
    """Put names where a template takes values: ``{{ key.lora.r }}`` reads ``r``."""
    return _SLOT.sub(r"\1", _OF_ITEM.sub("…", template))


def _rule(rule: Rule) -> dict[str, Any]:
    hidden = ("when", "guards", "warning_when", "info_when", "at", "each", "message")
    fields = (*rule.__dataclass_fields__, *rules.WORDS)
    data = {name: getattr(rule, name) for name in fields if name not in hidden}
    sets = {name: sorted(data[name]) for name in ("frameworks", "covers")}
    return {**data, **sets, "severity": str(rule.severity), "url": rule.url}


def rules_about(parameter: Parameter) -> list[Rule]:
    """Return the rules that read the parameter's field."""
    return [rule for rule in rules.load() if parameter.field in (*_read(rule), *rule.at)]


def _read(rule: Rule) -> Iterator[str]:
    for condition in rule.when:
        yield from names(condition.tree)


def _indented(text: str, options: Options) -> list[str]:
    return [wrap(text, options.width, "  ")]


def _defaults(defaults: Iterable[Default], options: Options) -> Iterator[str]:
    for default in defaults:
        value = "none" if default.value is None else show(default.value)
        first = f"  {default.framework}: "
        note = f", {default.note}" if default.note else ""
        told = f"{default.key} = {value}{note} ({default.source})"
        yield wrap(told, options.width, first, " " * min(cells(first), 8))
