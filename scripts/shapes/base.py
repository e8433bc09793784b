"""One base config of a model type: its fields, and what the library builds of other values."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import transformers
from transformers import PreTrainedConfig

from lora_advisor.models.canonical import lifted
from shapes.fields import (
    BENIGN,
    LAYERS,
    SHARING,
    SIZES,
    flat,
    nested,
    repeated,
    repeating,
    sections,
)
from shapes.tree import build, picture

if TYPE_CHECKING:
    from shapes.fields import Section
    from shapes.tree import Built

MISSED: set[str] = set()
DEEPEST, LAYERS_KEPT, SHARING_KEPT = 6, 5, 2


class UnbuildableError(Exception):
    """The base config makes no model."""


def watch_reads() -> None:
    """Take down the names of fields that code asks a config for and does not find."""
    plain = PreTrainedConfig.__getattribute__

    def read(self: Any, key: str) -> Any:
        try:
            return plain(self, key)
        except AttributeError:
            if not key.startswith("_"):
                MISSED.add(key)
            raise

    PreTrainedConfig.__getattribute__ = read


class Base:
    """A config made small, by the dotted paths of its fields; ``values`` are what it holds."""

    def __init__(self, model_type: str, raw: dict[str, Any], auto_class: str) -> None:
        self.model_type, self.auto_class = model_type, auto_class
        raw = {k: v for k, v in raw.items() if k not in BENIGN or isinstance(v, dict)}
        MISSED.clear()
        self.parts = sections(model_type, raw)
        self.kinds = {p.path: p.config_class.model_type for p in self.parts}
        self.lifts = self._lifts(raw)
        self.values = flat(dict(lifted(raw, self.lifts)), self.parts)
        self._built: dict[str, Built | None] = {}
        self._error: Exception | None = None
        self._small()
        if self.probe(self.values) is None:
            raise UnbuildableError(f"{type(self._error).__name__}: {self._error}"[:160])
        self._undeclared()

    def _lifts(self, raw: dict[str, Any]) -> dict[str, list[str]]:
        """Return the fields of the text config that the library takes from the top as well."""
        section = "text_config"
        outer = next(p for p in self.parts if not p.path)
        text = next((p for p in self.parts if p.path == f"{section}."), None)
        if text is None:
            return {}
        names = sorted(text.defaults.keys() - outer.defaults.keys() - BENIGN)
        mark = next((n for n in names if type(text.defaults[n]) is int and SIZES.search(n)), None)
        if mark is None:
            return {}
        plain = {key: value for key, value in raw.items() if key not in (section, mark)}
        try:
            made = config_of(self.model_type, {**plain, mark: text.defaults[mark] * 2})
        except Exception:  # noqa: BLE001 - a library that takes nothing from the top
            return {}
        found = vars(getattr(made, section)).get(mark) == text.defaults[mark] * 2
        return {section: names} if found else {}

    def _small(self) -> None:
        """Make the base small: few layers, lists of layers cut to match."""
        for path, value in list(self.values.items()):
            if LAYERS.search(path) and type(value) is int and value > DEEPEST:
                self._coupled(self.values, path, value, LAYERS_KEPT)
        for path, _ in self.order():
            self.values[path] = min(self.values[path], SHARING_KEPT)

    def order(self) -> list[tuple[str, str]]:
        """Return fields of which the first is never larger than the second."""
        numbers = [path for path, value in self.values.items() if type(value) is int]
        layers = {p.rpartition(".")[0]: p for p in numbers if p.endswith("num_hidden_layers")}
        shared = [(p, p.rpartition(".")[0]) for p in numbers if SHARING.search(p)]
        return [(path, layers[head]) for path, head in shared if head in layers]

    def _coupled(self, values: dict[str, Any], path: str, old: int, new: int) -> None:
        """Set a number of layers, and lists that had one entry for each."""
        values[path] = new
        head = path.rpartition(".")[0]
        for other, item in list(values.items()):
            if not isinstance(item, list) or other.rpartition(".")[0] != head:
                continue
            if repeated(item) == old:
                values[other] = repeating(item, new)
            elif len(item) == old:
                values[other] = cut([item[n % old] for n in range(new)], item)

    def _undeclared(self) -> None:
        """Add fields the code asks for with a default of its own, or derives, as absent."""
        config = self.config(self.values)
        for part in self.parts:
            for name in sorted(MISSED | part.popped | derived(inside(config, part.path), part)):
                path = part.path + name
                if path not in self.values and name not in BENIGN and name not in part.alias:
                    self.values[path] = None

    def probe(self, values: dict[str, Any]) -> Built | None:
        """Build a config; None where the library refuses it, or nobody would write it."""
        if any(values[less] > values[more] for less, more in self.order()):
            return None
        key = repr(sorted(values.items()))
        if key not in self._built:
            try:
                raw = deepcopy(self._nested(values))  # some configs mend their lists in place
                model = build(self.model_type, raw, self.auto_class)
                self._built[key] = picture(model)
            except Exception as error:  # noqa: BLE001 - whatever a config makes a library raise
                self._error = error
                self._built[key] = None
        return self._built[key]

    def changed(self, values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
        """Return values with another one of a field, and lists that follow a number of layers."""
        old, values = values[path], dict(values)
        if LAYERS.search(path) and type(value) is int and type(old) is int:
            self._coupled(values, path, old, value)
        else:
            values[path] = value
        return values

    def config(self, values: dict[str, Any]) -> Any:
        """Return the library's config object of values."""
        return config_of(self.model_type, deepcopy(self._nested(values)))

    def _nested(self, values: dict[str, Any]) -> dict[str, Any]:
        return nested(values, self.parts, self.kinds)

    def part(self, path: str) -> Section:
        """Return the section that a field stands in."""
        head, _, _ = path.rpartition(".")
        return next(p for p in self.parts if p.path == (f"{head}." if head else ""))

    def model_types(self, part: Section) -> list[str]:
        """Return the model types that a section may name and still is what it was learned as."""
        own = part.config_class.model_type
        found = [own]
        for other in dict.fromkeys([self.model_type, self.model_type.removesuffix("_text")]):
            if not part.path or other == own:
                continue
            raw = nested(self.values, self.parts, {**self.kinds, part.path: other})
            with suppress(Exception):
                here = inside(config_of(self.model_type, raw), part.path)
                if type(here) is part.config_class:
                    found.append(other)
        return found

    def raw(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON of a probe."""
        return {"model_type": self.model_type, **self._nested(values)}


def cut(kept: list[Any], item: list[Any]) -> list[Any]:
    """Return a shorter list of layers that has every kind of the whole one, where it can."""
    kinds = [kind for kind in dict.fromkeys(item) if isinstance(kind, str)]
    missing = [kind for kind in kinds if kind not in kept]
    spare = len(kept) - len(kinds)
    return [*kept[: len(kept) - len(missing)], *missing] if missing and spare >= 0 else kept


def derived(config: Any, part: Section) -> set[str]:
    """Return the sizes that a config object works out, which a file may write as well."""
    numbers = {name for name, value in vars(config).items() if type(value) is int}
    return {name for name in numbers - part.defaults.keys() if SIZES.search(name)}


def config_of(model_type: str, raw: dict[str, Any]) -> Any:
    """Return the library's config object."""
    return transformers.AutoConfig.for_model(model_type, **raw)


def inside(config: Any, path: str) -> Any:
    """Return the config object that a field of a dotted path stands in, or None."""
    for name in path.split(".")[:-1]:
        config = read(config, name)
    return config


def read(config: Any, name: str) -> Any:
    """Return a field of a config object, None where it cannot be read."""
    try:
        return getattr(config, name, None)
    except Exception:  # noqa: BLE001 - a field that differs from layer to layer
        return None
