"""Every example of every card: the bad ones are reported where they say, the good ones are not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from lora_advisor import facts, frameworks
from lora_advisor.cards import schema
from lora_advisor.expression import names, parse
from lora_advisor.findings import Severity
from lora_advisor.recipe import FIELDS
from tests.cards import RULES, cards, check_example

if TYPE_CHECKING:
    from pathlib import Path

    from lora_advisor.cards import Card, Example

PATHS = sorted(RULES.glob("*/*.yaml"))
BAD = [(path, number) for path, card in cards().items() for number in range(len(card.examples.bad))]
GOOD = [
    (path, number) for path, card in cards().items() for number in range(len(card.examples.good))
]

LONGEST = 250
"""Characters of a message: three lines and a bit of a terminal."""


def label(value: object) -> str:
    return getattr(value, "stem", str(value))


@pytest.mark.parametrize(("path", "number"), BAD, ids=label)
def test_bad_example_is_reported_where_it_says(path: Path, number: int) -> None:
    card = cards()[path]
    example = card.examples.bad[number]
    report = check_example(example)
    found = [finding for finding in report.findings if finding.code == card.id]
    assert found, [(finding.name, finding.message) for finding in report.findings]
    assert not report.failures
    if example.at is not None:
        assert example.at in {finding.path for finding in found}
    if example.severity is not None:
        assert {str(finding.severity) for finding in found} == {example.severity}
    assert all(finding.place.line >= 1 for finding in found)
    assert all(len(finding.message) <= LONGEST for finding in found), found[0].message


@pytest.mark.parametrize(("path", "number"), GOOD, ids=label)
def test_good_example_gives_no_error_and_no_warning(path: Path, number: int) -> None:
    card = cards()[path]
    report = check_example(card.examples.good[number])
    assert report.files[0].framework is not None
    loud = [finding for finding in report.findings if finding.severity >= Severity.WARNING]
    assert [(finding.name, finding.message) for finding in loud] == []
    assert card.id not in {finding.code for finding in report.findings}


@pytest.mark.parametrize("path", PATHS, ids=label)
def test_card_is_well_formed(path: Path) -> None:
    card = cards()[path]
    assert path.stem == card.name
    known = {*FIELDS, *facts.functions()}
    read = {*names(parse(card.when)), *([card.each] if card.each else [])}
    assert {name for name in read if not name.startswith("item.")} <= known
    places = [card.at] if isinstance(card.at, str) else card.at
    assert set(places) <= {*known, "item"}
    assert all(name in FIELDS for fix in card.fix for name in fix.set)
    assert {example.framework for example in _examples(card)} <= _framework_names()
    assert set(card.frameworks) <= _framework_names()
    assert card.covers == sorted(set(card.covers) & {other.name for other in cards().values()})
    assert not re.search(r"\b(no|not|dis\w+)-", card.name), "a name says what is bad"


def _examples(card: Card) -> list[Example]:
    return [*card.examples.bad, *card.examples.good]


def _framework_names() -> set[str]:
    return {framework.name for framework in frameworks.frameworks()}


def test_codes_and_names_are_unique_and_codes_follow_areas() -> None:
    all_cards = cards()
    assert len({card.id for card in all_cards.values()}) == len(all_cards)
    assert len({card.name for card in all_cards.values()}) == len(all_cards)
    areas: dict[str, set[str]] = {}
    for path, card in all_cards.items():
        areas.setdefault(path.parent.name, set()).add(card.id[2])
    assert all(len(digits) == 1 for digits in areas.values()), areas
    assert len({next(iter(digits)) for digits in areas.values()}) == len(areas)


def test_schema_file_is_current() -> None:
    """Rewrite it with ``python scripts/write_docs.py``."""
    assert json.loads((RULES / "rule.schema.json").read_text("utf-8")) == schema()
