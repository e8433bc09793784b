"""The ledger of known traps: which rule finds each one, or why none does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lora_advisor.cards import Card

_HEAD = """# Known traps and the rules that find them

Generated from `constraints:` of the cards and from `rules/coverage.yaml`. A key names one thing
that can go wrong with a LoRA fine-tuning; each has a rule, or the reason why a reader of configs
says nothing about it.

{covered} traps are found by {rules} rules; {left} are left alone.

## Found

| trap | rules |
| --- | --- |
"""
_LEFT = """
## Left alone

| trap | why |
| --- | --- |
"""


def reasons(rules: Path) -> dict[str, str]:
    """Read why no rule finds a trap, by the trap's key."""
    found: dict[str, Any] = yaml.safe_load((rules / "coverage.yaml").read_text("utf-8"))
    return {str(slug): str(reason) for slug, reason in found.items()}


def found_by(cards: Iterable[Card]) -> dict[str, list[Card]]:
    """Return the cards that find each trap, in the order of their codes."""
    found: dict[str, list[Card]] = {}
    for card in sorted(cards, key=lambda card: card.id):
        for slug in card.constraints:
            found.setdefault(slug, []).append(card)
    return dict(sorted(found.items()))


def page(cards: Iterable[Card], left: dict[str, str]) -> str:
    """Return the ledger as Markdown; ValueError if a trap is both found and left alone."""
    found = found_by(cards)
    if both := sorted(set(found) & set(left)):
        raise ValueError(f"found by a card and in rules/coverage.yaml: {', '.join(both)}")
    rules = {card.id for named in found.values() for card in named}
    head = _HEAD.format(covered=len(found), rules=len(rules), left=len(left))
    rows = (f"| `{slug}` | {', '.join(map(_link, named))} |" for slug, named in found.items())
    others = (f"| `{slug}` | {reason} |" for slug, reason in sorted(left.items()))
    return head + "\n".join(rows) + "\n" + _LEFT + "\n".join(others) + "\n"


def _link(card: Card) -> str:
    return f"[{card.id}](rules/{card.name}.md)"
