"""The claims of the cards, executed: what a bad example does and a good one does not."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from tests.cards import cards
from tests.proofs import claims, memory

if TYPE_CHECKING:
    from pathlib import Path

if not all(importlib.util.find_spec(name) for name in ("peft", "trl")):
    pytest.skip("proofs need the extra 'proofs'", allow_module_level=True)

pytestmark = [pytest.mark.proof, pytest.mark.filterwarnings("default")]

CASES = [
    pytest.param(path, kind, number, id=f"{path.stem}-{kind}-{number}")
    for path, card in cards().items()
    for kind, number in claims.examples(card)
]


@pytest.mark.parametrize(("path", "kind", "number"), CASES)
def test_claim(path: Path, kind: str, number: int, pytestconfig: pytest.Config) -> None:
    card = cards()[path]
    assert card.proof is not None
    example = getattr(card.examples, kind)[number]
    recipe = claims.read(example)
    name = memory.claim(card, kind, example, recipe)
    if not memory.held(pytestconfig, name):
        seen = claims.behaviour(card.proof, example, recipe)
        if seen.shown is None and seen.error is not None:
            raise seen.error
        assert seen.shown is (kind == "bad"), seen.error or "the library takes it"
        memory.keep(pytestconfig, name)
