"""The calls of a script in the order in which they stand, also those a recipe leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import in_script
from lora_advisor.facts._memory import of_last_recipe
from lora_advisor.frameworks.python_flow import argument, identity
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, Location
from lora_advisor.source.python_made import made_by
from lora_advisor.source.scalars import CHOICE, is_unknown
from lora_advisor.source.tree import Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Node

_GIVEN: Final = pattern(r"\s*(\w+)\s*=[^=]")
_LOADED: Final = pattern(r"(?:Auto)?PeftModel(?:For\w+)?")


@of_last_recipe
def script_calls(recipe: Recipe) -> tuple[Entry, ...]:
    """Return every call of a script that is kept; none of another format's file."""
    roots = recipe.document.roots if in_script(recipe) else ()
    entries = (entry for root in roots if isinstance(root, Mapping) for entry in root.entries)
    return tuple(entry for entry in entries if entry.key.text != CHOICE)


def called(recipe: Recipe, *names: str) -> list[Entry]:
    """Return the calls of these names."""
    return [call for call in script_calls(recipe) if call.key.text in names]


def in_branch(recipe: Recipe, start: int) -> bool:
    """Whether a place stands in a branch that the program may pass over."""
    roots = (root for root in recipe.document.roots if isinstance(root, Mapping))
    choices = (entry.value for root in roots for entry in root.entries if entry.key.text == CHOICE)
    blocks = (block for one in choices if isinstance(one, Sequence) for block in one.items)
    return any(block.span.start <= start < block.span.end for block in blocks)


def text_of(node: Node | None) -> str:
    """Return a text, empty for any other value and for one that is not known."""
    return node.text if isinstance(node, Scalar) and not is_unknown(node) else ""


def written_as(recipe: Recipe, node: Node) -> str:
    """Return an expression as it stands in the program."""
    return recipe.document.text[node.span.start : node.span.end]


def owner_of(recipe: Recipe, call: Entry) -> str:
    """Return what a method is called on, as it stands (``trainer.model``)."""
    of = argument(call, "of")
    return written_as(recipe, of) if of is not None else ""


def assigned_to(recipe: Recipe, call: Entry) -> str:
    """Return the name that a call's result is given, empty if there is none."""
    text = recipe.document.text
    start = max(text.rfind("\n", 0, call.key.span.start), text.rfind('"', 0, call.key.span.start))
    found = _GIVEN.match(text, start + 1)
    return found[1] if found is not None else ""


def is_adapted(node: Node | None) -> bool:
    """Whether a value is a model that ``get_peft_model`` made or that was loaded adapted."""
    made = made_by(node)
    return made is not None and ("peft_config" in made or loads_adapter(made))


def loads_adapter(made: Mapping) -> bool:
    """Whether a call loads an adapted model (``PeftModel.from_pretrained``)."""
    return "on" not in made and _LOADED.fullmatch(text_of(made.get("of"))) is not None


def is_same(one: Node | None, other: Node | None) -> bool:
    """Whether two values are known to be made by the same call."""
    first, second = made_by(one), made_by(other)
    if first is None or second is None:
        return False
    return bool(identity(first)) and identity(first) == identity(second)


def call_item(recipe: Recipe, call: Entry, hint: str = "", value: object = None) -> Item:
    """Return a call as something to report."""
    at = Location(document=recipe.document, span=call.key.span)
    return Item(path=call.key.text, at=at, value=value, hint=hint)
