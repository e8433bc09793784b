"""Facts of ``rank_pattern`` and ``alpha_pattern``: entries that do not do what they say.

A key is a regular expression for the end of a module's path, and the first key that fits a module
decides. Source: ``peft.utils.other.get_pattern_key``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts.lora import scaled
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.recipe import Lora, Recipe

_PATTERNS: Final = ("lora.rank_pattern", "lora.alpha_pattern")
_PLAIN: Final = pattern(r"[\w.]+")
_CHEAP: Final = pattern(r"[\w\\.]*(\.\*[\w\\.]*){0,2}")
"""Keys that can be tried on a name in no time: a stranger's pattern may take for ever."""
_OPEN_INDEX: Final = pattern(r"\.([12])\.[*+]")
_CLEAR_CHANGE: Final = 2.0
"""From this factor on a changed scaling counts."""


def nonpositive_ranks(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Entries of ``rank_pattern`` below 1."""
    found = (name for name, rank in _numbers(lora.rank_pattern) if rank < 1)
    return _items(recipe, "lora.rank_pattern", found)


def zero_alphas(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Entries of ``alpha_pattern`` that are 0."""
    found = (name for name, alpha in _numbers(lora.alpha_pattern) if alpha == 0)
    return _items(recipe, "lora.alpha_pattern", found)


def shadowed_patterns(recipe: Recipe) -> tuple[Item, ...]:
    """Plain names whose modules an earlier key with another value takes; the value is that key."""
    found: list[Item] = []
    for field in _PATTERNS:
        entries = _numbers(recipe[field].value)
        for index, (name, number) in enumerate(entries):
            before = _taker(name, number, entries[:index])
            found.extend(_items(recipe, field, [name] if before else [], before))
    return tuple(found)


def open_index_patterns(recipe: Recipe) -> tuple[Item, ...]:
    """Keys such as ``layers.1.*q_proj``, which fit layers 10 to 19, too; the value is the digit."""
    found: list[Item] = []
    for field in _PATTERNS:
        for name, _ in _numbers(recipe[field].value):
            index = _OPEN_INDEX.search(name)
            if index is not None:
                found.extend(_items(recipe, field, [name], index.group(1)))
    return tuple(found)


def rescaled_ranks(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Ranks that change their modules' scaling twofold under the one alpha; the value is the new.

    Empty with an ``alpha_pattern``: its author has thought of it.
    """
    if lora.alpha_pattern:
        return ()
    stable = lora.use_rslora
    usual = scaled(lora.lora_alpha, lora.r, rank_stabilised=stable)
    found: list[Item] = []
    for name, rank in _numbers(lora.rank_pattern):
        own = scaled(lora.lora_alpha, int(rank), rank_stabilised=stable) if rank >= 1 else usual
        if max(own, usual) >= _CLEAR_CHANGE * min(own, usual) > 0:
            found.extend(_items(recipe, "lora.rank_pattern", [name], own))
    return tuple(found)


def lacks_rank(recipe: Recipe) -> bool:
    """Whether no rank reaches PEFT: the format has no default, or the key is empty."""
    return recipe["lora.r"].value is None


def lacks_alpha(recipe: Recipe) -> bool:
    """Whether no alpha reaches PEFT: the format has no default, or the key is empty."""
    return recipe["lora.lora_alpha"].value is None


def has_negative_layer(lora: Lora) -> bool:
    """Whether ``layers_to_transform`` names a layer below 0, which none is."""
    layers = lora.layers_to_transform
    listed = layers if isinstance(layers, list) else [layers]
    return any(isinstance(layer, int) and layer < 0 for layer in listed)


def _taker(name: str, number: float, earlier: Iterable[tuple[str, float]]) -> str:
    """Return the earlier key that takes every module of a plain name, with another value."""
    if not _PLAIN.fullmatch(name):
        return ""
    for key, other in earlier:
        if _fits(key, name):
            return key if other != number else ""
    return ""


def _fits(key: str, name: str) -> bool:
    if not _CHEAP.fullmatch(key):
        return False
    try:
        return re.match(rf"(.*\.)?({key})$", name) is not None
    except re.error:
        return False


def _numbers(pattern: object) -> list[tuple[str, float]]:
    entries = pattern.items() if isinstance(pattern, dict) else ()
    return [(str(name), value) for name, value in entries if _is_number(value)]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _items(
    recipe: Recipe, field: str, names: Iterable[str], value: object = None
) -> tuple[Item, ...]:
    return tuple(_located(recipe, field, names, value))


def _located(recipe: Recipe, field: str, names: Iterable[str], value: object) -> Iterator[Item]:
    """Yield an item at each entry's own key, or at the whole mapping where that has none."""
    whole = recipe[field]
    entries = whole.value if isinstance(whole.value, dict) else {}
    for name in names:
        path = f"{whole.key}.{name}"
        own = next((key for key in recipe.keys if key.path == path), None)
        at = own.key_at if own is not None else whole.key_at
        if at is not None:
            shown = entries.get(name, UNKNOWN) if value is None else value
            yield Item(path=path, at=at, value=shown)
