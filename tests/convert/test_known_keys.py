"""Every key that is written is one the format's current release knows."""

from __future__ import annotations

import pytest

from lora_advisor import frameworks, source
from lora_advisor.facts import config_keys, config_versions
from lora_advisor.targets import Targets
from tests.convert.converted import converted


@pytest.mark.parametrize("name", ["axolotl", "llamafactory", "mlx-lm", "ms-swift", "torchtune"])
def test_written_keys_are_known(name: str) -> None:
    seen = 0
    for origin, _, made in converted(name, each=6):
        for recipe in frameworks.read(source.parse(made.text, made.file)):
            strange = [key.path for key in config_keys.strange_keys(recipe)]
            gone = [key.path for key in config_versions.removed_arguments(recipe, Targets())]
            assert (strange, gone) == ([], []), origin
            seen += 1
    assert seen >= 5
