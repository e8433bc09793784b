"""The written entries of a list, each at its own place: help for facts that report them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, Item, Location
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.recipe import Recipe

_PLAIN: Final = pattern(r"[A-Za-z_]\w*(\.\w+)*(?<!\.weight)(?<!\.bias)")


def is_plain_name(name: str) -> bool:
    """Whether an entry can be a module's name: no pattern, no several names, no shorthand."""
    shorthand = re.sub(r"[-_ ]", "", name.lower()) in ("all", "alllinear", "alllinears")
    return _PLAIN.fullmatch(name) is not None and not shorthand


def entries(recipe: Recipe, field: str, test: Callable[[str], bool]) -> tuple[Item, ...]:
    """Return the entries of a written list that pass a test, each at its own place."""
    value = recipe[field]
    if not isinstance(value.value, list) or value.key_at is None or UNKNOWN in value.value:
        return ()
    node = next((key.node for key in reversed(recipe.keys) if key.path == value.key), None)
    nodes = node.items if isinstance(node, Sequence) else ()
    own = len(nodes) == len(value.value)
    found = []
    for index, name in enumerate(value.value):
        if isinstance(name, str) and test(name):
            at = value.value_at or value.key_at
            if own:
                at = Location(document=at.document, span=nodes[index].span)
            path = f"{value.key}[{index}]" if own else value.key
            found.append(Item(path=path, at=at, value=name))
    return tuple(found)
