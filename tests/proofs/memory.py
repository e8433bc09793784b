"""Which claims have held before, so that only what changed is executed again.

A claim is known by its card's proof, by what its example says, by the code of the proofs and by the
releases it was executed with; pytest keeps it in its own cache (``--cache-clear`` forgets all).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from lora_advisor.cards import Card, Example
    from lora_advisor.recipe import Recipe

PACKAGES = ("peft", "transformers", "trl", "bitsandbytes", "torch", "accelerate")


def claim(card: Card, kind: str, example: Example, recipe: Recipe) -> str:
    """Return the name under which a claim is remembered."""
    values = sorted(
        f"{field}={value.value!r} {value.origin.value}" for field, value in recipe.values.items()
    )
    keys = sorted(key.path for key in recipe.keys)
    said = [repr(card.proof), kind, example.text, recipe.framework, *values, *keys]
    return _digest([*said, *_surroundings()])


def held(config: pytest.Config, name: str) -> bool:
    """Whether a claim has held before."""
    assert config.cache is not None
    return bool(config.cache.get(f"proofs/{name}", False))


def keep(config: pytest.Config, name: str) -> None:
    """Remember that a claim held."""
    assert config.cache is not None
    config.cache.set(f"proofs/{name}", True)


@cache
def _surroundings() -> tuple[str, ...]:
    releases = [f"{name}=={importlib.metadata.version(name)}" for name in PACKAGES]
    code = sorted(Path(__file__).parent.glob("*.py"))
    return (*releases, *(path.read_text("utf-8") for path in code))


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
