"""The ledger of known traps: each one has a rule or a reason, and never both."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cards import RULES, cards

CATALOGUE = Path(__file__).parent.parent.parent / "shared" / "constraints.yaml"


def reasons() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((RULES / "coverage.yaml").read_text("utf-8"))
    return found


def found() -> set[str]:
    return {slug for card in cards().values() for slug in card.constraints}


def test_no_trap_is_found_and_left_alone() -> None:
    assert not found() & set(reasons())


def test_most_traps_are_found() -> None:
    rules = [card for card in cards().values() if card.constraints]
    assert len(found()) >= 330
    assert len(rules) >= 220


def test_every_reason_is_words() -> None:
    assert all(len(reason.split()) >= 4 for reason in reasons().values())


def test_the_catalogue_is_complete() -> None:
    if not CATALOGUE.exists():
        pytest.skip("the catalogue is not at hand")
    slugs = {entry["slug"] for entry in yaml.safe_load(CATALOGUE.read_text("utf-8"))}
    assert slugs == found() | set(reasons())
