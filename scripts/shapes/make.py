"""Learns the template of one model type: probes, merging, and a trial on configs never seen."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lora_advisor.models.canonical import canonical
from lora_advisor.models.likeness import NAMES_WITHOUT_MODULES, POSITIONS, WITHOUT_MODULES
from lora_advisor.models.template import expanded
from shapes.base import Base, inside, read
from shapes.explore import Explorer
from shapes.fields import ACTIVATION, BENIGN, NUM_LABELS
from shapes.learn import UnexplainedError, learn_case, learn_size
from shapes.merge import Merger, Pool
from shapes.pins import culprits, pinnable, suspects
from shapes.places import Places
from shapes.small import lowered
from shapes.tree import flat as listed
from shapes.trial import agrees, modules_of, shippable

if TYPE_CHECKING:
    from shapes.explore import Values
    from shapes.pins import Pin

JOINT, HELD_OUT, FEWEST, ROUNDS = 60, 40, 20, 5
ABOUT = ("type", "input", "output", "tie", "tied", "shared", "ties", "generates")


class Learner:
    """What is learned of one base config: from probes a template, tried on configs never seen."""

    def __init__(
        self, model_type: str, raw: dict[str, Any], auto_class: str, narrow: int = 0
    ) -> None:
        self.base = Base(model_type, raw, auto_class)
        self.explorer = Explorer(self.base, narrow)
        self._full: dict[str, Values] = {}
        self._origins: dict[int, tuple[int, set[str]]] = {}
        self._plain: dict[int, Values] = {}
        self._doubted: tuple[list[Values], list[Values]] | None = None
        self.pinned: set[str] = set()

    def learn(self) -> dict[str, Any]:
        """Return the template; UnexplainedError where none explains all that was seen.

        A field whose other values nothing explains keeps its value, or is not to be null.
        """
        samples = self._seen() + self._joint()
        while True:
            try:
                return lowered(self._learned(samples), self.base)
            except UnexplainedError as error:
                pinned = self._culprits(error)
                if not pinned:
                    raise
                samples = self._pinned(samples, pinned) + self._joint()

    def _learned(self, samples: list[Values]) -> dict[str, Any]:
        """Return a template that held for configs never seen."""
        for _ in range(ROUNDS):
            template = self._fit(samples)
            fresh = self._fresh()
            wrong = [v for v in fresh if not self._right(template, v)]
            if not wrong and len(fresh) >= FEWEST:
                return template
            if len(fresh) < FEWEST:
                raise UnexplainedError(f"only {len(fresh)} configs to try it on")
            samples += fresh
        told = f"{len(wrong)} of {len(fresh)} configs still differ"
        self._doubted = (wrong, [v for v in fresh if v not in wrong])
        raise UnexplainedError(f"{told}: {self._difference(template, wrong[0])}")

    def _culprits(self, error: UnexplainedError) -> tuple[Pin, ...]:
        """Return what to keep as the base has it, so that the rest may be explained."""
        pins = pinnable(self.base.values, self.explorer.relevant, self.explorer.pools)
        if error.where is not None:
            return culprits(error.where, pins, self._holds)
        doubted, self._doubted = self._doubted, None
        return suspects(*doubted, pins, self._holds) if doubted else ()

    def _holds(self, values: Values, pin: Pin) -> bool:
        """Whether a config, filled in or not, keeps to a pin."""
        return pin.holds(self._plain.get(id(values), values), self.base.values)

    def _pinned(self, samples: list[Values], pins: tuple[Pin, ...]) -> list[Values]:
        """Keep to pins from here on; return the samples that do."""
        for pin in pins:
            self.explorer.pin(pin)
            if not pin.written:
                self.pinned.add(pin.path)
        return [v for v in samples if all(self._holds(v, pin) for pin in pins)]

    def _seen(self) -> list[Values]:
        """Explore; return the configs that changed what matters, each once, with their bases."""
        self.explorer.explore()
        kept = [
            (base, values, names)
            for base, values, names in self.explorer.alone
            if names & self.explorer.relevant and self.explorer.usual(values)
        ]
        self._origins = {id(v): (id(base), names) for base, v, names in kept if v is not base}
        return list({id(v): v for base, values, _ in kept for v in (base, values)}.values())

    def _joint(self) -> list[Values]:
        """Return configs with many fields changed at once."""
        found = (self.explorer.random() for _ in range(JOINT))
        return [values for values in found if values is not None]

    def _fresh(self) -> list[Values]:
        """Return configs that no template was made of, with few, some or most fields changed."""
        found = (
            self.explorer.random(self.explorer.rng.choice((0.3, 0.6, 0.9))) for _ in range(HELD_OUT)
        )
        return [values for values in found if values is not None]

    def _fit(self, samples: list[Values]) -> dict[str, Any]:
        """Merge probes into a template."""
        derived = self._derive(samples)
        seen = [{**v, **{p: self._filled(v)[p] for p in derived}} for v in samples]
        self._plain = {id(w): v for v, w in zip(samples, seen, strict=True)}
        trees = [(w, self.base.probe(v)) for v, w in zip(samples, seen, strict=True)]
        merger = Merger(Pool(), self.explorer.relevant, self._moved(samples, seen))
        places = merger.places([(values, ()) for values in seen])
        about = {}
        for key in ABOUT:
            try:
                about[key] = learn_case(places, [made[1][key] for _, made in trees if made])
            except UnexplainedError as error:
                raise error.under(key) from None
        root = merger.merge([(values, (), made[0]) for values, made in trees if made])
        return {
            **self._domain(samples),
            "derived": derived,
            "about": about,
            "root": root,
            "auto": self.base.auto_class,
            "nodes": merger.pool.nodes,
            "classes": merger.pool.classes,
        }

    def _moved(self, samples: list[Values], seen: list[Values]) -> dict[int, tuple[int, set[str]]]:
        """Return which of the filled configs is one field off which other."""
        moved = {id(v): id(w) for v, w in zip(samples, seen, strict=True)}
        return {
            moved[one]: (moved[base], names)
            for one, (base, names) in self._origins.items()
            if one in moved and base in moved
        }

    def _filled(self, values: Values) -> Values:
        """Return the fields with the numbers that the config object puts in place of nulls."""
        key = repr(sorted(values.items()))
        if key not in self._full:
            config = self.base.config(values)
            out = dict(values)
            for path in self.explorer.relevant:
                found = read(inside(config, path), path.rpartition(".")[2])
                if values.get(path) is None and type(found) is int:
                    out[path] = found
            self._full[key] = out
        return self._full[key]

    def _derive(self, samples: list[Values]) -> dict[str, Any]:
        """Return a formula for each field that the config object itself fills in where null."""
        found: dict[str, Any] = {}
        full = [self._filled(v) for v in samples]
        open_ = [p for p in sorted(self.explorer.relevant) if any(v[p] is None for v in samples)]
        open_ = [p for p in open_ if all(type(f[p]) is int for f in full)]
        for _ in range(2):
            for path in [p for p in open_ if p not in found]:
                hits = [n for n, v in enumerate(samples) if v[path] is None]
                names = self.explorer.relevant - {p for p in open_ if p not in found}
                places = Places([(full[n], ()) for n in hits], names)
                with suppress(UnexplainedError):
                    found[path] = learn_size(places, [full[n][path] for n in hits], 1)
        return found

    def _domain(self, samples: list[Values]) -> dict[str, Any]:
        """Say for which configs a template holds."""
        fields = {p: spread([v[p] for v in samples]) for p in sorted(self.explorer.relevant)}
        fixed, watched, defaults = {}, self._flattened(), {}
        for path, value in self.base.values.items():
            declared = self.base.part(path).defaults
            name = path.rpartition(".")[2]
            default = declared.get(name, 2 if path == NUM_LABELS else None)
            if path in fields:
                defaults[path] = default
            elif path not in self.pinned and self._free(path, value):
                if name not in declared and self.explorer.pools.get(path):
                    defaults[path] = None  # tried, and nothing reads it
            elif name in declared or value is not None:
                fixed[path], defaults[path] = value, default
            else:
                watched.append(path)
        parts = self.base.parts
        return {
            **({"lifts": self.base.lifts} if self.base.lifts else {}),
            **({"order": self.base.order()} if self.base.order() else {}),
            "fields": fields,
            "fixed": fixed,
            "defaults": defaults,
            "watched": sorted(watched),
            "alias": {p.path + k: p.path + v for p in parts for k, v in p.alias.items()},
            "sections": {p.path: self.base.model_types(p) for p in parts},
        }

    def _free(self, path: str, value: Any) -> bool:
        """Whether a field that changes nothing was varied, or is known to make no modules."""
        return bool(self.explorer.pools.get(path)) or harmless(path, value)

    def _flattened(self) -> list[str]:
        """Return fields of nested configs that an older layout wrote at the top."""
        inner = {name for p in self.base.parts if p.path for name in p.defaults}
        return [name for name in inner if name not in self.base.values and name not in BENIGN]

    def _right(self, template: dict[str, Any], values: Values) -> bool:
        """Whether the template gives what the library builds."""
        found = self.base.probe(values)
        assert found is not None
        return agrees(template, self.base.raw(values), found) is True

    def _difference(self, template: dict[str, Any], values: Values) -> str:
        """Say where a template's answer first differs from the library's."""
        found, raw = self.base.probe(values), self.base.raw(values)
        table = expanded(*shippable(template), raw)
        if table is None or found is None:
            return f"no answer {canonical(raw, template) is None}"
        pairs = zip(modules_of(table), listed(found[0]), strict=False)
        first = next((pair for pair in pairs if pair[0] != pair[1]), "the end or embeddings")
        return str(first)[:300]


def harmless(path: str, value: Any) -> bool:
    """Whether a field that could not be varied is known to make no modules."""
    name = path.rpartition(".")[2]
    return (
        name in BENIGN
        or name.startswith(("_", "rotary_"))
        or (isinstance(value, dict) and "rope" in name)
        or (name in WITHOUT_MODULES and name not in POSITIONS and not ACTIVATION.search(name))
        or NAMES_WITHOUT_MODULES.search(name) is not None
    )


def spread(values: list[Any]) -> dict[str, Any]:
    """Describe the values of a field that were tried."""
    words = [
        w
        for n, w in enumerate(values)
        if (w is None or isinstance(w, bool | str | float)) and w not in values[:n]
    ]
    domain: dict[str, Any] = {"words": list(dict.fromkeys(words))}
    numbers = [v for v in values if type(v) is int]
    if numbers:
        domain["least"] = min(numbers)
    lists = [v for v in values if isinstance(v, list)]
    if lists:
        items = {w for v in lists for w in v if not isinstance(w, int) or isinstance(w, bool)}
        domain["items"] = sorted(items, key=str)
        if any(type(w) is int for v in lists for w in v):
            domain["items"].append("numbers")
    return domain
