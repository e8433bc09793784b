"""JSON Schemas of config formats, made from the key lists, for completion and hover in editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor import parameters
from lora_advisor.frameworks import schemas
from lora_advisor.frameworks.known import known_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.frameworks.interface import Framework

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "str": "string",
    "list": "array",
    "dict": "object",
    "none": "null",
}
_FILLED_LATER: Final = {"type": "string", "pattern": r"\$\{|\{\{|^\$"}
"""``${VAR}`` and ``{{ name }}``, which may stand for a value of any type."""


def has_schema(framework: Framework) -> bool:
    """Whether the keys of a format are known."""
    return bool(framework.schema)


def json_schema(framework: Framework) -> dict[str, Any]:
    """Describe a format's file: its keys, their types and defaults, what became of old ones."""
    sections: dict[str, dict[str, Any]] = {}
    properties = _properties(known_keys(framework), framework, sections)
    properties |= {name: {} for name in sorted(framework.extra) if name not in properties}
    return {
        "$schema": DIALECT,
        "title": framework.title,
        "type": "object",
        "properties": properties,
        "additionalProperties": framework.on_unknown != "raises",
        "$defs": sections,
    }


def _properties(
    keys: Mapping[str, schemas.Key], framework: Framework, sections: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    return {name: _property(key, framework, sections) for name, key in sorted(keys.items())}


def _property(
    key: schemas.Key, framework: Framework, sections: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    found: dict[str, Any] = {**_about(key)}
    kinds = [_TYPES[kind] for kind in (key.type or "any").split("|") if kind in _TYPES]
    model = _section(key, framework, sections)
    choices: list[dict[str, Any]] = [{"$ref": f"#/$defs/{model}"}] if model else []
    if kinds:
        choices.append({"type": kinds})
    if choices and "string" not in kinds:
        choices.append({"type": "string"} if framework.casts else _FILLED_LATER)
    if choices:
        found |= {"anyOf": choices} if len(choices) > 1 else choices[0]
    return found


def _section(
    key: schemas.Key, framework: Framework, sections: dict[str, dict[str, Any]]
) -> str | None:
    """Describe the class that a section follows, once."""
    if len(key.models) != 1:
        return None
    name = key.models[0]
    if name not in sections:
        try:
            keys = schemas.keys(key.package, name)
        except KeyError:  # a class that the key lists do not describe
            return None
        sections[name] = {"type": "object"}
        sections[name]["properties"] = _properties(keys, framework, sections)
    return name


def _about(key: schemas.Key) -> dict[str, Any]:
    """Say what a key is for, its default, and since when it is gone."""
    page = parameters.load(key.name)
    told = [page.title] if page is not None else []
    renamed = schemas.rename(key.package, key.name)
    if key.since:
        told.append(f"Since {key.package} {key.since}.")
    if key.until:
        told.append(f"Gone in {key.package} {key.until}.")
        told += [f"Write {renamed.to} instead."] if renamed and renamed.to else []
    found: dict[str, Any] = {"description": " ".join(told)} if told else {}
    if key.default is not schemas.UNSET:
        found["default"] = key.default
    return {**found, "deprecated": True} if key.until else found
