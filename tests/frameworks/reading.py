"""Help for the tests of formats: a recipe from text, and the text a place spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor import frameworks
from lora_advisor.source import parse

if TYPE_CHECKING:
    from lora_advisor.recipe import Location, Recipe


def recipe(text: str, path: str = "config.yaml") -> Recipe:
    """Read the one recipe of a text."""
    (found,) = frameworks.read(parse(text, path))
    return found


def framework(text: str, path: str = "config.yaml") -> str:
    """Return the name of the format that a text is taken for, empty for none."""
    found = frameworks.read(parse(text, path))
    return found[0].framework if found else ""


def spanned(location: Location | None) -> str:
    """Return the text that a location spans."""
    assert location is not None
    return location.document.text[location.span.start : location.span.end]
