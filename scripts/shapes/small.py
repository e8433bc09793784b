"""Tries a template on models as small as those that tests are made of."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from shapes.fields import LAYERS, SIZES
from shapes.trial import agrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapes.base import Base

TRIES, ENOUGH = 120, 12
HEADS, LAYER_COUNTS, OTHERS = (1, 2, 4, 8), (1, 2, 3), (8, 16, 32, 64, 96, 128)
VOCABULARY = (64, 100, 128, 512, 1000, 1024)
KEPT_SIZE = 0.15
"""How often a size stays as the base has it."""


def lowered(template: dict[str, Any], base: Base) -> dict[str, Any]:
    """Return the template with the least sizes it was seen to be right for, as it is if it errs."""
    paths = [p for p, domain in template["fields"].items() if _is_size(p, domain, base)]
    open_ = {**template, "fields": {p: _open(d, p in paths) for p, d in template["fields"].items()}}
    tried = []
    for values in _small(base, paths):
        found = base.probe(values)
        if found is None:
            continue
        if agrees(open_, base.raw(values), found) is not True:
            return template
        tried.append(values)
        if len(tried) == ENOUGH:
            return {**template, "fields": _told(template["fields"], paths, tried)}
    return template


def _is_size(path: str, domain: dict[str, Any], base: Base) -> bool:
    known = "least" in domain and type(base.values.get(path)) is int
    return known and (SIZES.search(path) or LAYERS.search(path)) is not None


def _open(domain: dict[str, Any], whole: bool) -> dict[str, Any]:
    return {**domain, "least": 0} if whole else domain


def _small(base: Base, paths: list[str]) -> Iterator[dict[str, Any]]:
    """Yield configs whose sizes are small, nearly all at once."""
    rng = random.Random(f"{base.model_type} {base.auto_class} small")
    for _ in range(TRIES):
        values = dict(base.values)
        for path in paths:
            if rng.random() > KEPT_SIZE:
                values = base.changed(values, path, rng.choice(_choices(path)))
        yield values


def _choices(path: str) -> tuple[int, ...]:
    name = path.rpartition(".")[2]
    if LAYERS.search(path):
        return LAYER_COUNTS
    if name.endswith("heads"):
        return HEADS
    return VOCABULARY if "vocab" in name else OTHERS


def _told(
    fields: dict[str, Any], paths: list[str], tried: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    least = {path: min(values[path] for values in tried) for path in paths}
    return {
        path: {**domain, "least": min(domain["least"], least[path])} if path in least else domain
        for path, domain in fields.items()
    }
