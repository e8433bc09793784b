"""Executes the claims of all cards with whatever releases are installed, with a verdict on each.

    python -m tests.proofs.verdicts OUT.json [CODE ...]

OUT.json gets the releases and, by rule code, ``holds`` (the bad examples behave as the card says
and the good ones do not), ``differs`` (an example behaves the other way) or ``unclear`` with the
error that came instead.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cards import cards
from tests.proofs import claims

if TYPE_CHECKING:
    from collections.abc import Collection

    from lora_advisor.cards import Card

PACKAGES = ("peft", "transformers", "trl")


def main(out: Path, codes: Collection[str]) -> None:
    """Write the verdicts of the cards with these codes, or of all."""
    found = {
        card.id: verdict(card)
        for card in cards().values()
        if claims.examples(card) and (not codes or card.id in codes)
    }
    releases = {name: importlib.metadata.version(name) for name in PACKAGES}
    text = json.dumps({"releases": releases, "verdicts": found}, indent=1, sort_keys=True)
    out.write_text(text + "\n", "utf-8")


def verdict(card: Card) -> str:
    """Return ``holds``, ``differs`` or ``unclear: ERROR`` for a card with a proof that runs."""
    assert card.proof is not None
    seen = []
    for kind, number in claims.examples(card):
        example = getattr(card.examples, kind)[number]
        behaviour = claims.behaviour(card.proof, example, claims.read(example))
        if behaviour.shown is None:
            return f"unclear: {_words(behaviour.error)}"
        seen.append(behaviour.shown is (kind == "bad"))
    return "holds" if all(seen) else "differs"


def _words(error: BaseException | None) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}"[:160]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
