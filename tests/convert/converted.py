"""Real configs written in another format, for tests that put what is written to its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor import frameworks, source
from lora_advisor.convert import convert, writers
from lora_advisor.convert.writer import ConvertError
from lora_advisor.source.errors import SourceError
from tests.frameworks.corpus import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.convert import Converted
    from lora_advisor.recipe import Recipe

FOLDERS = ("axolotl", "llamafactory", "alignment-handbook", "ms-swift", "mlx-lm", "torchtune")


def converted(name: str, each: int) -> Iterator[tuple[str, Recipe, Converted]]:
    """Yield every n-th config of some formats that can be written as ``name``."""
    for folder in FOLDERS:
        for path in files(folder)[::each]:
            try:
                recipes = frameworks.read(source.parse(path.read_bytes(), path.name))
            except SourceError:
                continue
            for recipe in recipes[:1]:
                if recipe["lora.enabled"].value is not True:
                    continue
                try:
                    yield path.name, recipe, convert(recipe, writers()[name])
                except ConvertError:
                    continue
