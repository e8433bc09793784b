"""The repairs that a rule offers for one finding, as changes of the user's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.findings import Change, Fix, spot
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.pattern import pattern
from lora_advisor.recipe import FIELDS, UNKNOWN, Item, Origin
from lora_advisor.render import render
from lora_advisor.source.scalars import yaml12
from lora_advisor.source.tree import Scalar, Span
from lora_advisor.wording import is_own, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.facts import Facts
    from lora_advisor.recipe import Recipe


def offers(cards: Iterable[dict[str, Any]], facts: Facts, item: object) -> Iterator[Fix]:
    """Yield the repairs of a rule; one that only writes another word must have a word for it."""
    for card in cards:
        fix = _offered(card, facts, item)
        if fix.changes or not any(
            card.get(name) for name in ("rename", "value", "entry", "insert")
        ):
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
    entry = render(str(card.get("entry") or ""), facts, item)
    missing = render(str(card.get("insert") or ""), facts, item)
    if name:
        yield Change(key=item.path, name=name, key_at=spot(item.at))
    elif value and value != show(UNKNOWN):
        yield Change(key=item.path, value=_typed(value), key_at=spot(item.at))
    elif entry and item.path.endswith("]"):
        yield Change(key=item.path, value=entry, key_at=spot(item.at), value_at=spot(item.at))
    elif missing:
        yield Change(key=item.path, value=_typed(missing))
    elif card.get("remove"):
        yield Change(key=item.path, key_at=spot(item.at))


def _typed(text: str) -> object:
    """Read what a template came to as YAML would, ``2e-4`` as the number that is meant."""
    return yaml12(Scalar(text=text, plain=True, span=Span(start=0, end=0)))


def _of_fields(card: dict[str, Any], facts: Facts, item: object) -> Iterator[Change]:
    """Yield what differs from the recipe; a field that holds the wanted value stays alone.

    So does one that another key stands for: what to write there instead is not known.
    """
    wanted = {f: _filled(f, text, facts, item) for f, text in (card.get("set") or {}).items()}
    wanted |= {field: _listed(facts, field) for field in card.get("listed") or ()}
    for field, value in wanted.items():
        if value is not UNKNOWN:
            yield from _changed(facts.recipe, field, value)
    for field in card.get("unset") or ():
        known = facts.recipe.values.get(field)
        if known is not None and known.written and _has_own_key(facts.recipe, field):
            yield Change(key=known.key, key_at=spot(known.key_at))


def _changed(recipe: Recipe, field: str, wanted: object) -> Iterator[Change]:
    value = recipe.values.get(field)
    if value is None:
        yield Change(key=field, value=wanted)
    elif value.written and not is_own(recipe, field, wanted):
        return
    elif value.origin is Origin.UNKNOWN or value.value is UNKNOWN or value.value != wanted:
        key_at, value_at = spot(value.key_at), spot(value.value_at)
        yield Change(key=value.key, value=wanted, key_at=key_at, value_at=value_at)


def _has_own_key(recipe: Recipe, field: str) -> bool:
    """Whether a field's key stands for that field alone: with another one it would go, too."""
    at = recipe.values[field].key_at
    return [value.key_at for value in recipe.values.values()].count(at) == 1


def _filled(field: str, value: object, facts: Facts, item: object) -> object:
    """Fill a template in; what came to an unknown value is unknown."""
    if not isinstance(value, str) or "{{" not in value:
        return value
    text = render(value, facts, item)
    if text == show(UNKNOWN):
        return UNKNOWN
    return int(text) if _WHOLE.fullmatch(text) else cast_to(FIELDS[field], text)


_WHOLE: Final = pattern(r"-?\d+")


def _listed(facts: Facts, field: str) -> object:
    """Return the names that a text, or an entry of a list, holds with commas between them."""
    value = facts.recipe.values.get(field)
    held = value.value if value is not None else None
    given = held if isinstance(held, list) else [held]
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) < len(given):
        return UNKNOWN
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
