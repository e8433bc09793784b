"""Whatever stands in a config, converting it ends in a text or in a sentence."""

from __future__ import annotations

from contextlib import suppress
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, source
from lora_advisor.convert import convert, writers
from lora_advisor.convert.writer import ConvertError
from tests.cards import FILE_NAMES, cards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lora_advisor.cards import Card
    from lora_advisor.recipe import Recipe


@pytest.mark.parametrize(
    ("number", "path"), list(enumerate(cards())), ids=[path.stem for path in cards()]
)
def test_examples_of_rules_are_converted_or_refused(number: int, path: Path) -> None:
    others = islice(cycle(sorted(writers())), number % len(writers()), None)
    for recipe, to in zip(recipes(cards()[path]), others, strict=False):
        with suppress(ConvertError):
            assert convert(recipe, writers()[to]).text


def recipes(card: Card) -> Iterator[Recipe]:
    """Read the examples of a rule."""
    for example in (*card.examples.bad, *card.examples.good):
        name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
        yield from frameworks.read(source.parse(example.text, name))


@pytest.mark.parametrize("rank", [0, -8])
def test_a_scale_needs_a_rank(rank: int) -> None:
    text = f'{{"peft_type": "LORA", "r": {rank}, "lora_alpha": 16, "use_rslora": true}}'
    (recipe,) = frameworks.read(source.parse(text, "adapter_config.json"))
    with pytest.raises(ConvertError, match="divided by the rank"):
        convert(recipe, writers()["mlx-lm"])
