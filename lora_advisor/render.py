"""Words of findings: names filled in; Jinja2 in a sandbox, imported for texts that do more."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.findings import RuleError
from lora_advisor.frameworks import by_name
from lora_advisor.pattern import pattern
from lora_advisor.recipe import FIELDS, GROUPS, Item
from lora_advisor.wording import as_argument, is_of_script, quoted, show, spelt

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from jinja2 import Template

    from lora_advisor.facts import Facts
    from lora_advisor.recipe import Recipe

_NAME: Final = pattern(r"\{\{ *((?:(?:key|said)\.)?[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?) *\}\}")
_FIELD: Final = pattern(r"\b(?:key|said)\.([a-z]+\.\w+)")
_PAIR: Final = pattern(r"`([\w.]+): ([^`]+)`")
_ENGINE: Final = ("{{", "{%", "{#", "}}", "%}", "#}")


class TextError(RuleError):
    """A card's text that the sandbox refuses, or that names what is not there."""


def render(template: str, facts: Facts, item: object = None) -> str:
    """Fill a card's text with the values of one recipe.

    In a template ``{{ lora.r }}`` is a value, ``{{ key.lora.r }}`` the key as the user's format
    spells it, ``{{ said.lora.r }}`` key and value as the user wrote them, ``{{ framework }}`` the
    format's title and ``{{ item }}`` the member at hand.
    """
    context: dict[str, object] = {group: _Values(facts, group) for group in (*GROUPS, "config")}
    context |= {"key": _Spelling(facts, spelt), "said": _Spelling(facts, quoted)}
    context |= {"item": item, "framework": _title(facts.recipe.framework)}
    filled = _filled(template, context)
    text = _rendered(template, context) if filled is None else filled
    return _as_arguments(text, _argument_names(template, facts.recipe, item))


def _as_arguments(text: str, names: set[str]) -> str:
    """Say ``key: value`` of these keys as a script has it, ``key=value``."""
    if not names or "`" not in text:
        return text

    def said(match: re.Match[str]) -> str:
        spelt_anew = as_argument(match[1], match[2]) if match[1] in names else None
        return match[0] if spelt_anew is None else f"`{spelt_anew}`"

    return _PAIR.sub(said, text)


def _argument_names(template: str, recipe: Recipe, item: object) -> set[str]:
    """Return the keys that a text names and that are arguments of a script's calls."""
    fields = [field for field in _FIELD.findall(template) if field in recipe.values]
    values = [(field, recipe.values[field].key_at) for field in fields]
    names = {spelt(recipe, field) for field, at in values if is_of_script(recipe, at)}
    if isinstance(item, Item) and is_of_script(recipe, item.at):
        names |= {item.path, item.path.rpartition(".")[2]}
    return names


def _filled(template: str, context: dict[str, object]) -> str | None:
    """Fill in names; None for a text with anything else, or a name that is not there."""
    parts = _parts(template)
    try:
        words = [show(_value(part, context)) if odd else part for part, odd in parts or ()]
    except (AttributeError, KeyError):
        return None
    return "".join(words).strip() if parts is not None else None


@cache
def _parts(template: str) -> tuple[tuple[str, bool], ...] | None:
    """Split a text into what stays and names to fill in; None if it needs the engine."""
    parts = _NAME.split(template)
    if any(sign in text for text in parts[::2] for sign in _ENGINE):
        return None
    return tuple((part, bool(index % 2)) for index, part in enumerate(parts))


def _value(name: str, context: dict[str, object]) -> object:
    first, *rest = name.split(".")
    value = context[first]
    for attribute in rest:
        value = getattr(value, attribute)
    return value


def _rendered(template: str, context: dict[str, object]) -> str:
    """Have the engine fill a text with filters, calculations and conditions."""
    from jinja2 import TemplateError  # 40 ms that most runs save

    try:
        return _compiled(template).render(context).strip()
    except (TemplateError, *_WRONG) as error:
        raise TextError(f"a rule's text cannot be filled: {error} in {template[:60]!r}") from None


_WRONG: Final = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError)
"""What a calculation in a text may come to."""


def refuse_text(template: str) -> None:
    """Raise :class:`TextError` for a card's text that the sandbox does not take."""
    from jinja2 import TemplateError  # few runs read cards

    try:
        if _parts(template) is None:
            _compiled(template)
    except (TemplateError, SyntaxError, *_WRONG) as error:
        raise TextError(f"text {template[:60]!r}: {error}") from None


@cache
def _compiled(template: str) -> Template:
    from lora_advisor.sandbox import environment, refuse  # 100 ms of Jinja2

    refuse(template)
    return environment().from_string(template)


def _title(name: str) -> str:
    framework = by_name(name)
    return framework.title if framework else name


class _Values:
    """A group of facts as a template sees it."""

    def __init__(self, facts: Facts, group: str) -> None:
        self._facts = facts
        self._group = group

    def __getattr__(self, name: str) -> Any:
        return self._facts.get(f"{self._group}.{name}")


class _Spelling:
    """The user's spelling of a field: ``key.lora.r``, ``said.lora.r``."""

    def __init__(self, facts: Facts, spell: Callable[[Recipe, str], str], group: str = "") -> None:
        self._facts = facts
        self._spell = spell
        self._group = group

    def __getattr__(self, name: str) -> Any:
        if not self._group:
            return _Spelling(self._facts, self._spell, name)
        field = f"{self._group}.{name}"
        if field not in FIELDS:
            raise AttributeError(field)
        recipe = self._facts.recipe
        return self._spell(recipe, field) if field in recipe.values else name
