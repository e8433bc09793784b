"""What stands under a path of the file: help for facts of formats with keys of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.draft import TYPED
from lora_advisor.recipe import UNKNOWN, Item, Location, UnknownValueError
from lora_advisor.record import replace
from lora_advisor.source.scalars import flag_value, is_placeholder, plain_value
from lora_advisor.source.tree import Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.source.scalars import Resolver

_TYPED: Final[dict[str, Resolver]] = {**TYPED, "shell": flag_value}
"""Documents whose scalars have a type of their own, whatever reads them; a command's have none."""


def key_at(recipe: Recipe, path: str) -> WrittenKey | None:
    """Return the key written under a path, None if there is none.

    kohya's loader flattens the sections of a file away, so there the name alone counts.
    """
    found = recipe.first_keys.get(path)
    if found is None and recipe.framework == "kohya":
        return recipe.first_names.get(path)
    return found


def value_at(recipe: Recipe, path: str) -> object:
    """Return the plain value under a path, None if nothing is written there.

    Raises UnknownValueError where the value is filled in later.
    """
    key, framework = key_at(recipe, path), by_name(recipe.framework)
    if key is None or framework is None:
        return None
    if isinstance(key.node, Scalar) and is_placeholder(key.node.text):
        raise UnknownValueError(f"{path}: its value is filled in later")
    resolver = _TYPED.get(recipe.document.format, framework.scalars)
    value: object = plain_value(key.node, resolver)
    if value is UNKNOWN:
        raise UnknownValueError(f"{path} is not known")
    return value


def item_at(recipe: Recipe, path: str, value: object = None, hint: str = "") -> Item | None:
    """Return a written key as something to report, None if it is not there."""
    key = key_at(recipe, path)
    if key is None:
        return None
    return Item(path=path, at=key.key_at, value=value, hint=hint)


def texts_at(recipe: Recipe, path: str) -> tuple[Item, ...]:
    """Return the texts of a written list, each at its own place; one text is a list of it.

    A command line may hold the list in brackets (``model.lora_attn_modules=[q_proj,v_proj]``).
    """
    key = key_at(recipe, path)
    nodes = key.node.items if key is not None and isinstance(key.node, Sequence) else ()
    if key is not None and isinstance(key.node, Scalar):
        nodes = _in_brackets(key.node)
    document = recipe.document
    return tuple(
        Item(
            path=f"{path}[{index}]",
            at=Location(document=document, span=node.span),
            value=node.text,
        )
        for index, node in enumerate(nodes)
        if isinstance(node, Scalar)
    )


def _in_brackets(node: Scalar) -> tuple[Scalar, ...]:
    if node.text[:1] != "[" or node.text[-1:] != "]":
        return (node,)
    parts = (part.strip().strip("\"'") for part in node.text[1:-1].split(","))
    return tuple(replace(node, text=part) for part in parts if part)
