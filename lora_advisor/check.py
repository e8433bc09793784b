"""One run: documents become recipes, recipes facts, facts findings, findings a report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lora_advisor import frameworks, ignores, source
from lora_advisor.facts import Facts
from lora_advisor.findings import Checked, Failure, Finding, Report, Skipped
from lora_advisor.frameworks.companions import link
from lora_advisor.judge import judge
from lora_advisor.rules import load, select
from lora_advisor.settings import Settings
from lora_advisor.source.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lora_advisor.recipe import Recipe
    from lora_advisor.rules import Rule
    from lora_advisor.source.tree import Document

ABOUT_IGNORES = ("unused-ignore", "unknown-ignore")
"""Rules about ignore comments, judged when all other findings of a file are known."""


def check(text: str | bytes, path: str, settings: Settings | None = None) -> Report:
    """Check one config given as text; ``path`` names it in the report and tells its syntax."""
    try:
        documents = [source.parse(text, path)]
        failures: list[Failure] = []
    except SourceError as error:
        documents, failures = [], [failure(error)]
    return check_documents(documents, settings or Settings(), failures)


def failure(error: SourceError) -> Failure:
    """Turn a syntax error into the line a report prints for it."""
    return Failure(
        file=error.path, message=error.message, line=error.line or 1, column=error.column or 1
    )


def check_documents(
    documents: Sequence[Document], settings: Settings, failures: Iterable[Failure] = ()
) -> Report:
    """Check the documents of one run together; files of one launch inform each other."""
    forced = frameworks.by_name(settings.framework) if settings.framework else None
    recipes = [recipe for document in documents for recipe in frameworks.read(document, forced)]
    rules = select(load(), settings.select, settings.ignore, pedantic=settings.pedantic)
    outcomes = [_check_recipe(recipe, rules, settings) for recipe in link(recipes)]
    return Report(
        files=tuple(_checked(document, recipes) for document in documents),
        findings=tuple(sorted((f for o in outcomes for f in o[0]), key=_order)),
        skipped=tuple(skipped for outcome in outcomes for skipped in outcome[1]),
        failures=tuple(failures),
        assumed=_assumed(settings),
        suppressed=sum(outcome[2] for outcome in outcomes),
    )


def _check_recipe(
    recipe: Recipe, rules: tuple[Rule, ...], settings: Settings
) -> tuple[list[Finding], list[Skipped], int]:
    facts = Facts(recipe, settings.targets)
    first = [rule for rule in rules if rule.name not in ABOUT_IGNORES]
    findings, skipped = judge(first, facts)
    findings = _uncovered(findings, rules)
    kept, comments = ignores.apply(findings, skipped, recipe, settings, rules)
    last = [rule for rule in rules if rule.name in ABOUT_IGNORES]
    about, _ = judge(last, Facts(recipe, settings.targets, ignores=comments))
    return kept + about, skipped, len(findings) - len(kept)


def _uncovered(findings: list[Finding], rules: tuple[Rule, ...]) -> list[Finding]:
    """Drop findings whose root cause another finding of the same config already states."""
    found = {finding.name for finding in findings}
    covered = {name for rule in rules if rule.name in found for name in rule.covers}
    return [finding for finding in findings if finding.name not in covered]


def _checked(document: Document, recipes: list[Recipe]) -> Checked:
    own = next((recipe for recipe in recipes if recipe.document is document), None)
    if own is None:
        return Checked(file=document.path, framework=None, evidence="no sign of a known format")
    return Checked(file=document.path, framework=own.framework, evidence=own.evidence)


def _assumed(settings: Settings) -> tuple[tuple[str, str], ...]:
    from lora_advisor.targets import CURRENT  # noqa: PLC0415

    targets = ((package, settings.targets.get(package)) for package in CURRENT)
    return tuple((package, f"{target.high} ({target.source})") for package, target in targets)


def _order(finding: Finding) -> tuple[str, int, int, int, str]:
    place = finding.place
    return (place.file, place.line, -finding.severity, place.column, finding.code)


def with_findings(report: Report, findings: Iterable[Finding]) -> Report:
    """Return a report with other findings in place of its own."""
    return replace(report, findings=tuple(findings))
