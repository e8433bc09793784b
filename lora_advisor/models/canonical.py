"""A user's ``config.json`` in the terms of a template: defaults filled in, one name for a field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.formula import OpenError, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LABELS: Final = "num_labels"


def canonical(config: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields a template asks for, None where it does not hold for the config.

    It holds where every fixed field has the value it was learned with, every other field lies in
    the range that was tried, and no field is set that the code reads and nobody tried.
    """
    config = lifted(config, template.get("lifts", {}))
    given = dict(_flat(config, template["sections"], ""))
    if _unheard_of(given, template) or _unlearned(given, template) or _flattened(config, template):
        return None
    written = _one_name(given, template["alias"])
    if written is None:
        return None
    fields: dict[str, Any] = dict(template["defaults"])
    for path, item in written.items():
        if path in fields:
            fields[path] = item
    if not _holds(fields, template):
        return None
    derived = template.get("derived", {})
    second_names = any(path in template["alias"] for path in given)
    if second_names and any(fields.get(path) is None for path in template["fields"]):
        return None  # the library fills nulls in before it hears of second names
    return _derived(fields, derived)


def _holds(fields: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Whether the fields are as the template was learned with, or in the range that was tried."""
    return (
        all(_equal(fields.get(path), allowed) for path, allowed in template["fixed"].items())
        and all(_inside(fields.get(path), tried) for path, tried in template["fields"].items())
        and _ordered(fields, template.get("order", ()))
    )


def lifted(config: Mapping[str, Any], names: Mapping[str, list[str]]) -> Mapping[str, Any]:
    """Move fields of a nested config that stand at the top, where the library takes them there."""
    for section, inner in names.items():
        if section not in config:
            rest = {key: item for key, item in config.items() if key not in inner}
            config = {**rest, section: {key: config[key] for key in inner if key in config}}
    return config


def _derived(fields: dict[str, Any], formulas: Mapping[str, Any]) -> dict[str, Any] | None:
    """Fill in what the library's config object makes of null: ``head_dim``, key-value heads."""
    try:
        for path, formula in formulas.items():
            if fields.get(path) is None:
                fields[path] = value(formula, fields, ())
    except OpenError:
        return None
    return fields


def _flat(
    config: Mapping[str, Any], sections: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any]]:
    for key, item in config.items():
        inner = f"{path}{key}."
        if inner in sections and isinstance(item, dict):
            yield from _flat(item, sections, inner)
        elif inner in sections and item is None:
            continue
        else:
            yield path + key, item
    labels = config.get("id2label")
    if isinstance(labels, dict):
        yield path + _LABELS, len(labels)


def _one_name(given: Mapping[str, Any], alias: Mapping[str, str]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for path, item in given.items():
        name = alias.get(path, path)
        if found.get(name, item) != item:
            return None
        found[name] = item
    return found


def _unheard_of(given: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    watched = template["watched"]
    for path, item in given.items():
        if item is not None and watched and path in watched:
            return True
        kind = template["sections"].get(path.removesuffix("model_type"))
        if path.endswith("model_type") and kind is not None and item not in kind:
            return True
    return False


def _unlearned(given: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Whether a size is set that the template was not learned with.

    That is a head size other than hidden size by heads, which some types read though their config
    does not declare it, and a number of experts under the other one of its two names.
    """
    alias, known = template["alias"], template["defaults"].keys() | template["fields"].keys()
    for path, item in given.items():
        name = alias.get(path, path)
        if item is None or name in known or name in template["fixed"]:
            continue
        if name.endswith("head_dim") and item != _usual_head(given, template, name):
            return True
        if name.endswith("experts") and name in (*alias, *alias.values()):
            return True
    return False


def _usual_head(given: Mapping[str, Any], template: Mapping[str, Any], path: str) -> int | None:
    section = path.removesuffix("head_dim")
    every = {**template["defaults"], **given}
    hidden, heads = (every.get(f"{section}{k}") for k in ("hidden_size", "num_attention_heads"))
    return hidden // heads if isinstance(hidden, int) and isinstance(heads, int) and heads else None


def _flattened(config: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Whether fields of a nested config stand at the top, as older releases wrote them."""
    known = (*template["fields"], *template["fixed"], *template["defaults"])
    for section in template["sections"]:
        if not section or section.count(".") > 1 or section[:-1] in config:
            continue
        inner = {path.removeprefix(section) for path in known if path.startswith(section)}
        if any(key in inner and key not in template["fields"] for key in config):
            return True
    return False


def _ordered(fields: Mapping[str, Any], pairs: Iterable[list[str]]) -> bool:
    """Whether no more layers share what others have than there are."""
    numbers = ((fields.get(less), fields.get(more)) for less, more in pairs)
    return all(
        isinstance(less, int) and isinstance(more, int) and less <= more for less, more in numbers
    )


def _equal(item: Any, allowed: Any) -> bool:
    return item == allowed and isinstance(item, bool) == isinstance(allowed, bool)


def _inside(item: Any, domain: Mapping[str, Any]) -> bool:
    """Whether a value is of a kind that was tried; numbers may be larger than any tried."""
    if item is None or isinstance(item, bool | str):
        return any(_equal(item, known) for known in domain["words"])
    if isinstance(item, int):
        return "least" in domain and item >= domain["least"]
    if isinstance(item, list) and "items" in domain:
        return all(_member(part, domain["items"]) for part in item)
    return any(_equal(item, known) for known in domain["words"])


def _member(part: Any, known: list[Any]) -> bool:
    if isinstance(part, int) and not isinstance(part, bool):
        return "numbers" in known and part >= 0
    return part in known
