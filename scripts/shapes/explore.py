"""Finds out which fields of a config change its model, and which values of them build."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from shapes.base import inside, read
from shapes.fields import LAYERS, SIZES, pool
from shapes.tree import flat

if TYPE_CHECKING:
    from shapes.base import Base
    from shapes.pins import Pin
    from shapes.tree import Built, Node

Values = dict[str, Any]
TRIES = 40


class Explorer:
    """Probes around a base config: the values tried, and what each of them changed.

    ``narrow`` tries fewer fields: 1 numbers, lists and switches, 2 without most switches.
    """

    def __init__(self, base: Base, narrow: int = 0) -> None:
        self.base, self.narrow = base, narrow
        self.rng = random.Random(f"{base.model_type} {base.auto_class} 0")
        self.pools: dict[str, list[Any]] = {}
        self.relevant: set[str] = set()
        self.alone: list[tuple[Values, Values, set[str]]] = []
        self._words: dict[str, list[Any]] = {}
        self._counted: dict[str, str] = {}
        self._find_lists()

    def pin(self, pin: Pin) -> None:
        """Vary a field no longer, or never to null."""
        if pin.written:
            self.pools[pin.path] = [v for v in self.pools[pin.path] if v is not None]
        else:
            self.pools[pin.path] = []
            self.relevant.discard(pin.path)

    def _find_lists(self) -> None:
        """Find lists with an entry per layer, those that the config itself derives included."""
        values = self.base.values
        config = self.base.config(values)
        for part in self.base.parts:
            here = inside(config, part.path)
            paths = [p for p in values if p.rpartition(".")[0] == part.path[:-1]]
            counts = [p for p in paths if LAYERS.search(p) and type(values[p]) is int]
            for path in paths:
                derived = read(here, path.rpartition(".")[2])
                if not isinstance(derived, list | tuple) or not derived:
                    continue
                if any(not isinstance(v, int | str) for v in derived):
                    continue
                self._words[path] = list(dict.fromkeys(derived))
                count = next((c for c in counts if values[c] == len(derived)), None)
                if count is not None:
                    self._counted[path] = count
                    self._write_out(path, list(derived))

    def _write_out(self, path: str, derived: list[Any]) -> None:
        """Have the base say what its config derives, the kind of each layer, where it may."""
        if not all(isinstance(word, str) for word in derived):
            return
        plain = self.base.probe(self.base.values)
        said = {**self.base.values, path: derived}
        found = self.base.probe(said)
        if plain is not None and found is not None and alike(found, plain):
            self.base.values = said

    def explore(self) -> None:
        """Find out which values of each field build, and which fields change the model."""
        self._first()
        for path in sorted(self.relevant):
            switch = [v for v in self.pools[path] if v is None or isinstance(v, bool)]
            if self.base.values[path] is None:
                switch = self.pools[path][:1]
            for value in switch[:1]:
                self._again(self.base.changed(self.base.values, path, value))
        for values in self._other_shapes():
            self._again(values)
        for _ in range(3):
            other = self.random(0.7)
            if other is not None:
                self._again(other)

    def _other_shapes(self) -> list[Values]:
        """Return configs, one field off the base, that bring in modules of other names."""
        found: dict[Any, Values] = {}
        base = self.base.probe(self.base.values)
        for origin, values, _ in self.alone:
            made = self.base.probe(values)
            if origin is self.base.values and made and base and self.usual(values):
                extra = outline(made[0]) - outline(base[0])
                if extra:
                    found.setdefault(frozenset(extra), values)
        return list(found.values())[:8]

    def _first(self) -> None:
        """Change one field of the base at a time: keep the values that build."""
        base = self.base.values
        for path in list(base):
            good = self._vary(base, path, self._pool(path))
            self.pools[path] = one_type(good) if path in self.relevant else good
        self._lists()

    def _again(self, base: Values) -> None:
        """Change fields that may matter beside what ``base`` switches on, to a value or two."""
        if self.base.probe(base) is None:
            return
        for path in self._doubtful():
            tried = self.pools[path]
            few = min(2 if path in self.relevant else 1, len(tried))
            self._vary(base, path, self.rng.sample(tried, few))

    def _vary(self, base: Values, path: str, tried: list[Any]) -> list[Any]:
        """Return the values of a field that build, and note whether they change the model."""
        plain = self.base.probe(base)
        good = []
        for value in tried:
            values = base if value == base[path] else self.base.changed(base, path, value)
            found = None if values is base else self.base.probe(values)
            if found is None:
                continue
            good.append(value)
            changed = {k for k in base if base[k] is not values[k] and base[k] != values[k]}
            self.alone.append((base, values, changed | {path}))
            if path not in self.relevant and plain is not None and not alike(found, plain):
                self.relevant.add(path)
        return good

    def _doubtful(self) -> list[str]:
        """Return the fields that matter, and numbers that may matter beside another switch."""
        numbers = [p for p, v in self.base.values.items() if type(v) is int and SIZES.search(p)]
        return sorted({*self.relevant, *(p for p in numbers if self.pools.get(p))})

    def _pool(self, path: str) -> list[Any]:
        """Return values to try for a field; in narrow learning only numbers, lists, switches."""
        value = self.base.values[path]
        if self.narrow and not (type(value) in (int, bool) or path in self._words):
            return []
        if self.narrow > 1 and type(value) is bool and "tie_" not in path:
            return []
        found = pool(path, value, self.base.part(path))
        return [v for v in found if type(v) is type(value)] if self.narrow else found

    def _lists(self) -> None:
        for path in self._words:
            values = dict(self.base.values)
            values[path] = self._list(path, values)
            if self.base.probe(values) is None:
                continue
            self.relevant.add(path)
            self.pools[path] = [values[path], *(v for v in self.pools.get(path, []) if v is None)]
            if self.base.values[path] is None:
                self.pools[path].append(None)

    def _list(self, path: str, values: Values) -> list[Any]:
        """Return a list of the length the other fields ask for, of words it is known to hold."""
        if path not in self._words:
            return list(values[path])
        length = (
            values[self._counted[path]]
            if path in self._counted
            else len(self.base.values[path] or self._words[path])
        )
        words = self._words[path]
        if path not in self._counted or len(words) > 4:
            return list(self.base.values[path] or words)[:length]
        return [self.rng.choice(words) for _ in range(length)]

    def random(self, share: float = 0.6) -> Values | None:
        """Return a config that builds with many fields changed at once."""
        for attempt in range(TRIES):
            values = dict(self.base.values)
            for path in self.rng.sample(sorted(self.pools), len(self.pools)):
                chance = share if path in self.relevant else 0.1
                choices = self.pools[path]
                if choices and self.rng.random() < chance * (1 - attempt / 50):
                    values = self.base.changed(values, path, self.rng.choice(choices))
            self._shuffle(values)
            if self.base.probe(values) is not None:
                return values
        return None

    def _shuffle(self, values: Values) -> None:
        for path, value in values.items():
            if isinstance(value, list) and self.pools.get(path):
                values[path] = self._list(path, values)

    def usual(self, values: Values) -> bool:
        """Whether every field that matters holds a value of its usual type."""
        types = {p: {type(v) for v in [*self.pools[p], self.base.values[p]]} for p in self.relevant}
        return all(type(values[p]) in types[p] for p in self.relevant)


def alike(one: Built, other: Built) -> bool:
    """Whether two builds are the same model."""
    return flat(one[0]) == flat(other[0]) and one[1] == other[1]


def outline(node: Node) -> set[tuple[str, str]]:
    """Return the names of modules and parameters, numbers left out, with their classes."""
    out = set()
    for name, class_name, _, shapes, *_ in flat(node):
        plain = ".".join("*" if part.isdecimal() else part for part in name.split("."))
        out |= {(plain, class_name), *((plain, own) for own, _ in shapes)}
    return out


def one_type(values: list[Any]) -> list[Any]:
    """Return the values of the first one's type, and null."""
    first = next((type(v) for v in values if v is not None), None)
    return [v for v in values if v is None or type(v) is first]
