"""From a tree to a recipe: a framework's key table applied to the keys of one file."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.launch import devices_in_comments, in_comments
from lora_advisor.frameworks.libraries import LIBRARY_DEFAULTS
from lora_advisor.pattern import pattern
from lora_advisor.recipe import (
    FIELDS,
    UNKNOWN,
    Location,
    Origin,
    Recipe,
    Unknown,
    Value,
    WrittenKey,
)
from lora_advisor.record import replace
from lora_advisor.source.scalars import (
    UNKNOWN_TAG,
    is_placeholder,
    json_value,
    plain_value,
    toml_value,
)
from lora_advisor.source.tree import Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.source.scalars import Resolver
    from lora_advisor.source.tree import Document, Node, Span

TYPED: Final[dict[str, Resolver]] = {"json": json_value, "toml": toml_value}
"""Formats whose scalars have a type of their own, whatever reads them."""
_INDEX: Final = pattern(r"\[\d+\]")
_PLACEHOLDER: Final = "its value is filled in later"
_TOLD: Final = {"run.num_processes": in_comments, "run.visible_gpus": devices_in_comments}
_NAMES: Final = {
    "run.num_processes": "num_processes",
    "run.visible_gpus": "CUDA_VISIBLE_DEVICES",
}
KEPT: Final = 128
"""More tables than there are formats; every script has one of its own, which is dropped."""


class Draft:
    """A recipe in the making: what is written, and what a framework's ``finish`` settles."""

    def __init__(self, framework: Framework, document: Document, root: Node, evidence: str) -> None:
        self.framework = framework
        self.document = document
        self.evidence = evidence
        self.keys: list[WrittenKey] = []
        self.values: dict[str, Value] = {}
        self._by_path: dict[str, WrittenKey] = {}
        for path, entry_key, node in _walk(root, ""):
            self._take(path, entry_key, node)

    def written(self, path: str, within: Span | None = None) -> Value | None:
        """Return what is written under a path of the file (``peft.loftq_config.loftq_bits``).

        Of several that a script writes (``set.pad_token``) it is the last, or the one ``within``.
        """
        inside = (
            key
            for key in self.keys
            if within and key.path == path and within.start <= key.key_at.span.start < within.end
        )
        key = next(inside, self._by_path.get(path))
        return None if key is None else self._value(key, FIELDS.get(key.field or ""), None)

    def get(self, field: str) -> object:
        """Return a field's value as it stands: written, or the default it will have."""
        value = self.values.get(field) or _defaults(self.framework)[field]
        return value.value if value.fits else UNKNOWN

    def put(
        self, field: str, value: object, source: Value | None, *, default: bool = False
    ) -> None:
        """Set a field that follows from ``source``, the written value that decides it."""
        origin = Origin.WRITTEN if source is not None and not default else Origin.FRAMEWORK
        at = source if not default else None
        self.values[field] = Value(
            value=value,
            origin=Origin.UNKNOWN if value is UNKNOWN else origin,
            key=source.key if source is not None else _spelling(self.framework).get(field, field),
            key_at=at.key_at if at is not None else None,
            value_at=at.value_at if at is not None else None,
            fits=value is UNKNOWN or fits(FIELDS[field], value),
        )

    def put_at(self, field: str, value: object, entry: Entry) -> None:
        """Set a field from a key and value that stand outside the tree this draft walks."""
        self.values[field] = Value(
            value=value,
            origin=Origin.WRITTEN,
            key=entry.key.text,
            key_at=Location(document=self.document, span=entry.key.span),
            value_at=Location(document=self.document, span=entry.value.span),
        )

    def unknown(self, field: str, why: str) -> None:
        """Declare that a field cannot be known from this file, and what would make it known."""
        self.values[field] = Value(
            value=UNKNOWN,
            origin=Origin.UNKNOWN,
            key=_spelling(self.framework).get(field, field),
            why=why,
        )

    def recipe(self) -> Recipe:
        """Settle every field of the vocabulary and close the draft."""
        if self.framework.finish is not None:
            self.framework.finish(self)
        self._take_launch()
        return Recipe(
            framework=self.framework.name,
            evidence=self.evidence,
            document=self.document,
            values={**_defaults(self.framework), **self.values},
            keys=tuple(self.keys),
        )

    def _take_launch(self) -> None:
        """Take processes and visible GPUs from a comment that quotes the launch."""
        if not self.document.comments:
            return
        for field, read in _TOLD.items():
            found = read(self.document)
            if found is not None and field not in self.values:
                number, span = found
                name = _NAMES[field]
                scalar = Scalar(text=name, plain=False, span=span)
                self.put_at(field, number, Entry(key=scalar, value=scalar))

    def _take(self, path: str, key: Scalar, node: Node) -> None:
        target = self.framework.keys.get(_INDEX.sub("[]", path) if "[" in path else path)
        field = target.field if isinstance(target, Key) else target
        written = WrittenKey(
            path=path,
            key=key,
            node=node,
            document=self.document,
            field=field,
        )
        self.keys.append(written)
        self._by_path[path] = written
        if field is not None:
            read = target if isinstance(target, Key) else None
            value = self._value(written, FIELDS[field], read)
            if value.value is not None or not self.framework.casts:
                self.values[field] = value
            elif field not in self.values:
                self.values[field] = self._not_set(field, value)

    def _value(self, key: WrittenKey, annotation: str | None, read: Key | None) -> Value:
        value = self._plain(key.node)
        why = _PLACEHOLDER if value is UNKNOWN else ""
        if read is not None and value is not UNKNOWN:
            value = read.read(value)
            why = read.why if value is UNKNOWN else ""
        if annotation is not None and self.framework.casts:
            value = cast_to(annotation, value)
        return Value(
            value=value,
            origin=Origin.UNKNOWN if value is UNKNOWN else Origin.WRITTEN,
            key=key.path,
            key_at=key.key_at,
            value_at=key.value_at,
            fits=value is UNKNOWN or annotation is None or fits(annotation, value),
            why=why,
        )

    def _not_set(self, field: str, value: Value) -> Value:
        """Let a null mean "not set", as it does to a loader that fills a typed schema."""
        default = _defaults(self.framework)[field]
        if default.value is UNKNOWN:
            return default
        return replace(value, value=default.value, origin=default.origin)

    def _plain(self, node: Node) -> object:
        return plain(node, self.document, self.framework)


def plain(node: Node, document: Document, framework: Framework) -> object:
    """Return what a framework's loader makes of a node, before anything is derived from it."""
    if any(_is_open(scalar) for scalar in _scalars(node)):
        return UNKNOWN
    return plain_value(node, TYPED.get(document.format, framework.scalars))


@lru_cache(KEPT)
def _defaults(framework: Framework) -> dict[str, Value]:
    """Return what every field of the vocabulary is where a config does not write it."""
    return {field: _default(framework, field) for field in FIELDS}


def _default(framework: Framework, field: str) -> Value:
    key = _spelling(framework).get(field, field)
    if field in framework.defaults:
        own = framework.defaults[field]
        origin = Origin.UNKNOWN if own is UNKNOWN else Origin.FRAMEWORK
        return _unwritten(own, origin, key)
    if field.partition(".")[0] in framework.knows:
        return _unwritten(LIBRARY_DEFAULTS.get(field), Origin.LIBRARY, key)
    return _unwritten(UNKNOWN, Origin.UNKNOWN, key)


def _unwritten(value: object, origin: Origin, key: str) -> Value:
    """Return a default: the same object in all recipes, so that they are quickly compared."""
    if value is None or isinstance(value, (str, int, float, Unknown)):
        return _shared(value, origin, key)
    return Value(value=value, origin=origin, key=key)


@lru_cache(maxsize=10_000, typed=True)  # typed: 1 is not True
def _shared(value: object, origin: Origin, key: str) -> Value:
    return Value(value=value, origin=origin, key=key)


@lru_cache(KEPT)
def _spelling(framework: Framework) -> dict[str, str]:
    """Return how a framework spells each field: the first key of its table that feeds it."""
    found: dict[str, str] = {}
    for path, target in framework.keys.items():
        found.setdefault(target.field if isinstance(target, Key) else target, path)
    return found


def _walk(node: Node, prefix: str) -> Iterator[tuple[str, Scalar, Node]]:
    """Yield the path, key and value of every entry of a tree, in the order of the text."""
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _walk(item, f"{prefix}[{index}]")
    elif isinstance(node, Mapping):
        for entry in sorted(node.entries, key=lambda entry: not entry.merged):
            path = f"{prefix}.{entry.key.text}" if prefix else entry.key.text
            yield path, entry.key, entry.value
            yield from _walk(entry.value, path)


def _is_open(scalar: Scalar) -> bool:
    """Whether nobody can tell a scalar's value from the file."""
    return scalar.tag == UNKNOWN_TAG or is_placeholder(scalar.text)


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _scalars(item)
    else:
        for entry in node.entries:
            yield from _scalars(entry.value)


def fits(annotation: str, value: object) -> bool:
    """Whether a plain value has the type a field is declared with; None (unset) always has."""
    return value is None or any(
        _FITS[part.partition("[")[0]](value) for part in _alternatives(annotation)
    )


@cache
def _alternatives(annotation: str) -> tuple[str, ...]:
    """Split ``list[str] | dict[str, int] | None`` at its top level, None left out."""
    parts = re.split(r" \| (?![^\[]*\])", annotation)
    return tuple(part for part in parts if part != "None")


_FITS: Final = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "dict": lambda value: isinstance(value, dict),
}
_TRUE: Final = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "0", "f", "n"})


def cast_to(annotation: str, value: object) -> object:
    """Turn text into the number or boolean a loader that casts would make of it."""
    kinds = _alternatives(annotation)
    if isinstance(value, float) and kinds == ("int",) and value.is_integer():
        return int(value)
    if not isinstance(value, str) or "str" in kinds:
        return value
    if "bool" in kinds and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    for kind, number in (("int", int), ("float", float)):
        if kind in kinds:
            try:
                return number(value)
            except ValueError:
                continue
    return value
