"""Facts of words outside a fixed choice, and of combinations that a loader refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.facts import _project
from lora_advisor.facts._written import key_at, value_at
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.known import nearest
from lora_advisor.frameworks.refusals import choices_of, defaults_of, refusals_of
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.record import record
from lora_advisor.source import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lora_advisor.frameworks.refusals import Choice, Refusal
    from lora_advisor.recipe import Recipe
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
    """A key that is refused beside others; ``says`` why, and what to write."""

    says: str


def odd_words(recipe: Recipe) -> tuple[OddWord, ...]:
    """Words that no release of the loader takes for their key, or only older ones."""
    found = (_odd_word(recipe, *entry) for entry in choices_of(recipe.framework).items())
    return tuple(word for word in found if word is not None)


def refused(recipe: Recipe, targets: Targets) -> tuple[Refused, ...]:
    """Combinations of keys that the loader's own checks refuse, one for each key to blame."""
    found: dict[str, Refused] = {}
    for refusal in refusals_of(recipe.framework):
        if not _in_use(recipe, refusal, targets):
            continue
        for at, when in _placed(recipe, refusal):
            blamed = next((path for path in at if key_at(recipe, path)), "")
            if blamed and blamed not in found and _holds(recipe, when):
                found[blamed] = _refused(recipe, blamed, refusal)
    return tuple(found.values())


def _in_use(recipe: Recipe, refusal: Refusal, targets: Targets) -> bool:
    """Whether a release in use makes the check."""
    framework = by_name(recipe.framework)
    package = framework.package if framework is not None else ""
    return not refusal.since or targets.may_hold({package: f">={refusal.since}"})


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
    if key is None or not _holds(recipe, choice.where or {}):
        return None
    try:
        word = value_at(recipe, path)
    except UnknownValueError:
        return None
    if not isinstance(word, str) or not word or choice.has(word):
        return None
    if _project.takes(recipe.document, path, word):
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


def _meant(path: str, word: str, choice: Choice) -> str:
    """Return what to write for a word: the known remedy, or the word that it is a slip of."""
    known = (choice.meant or {}).get(word.lower(), "")
    near = nearest(word, frozenset(choice.takes))
    return known or (f"`{path}: {near}`" if near else "")


def _refused(recipe: Recipe, path: str, refusal: Refusal) -> Refused:
    key = recipe.first_keys[path]
    value = value_at(recipe, path)
    plain = value if isinstance(value, str | int | float) else None
    return Refused(path=path, at=key.key_at, value=plain, says=refusal.says)


def _holds(recipe: Recipe, tests: Mapping[str, Any]) -> bool:
    """Whether every key passes its test; one that is filled in later passes none."""
    try:
        return all(_passes(recipe, path, test) for path, test in tests.items())
    except UnknownValueError:
        return False


def _passes(recipe: Recipe, path: str, test: object) -> bool:
    """Whether a key passes: set (true), not set (null), in a list, ``not`` so, by limit or start.

    Whether a key is missing is known of a whole file, not of a command line with a file beside it.
    """
    value = value_at(recipe, path)
    if key_at(recipe, path) is None:
        value = defaults_of(recipe.framework).get(path)
        if value is None and recipe.document.format not in ("yaml", "json"):
            return False
    match test:
        case True:
            return bool(value)
        case None:
            return not value
        case {"not": list(others)}:
            return value not in others
        case {"above": float() | int() as limit}:
            return isinstance(value, int | float) and value > limit
        case {"below": float() | int() as limit}:
            return isinstance(value, int | float) and value < limit
        case {"starts": str(start)}:
            return isinstance(value, str) and value.startswith(start)
        case list(words):
            return value in words
    return False
