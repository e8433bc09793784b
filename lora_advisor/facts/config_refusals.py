"""Facts of words outside a fixed choice, and of combinations that a loader refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.facts import _project
from lora_advisor.facts._conditions import holds
from lora_advisor.facts._sharding import surely_shards
from lora_advisor.facts._written import key_at, value_at
from lora_advisor.facts.config_keys import is_of_another_script
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.known import nearest
from lora_advisor.frameworks.refusals import choices_of, refusals_of
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.record import record
from lora_advisor.source import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from lora_advisor.frameworks.refusals import Choice, Refusal
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.targets import Targets


@record
class OddWord(Item):
    """A word that a key does not take.

    ``outcome`` says what comes of it, ``meant`` what to write instead, ``shown`` which words there
    are. ``older`` marks a word of past releases, ``own`` one that the user may have added, and
    ``silent`` one that is passed over without an error.
    """

    outcome: str
    meant: str
    shown: tuple[str, ...]
    older: bool
    own: bool
    silent: bool


@record
class Refused(Item):
    """A key that is refused beside others; ``says`` why, and what to write.

    ``warns`` tells of a loader that says so and goes on, ``may_hold`` of one that perhaps is old
    enough to take it.
    """

    says: str
    warns: bool
    may_hold: bool


def odd_words(recipe: Recipe) -> tuple[OddWord, ...]:
    """Words that no release of the loader takes for their key, or only older ones."""
    found = (_odd_word(recipe, *entry) for entry in choices_of(recipe.framework).items())
    return tuple(word for word in found if word is not None)


def refused(recipe: Recipe, targets: Targets) -> tuple[Refused, ...]:
    """Combinations of keys that the loader's own checks refuse, one for each key to blame."""
    found: dict[str, Refused] = {}
    for refusal in () if is_of_another_script(recipe) else refusals_of(recipe.framework):
        if not _in_use(recipe, refusal, targets) or not _is_about(refusal, recipe):
            continue
        for at, when in _placed(recipe, refusal):
            key = next((key for path in at if (key := key_at(recipe, path))), None)
            if key is not None and key.path not in found and holds(recipe, when):
                found[key.path] = _refused(recipe, key, refusal, targets)
    return tuple(found.values())


def _in_use(recipe: Recipe, refusal: Refusal, targets: Targets) -> bool:
    """Whether a release in use makes the check."""
    return not refusal.since or targets.may_hold(_since(recipe, refusal))


def _since(recipe: Recipe, refusal: Refusal) -> dict[str, str]:
    framework = by_name(recipe.framework)
    return {framework.package if framework is not None else "": f">={refusal.since}"}


def _placed(recipe: Recipe, refusal: Refusal) -> Iterator[tuple[Sequence[str], Mapping[str, Any]]]:
    """Yield the keys to blame and the tests, for each entry of the list where they are of one."""
    name, entry, _ = refusal.at[0].partition("[]")
    if not entry:
        yield refusal.at, refusal.when
    for index in range(_length(recipe, name) if entry else 0):
        here = f"[{index}]"
        at = [path.replace("[]", here) for path in refusal.at]
        yield at, {path.replace("[]", here): test for path, test in refusal.when.items()}


def _length(recipe: Recipe, name: str) -> int:
    key = key_at(recipe, name)
    return len(key.node.items) if key is not None and isinstance(key.node, tree.Sequence) else 0


def _odd_word(recipe: Recipe, path: str, choice: Choice) -> OddWord | None:
    key = key_at(recipe, path)
    if key is None or not holds(recipe, choice.where or {}):
        return None
    word = _word(recipe, path, choice)
    if not word or choice.has(word) or _project.takes(recipe.document, path, word):
        return None
    meant = _meant(path, word, choice)
    return OddWord(
        path=path,
        at=key.value_at,
        value=word,
        outcome=choice.outcome,
        meant=meant,
        shown=choice.takes if choice.shown is None else choice.shown,
        older=word in choice.older and not any(key_at(recipe, path) for path in choice.newer),
        own=choice.open and not meant,
        silent=choice.silent,
    )


def _word(recipe: Recipe, path: str, choice: Choice) -> str:
    """Return the word under a path as its loader compares it, empty where it is none or open."""
    try:
        value = value_at(recipe, path)
    except UnknownValueError:
        return ""
    if choice.numbers and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    word = value if isinstance(value, str) else ""
    return word.lower() if choice.lowers and recipe.document.format != "shell" else word


def _meant(path: str, word: str, choice: Choice) -> str:
    """Return what to write for a word: the known remedy, or the word that it is a slip of."""
    known = (choice.meant or {}).get(word.lower(), "")
    near = nearest(word, frozenset(choice.takes))
    return known or (f"`{path}: {near}`" if near else "")


def _refused(recipe: Recipe, key: WrittenKey, refusal: Refusal, targets: Targets) -> Refused:
    try:
        value = value_at(recipe, key.path)
    except UnknownValueError:
        value = None
    plain = value if isinstance(value, str | int | float) else None
    return Refused(
        path=key.path,
        at=key.key_at,
        value=plain,
        says=refusal.says,
        warns=refusal.warns,
        may_hold=refusal.gone and not targets.surely_hold(_since(recipe, refusal)),
    )


def _is_about(refusal: Refusal, recipe: Recipe) -> bool:
    """Whether a recipe is of the kind of file or launch, or starts the script, that is refused."""
    if refusal.files and recipe.document.format != refusal.files:
        return False
    if refusal.zero3 and not surely_shards(recipe):
        return False
    script = refusal.script
    return not script or pattern(f"runs (?:{script})").fullmatch(recipe.evidence) is not None
