"""Learns the template of one model type: probes, merging, and a trial on configs never seen."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import Any

import transformers
from transformers import PreTrainedConfig

from lora_advisor.models.canonical import canonical
from lora_advisor.models.formula import OpenError
from lora_advisor.models.likeness import NAMES_WITHOUT_MODULES, POSITIONS, WITHOUT_MODULES
from lora_advisor.models.template import expanded
from shapes.fields import (
    ACTIVATION,
    BENIGN,
    LAYERS,
    NUM_LABELS,
    SIZES,
    flat,
    lifted,
    nested,
    pool,
    sections,
)
from shapes.learn import Places, UnexplainedError, learn_case, learn_size
from shapes.merge import Merger, Pool
from shapes.tree import Node, build, picture
from shapes.tree import flat as listed

MISSED: set[str] = set()
JOINT, HELD_OUT, ROUNDS = 60, 40, 5
ABOUT = ("type", "input", "output", "tie", "tied", "shared", "ties", "generates")


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


class Learner:
    """Everything known of one base config: its fields, the values tried, the probes."""

    def __init__(
        self, model_type: str, raw: dict[str, Any], auto_class: str, seed: int = 0, narrow: int = 0
    ) -> None:
        self.model_type, self.auto_class, self.narrow = model_type, auto_class, narrow
        self.rng = random.Random(f"{model_type} {auto_class} {seed}")
        raw = {k: v for k, v in raw.items() if k not in BENIGN or isinstance(v, dict)}
        MISSED.clear()
        self.parts = sections(model_type, raw)
        self.kinds = {p.path: p.config_class.model_type for p in self.parts}
        self.lifts = self._lifts(raw)
        self.base = flat(lifted(raw, self.lifts), self.parts)
        self.cache: dict[str, tuple[Node, dict[str, Any]] | None] = {}
        self.error: Exception | None = None
        self._small()
        if self.probe(self.base) is None:
            raise UnbuildableError(f"{type(self.error).__name__}: {self.error}"[:160])
        self._undeclared()
        self.pools: dict[str, list[Any]] = {}
        self.relevant: set[str] = set()
        self.oat: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = []
        self.words: dict[str, list[Any]] = {}
        self.counted: dict[str, str] = {}
        self._resolved: dict[str, dict[str, Any]] = {}
        self._find_lists()

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
        found = getattr(getattr(made, section), mark) == text.defaults[mark] * 2
        return {section: names} if found else {}

    def _words_of(self, part: Any) -> list[str]:
        """Return the model types that a section may name and still is what it was learned as."""
        own = part.config_class.model_type
        found = [own]
        for other in dict.fromkeys([self.model_type, self.model_type.removesuffix("_text")]):
            if not part.path or other == own:
                continue
            raw = nested(self.base, self.parts, {**self.kinds, part.path: other})
            with suppress(Exception):
                here: Any = config_of(self.model_type, raw)
                for name in part.path.split(".")[:-1]:
                    here = getattr(here, name)
                if type(here) is part.config_class:
                    found.append(other)
        return found

    def _find_lists(self) -> None:
        """Find lists with an entry per layer, those that the config itself derives included."""
        config = config_of(self.model_type, nested(self.base, self.parts, self.kinds))
        for part in self.parts:
            here: Any = config
            for name in part.path.split(".")[:-1]:
                here = getattr(here, name)
            counts = [
                p
                for p in self.base
                if LAYERS.search(p)
                and p.rpartition(".")[0] == part.path[:-1]
                and type(self.base[p]) is int
            ]
            for path in [p for p in self.base if p.rpartition(".")[0] == part.path[:-1]]:
                derived = read(here, path.rpartition(".")[2])
                if not isinstance(derived, list | tuple) or not derived:
                    continue
                if any(not isinstance(v, int | str) for v in derived):
                    continue
                self.words[path] = list(dict.fromkeys(derived))
                count = next((c for c in counts if self.base[c] == len(derived)), None)
                if count is not None:
                    self.counted[path] = count

    def _part(self, path: str) -> Any:
        head, _, _ = path.rpartition(".")
        return next(p for p in self.parts if p.path == (f"{head}." if head else ""))

    def _small(self) -> None:
        """Make the base small: few layers, lists of layers cut to match."""
        for path, value in list(self.base.items()):
            if LAYERS.search(path) and type(value) is int and value > 6:
                self._coupled(self.base, path, value, 5)

    def _coupled(self, values: dict[str, Any], path: str, old: int, new: int) -> None:
        """Set a number of layers, and lists that had one entry for each."""
        values[path] = new
        head = path.rpartition(".")[0]
        for other, item in list(values.items()):
            if isinstance(item, list) and len(item) == old and other.rpartition(".")[0] == head:
                values[other] = [item[n % old] for n in range(new)]

    def _undeclared(self) -> None:
        """Add fields the code asks for with a default of its own, as absent."""
        for part in self.parts:
            for name in sorted(MISSED | part.popped):
                path = part.path + name
                if path not in self.base and name not in BENIGN and name not in part.alias:
                    self.base[path] = None

    def probe(self, values: dict[str, Any]) -> tuple[Node, dict[str, Any]] | None:
        """Build a config; None where the library refuses it."""
        key = repr(sorted(values.items()))
        if key not in self.cache:
            try:
                raw = nested(values, self.parts, self.kinds)
                self.cache[key] = picture(build(self.model_type, raw, self.auto_class))
            except Exception as error:  # noqa: BLE001 - whatever a config makes a library raise
                self.error = error
                self.cache[key] = None
        return self.cache[key]

    def explore(self) -> None:
        """Find out which values of each field build, and which fields change the model."""
        self._alone(self.base, first=True)
        for path in sorted(self.relevant):
            switch = [v for v in self.pools[path] if v is None or isinstance(v, bool)]
            if self.base[path] is None:
                switch = self.pools[path][:1]
            for value in switch[:1]:
                self._alone(self._with(self.base, path, value), first=False)
        for values in self.other_shapes():
            self._alone(values, first=False)
        for _ in range(3):
            other = self.random(0.7)
            if other is not None:
                self._alone(other, first=False)

    def other_shapes(self) -> list[dict[str, Any]]:
        """Return configs, one field off the base, that bring in modules of other names."""
        found: dict[Any, dict[str, Any]] = {}
        base = self.probe(self.base)
        for origin, values, _ in self.oat:
            made = self.probe(values)
            if origin is self.base and made and base and self.usual(values):
                extra = outline(made[0]) - outline(base[0])
                if extra:
                    found.setdefault(frozenset(extra), values)
        return list(found.values())[:8]

    def _alone(self, base: dict[str, Any], *, first: bool) -> None:
        plain = self.probe(base)
        if plain is None:
            return
        for path in list(self.base) if first else self._doubtful():
            tried = self._pool(path) if first else self.pools[path]
            good = []
            few = min(2 if path in self.relevant else 1, len(tried))
            for value in tried if first else self.rng.sample(tried, few):
                if value == base[path]:
                    continue
                values = self._with(base, path, value)
                found = self.probe(values)
                if found is None:
                    continue
                good.append(value)
                changed = {k for k in base if base[k] is not values[k] and base[k] != values[k]}
                self.oat.append((base, values, changed | {path}))
                if path not in self.relevant and not alike(found, plain):
                    self.relevant.add(path)
            if first:
                self.pools[path] = one_type(good) if path in self.relevant else good
        if first:
            self._lists()

    def _doubtful(self) -> list[str]:
        """Return the fields that matter, and numbers that may matter beside another switch."""
        numbers = [p for p, v in self.base.items() if type(v) is int and SIZES.search(p)]
        return sorted({*self.relevant, *(p for p in numbers if self.pools.get(p))})

    def _pool(self, path: str) -> list[Any]:
        """Return values to try for a field; in narrow learning only numbers, lists, switches."""
        value = self.base[path]
        if self.narrow and not (type(value) in (int, bool) or path in self.words):
            return []
        if self.narrow > 1 and type(value) is bool and "tie_" not in path:
            return []
        found = pool(path, value, self._part(path))
        return [v for v in found if type(v) is type(value)] if self.narrow else found

    def resolved(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the fields with the numbers that the config object puts in place of nulls."""
        key = repr(sorted(values.items()))
        if key not in self._resolved:
            config = config_of(self.model_type, nested(values, self.parts, self.kinds))
            out = dict(values)
            for path in self.relevant:
                here: Any = config
                for name in path.split(".")[:-1]:
                    here = read(here, name)
                found = read(here, path.rpartition(".")[2])
                if values.get(path) is None and type(found) is int:
                    out[path] = found
            self._resolved[key] = out
        return self._resolved[key]

    def derive(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return a formula for each field that the config object itself fills in where null."""
        found: dict[str, Any] = {}
        full = [self.resolved(v) for v in samples]
        open_ = [p for p in sorted(self.relevant) if any(v[p] is None for v in samples)]
        open_ = [p for p in open_ if all(type(f[p]) is int for f in full)]
        for _ in range(2):
            for path in [p for p in open_ if p not in found]:
                hits = [n for n, v in enumerate(samples) if v[path] is None]
                names = self.relevant - {p for p in open_ if p not in found}
                places = Places([(full[n], ()) for n in hits], names)
                with suppress(UnexplainedError):
                    found[path] = learn_size(places, [full[n][path] for n in hits], 1)
        return found

    def _lists(self) -> None:
        for path in self.words:
            values = dict(self.base)
            values[path] = self._list(path, values)
            if self.probe(values) is None:
                continue
            self.relevant.add(path)
            self.pools[path] = [values[path], *(v for v in self.pools.get(path, []) if v is None)]
            if self.base[path] is None:
                self.pools[path].append(None)

    def _list(self, path: str, values: dict[str, Any]) -> list[Any]:
        """Return a list of the length the other fields ask for, of words it is known to hold."""
        if path not in self.words:
            return list(values[path])
        length = (
            values[self.counted[path]]
            if path in self.counted
            else len(self.base[path] or self.words[path])
        )
        words = self.words[path]
        if path not in self.counted or len(words) > 4:
            return list(self.base[path] or words)[:length]
        return [self.rng.choice(words) for _ in range(length)]

    def _with(self, base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
        values = dict(base)
        if LAYERS.search(path) and type(value) is int and type(base[path]) is int:
            self._coupled(values, path, base[path], value)
        else:
            values[path] = value
        return values

    def random(self, share: float = 0.6) -> dict[str, Any] | None:
        """Return a config that builds with many fields changed at once."""
        for attempt in range(40):
            values = dict(self.base)
            for path in self.rng.sample(sorted(self.pools), len(self.pools)):
                chance = share if path in self.relevant else 0.1
                choices = self.pools[path]
                if choices and self.rng.random() < chance * (1 - attempt / 50):
                    values = self._with(values, path, self.rng.choice(choices))
            self._shuffle(values)
            if self.probe(values) is not None:
                return values
        return None

    def _shuffle(self, values: dict[str, Any]) -> None:
        for path, value in values.items():
            if isinstance(value, list) and self.pools.get(path):
                values[path] = self._list(path, values)

    def learn(self) -> dict[str, Any]:
        """Return the template; UnexplainedError where none explains all that was seen."""
        self.explore()
        kept = [
            (b, v, names) for b, v, names in self.oat if names & self.relevant and self.usual(v)
        ]
        samples = list({id(v): v for base, v, _ in kept for v in (base, v)}.values())
        self.origins = {id(v): (id(base), names) for base, v, names in kept if id(v) != id(base)}
        samples += [v for v in (self.random() for _ in range(JOINT)) if v is not None]
        for _ in range(ROUNDS):
            template = self.fit(samples)
            fresh = [
                v
                for v in (self.random(self.rng.choice((0.3, 0.6, 0.9))) for _ in range(HELD_OUT))
                if v is not None
            ]
            wrong = [v for v in fresh if not self.right(template, v)]
            if not wrong and len(fresh) >= 20:
                return template
            if len(fresh) < 20:
                raise UnexplainedError(f"only {len(fresh)} configs to try it on")
            samples += fresh
        self.wrong = wrong
        raise UnexplainedError(
            f"{len(wrong)} of {len(fresh)} configs still differ: {self.why(template, wrong[0])}"
        )

    def why(self, template: dict[str, Any], values: dict[str, Any]) -> str:
        """Say where a template's answer first differs from the library's."""
        found = self.probe(values)
        table = expanded(*shippable(template), self.raw(values))
        if table is None or found is None:
            return f"no answer {canonical(self.raw(values), template) is None}"
        ours = [
            (m.name, m.class_name, m.kind, m.parameters, m.transposed, m.groups)
            for m in table.modules
        ]
        pairs = zip(ours, listed(found[0]), strict=False)
        return str(next((pair for pair in pairs if pair[0] != pair[1]), "the end or embeddings"))[
            :300
        ]

    def usual(self, values: dict[str, Any]) -> bool:
        """Whether every field that matters holds a value of its usual type."""
        types = {p: {type(v) for v in [*self.pools[p], self.base[p]]} for p in self.relevant}
        return all(type(values[p]) in types[p] for p in self.relevant)

    def fit(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Merge probes into a template."""
        derived = self.derive(samples)
        seen = [{**v, **{p: self.resolved(v)[p] for p in derived}} for v in samples]
        trees = [(w, (), self.probe(v)) for v, w in zip(samples, seen, strict=True)]
        moved = {id(v): id(w) for v, w in zip(samples, seen, strict=True)}
        origins = {
            moved[one]: (moved[base], names)
            for one, (base, names) in self.origins.items()
            if one in moved and base in moved
        }
        pool_ = Pool()
        merger = Merger(pool_, self.relevant, origins)
        places = merger.places([(w, ()) for w in seen])
        about = {}
        for key in ABOUT:
            try:
                about[key] = constant(learn_case(places, [t[1][key] for _, _, t in trees if t]))
            except UnexplainedError as error:
                raise UnexplainedError(f"{key}: {error}") from None
        root = merger.merge([(v, (), t[0]) for v, _, t in trees if t])
        return {
            **self.domain(samples),
            "derived": derived,
            "about": about,
            "root": root,
            "auto": self.auto_class,
            "nodes": pool_.nodes,
            "classes": pool_.classes,
        }

    def domain(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Say for which configs a template holds."""
        fields = {p: spread([v[p] for v in samples]) for p in sorted(self.relevant)}
        fixed, watched, defaults = {}, [], {}
        for path, value in self.base.items():
            part = self._part(path)
            name = path.rpartition(".")[2]
            declared = name in part.defaults
            defaults[path] = part.defaults.get(name, 2 if path == NUM_LABELS else None)
            if path in fields:
                continue
            if self.pools.get(path) or harmless(path, value):
                defaults.pop(path)
            elif declared or value is not None:
                fixed[path] = value
            else:
                defaults.pop(path)
                watched.append(path)
        watched += self._flattened()
        alias = {p.path + k: p.path + v for p in self.parts for k, v in p.alias.items()}
        kinds = {p.path: self._words_of(p) for p in self.parts}
        return {
            **({"lifts": self.lifts} if self.lifts else {}),
            "fields": fields,
            "fixed": fixed,
            "defaults": defaults,
            "watched": sorted(watched),
            "alias": alias,
            "sections": kinds,
        }

    def _flattened(self) -> list[str]:
        """Return fields of nested configs that an older layout wrote at the top."""
        inner = {name for p in self.parts if p.path for name in p.defaults}
        return [name for name in inner if name not in self.base and name not in BENIGN]

    def raw(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON of a probe."""
        return {"model_type": self.model_type, **nested(values, self.parts, self.kinds)}

    def right(self, template: dict[str, Any], values: dict[str, Any]) -> bool:
        """Whether the template gives what the library builds."""
        found = self.probe(values)
        assert found is not None
        return agrees(template, self.raw(values), found) is True


def agrees(
    template: dict[str, Any], raw: dict[str, Any], found: tuple[Node, dict[str, Any]]
) -> bool | None:
    """Whether a template's answer equals the built model; None where it gives none."""
    try:
        table = expanded(*shippable(template), raw)
    except OpenError:
        return None
    if table is None:
        return None
    node, about = found
    shared = dict(about["shared"])
    below = tuple(f"{name}." for name in shared)
    truth = [
        t for t in listed(node) if t[0] not in shared and not (below and t[0].startswith(below))
    ]
    ours = [
        (m.name, m.class_name, m.kind, m.parameters, m.transposed, m.groups) for m in table.modules
    ]
    told = (
        table.model_type,
        table.input_embedding,
        table.output_embedding,
        table.tie_word_embeddings,
        list(table.tied_modules),
        table.shared_modules,
        table.shared_parameters,
        table.generates,
    )
    real = (
        about["type"],
        about["input"],
        about["output"],
        about["tie"],
        about["tied"],
        shared,
        dict(about["ties"]),
        about["generates"],
    )
    return ours == truth and told == real


def config_of(model_type: str, raw: dict[str, Any]) -> Any:
    """Return the library's config object."""
    return transformers.AutoConfig.for_model(model_type, **raw)


def shippable(template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a template and its nodes as the catalogue holds them."""
    content = {"forms": template["nodes"], "form_classes": template["classes"]}
    return {"transformers": 5, **template}, content


def alike(one: tuple[Node, dict[str, Any]], other: tuple[Node, dict[str, Any]]) -> bool:
    """Whether two builds are the same model."""
    return listed(one[0]) == listed(other[0]) and one[1] == other[1]


def outline(node: Node) -> set[tuple[str, str]]:
    """Return the names of modules and parameters, numbers left out, with their classes."""
    out = set()
    for name, class_name, _, shapes, *_ in listed(node):
        plain = ".".join("*" if part.isdecimal() else part for part in name.split("."))
        out |= {(plain, class_name), *((plain, own) for own, _ in shapes)}
    return out


def read(config: Any, name: str) -> Any:
    """Return a field of a config object, None where it cannot be read."""
    try:
        return getattr(config, name, None)
    except Exception:  # noqa: BLE001 - a field that differs from layer to layer
        return None


def one_type(values: list[Any]) -> list[Any]:
    """Return the values of the first one's type, and null."""
    first = next((type(v) for v in values if v is not None), None)
    return [v for v in values if v is None or type(v) is first]


def constant(formula: Any) -> Any:
    """Return a formula in which a list that is a value cannot be taken for a formula."""
    return formula


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


def clock() -> float:
    """Return the processor time used so far."""
    return time.process_time()
