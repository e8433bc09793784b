"""The claims of the cards, executed: what a bad example does and a good one does not."""

from __future__ import annotations

import importlib
import importlib.util
import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor import frameworks, source
from tests.cards import FILE_NAMES, cards
from tests.proofs import memory

if TYPE_CHECKING:
    from pathlib import Path

    from lora_advisor.cards import Card, Example
    from lora_advisor.recipe import Recipe

if not all(importlib.util.find_spec(name) for name in ("peft", "trl")):
    pytest.skip("proofs need the extra 'proofs'", allow_module_level=True)

pytestmark = [pytest.mark.proof, pytest.mark.filterwarnings("default")]

CASES = [
    pytest.param(path, kind, number, id=f"{path.stem}-{kind}-{number}")
    for path, card in cards().items()
    if card.proof is not None and card.proof.run is not None
    for kind in ("bad", "good")
    for number, example in enumerate(getattr(card.examples, kind))
    if not example.target and not example.with_files
]


@pytest.mark.parametrize(("path", "kind", "number"), CASES)
def test_claim(path: Path, kind: str, number: int, pytestconfig: pytest.Config) -> None:
    card = cards()[path]
    example = getattr(card.examples, kind)[number]
    recipe = _recipe(example)
    name = memory.claim(card, kind, example, recipe)
    if not memory.held(pytestconfig, name):
        _prove(card, example, recipe, bad=kind == "bad")
        memory.keep(pytestconfig, name)


def _prove(card: Card, example: Example, recipe: Recipe, *, bad: bool) -> None:
    assert card.proof is not None
    if card.proof.raises is not None:
        _raises(card, example, recipe, expected=bad)
    else:
        observations = importlib.import_module("tests.proofs.observations")
        observe = getattr(observations, str(card.proof.shows))
        assert observe(_act(card, example, recipe)) is bad


def _raises(card: Card, example: Example, recipe: Recipe, *, expected: bool) -> None:
    assert card.proof is not None
    error = _error(card, example, recipe)
    assert (error is not None) is expected, error or "the library takes it"
    if error is not None:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        assert card.proof.raises in kinds, repr(error)
        assert re.search(card.proof.says or "", str(error)), repr(error)


def _error(card: Card, example: Example, recipe: Recipe) -> Exception | None:
    try:
        _act(card, example, recipe)
    except Exception as error:  # noqa: BLE001 - whatever is raised is compared with the claim
        return error
    return None


def _recipe(example: Example) -> Recipe:
    name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
    document = source.parse(example.text, name)
    (recipe, *_) = frameworks.read(document, frameworks.by_name(example.framework))
    return recipe


def _act(card: Card, example: Example, recipe: Recipe) -> Any:
    assert card.proof is not None
    acts = importlib.import_module("tests.proofs.acts")  # torch and all: only if it has to run
    act = getattr(acts, str(card.proof.run))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return act(acts.Attempt(recipe=recipe, text=example.text))
