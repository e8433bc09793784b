"""Files that a config names, as links."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from lora_advisor.discover import companion_paths
from lora_advisor.frameworks.companions import named_paths
from lora_advisor.server.positions import range_of_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygls.workspace import TextDocument

    from lora_advisor.recipe import Recipe
    from lora_advisor.server.state import Look


def links(look: Look, document: TextDocument) -> list[types.DocumentLink]:
    """Give a link for each file beside the config that the config names."""
    return [link for recipe in look.recipes for link in _links(recipe, document)]


def _links(recipe: Recipe, document: TextDocument) -> Iterator[types.DocumentLink]:
    for name in named_paths(recipe):
        found = next(companion_paths([name], recipe.document.path), None)
        span = next(
            (k.value_at.span for k in recipe.keys if getattr(k.node, "text", "") == name), None
        )
        if found is not None and span is not None:
            yield types.DocumentLink(
                range=range_of_span(span.start, span.end, document),
                target=Path(found).absolute().as_uri(),
            )
