"""Formulas over the fields of a config, as templates hold them."""

from __future__ import annotations

from typing import Any

import pytest

from lora_advisor.models import formula
from lora_advisor.models.formula import OpenError, value

FIELDS = {"hidden": 768, "ff": 10240, "step": 256, "layers": 12, "shared": 4, "none": 0}
TWO_THIRDS = ["^", ["//", ["*", 2, "ff"], 3], "step"]


@pytest.mark.parametrize(
    ("part", "size"),
    [
        (TWO_THIRDS, 6912),
        (["//", ["^", "hidden", 16], 16], 48),
        (["^", "step", "step"], 256),
        (["-", "layers", "shared"], 8),
    ],
)
def test_an_atom_may_be_reckoned_from_others(part: Any, size: int) -> None:
    assert value(["+", [1, part]], FIELDS, ()) == size


@pytest.mark.parametrize("kind", ["//", "^"])
def test_nothing_is_divided_by_zero(kind: str) -> None:
    with pytest.raises(OpenError):
        value(["+", [1, [kind, "hidden", "none"]]], FIELDS, ())


def test_the_last_layers_may_be_told_from_the_others() -> None:
    question = ["<", ["@", 0], ["-", "layers", "shared"]]
    assert [formula.test(question, FIELDS, (layer,)) for layer in (0, 7, 8, 11)] == [
        True,
        True,
        False,
        False,
    ]
