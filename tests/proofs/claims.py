"""What the installed libraries do with an example of a card, put against the card's claim."""

from __future__ import annotations

import importlib
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lora_advisor import frameworks, source
from tests.cards import FILE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.cards import Card, Example, Proof
    from lora_advisor.recipe import Recipe

ACTS = ("tests.proofs.acts", "tests.proofs.acts_trl", "tests.proofs.acts_stage")
OBSERVATIONS = ("tests.proofs.observations", "tests.proofs.observations_runs")


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What happened: ``shown`` tells whether it was what the claim says of a bad example.

    It is None where something else went wrong, which ``error`` then is.
    """

    shown: bool | None
    error: BaseException | None = None


def examples(card: Card) -> list[tuple[str, int]]:
    """Return kind and number of the examples of a card that say all that its proof needs."""
    if card.proof is None or card.proof.run is None:
        return []
    return [
        (kind, number)
        for kind in ("bad", "good")
        for number, example in enumerate(getattr(card.examples, kind))
        if not example.target and not example.with_files
    ]


def read(example: Example) -> Recipe:
    """Read an example as its framework's file."""
    name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
    document = source.parse(example.text, name)
    (recipe, *_) = frameworks.read(document, frameworks.by_name(example.framework))
    return recipe


def behaviour(proof: Proof, example: Example, recipe: Recipe) -> Behaviour:
    """Do with an example what its framework would do, and watch."""
    try:
        result = _act(proof, example, recipe)
        return Behaviour(shown=proof.raises is None and _observed(proof, result))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - put against the claim, whatever it is
        return Behaviour(shown=True if _as_claimed(proof, error) else None, error=error)


def _act(proof: Proof, example: Example, recipe: Recipe) -> Any:
    act = _named(str(proof.run), ACTS)
    attempt = importlib.import_module("tests.proofs.acts").Attempt
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return act(attempt(recipe=recipe, text=example.text))


def _observed(proof: Proof, result: Any) -> bool:
    return bool(_named(str(proof.shows), OBSERVATIONS)(result))


def _named(name: str, modules: tuple[str, ...]) -> Callable[[Any], Any]:
    """Find a function of the proofs; torch and all are imported only here, if it has to run."""
    for module in modules:
        found: Callable[[Any], Any] | None = getattr(importlib.import_module(module), name, None)
        if found is not None:
            return found
    raise AttributeError(f"none of {', '.join(modules)} has {name}")


def _as_claimed(proof: Proof, error: BaseException) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return proof.raises in kinds and re.search(proof.says or "", str(error)) is not None
