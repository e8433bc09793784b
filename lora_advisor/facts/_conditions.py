"""The tests of ``keys/refusals.json`` and ``keys/choices.json``, put to the keys of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.facts._arguments import tells_more
from lora_advisor.facts._written import key_at, value_at
from lora_advisor.frameworks.refusals import defaults_of
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.recipe import Recipe, WrittenKey


def holds(recipe: Recipe, tests: Mapping[str, Any]) -> bool:
    """Whether every key passes its test; one that is filled in later passes none."""
    try:
        return all(_passes(recipe, path, test) for path, test in tests.items())
    except UnknownValueError:
        return False


def first_at(recipe: Recipe, path: str) -> WrittenKey | None:
    """Return the key under a path, or under the first written one of ``one|another``."""
    found = (key_at(recipe, name) for name in path.split("|"))
    return next((key for key in found if key is not None), None)


def _passes(recipe: Recipe, path: str, test: object) -> bool:
    """Whether a key is set (true), not set (null), off (false), one of a list, or as a test says.

    Whether a key is missing is known of a whole file, and of a command line that hands on
    nothing else.
    """
    key = first_at(recipe, path)
    value = value_at(recipe, key.path) if key else defaults_of(recipe.framework).get(path)
    if key is None and value is None and tells_more(recipe):
        return False
    match test:
        case True:
            return bool(value) and value != "false"
        case False:
            return value is False or value == "false"
        case None:
            return not value
        case dict(named):
            return all(_is(recipe, value, kind, limit) for kind, limit in named.items())
        case list(words):
            return value in words
    return False


def _is(recipe: Recipe, value: object, kind: str, limit: Any) -> bool:
    """Whether a value passes one of the tests that have a name.

    They are: ``not`` one of a list, ``given`` at all, a ``text`` alone, ``above`` or ``below`` a
    limit or another key's number, ``off`` the multiples of a number, ``like`` a pattern or
    ``unlike`` it, and the ``other`` number than that of a key.
    """
    if kind in ("not", "given"):
        return value not in limit if kind == "not" else (value is not None) is limit
    if kind == "text":
        return isinstance(value, str) is limit
    if kind in ("like", "unlike"):
        found = any(pattern(limit).fullmatch(text) for text in _texts(value))
        return found is (kind == "like") and value is not None
    number, other = _number(value), _number(_limit(recipe, limit))
    if number is None or other is None:
        return False
    verdicts = {
        "above": number > other,
        "below": number < other,
        "other": number != other,
        "off": bool(other) and bool(number % other),
    }
    return verdicts[kind]


def _limit(recipe: Recipe, limit: object) -> object:
    """Return a limit, or the value of the key that it names."""
    if not isinstance(limit, str):
        return limit
    key = first_at(recipe, limit)
    return value_at(recipe, key.path) if key else defaults_of(recipe.framework).get(limit)


def _number(value: object) -> float | None:
    """Return a value as a number, as a loader casts its text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if item is not None]
