"""Looking for a format's signs in the root of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lora_advisor.source.tree import Node


def node(root: Node | None, path: str) -> Node | None:
    """Return what stands under a dotted path (``model.peft``), None if nothing does."""
    for name in path.split("."):
        root = root.get(name) if isinstance(root, Mapping) else None
    return root


def text(root: Node | None, path: str) -> str:
    """Return the scalar under a dotted path as it is spelt, empty if there is none."""
    found = node(root, path)
    return found.text if isinstance(found, Scalar) else ""


def section(root: Node | None, path: str) -> Mapping | None:
    """Return the mapping under a dotted path, None if something else stands there."""
    found = node(root, path)
    return found if isinstance(found, Mapping) else None


def keys(root: Node | None) -> frozenset[str]:
    """Return the keys of a mapping, none for any other node."""
    return frozenset(root.keys()) if isinstance(root, Mapping) else frozenset()


def all_of(root: Node, *names: str) -> str:
    """Return the names as evidence if every one of them is a key."""
    return " and ".join(names) if keys(root) >= set(names) else ""


def one_of(root: Node, *names: str) -> str:
    """Return the first of the names that is a key, as evidence."""
    present = keys(root)
    return next((name for name in names if name in present), "")


def child_text(root: Node, key: str) -> Iterable[tuple[str, str]]:
    """Yield each section's name with the scalar it has under ``key``."""
    if isinstance(root, Mapping):
        for entry in root.entries:
            found = text(entry.value, key)
            if found:
                yield entry.key.text, found
