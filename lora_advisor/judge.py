"""Rules put to one recipe: which hold, where, and which nobody can decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.condition import truth
from lora_advisor.docket import Case, Docket, Usual, answered
from lora_advisor.facts import is_fact
from lora_advisor.findings import Finding, Place, Related, Severity, Skipped
from lora_advisor.offers import offers
from lora_advisor.pattern import pattern
from lora_advisor.recipe import FIELDS, UNKNOWN, Item, Location, Origin, Value
from lora_advisor.render import render
from lora_advisor.wording import is_own, quoted, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lora_advisor.docket import Answer
    from lora_advisor.facts import Facts
    from lora_advisor.recipe import Recipe
    from lora_advisor.rules import Rule
    from lora_advisor.targets import Target

RELATED_LIMIT = 8
"""More places than this explain nothing."""
_ENTRY: Final = pattern(r"\[\d+\]$")
"""What the path of a list's entry ends in."""
_ITSELF: Final[tuple[tuple[None], dict[str, None]]] = (None,), {}
"""What a rule without ``each`` is put to: the recipe, once."""


class Court:
    """Rules that are put to the recipes of a run, one recipe after the other."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._dockets: dict[tuple[str, frozenset[tuple[str, Target]]], Docket] = {}
        self._usual: dict[str, Usual] = {}

    def judge(self, facts: Facts) -> tuple[list[Finding], list[Skipped]]:
        """Put every rule to a recipe; undecided rules are skipped with what would decide them."""
        findings: list[Finding] = []
        skipped: list[Skipped] = []
        case = Case(facts, self._usual.setdefault(facts.recipe.framework, Usual()))
        for rule in case.standing(self._docket(facts)):
            items, reads = _items(rule.each, facts) if rule.each else _ITSELF
            for item in items:
                holds = _holds(rule, case, item, reads)
                if holds is True:
                    findings.append(_finding(rule, facts, item))
                elif holds is UNKNOWN and facts.reasons:
                    skipped.append(_skipped(rule, facts))
        return findings, skipped

    def _docket(self, facts: Facts) -> Docket:
        """Return the rules about a recipe's framework and the releases in use."""
        about = facts.recipe.framework, frozenset(facts.targets.known.items())
        if about not in self._dockets:
            self._dockets[about] = Docket(r for r in self._rules if _concerns(r, facts))
        return self._dockets[about]


def _holds(rule: Rule, case: Case, item: object, read: dict[str, None]) -> object:
    """Join a rule's conditions; the facts then say what they read, in the order of the text."""
    facts, known = case.facts, case.known
    answers: list[Answer] = []
    for condition in rule.when:
        answer = known.get(condition) or answered(condition, facts, _lookup(facts, item))
        if answer.holds is False:
            return False
        answers.append(answer)
    facts.reasons = {why: None for answer in answers for why in answer.reasons}
    if any(answer.holds is UNKNOWN for answer in answers):
        return UNKNOWN
    facts.reads = {**read, **{field: None for answer in answers for field in answer.reads}}
    return True


def _concerns(rule: Rule, facts: Facts) -> bool:
    framework = facts.recipe.framework
    if rule.frameworks and framework not in rule.frameworks:
        return False
    return not rule.holds_for or facts.targets.may_hold(rule.holds_for)


def _items(each: str, facts: Facts) -> tuple[Iterable[object], dict[str, None]]:
    """Return the members a rule is put to one by one, and the fields that gave them."""
    items, reads, _ = facts.derived(each)
    return (items if isinstance(items, (list, tuple)) else ()), reads


def _lookup(facts: Facts, item: object) -> Callable[[str], object]:
    def lookup(name: str) -> object:
        if name.startswith("item."):
            return getattr(item, name.removeprefix("item."), UNKNOWN)
        return facts.get(name)

    return lookup


def _finding(rule: Rule, facts: Facts, item: object) -> Finding:
    reads = _fields(facts)
    value, place = _primary(rule, facts, item, reads)
    return Finding(
        code=rule.code,
        name=rule.name,
        cause=rule.cause,
        severity=_severity(rule, facts, item),
        evidence=rule.evidence,
        place=place,
        path=value.key,
        key=_last(value.key),
        field=_canonical(value, facts.recipe),
        value=raw(facts.recipe, value),
        message=render(rule.message, facts, item),
        why=rule.why,
        url=rule.url,
        related=_related(facts.recipe, reads, place),
        fixes=tuple(offers(rule.fixes, facts, item)),
    )


def _canonical(value: Value, recipe: Recipe) -> str:
    """Return the field of the vocabulary that a blamed value is of, empty where it is of none."""
    own = next((field for field, other in recipe.values.items() if other is value), None)
    key = recipe.first_keys.get(_ENTRY.sub("", value.key))
    return own or (key.field if key is not None else None) or ""


def _severity(rule: Rule, facts: Facts, item: object) -> Severity:
    lowered = ((rule.info_when, Severity.INFO), (rule.warning_when, Severity.WARNING))
    for when, severity in lowered:
        if when is not None and truth(when.function(_lookup(facts, item), facts.about)) is True:
            return severity
    return rule.severity


def _fields(facts: Facts) -> list[str]:
    """Return the fields the condition read, written ones first."""
    values = facts.recipe.values
    read = [field for field in facts.reads if field in values]
    return sorted(read, key=lambda field: not values[field].written)


def _primary(rule: Rule, facts: Facts, item: object, reads: list[str]) -> tuple[Value, Place]:
    recipe = facts.recipe
    if isinstance(item, Item) and "item" in rule.at:
        value = Value(value=item.value, origin=Origin.WRITTEN, key=item.path, key_at=item.at)
        return value, place_of(item.at)
    named = [field for name in rule.at for field in _expanded(name, facts)]
    blamed = next((recipe[field] for field in named if recipe[field].written), None)
    blamed = blamed or (recipe[named[0]] if named else None)
    shown = [blamed] if blamed is not None else []
    shown += [recipe[field] for field in reads]
    written = next((value for value in shown if value.written), None)
    if blamed is not None and not blamed.written:
        written = _neighbour(named[0], reads, recipe) or written
    value = blamed or written or Value(value=None, origin=Origin.WRITTEN, key="")
    return value, _place(written, recipe)


def _neighbour(field: str, reads: list[str], recipe: Recipe) -> Value | None:
    """Return what the file writes in the same group as an unset field, first what was read."""
    group = field.partition(".")[0]
    near = (other for other in [*reads, *recipe.values] if other.partition(".")[0] == group)
    return next((recipe[other] for other in near if recipe[other].written), None)


def _expanded(name: str, facts: Facts) -> list[str]:
    """Return the fields a name of ``at:`` stands for: itself, or what a fact is made of."""
    if name in FIELDS:
        return [name]
    if not is_fact(name):
        return []
    outer, facts.reads = facts.reads, {}
    facts.get(name)
    fields = [field for field in facts.reads if field in FIELDS]
    facts.reads = outer
    return fields


def _place(value: Value | None, recipe: Recipe) -> Place:
    at = (value.value_at or value.key_at) if value is not None else None
    if at is None:
        return Place(file=recipe.document.path, line=1, column=1, end_line=1, end_column=1)
    if at.span.start == at.span.end and value is not None and value.key_at is not None:
        at = value.key_at
    return place_of(at)


def place_of(at: Location) -> Place:
    """Turn a location into file, lines and columns."""
    place = at.document.place(at.span)
    return Place(
        file=at.document.path,
        line=place.line,
        column=place.column,
        end_line=place.end_line,
        end_column=place.end_column,
    )


def _related(recipe: Recipe, reads: list[str], primary: Place) -> tuple[Related, ...]:
    found: list[Related] = []
    for field in reads:
        value = recipe[field]
        place = _place(value, recipe) if value.written else None
        if place is not None and not _holds_place(place, primary):
            label = quoted(recipe, field)
            if label == value.key and value.key_at is not None:  # a call or a block: its name
                place = place_of(value.key_at)
            if all(other.place != place for other in found):
                background = field in ("lora.enabled", "train.enabled")
                found.append(Related(place=place, label=label, background=background))
        elif not value.written and _has_default(recipe, field):
            label = f"{quoted(recipe, field)} ({value.origin.value})"
            found.append(Related(place=None, label=label))
    return tuple(found[:RELATED_LIMIT])


def _holds_place(outer: Place, inner: Place) -> bool:
    """Whether a place is another one or, as a call is to its arguments, around it."""
    begins = (outer.line, outer.column) <= (inner.line, inner.column)
    ends = (outer.end_line, outer.end_column) >= (inner.end_line, inner.end_column)
    return outer.file == inner.file and begins and ends


def _has_default(recipe: Recipe, field: str) -> bool:
    """Whether a field has a known default that the user's format has a word for."""
    value = recipe[field].value
    return value is not None and value is not UNKNOWN and is_own(recipe, field, value)


def _skipped(rule: Rule, facts: Facts) -> Skipped:
    return Skipped(
        file=facts.recipe.document.path,
        code=rule.code,
        name=rule.name,
        reason="; ".join(facts.reasons),
    )


def _last(path: str) -> str:
    return path.rpartition(".")[2].partition("[")[0]
