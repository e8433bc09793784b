"""Rule cards as the program runs them: loaded from one index, selected by code, name or area."""

from __future__ import annotations

import json
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.findings import Severity
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.expression import Tree

PACKAGE: Final = Path(__file__).parent
INDEX: Final = PACKAGE / "rules_index.json"
CHECKOUT: Final = PACKAGE.parent / "rules"
SITE: Final = "https://github.com/lora-advisor/lora-advisor/blob/main/docs/rules"


class SelectionError(ValueError):
    """A selector that names no rule, category or area."""


@record
class Rule:
    """One rule: what a card says, with its conditions as nested lists."""

    code: str
    name: str
    area: str
    since: str
    status: str
    severity: Severity
    evidence: str
    cause: str | None
    summary: str
    when: Tree
    at: tuple[str, ...]
    message: str
    why: str
    references: tuple[str, ...] = ()
    each: str | None = None
    warning_when: Tree | None = None
    pedantic: bool = False
    frameworks: frozenset[str] = frozenset()
    holds_for: dict[str, str] = field(default_factory=dict)
    covers: frozenset[str] = frozenset()
    fixes: tuple[dict[str, Any], ...] = ()

    @property
    def url(self) -> str:
        """Address of the rule's page."""
        return f"{SITE}/{self.name}.md"


@cache
def load() -> tuple[Rule, ...]:
    """Load every rule in the order of codes: from the wheel's index, else from the cards."""
    entries = json.loads(INDEX.read_text("utf-8")) if INDEX.exists() else index(CHECKOUT)
    return tuple(_rule(entry) for entry in entries)


def index(folder: Path) -> list[dict[str, Any]]:
    """Read the cards under a folder into what the index stores, sorted by code."""
    entries = [_entry(path) for path in sorted(folder.glob("*/*.yaml"))]
    return sorted(entries, key=lambda entry: str(entry["code"]))


def read_card(path: Path) -> dict[str, Any]:
    """Read one card as plain data."""
    import yaml  # noqa: PLC0415 - the wheel's index needs no YAML

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    card: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506
    return card


def card(rule: Rule) -> dict[str, Any]:
    """Read the card that a rule was made from: its condition as text, its examples."""
    folder = PACKAGE / "rules_data"
    return read_card((folder if folder.is_dir() else CHECKOUT) / rule.area / f"{rule.name}.yaml")


def _entry(path: Path) -> dict[str, Any]:
    from lora_advisor.expression import parse  # noqa: PLC0415

    card = read_card(path)
    at = card["at"]
    lowered = card.get("warning-when")
    return {
        "code": card["id"],
        "area": path.parent.name,
        "severity": card["severity"],
        "when": parse(str(card["when"])),
        "warning_when": parse(str(lowered)) if lowered else None,
        "at": [at] if isinstance(at, str) else at,
        "holds_for": card.get("holds-for") or {},
        "fixes": card.get("fix") or [],
        **{name: card[name].strip() for name in ("message", "why", "summary")},
        **{name: card[name] for name in ("name", "since", "status", "evidence")},
        **{name: card.get(name) for name in ("cause", "each")},
        **{name: card.get(name) or [] for name in ("references", "frameworks", "covers")},
        "pedantic": card.get("pedantic", False),
    }


def _rule(entry: dict[str, Any]) -> Rule:
    return Rule(
        **{
            **entry,
            "severity": Severity[entry["severity"].upper()],
            "at": tuple(entry["at"]),
            "references": tuple(entry["references"]),
            "frameworks": frozenset(entry["frameworks"]),
            "covers": frozenset(entry["covers"]),
            "fixes": tuple(entry["fixes"]),
        }
    )


def select(
    rules: Iterable[Rule], chosen: Iterable[str], ignored: Iterable[str], *, pedantic: bool = False
) -> tuple[Rule, ...]:
    """Keep the rules that selectors admit; the most specific selector that fits a rule decides.

    A selector is a code, a prefix of codes (``LA2``), a name, an area or ``ALL``. Preview and
    pedantic rules run when a selector names them, or all of them on request.
    """
    rules = tuple(rules)
    chosen, ignored = tuple(chosen), tuple(ignored)
    for selector in (*chosen, *ignored):
        if not any(_weight(rule, selector) for rule in rules):
            raise SelectionError(f"no rule, area or prefix is called {selector!r}")
    return tuple(rule for rule in rules if _selected(rule, chosen, ignored, pedantic=pedantic))


def _selected(
    rule: Rule, chosen: tuple[str, ...], ignored: tuple[str, ...], *, pedantic: bool
) -> bool:
    quiet = rule.status == "preview" or (rule.pedantic and not pedantic)
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
