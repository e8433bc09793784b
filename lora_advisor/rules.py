"""Rule cards as the program runs them: loaded from one index, selected by code, name or area."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from lora_advisor import stored
from lora_advisor.condition import Condition, bound
from lora_advisor.findings import Severity
from lora_advisor.recipe import FIELDS
from lora_advisor.record import field, record, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from lora_advisor.condition import Tree
    from lora_advisor.plugins import Plugin

T = TypeVar("T")

CHECKOUT: Final = Path(__file__).parent.parent / "rules"
SITE: Final = "https://github.com/lora-advisor/lora-advisor/blob/main/docs/rules"


class OwnRulesError(Exception):
    """A folder of rules that cannot be used; the message names the file and what is wrong."""


class SelectionError(ValueError):
    """A selector that names no rule, category or area."""


class _Word(Generic[T]):
    """A text of a rule: read from the second half of the index when first asked for."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, rule: Rule, _owner: type | None = None) -> T:
        words = _texts(rule.code) if rule.words is None else rule.words
        return self._read(words.get(self._name))


def _or_none(text: str | None) -> str | None:
    return text


@record
class Rule:
    """One rule: what decides whether it holds, and the texts of its card.

    ``when`` are conditions that hold together, in the order of the card's text; ``guards`` those
    of them that speak of no ``item``, the cheapest first. A rule that is not ours has its texts
    with it (``words``) and its card in ``folder``.
    """

    code: str
    name: str
    area: str
    status: str
    severity: Severity
    when: tuple[Condition, ...]
    guards: tuple[Condition, ...]
    each: str | None = None
    warning_when: Condition | None = None
    info_when: Condition | None = None
    pedantic: bool = False
    frameworks: frozenset[str] = frozenset()
    holds_for: dict[str, str] = field(default_factory=dict)
    covers: frozenset[str] = frozenset()
    folder: Path | None = None
    words: Mapping[str, Any] | None = None

    since = _Word(str)
    evidence = _Word(str)
    cause = _Word(_or_none)
    summary = _Word(str)
    message = _Word(str)
    why = _Word(str)
    at = _Word[tuple[str, ...]](tuple)
    references = _Word[tuple[str, ...]](tuple)
    fixes = _Word[tuple[dict[str, Any], ...]](tuple)

    @property
    def url(self) -> str:
        """Address of the rule's page; of one that is not ours its first reference."""
        if self.folder is not None:
            return self.references[0]
        return f"{SITE}/{self.name}.md"


WORDS: Final = tuple(name for name, value in vars(Rule).items() if isinstance(value, _Word))
"""The texts of a rule that are read only when there is something to say."""


@cache
def load() -> tuple[Rule, ...]:
    """Load every rule in the order of codes: from the wheel's index, else from the cards."""
    data = _index()
    conditions = [Condition(tree) for tree in data["conditions"]]
    return tuple(_rule(entry, conditions) for entry in data["rules"])


@cache
def load_own(folder: Path, plugin: Plugin | None = None) -> tuple[Rule, ...]:
    """Load the rules of a folder whose cards have been validated: a team's, or a plugin's."""
    functions = plugin.functions if plugin is not None else {}
    data = index(folder, functions)
    conditions = [Condition(bound(tree, functions)) for tree in data["conditions"]]
    return tuple(
        replace(_rule(entry, conditions), folder=folder, words=data["words"][entry["code"]])
        for entry in data["rules"]
    )


@cache
def _index() -> Mapping[str, Any]:
    return _Stored() if Path(stored.FOLDER).is_dir() else index(CHECKOUT)


@cache
def _texts(code: str) -> Mapping[str, Any]:
    """Return the texts of one rule; a wheel's are read line by line, as they are asked for."""
    data = _index()
    if isinstance(data, _Stored):
        return _words(stored.line("cards", *data["places"][code]))
    found: Mapping[str, Any] = data["words"][code]
    return found


class _Stored(dict[str, Any]):
    """The index of a wheel: each part is read when it is first asked for."""

    def __missing__(self, part: str) -> Any:
        self[part] = stored.part(part)
        return self[part]


def index(folder: Path, functions: Collection[str] = ()) -> dict[str, Any]:
    """Read the cards under a folder into what a build stores.

    ``conditions`` has every part of a condition once, ``rules`` what judging needs with numbers
    for conditions, ``words`` the texts by code. ``functions`` may be called beside the language's.
    """
    cards = sorted(cards_of(folder), key=lambda card: str(card["id"]))
    numbers: dict[str, int] = {}
    rules = [_entry(card, numbers, functions) for card in cards]
    return {
        "conditions": [json.loads(tree) for tree in numbers],
        "rules": rules,
        "words": {card["id"]: _words(card) for card in cards},
    }


def cards_of(folder: Path) -> Iterator[dict[str, Any]]:
    """Read every card of a folder as plain data, with its area."""
    for path in folder.glob("*/*.yaml"):
        yield {**read_card(path), "area": path.parent.name}


def read_card(path: Path) -> dict[str, Any]:
    """Read one card as plain data."""
    import yaml  # the wheel's index needs no YAML

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    card: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506
    return card


def card(rule: Rule) -> dict[str, Any]:
    """Read the card that a rule was made from: its condition as text, its examples."""
    data = _index() if rule.folder is None else {}
    if isinstance(data, _Stored):
        found: dict[str, Any] = stored.line("cards", *data["places"][rule.code])
        return found
    return read_card((rule.folder or CHECKOUT) / rule.area / f"{rule.name}.yaml")


def _entry(
    card: dict[str, Any], numbers: dict[str, int], functions: Collection[str]
) -> dict[str, Any]:
    """Keep what decides a rule, conditions as numbers; what is empty is left out."""
    from lora_advisor.expression import conjuncts, parse  # a wheel needs neither

    def number(tree: Tree) -> int:
        return numbers.setdefault(json.dumps(tree), len(numbers))

    parts = conjuncts(parse(str(card["when"]), functions))
    entry = {
        "code": card["id"],
        "when": [number(tree) for tree in parts],
        "guards": [number(tree) for tree in sorted(parts, key=_cost) if _cost(tree) < _OF_ITEM],
        **{
            name.replace("-", "_"): number(parse(str(card[name]), functions))
            for name in ("warning-when", "info-when")
            if name in card
        },
        "holds_for": card.get("holds-for"),
        **{name: card[name] for name in ("name", "area", "status", "severity")},
        **{name: card.get(name) for name in ("each", "pedantic", "frameworks", "covers")},
    }
    return {name: value for name, value in entry.items() if value not in (None, [], False, {})}


_OF_ITEM: Final = 2


def _cost(tree: Tree) -> int:
    """Rate a condition: 0 reads fields only, 1 derives facts, 2 waits for the members of a list."""
    from lora_advisor.expression import names

    read = list(names(tree))
    if any(name.startswith("item.") for name in read):
        return _OF_ITEM
    return int(any(name not in FIELDS for name in read))


def _words(card: dict[str, Any]) -> dict[str, Any]:
    at = card["at"]
    return {
        **{name: card[name].strip() for name in ("message", "why", "summary")},
        **{name: card[name] for name in ("since", "evidence")},
        "cause": card.get("cause"),
        "at": [at] if isinstance(at, str) else at,
        "references": card.get("references") or [],
        "fixes": card.get("fix") or [],
    }


def _rule(entry: dict[str, Any], conditions: list[Condition]) -> Rule:
    lowers = {
        name: conditions[entry[name]] for name in ("warning_when", "info_when") if name in entry
    }
    return Rule(
        code=entry["code"],
        name=entry["name"],
        area=entry["area"],
        status=entry["status"],
        severity=_SEVERITIES[entry["severity"]],
        when=tuple([conditions[number] for number in entry["when"]]),
        guards=tuple([conditions[number] for number in entry.get("guards", ())]),
        each=entry.get("each"),
        **lowers,
        pedantic=entry.get("pedantic", False),
        frameworks=frozenset(entry.get("frameworks", ())),
        holds_for=entry.get("holds_for", {}),
        covers=frozenset(entry.get("covers", ())),
    )


_SEVERITIES: Final = {str(severity): severity for severity in Severity}


def select(
    rules: Iterable[Rule],
    chosen: Iterable[str],
    ignored: Iterable[str],
    *,
    pedantic: bool = False,
    version: str | None = None,
) -> tuple[Rule, ...]:
    """Keep the rules that selectors admit; the most specific selector that fits a rule decides.

    A selector is a code, a prefix of codes (``LA2``), a name, an area or ``ALL``. Preview and
    pedantic rules run when a selector names them, or all of them on request; so do rules that came
    after ``version``.

    Raises:
        SelectionError: A selector means no rule.
    """
    rules = tuple(rules)
    chosen, ignored = tuple(chosen), tuple(ignored)
    for selector in (*chosen, *ignored):
        if not any(_weight(rule, selector) for rule in rules):
            raise SelectionError(f"no rule, area or prefix is called {selector!r}")
    kept = (rule for rule in rules if _selected(rule, chosen, ignored, pedantic=pedantic))
    if version is None:
        return tuple(kept)
    return tuple(r for r in kept if not _later(r, version) or {r.code, r.name} & {*chosen})


def _later(rule: Rule, version: str) -> bool:
    """Whether one of our rules came after a release, as far as the release is spelled out."""
    wanted = [int(part) for part in version.split(".")]
    since = [int(part) for part in rule.since.split(".")] if rule.folder is None else []
    return since[: len(wanted)] > wanted


def _selected(
    rule: Rule, chosen: tuple[str, ...], ignored: tuple[str, ...], *, pedantic: bool
) -> bool:
    quiet = rule.status == "preview" or (rule.pedantic and not pedantic)
    if not chosen and not ignored:
        return not quiet and rule.status != "removed"
    default = 0 if quiet else 1
    wanted = max((_weight(rule, selector) for selector in chosen), default=default)
    if quiet and wanted < _EXACT and not (pedantic and rule.pedantic):
        return False
    unwanted = max((_weight(rule, selector) for selector in ignored), default=0)
    return rule.status != "removed" and wanted > 0 and wanted >= unwanted


_EXACT: Final = 100


def _weight(rule: Rule, selector: str) -> int:
    """Say how specifically a selector means a rule; 0: not at all."""
    if selector in (rule.code, rule.name):
        return _EXACT
    if selector == "ALL":
        return 1
    if selector == rule.area:
        return 2
    return len(selector) if rule.code.startswith(selector) else 0


def means(selector: str, rule: Rule) -> bool:
    """Whether a selector (code, prefix, name, area, ``ALL``) means a rule."""
    return _weight(rule, selector) > 0


def find(rules: Iterable[Rule], wanted: str) -> Rule | None:
    """Return the rule of that code or name."""
    return next((rule for rule in rules if wanted in (rule.code, rule.name)), None)
