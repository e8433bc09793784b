"""Merges the trees of many probes into one template whose shapes and counts are formulas."""

from __future__ import annotations

import json
from typing import Any

from shapes.learn import UnexplainedError, learn_case, learn_size, same
from shapes.places import Places
from shapes.tree import Node

Sample = tuple[dict[str, Any], tuple[int, ...], Node]


class Pool:
    """Template nodes and classes, equal ones kept once."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.classes: list[list[str]] = []
        self._known: dict[str, int] = {}

    def node(self, content: Any) -> int:
        """Return the number of a template node."""
        key = json.dumps(content)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(content)
        return self._known[key]

    def class_(self, what: tuple[str, str]) -> int:
        """Return the number of a class with its kind."""
        pair = list(what)
        if pair not in self.classes:
            self.classes.append(pair)
        return self.classes.index(pair)


class Merger:
    """Makes a template from samples; ``relevant`` are the fields that change anything."""

    def __init__(
        self, pool: Pool, relevant: set[str], origins: dict[int, tuple[int, set[str]]]
    ) -> None:
        self.pool = pool
        self.relevant = relevant
        self.origins = origins

    def places(self, places: list[tuple[dict[str, Any], tuple[int, ...]]]) -> Places:
        """Return places with what the merger knows of the fields."""
        return Places(places, self.relevant, self.origins)

    def merge(self, samples: list[Sample], path: str = "") -> int:
        """Return the number of the template node of samples of one class."""
        places = self.places([(fields, at) for fields, at, _ in samples])
        nodes = [node for _, _, node in samples]
        content = [
            self.pool.class_(nodes[0].what),
            self._parameters(places, nodes, path),
            self._children(places, samples, path),
            learn_case(places, [node.transposed for node in nodes]),
            learn_size(places, [node.groups for node in nodes]),
        ]
        return self.pool.node(content)

    def _parameters(self, places: Places, nodes: list[Node], path: str) -> list[Any]:
        out = []
        for name in ordered([list(node.shapes) for node in nodes]):
            try:
                out.append([name, *self._shape(places, nodes, name)])
            except UnexplainedError as error:
                raise error.under(f"{path}.{name}") from None
        return out

    def _shape(self, places: Places, nodes: list[Node], name: str) -> list[Any]:
        there = learn_case(places, [name in node.shapes for node in nodes])
        kept = [n for n, node in enumerate(nodes) if name in node.shapes]
        if len(kept) < len(nodes):
            whole = places
            places = self.places([places.places[n] for n in kept])
            places.family = whole.family
        shapes = [nodes[n].shapes[name] for n in kept]
        rank = same(places, [len(shape) for shape in shapes])
        return [there, [learn_size(places, [s[d] for s in shapes]) for d in range(rank)]]

    def _children(self, places: Places, samples: list[Sample], path: str) -> list[Any]:
        nodes = [node for _, _, node in samples]
        names = ordered([list(node.children) for node in nodes])
        if names and all(name.isdecimal() for name in names):
            return [self._numbered(places, samples, path)]
        return [self._named(places, samples, name, path) for name in names]

    def _named(self, places: Places, samples: list[Sample], name: str, path: str) -> Any:
        labels = [s[2].children[name].what if name in s[2].children else None for s in samples]
        kinds = [kind for kind in dict.fromkeys(labels) if kind is not None]
        numbers = {kind: n for n, kind in enumerate(kinds)}
        try:
            which = learn_case(
                places, [numbers.get(label, -1) if label else -1 for label in labels]
            )
        except UnexplainedError as error:
            raise error.under(f"{path}.{name}") from None
        variants = []
        for kind in kinds:
            inside = [
                (f, at, n.children[name])
                for (f, at, n), label in zip(samples, labels, strict=True)
                if label == kind
            ]
            variants.append(self.merge(inside, f"{path}.{name}"))
        return [name, which, variants]

    def _numbered(self, places: Places, samples: list[Sample], path: str) -> Any:
        rising = [
            list(node.children) == [str(n) for n in range(len(node.children))]
            for _, _, node in samples
        ]
        if not all(rising):
            raise UnexplainedError(f"{path}: its numbers do not count up", (places, rising, _all))
        try:
            count = learn_size(places, [len(node.children) for _, _, node in samples])
        except UnexplainedError as error:
            raise error.under(f"{path}: count") from None
        inside = [
            (f, (*at, int(n)), child)
            for f, at, node in samples
            for n, child in node.children.items()
        ]
        kinds = list(dict.fromkeys(child.what for _, _, child in inside))
        below = self.places([(f, at) for f, at, _ in inside])
        try:
            which = learn_case(below, [kinds.index(child.what) for _, _, child in inside])
        except UnexplainedError as error:
            raise error.under(f"{path}.*") from None
        variants = [
            self.merge([s for s in inside if s[2].what == kind], f"{path}.*") for kind in kinds
        ]
        return ["#", which, variants, count]


def _all(places: Places, labels: list[Any], patience: float = 0) -> None:
    del patience
    if not all(labels):
        raise UnexplainedError("it does not hold everywhere", (places, labels, _all))


def ordered(lists: list[list[str]]) -> list[str]:
    """Return all names in an order that every list keeps, as far as there is one."""
    longest = max(lists, key=len, default=[])
    out = list(longest)
    for names in lists:
        for position, name in enumerate(names):
            if name not in out:
                before = [n for n in names[:position] if n in out]
                out.insert(out.index(before[-1]) + 1 if before else 0, name)
    return out
