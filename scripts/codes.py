"""The list of every rule that ever was, so that no code and no name is given to another one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.cards import Card

FILE: Final = Path(__file__).parent.parent / "rules" / "codes.txt"


class ReusedError(Exception):
    """A code or a name that belongs to another rule."""


def listed(text: str) -> dict[str, str]:
    """Read the list: names by code."""
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return dict(lines)


def extended(text: str, cards: Iterable[Card]) -> str:
    """Add new rules to the list; :class:`ReusedError` for one that takes what is another's."""
    names = listed(text)
    codes = {name: code for code, name in names.items()}
    for card in cards:
        if names.get(card.id, card.name) != card.name:
            raise ReusedError(f"{card.id} is the code of {names[card.id]}, not of {card.name}")
        if codes.get(card.name, card.id) != card.id:
            raise ReusedError(f"{card.name} is the name of {codes[card.name]}, not of {card.id}")
        names[card.id] = card.name
    head = "# Code and name of every rule that ever was: nothing here is changed or taken out.\n"
    return head + "".join(f"{code} {names[code]}\n" for code in sorted(names))
