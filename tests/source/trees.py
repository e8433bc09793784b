"""Walks over trees that several tests need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.source.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.source.tree import Node


def nodes(roots: Iterable[Node], *, keys: bool = True) -> Iterator[Node]:
    """Yield every node of some trees, keys included unless not wanted."""
    for node in roots:
        yield node
        if isinstance(node, Sequence):
            yield from nodes(node.items, keys=keys)
        elif isinstance(node, Mapping):
            if keys:
                yield from (entry.key for entry in node.entries)
            yield from nodes([entry.value for entry in node.entries], keys=keys)


def scalars(roots: Iterable[Node], *, keys: bool = True) -> Iterator[Scalar]:
    """Yield every scalar of some trees."""
    return (node for node in nodes(roots, keys=keys) if isinstance(node, Scalar))
