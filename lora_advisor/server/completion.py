"""Keys that the format knows and that are not written yet, and words a value may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from lora_advisor import frameworks, parameters
from lora_advisor.frameworks.known import known_keys
from lora_advisor.server.words import words

if TYPE_CHECKING:
    from pygls.workspace import TextDocument

    from lora_advisor.recipe import Recipe
    from lora_advisor.server.state import Look

_KEY: Final = re.compile(r"""["']?[\w.\-]*$""")
_VALUE: Final = re.compile(r"""^\s*["']?([\w.\-]+)["']?\s*[:=]\s*["']?[\w.\-]*$""")


def completions(
    look: Look, document: TextDocument, position: types.Position
) -> list[types.CompletionItem]:
    """Complete a key at the top level of a YAML or TOML file, or the value behind one."""
    lines = document.lines
    at = document.position_codec.position_from_client_units(lines, position)
    before = (lines[at.line] if at.line < len(lines) else "")[: at.character]
    value = _VALUE.match(before)
    if value is not None:
        return [item for recipe in look.recipes for item in _values(recipe, value[1])]
    if _KEY.fullmatch(before) and look.path.endswith((".yaml", ".yml", ".toml")):
        return [item for recipe in look.recipes[:1] for item in _keys(recipe)]
    return []


def _keys(recipe: Recipe) -> list[types.CompletionItem]:
    framework = frameworks.by_name(recipe.framework)
    if framework is None:
        return []
    written = {key.path for key in recipe.keys}
    living = [key for key in known_keys(framework).values() if key.until is None]
    return [
        types.CompletionItem(
            label=key.name,
            kind=types.CompletionItemKind.Property,
            detail=key.type,
            documentation=_documentation(key.name),
            insert_text=f"{key.name}: ",
        )
        for key in living
        if key.name not in written
    ]


def _documentation(name: str) -> str | None:
    page = parameters.load(name)
    return page.what if page is not None else None


def _values(recipe: Recipe, name: str) -> list[types.CompletionItem]:
    fields = [key.field for key in recipe.keys if key.name == name and key.field]
    return [
        types.CompletionItem(label=word, kind=types.CompletionItemKind.EnumMember)
        for field in fields[:1]
        for word in words(field)
    ]
