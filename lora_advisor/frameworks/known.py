"""Which keys a format's loader takes at each place of a file, and in which releases."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import schemas
from lora_advisor.frameworks.draft import KEPT
from lora_advisor.record import replace
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.frameworks.schemas import Keys
    from lora_advisor.recipe import Recipe, WrittenKey

_CALLS: Final = {
    "LoraConfig": "peft",
    "TrainingArguments": "transformers",
    "Seq2SeqTrainingArguments": "transformers",
    "BitsAndBytesConfig": "transformers",
}
"""Calls of a script whose arguments are known, and their package; those of TRL are added."""
_OF_ONE_COMMAND: Final = frozenset(
    f"{command}Config" for command in ("SFT", "DPO", "GRPO", "KTO", "Reward", "RLOO", "ORPO", "CPO")
)
_FLAT: Final = ("kohya",)
"""Formats whose loader flattens sections away, so that their names mean nothing."""
_BY_SCRIPT: Final = ("autotrain", "diffusers", "openrlhf")
"""Formats that are the flags of several scripts."""
_REACHING: Final = ("litgpt",)
"""Formats whose flags reach into the sections of their files."""
_CLOSE: Final = 0.8
_SLIPS: Final = 2
_SHORT: Final = 5


def known_keys(framework: Framework, method: object = None) -> Keys:
    """Return the keys of a format's top level in any release; those of its command, if named."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for package, owners in framework.schema:
        own = f"{method}config" if isinstance(method, str) else ""
        one = {owner for owner in owners if owner in _OF_ONE_COMMAND and owner.lower() == own}
        others = _OF_ONE_COMMAND - one if one else frozenset()
        found.append((package, tuple(owner for owner in owners if owner not in others)))
    return schemas.joined(*found)


@lru_cache(KEPT)
def with_flags(framework: Framework, program: str) -> Framework:
    """Let a format know the flags of the very script or module that is run, where they are listed.

    Its scripts differ in their flags.
    """
    script = program.removesuffix(".py").rpartition(".")[2]
    package = framework.package or framework.name
    if framework.name not in _BY_SCRIPT or script not in schemas.owners(package):
        return framework
    return replace(framework, schema=((package, (script,)),), on_unknown="raises")


def placed_keys(
    recipe: Recipe, framework: Framework, method: object = None
) -> Iterator[tuple[WrittenKey, Keys]]:
    """Yield every written key with the keys that are known at its place.

    Sections that take anything (a dict handed on to a library) are passed over, and so are flags
    that reach into sections by dotted names.
    """
    if recipe.document.format == "shell" and framework.name == "torchtune":
        return
    is_script = recipe.document.format == "python"
    sections = _calls(recipe, framework) if is_script else {"": known_keys(framework, method)}
    flat, reaching = framework.name in _FLAT, framework.name in _REACHING
    for key in recipe.keys if any(sections.values()) else ():
        name = key.key.text
        parent = "" if flat or name == key.path else _without_indices(parent_of(key))
        here = sections.get(parent)
        if here is None or name == "**" or name[:1] == "[":
            continue  # a place that takes anything, or an argument without a name
        if (flat and isinstance(key.node, Mapping)) or (reaching and "." in name):
            continue  # the name of a section
        yield key, here
        inner = _section(here.get(name))
        if inner and not _is_of_another(key, framework):
            sections[_without_indices(key.path)] = inner


def outcome_of(key: WrittenKey, framework: Framework) -> str:
    """Say what becomes of an unknown key: raises, drops or warns.

    ``BitsAndBytesConfig`` logs its unknown arguments at a level that nobody sees.
    """
    if framework.name == "torchtune" and "." in key.path:  # a component gets its section
        return "raises"
    if framework.on_unknown != "unchecked":
        return framework.on_unknown
    return "drops" if key.path.startswith("BitsAndBytesConfig") else "raises"


def parent_of(key: WrittenKey) -> str:
    """Return the path of the section that a key stands in, empty for the top level."""
    return key.path[: len(key.path) - len(key.name)].rstrip(".")


def _calls(recipe: Recipe, framework: Framework) -> dict[str, Keys]:
    """Return the calls of a script whose arguments are known.

    A script may have a class of its own by such a name, and unsloth changes TRL's when imported.
    """
    packages = dict(_CALLS)
    if framework.name != "unsloth":
        packages |= dict.fromkeys(_OF_ONE_COMMAND, "trl")
    written = {key.path for key in recipe.keys}
    return {
        name: schemas.keys(package, name)
        for name, package in packages.items()
        if name in written and f"class {name}" not in recipe.document.text
        if not _is_of_others(name, recipe.document.text)
    }


def _is_of_others(name: str, text: str) -> bool:
    """Whether a script imports a class of that name from another package (``swift``)."""
    found = re.search(
        rf"^\s*from (?!peft\b|trl\b|transformers\b|unsloth\b)([\w.]+) import "
        rf"(?:\([^)]*|[^\n(]*)(?<!as )\b{name}\b(?! as)",
        text,
        re.MULTILINE,
    )
    return found is not None


def _section(key: schemas.Key | None) -> Keys:
    """Return what a section takes, nothing where older releases took anything."""
    if key is None or not key.models or key.name == "fsdp_config":
        return schemas.joined()
    try:
        return schemas.keys(key.package, *key.models)
    except KeyError:  # a model that the key lists do not describe
        return schemas.joined()


def _is_of_another(key: WrittenKey, framework: Framework) -> bool:
    """Whether a section names a component that is not the framework's own to describe."""
    named = key.node.get("_component_") if isinstance(key.node, Mapping) else None
    return isinstance(named, Scalar) and not named.text.startswith(f"{framework.package}.")


def _without_indices(path: str) -> str:
    if "[" not in path:
        return path
    return ".".join(part.partition("[")[0] for part in path.split("."))


def nearest_living(name: str, keys: Keys) -> str:
    """Return the key that another is a slip of, of those that the newest release still knows."""
    alike = (key for key in keys if abs(len(key) - len(name)) <= _SLIPS)
    return nearest(name, frozenset(key for key in alike if keys[key].until is None))


@cache
def nearest(name: str, names: frozenset[str]) -> str:
    """Return the name that another is a slip of: case, dash, or at most two letters; or none.

    Numbers are no slips: ``text_encoder2`` is another program's own, ``bnb_8bit_quant_type`` an
    invention beside ``bnb_4bit_quant_type``.
    """
    by_folded = {_folded(known): known for known in names}
    folded = _folded(name)
    if folded in by_folded:
        return by_folded[folded]
    if len(folded) < _SHORT or folded.rstrip("0123456789") in by_folded:
        return ""
    from difflib import get_close_matches  # only for a key nobody knows

    alike = [known for known in by_folded if abs(len(known) - len(folded)) <= _SLIPS]
    near = get_close_matches(folded, alike, n=1, cutoff=_CLOSE)
    meant = bool(near) and _digits(folded) == _digits(near[0]) and _slips(folded, near[0]) <= _SLIPS
    return by_folded[near[0]] if meant else ""


def _folded(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _digits(name: str) -> str:
    return "".join(sign for sign in name if sign.isdigit())


def _slips(left: str, right: str) -> int:
    """Count the letters to insert, drop, replace or swap with a neighbour between two words."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        above, row = row, [i]
        for j, other in enumerate(right, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]


@lru_cache(KEPT)
def spellings(framework: Framework) -> dict[str, str]:
    """Return every top-level key of a format with the canonical field it feeds."""
    return {
        path: target if isinstance(target, str) else target.field
        for path, target in framework.keys.items()
        if "." not in path and "[" not in path
    }
