"""A user's config in the terms of a template, and where a template does not hold."""

from __future__ import annotations

from typing import Any

import pytest

from lora_advisor.models.canonical import canonical

TEMPLATE: dict[str, Any] = {
    "fields": {"layers": {"words": [], "least": 1}, "shared_layers": {"words": [], "least": 0}},
    "fixed": {"scale": 1.0},
    "defaults": {"layers": 4, "shared_layers": 0, "scale": 1.0},
    "watched": ["inner_size"],
    "alias": {"n_layer": "layers"},
    "sections": {"": ["some"]},
    "order": [["shared_layers", "layers"]],
}


@pytest.mark.parametrize(
    ("config", "holds"),
    [
        ({}, True),
        ({"n_layer": 8, "shared_layers": 8}, True),
        ({"layers": 8, "shared_layers": 9}, False),
        ({"scale": 2.0}, False),
        ({"inner_size": 5}, False),
        ({"layers": 0}, False),
    ],
)
def test_a_template_holds_only_where_it_was_tried(config: dict[str, Any], holds: bool) -> None:
    assert (canonical(config, TEMPLATE) is not None) is holds
