"""The repairs that a rule offers for one finding, as changes of the user's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.findings import Change, Fix
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.recipe import FIELDS, UNKNOWN, Item, Origin
from lora_advisor.render import render
from lora_advisor.source.scalars import yaml12
from lora_advisor.source.tree import Scalar, Span
from lora_advisor.wording import is_own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.facts import Facts


def offers(cards: Iterable[dict[str, Any]], facts: Facts, item: object) -> Iterator[Fix]:
    """Yield the repairs of a rule; one that only names another key must have a name for it."""
    for card in cards:
        fix = _offered(card, facts, item)
        if fix.changes or not card.get("rename"):
            yield fix


def _offered(card: dict[str, Any], facts: Facts, item: object) -> Fix:
    """Fill a card's repair with the values of one recipe, and of the member it is about."""
    changes = [*_of_fields(card, facts, item)]
    if isinstance(item, Item):
        changes += _of_key(card, facts, item)
    title = render(str(card["title"]), facts, item)
    return Fix(title=title, safety=str(card["safety"]), changes=tuple(changes))


def _of_key(card: dict[str, Any], facts: Facts, item: Item) -> Iterator[Change]:
    name = render(str(card.get("rename") or ""), facts, item)
    value = render(str(card.get("value") or ""), facts, item)
    if name:
        yield Change(key=item.path, name=name, key_at=item.at)
    elif value:
        yield Change(key=item.path, value=_typed(value), key_at=item.at)
    elif card.get("remove"):
        yield Change(key=item.path, key_at=item.at)


def _typed(text: str) -> object:
    """Read what a template came to as YAML would, ``2e-4`` as the number that is meant."""
    return yaml12(Scalar(text=text, plain=True, span=Span(start=0, end=0)))


def _of_fields(card: dict[str, Any], facts: Facts, item: object) -> Iterator[Change]:
    """Yield what differs from the recipe; a field that holds the wanted value stays alone.

    So does one that another key stands for: what to write there instead is not known.
    """
    for field, template in (card.get("set") or {}).items():
        wanted = _filled(field, template, facts, item)
        value = facts.recipe.values.get(field)
        if value is None:
            yield Change(key=field, value=wanted)
        elif value.written and not is_own(facts.recipe, field, wanted):
            continue
        elif value.origin is Origin.UNKNOWN or value.value is UNKNOWN or value.value != wanted:
            yield Change(key=value.key, value=wanted, key_at=value.key_at, value_at=value.value_at)


def _filled(field: str, value: object, facts: Facts, item: object) -> object:
    if not isinstance(value, str) or "{{" not in value:
        return value
    return cast_to(FIELDS[field], render(value, facts, item))
