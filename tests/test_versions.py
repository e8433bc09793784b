"""What each rule says of releases agrees with what its proof did with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import version_matrix

from lora_advisor.targets import from_options
from tests.cards import cards

CARDS = {card.id: card for card in cards().values()}
RELEASES = Path(__file__).parent / "proofs" / "releases"
OTHERWISE = {
    "LA004": "tells the removed arguments of each release from its own list",
    "LA223": "speaks of the inits of the newest release, which knows the most",
    "LA352": "speaks of the default targets of the newest release, which has the most",
    "LA270": "its model has experts as parameters with transformers 5 only",
    "LA271": "its model has experts as parameters with transformers 5 only",
    "LA319": "its model has experts as parameters with transformers 5 only",
    "LA446": "its proof reaches the check of newer releases only; from_pretrained had it before",
    "LA407": "its older bitsandbytes has no quantisation on the CPU, which the proof needs",
}
"""Rules whose proofs behave otherwise with older releases though what they say is true there."""


def generation(name: str) -> tuple[list[str], dict[str, str]]:
    text = json.loads((RELEASES / f"{name}.json").read_text("utf-8"))
    return [f"{package}={release}" for package, release in text["releases"].items()], text[
        "verdicts"
    ]


@pytest.mark.parametrize("name", version_matrix.generations())
def test_rules_hold_where_they_say(name: str) -> None:
    releases, verdicts = generation(name)
    targets = from_options(releases)
    spoken = {
        code
        for code, verdict in verdicts.items()
        if verdict == "differs" and code in CARDS and targets.may_hold(CARDS[code].holds_for)
    }
    assert spoken <= OTHERWISE.keys()


@pytest.mark.parametrize("name", version_matrix.generations())
def test_rules_are_not_silent_where_their_claim_holds(name: str) -> None:
    releases, verdicts = generation(name)
    targets = from_options(releases)
    silent = {
        code
        for code, verdict in verdicts.items()
        if verdict == "holds" and code in CARDS and not targets.may_hold(CARDS[code].holds_for)
    }
    assert silent == set()


def test_the_page_is_current() -> None:
    assert version_matrix.PAGE.read_text("utf-8") == version_matrix.page()
