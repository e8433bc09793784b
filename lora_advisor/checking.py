"""One run: documents become recipes, recipes facts, facts findings, findings a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lora_advisor import ignores, source
from lora_advisor.discover import failure
from lora_advisor.facts import Facts
from lora_advisor.findings import Notice, Report, RuleError, mistake
from lora_advisor.frameworks.companions import launched, link
from lora_advisor.gather import Run, checked_as, read_as
from lora_advisor.judge import Court
from lora_advisor.models.lookup import Lookup
from lora_advisor.record import record, replace
from lora_advisor.rules import load, load_own, select
from lora_advisor.settings import Settings
from lora_advisor.source.errors import SourceError
from lora_advisor.targets import CURRENT, Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lora_advisor.findings import Failure, Finding, Skipped
    from lora_advisor.recipe import Recipe
    from lora_advisor.rules import Rule
    from lora_advisor.source.tree import Document, Text

ABOUT_IGNORES = ("unused-ignore", "unknown-ignore")
"""Rules about ignore comments, judged when all other findings of a file are known."""


def check(text: str | bytes, path: str, settings: Settings | None = None) -> Report:
    """Check one config given as text; ``path`` names it in the report and tells its syntax.

    A text that cannot be read is no exception: the report's ``failures`` say why.

    Raises:
        SelectionError: The settings name a rule that there is not.
        OwnRulesError: A folder of rules that the settings name cannot be used.
    """
    settings = settings or Settings()
    try:
        return check_documents([source.parse(text, path)], settings)
    except SourceError as error:
        return replace(check_documents([], settings), failures=(failure(error),))


def check_documents(documents: Iterable[Document], settings: Settings) -> Report:
    """Check the documents of one run together; files of one launch inform each other."""
    read = [(document, read_as(document, settings)) for document in documents]
    recipes = link(recipe for _, recipes in read for recipe in recipes)
    report = _judged(recipes, settings, {}, {document.path for document, _ in read})
    return replace(report, files=tuple(checked_as(*pair) for pair in read))


def check_paths(
    checked: Iterable[str | Path],
    settings: Settings,
    *,
    stdin: tuple[bytes, str] | None = None,
    found: bool = False,
    meet: Callable[[Recipe, Targets], object] | None = None,
) -> Report:
    """Check files and folders, with the companions they name and the versions around them.

    ``stdin`` is a config given as text, and its name. ``found`` passes over named files that are
    no config (see :func:`lora_advisor.discover.discover`). ``meet`` is shown every recipe that is
    judged, and the versions it is judged for, as no recipe is held afterwards.
    """
    run = Run(checked, settings, stdin=stdin, found=found)
    given = {stdin[1]} if stdin is not None else set()
    report = _told(_judged(run.recipes(), settings, run.targets, given, meet), run)
    return _left_known(report, settings.baseline)


def _left_known(report: Report, file: Path | None) -> Report:
    if file is None:
        return report
    from lora_advisor.baseline import without_known  # few runs have one

    report, left_out, gone = without_known(report, file)
    told = f"holds {gone.total()} findings that are gone (lora-advisor baseline --prune)"
    notices = [Notice(file=str(file), message=told)] if gone else []
    return replace(report, known=left_out, notices=(*report.notices, *notices))


def _judged(
    recipes: Iterable[Recipe],
    settings: Settings,
    targets: Mapping[str, Targets],
    given: set[str],
    meet: Callable[[Recipe, Targets], object] | None = None,
) -> Report:
    """Judge recipes one by one; ``given`` are files whose text is wanted whatever comes of it."""
    every = _every(settings)
    courts = _courts(_selected(every, settings), every)
    outcomes: list[_Outcome] = []
    sources: dict[str, Text] = {}
    for read in recipes:
        recipe = launched(read, settings.processes)
        told = targets.get(recipe.document.path, settings.targets)
        if meet is not None:
            meet(recipe, told)
        outcome = _outcome(recipe, courts, settings, told)
        outcomes.append(outcome)
        if outcome.findings or recipe.document.path in given:
            sources |= {file.path: file.bare() for file in _documents(recipe)}
    return Report(
        files=(),
        findings=_once(finding for outcome in outcomes for finding in outcome.findings),
        skipped=tuple(skipped for outcome in outcomes for skipped in outcome.skipped),
        failures=tuple(failed for outcome in outcomes for failed in outcome.failures),
        assumed=_assumed([*targets.values()] or [settings.targets]),
        suppressed=sum(outcome.suppressed for outcome in outcomes),
        sources=sources,
    )


def _documents(recipe: Recipe) -> set[Document]:
    """Return the documents that findings about a recipe may point into."""
    places = (value.key_at for value in recipe.values.values())
    return {recipe.document, *(at.document for at in places if at is not None)}


def _every(settings: Settings) -> tuple[Rule, ...]:
    """Return all rules there are, whether they run or not."""
    own = [rule for folder in settings.rules for rule in load_own(folder)]
    own += [rule for plugin in settings.plugins for rule in load_own(plugin.cards, plugin)]
    return (*load(), *own)


def _selected(rules: tuple[Rule, ...], settings: Settings) -> tuple[Rule, ...]:
    for selectors in (*settings.per_file_ignores.values(), *settings.per_key_ignores.values()):
        select(rules, selectors, ())  # refuses a selector that means no rule
    return select(
        rules,
        settings.select,
        settings.ignore,
        pedantic=settings.pedantic,
        version=settings.rules_version,
    )


@record
class _Courts:
    """The rules that run, by name, and all there are; those ``about`` comments come last."""

    rules: tuple[Rule, ...]
    by_name: Mapping[str, Rule]
    every: tuple[Rule, ...]
    first: Court
    about: Court


def _courts(rules: tuple[Rule, ...], every: tuple[Rule, ...]) -> _Courts:
    first = Court(rule for rule in rules if rule.name not in ABOUT_IGNORES)
    about = Court(rule for rule in rules if rule.name in ABOUT_IGNORES)
    by_name = {rule.name: rule for rule in rules}
    return _Courts(rules=rules, by_name=by_name, every=every, first=first, about=about)


@record
class _Outcome:
    """What came of one recipe; ``suppressed`` counts what its comments and settings keep quiet."""

    findings: Sequence[Finding] = ()
    skipped: Sequence[Skipped] = ()
    suppressed: int = 0
    failures: Sequence[Failure] = ()


def _outcome(recipe: Recipe, courts: _Courts, settings: Settings, targets: Targets) -> _Outcome:
    """Judge a recipe; one that leads to a mistake of ours fails by itself."""
    try:
        return _check_recipe(recipe, courts, settings, targets)
    except RuleError:
        raise
    except Exception as error:  # noqa: BLE001 - the other files are still checked
        return _Outcome(failures=[mistake(recipe.document.path, error)])


def _check_recipe(
    recipe: Recipe, courts: _Courts, settings: Settings, targets: Targets
) -> _Outcome:
    """Judge by the rules that run; comments may name any there are."""
    modules = lookup(recipe.document.path, settings)
    findings, skipped = courts.first.judge(
        Facts(recipe, targets, modules=modules, gpu=settings.gpu)
    )
    findings, covered = _uncovered(findings, courts.by_name)
    unsaid = covered, skipped
    kept, comments = ignores.apply(findings, unsaid, recipe, settings, (courts.rules, courts.every))
    suppressed = len(findings) - len(kept)
    if comments.unused or comments.unknown:
        kept += courts.about.judge(Facts(recipe, targets, ignores=comments))[0]
    return _Outcome(findings=kept, skipped=skipped, suppressed=suppressed)


def lookup(file: str, settings: Settings) -> Lookup:
    """Return what finds the base model of a config: the one told, or the one the config names."""
    near = Path(file).parent
    return Lookup(given=settings.model, near=near, builds=settings.builds, fetches=settings.fetches)


def _uncovered(
    findings: list[Finding], by_name: Mapping[str, Rule]
) -> tuple[list[Finding], list[Finding]]:
    """Split off findings whose root cause another finding of the same config already states.

    Of a rule that reports members one by one, only those at the covering finding's own key are.
    """
    covering = [(name, found.path) for found in findings for name in by_name[found.name].covers]
    whole = {name for name, _ in covering if name in by_name and by_name[name].each is None}
    kept: list[Finding] = []
    covered: list[Finding] = []
    for found in findings:
        hidden = found.name in whole or (found.name, found.path) in covering
        (covered if hidden else kept).append(found)
    return kept, covered


def _assumed(targets: Sequence[Targets]) -> tuple[tuple[str, str], ...]:
    """Say which release of each package was assumed, and where it was read."""
    ranges = {package: [t.get(package) for t in targets] for package in CURRENT}
    return tuple(
        (package, "; ".join(dict.fromkeys(f"{t.release} ({t.source})" for t in found)))
        for package, found in ranges.items()
    )


def _told(report: Report, run: Run) -> Report:
    """Add what the search has to tell; files it met that are no config are not mentioned."""
    discovery, order = run.discovery, run.position
    files = sorted(run.files, key=lambda checked: order(checked.file))
    strange = [c.file for c in files if c.framework is None and c.file in discovery.named]
    message = "is in no known config format, so it was not checked"
    failures = sorted((*discovery.failures, *report.failures), key=lambda told: order(told.file))
    return replace(
        report,
        files=tuple(c for c in files if c.framework or c.file in discovery.named),
        read=tuple(checked.file for checked in files),
        skipped=tuple(sorted(report.skipped, key=lambda skipped: order(skipped.file))),
        failures=tuple(failures),
        notices=(*discovery.notices, *(Notice(file=name, message=message) for name in strange)),
    )


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort, and say once what several recipes of a script share."""
    seen = {(f.code, f.place, f.message): f for f in findings}
    return tuple(sorted(seen.values(), key=_order))


def _order(finding: Finding) -> tuple[str, int, int, int, str]:
    place = finding.place
    return (place.file, place.line, -finding.severity, place.column, finding.code)
