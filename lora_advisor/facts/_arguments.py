"""Arguments as they are written, also those the vocabulary has no field for: help for facts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._memory import of_last_recipe
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.known import with_flags
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.source.scalars import is_placeholder, is_unknown, plain_value
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.recipe import Recipe, WrittenKey

_SETTINGS = ("Config", "TrainingArguments")
_OF_FILES: Final = frozenset({"config", "config_file", "c"})
"""Flags that name a file in which other flags of the command can stand."""
_MORE: Final = pattern(r"\"?\$(?:[@*]|\{?\w+(?:\[[@*]\])?\}?)\"?|\.{3}|…")
_FLAG: Final = pattern(r"--?[A-Za-z][\w-]*")
_PLACE: Final = pattern(r"<[\w /.-]+>")
"""A place in a command that is to be filled in, which the shell takes for a file."""
_LINE_END: Final = pattern(r"(?<!\\)\n|\Z")
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


def reader_of(recipe: Recipe) -> Framework | None:
    """Return a recipe's format, with the flags of the very script that is run."""
    framework = by_name(recipe.framework)
    return framework and with_flags(framework, recipe.evidence.removeprefix("runs "))


@of_last_recipe
def tells_more(recipe: Recipe) -> bool:
    """Whether settings are also elsewhere: in a file, or what a command's variable or dots mean.

    A variable behind a flag is taken for its value, unless it ends the command.
    """
    if recipe.document.format != "shell":
        return any(key.name == "config_file" for key in recipe.keys)
    if any(key.path in _OF_FILES for key in recipe.keys):
        return True
    command = _command(recipe)
    if _PLACE.search(command):
        return True
    words = command.split()
    behind = [later for word, later in pairwise(words) if not _FLAG.fullmatch(word)]
    return any(_MORE.fullmatch(word) for word in (*behind, *words[-1:]))


def _command(recipe: Recipe) -> str:
    """Return the text from the line of a command's first flag to its end, its lines joined."""
    text = recipe.document.text
    places = [key.key_at.span.start for key in recipe.keys]
    end = _LINE_END.search(text, max(places, default=0))
    start = text.rfind("\n", 0, min(places, default=0)) + 1
    return text[start : end.start() if end else None].replace("\\\n", " ")


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
