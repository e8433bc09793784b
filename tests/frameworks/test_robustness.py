"""Whatever stands where a value is expected, a format is read without a crash."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor import frameworks
from lora_advisor.recipe import FIELDS
from lora_advisor.source import parse

if TYPE_CHECKING:
    from lora_advisor.frameworks.interface import Framework

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**30,
    1.5,
    float("inf"),
    "",
    "auto",
    "none",
    "2e-4",
    "1_000",
    "${VAR}",
    "a,b",
    [],
    [None],
    [{}],
    [["a"], ["b"]],
    [1, "a", {"b": []}],
    {},
    {"a": {"b": [1]}},
    {"value": {"default": {"r": 1}}},
)


def tree(paths: list[str], value: Any) -> dict[str, Any]:
    """Build the document that has a value under every path; shorter paths give way."""
    root: dict[str, Any] = {}
    for path in sorted(paths, key=lambda path: path.count(".")):
        *sections, name = path.replace("[]", "").split(".")
        place = root
        for section in sections:
            below = place.get(section)
            if not isinstance(below, dict):
                below = place[section] = {}
            place = below
        place[name] = deepcopy(value)
    return root


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize(
    "framework",
    [found for found in frameworks.frameworks() if found.keys],
    ids=lambda one: one.name,
)
def test_any_value_under_every_key(framework: Framework, value: Any) -> None:
    paths = [path for path in framework.keys if path.count(".") <= 1]
    text = json.dumps(tree(paths, value))
    for recipe in frameworks.read(parse(text, "config.yaml"), framework):
        assert set(recipe.values) == set(FIELDS)
    for recipe in frameworks.read(parse(text, "config.json")):
        assert set(recipe.values) == set(FIELDS)


@pytest.mark.parametrize("name", [found.name for found in frameworks.frameworks()])
@pytest.mark.parametrize("text", ["", "[]", "1", "a: 1", "a: {b: c}", "a: &x {b: 1}\nc: *x"])
def test_any_document(name: str, text: str) -> None:
    forced = frameworks.by_name(name)
    for recipe in frameworks.read(parse(text, "config.yaml"), forced):
        assert recipe.framework == name
