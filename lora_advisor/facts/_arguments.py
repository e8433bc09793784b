"""Arguments as they are written, also those the vocabulary has no field for: help for facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.frameworks import by_name
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.source.scalars import is_placeholder, is_unknown, plain_value
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe, WrittenKey

_SETTINGS = ("Config", "TrainingArguments")
_SD_SCRIPT: Final = pattern(
    r"runs (?:(?:sdxl|sd3|flux|lumina|hunyuan_image|anima)_)?train_network\.py"
)


def in_script(recipe: Recipe) -> bool:
    """Whether the recipe comes from a Python program, where arguments belong to calls."""
    return recipe.document.format == "python"


def runs_sd_script(recipe: Recipe) -> bool:
    """Whether the recipe is a command that starts a script of kohya which trains a LoRA."""
    return _SD_SCRIPT.fullmatch(recipe.evidence) is not None


def arguments(recipe: Recipe, *names: str) -> Iterator[WrittenKey]:
    """Yield the written keys of these names: of a file's top level, or of a script's settings.

    A name may be dotted to reach into a mapping (``fsdp_config.auto_wrap_policy``).
    """
    if not in_script(recipe):
        yield from (key for key in recipe.keys if key.path in names)
        return
    for key in recipe.keys:
        owner, _, rest = key.path.partition(".")
        if rest in names and owner.endswith(_SETTINGS):
            yield key


def value(recipe: Recipe, key: WrittenKey) -> Any:
    """Return what a key is set to, as the framework reads it; UnknownValueError if unknown."""
    framework = by_name(recipe.framework)
    node = key.node
    unknown = is_unknown(node) or (isinstance(node, Scalar) and is_placeholder(node.text))
    if framework is None or unknown:
        raise UnknownValueError(f"{key.path}: it is filled in later")
    return plain_value(node, framework.scalars)


def stated(recipe: Recipe, name: str, default: object = None) -> Any:
    """Return the value of an argument, the default where it is not written."""
    found = [value(recipe, key) for key in arguments(recipe, name)]
    return found[-1] if found else default


def item(key: WrittenKey, shown: object = None, hint: str = "") -> Item:
    """Return a key as something to report, with what the message shows of it."""
    return Item(path=key.path, at=key.key_at, value=shown, hint=hint)


def calls(recipe: Recipe, *names: str) -> Iterator[WrittenKey]:
    """Yield the calls of a script by these names, each as the key that stands for it."""
    if in_script(recipe):
        yield from (key for key in recipe.keys if key.path in names)


def argument(recipe: Recipe, call: str, name: str) -> WrittenKey | None:
    """Return the argument of a call of a script, None where it is not given."""
    return recipe.first_keys.get(f"{call}.{name}")


def takes_unread(recipe: Recipe, call: str) -> bool:
    """Whether a call is also given a ``**mapping``, which may hold any argument."""
    return argument(recipe, call, "**") is not None
