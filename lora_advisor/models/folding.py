"""A model as a tree in which equal layers stand once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lora_advisor.models.resolve import Adapted, Resolution
    from lora_advisor.models.table import Module, ModuleTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A module, or a run of equal ones: ``count`` of them, with all below each.

    ``parameters`` are those of one with all below it, ``trained`` the trainable ones among and on
    them; ``adapted`` counts modules and parameters with an adapter. ``rank`` and ``scaling`` are of
    the adapter on this very module, ``how`` says ``lora``, ``full`` or nothing.
    """

    name: str
    class_name: str
    kind: str
    shape: tuple[int, ...]
    count: int
    parameters: int
    trained: int
    adapted: int
    how: str
    rank: int
    scaling: float
    children: tuple[Node, ...]


class _Open:
    """A module while its children are being gathered."""

    __slots__ = ("children", "module")

    def __init__(self) -> None:
        self.module: Module | None = None
        self.children: dict[str, _Open] = {}


def folded(table: ModuleTable, resolution: Resolution | None) -> Node:
    """Return the whole model, equal neighbours with numbers for names put together."""
    root = _Open()
    for module in table.modules:
        place = root
        for part in module.name.split(".") if module.name else ():
            place = place.children.setdefault(part, _Open())
        place.module = module
    items = (*resolution.modules, *resolution.parameters) if resolution is not None else ()
    saved = resolution.saved if resolution is not None else {}
    return _closed("", "", root, {item.name: item for item in items}, saved)


def _closed(
    name: str, path: str, open_: _Open, adapted: Mapping[str, Adapted], saved: Mapping[str, int]
) -> Node:
    prefix = f"{path}." if path else ""
    below = [
        _closed(part, prefix + part, child, adapted, saved)
        for part, child in open_.children.items()
    ]
    module = open_.module
    own = module.parameters if module is not None else ()
    below += [
        _parameter(part, shape, adapted[prefix + part])
        for part, shape in own
        if prefix + part in adapted
    ]
    item = adapted.get(path)
    apart = {part for part, _ in own if prefix + part in adapted}
    count = sum(math.prod(shape) for part, shape in own if part not in apart)
    return Node(
        name=name,
        class_name=module.class_name if module is not None else "",
        kind=module.kind if module is not None else "",
        shape=(module.shape("weight") or ()) if module is not None else (),
        count=1,
        parameters=count + sum(node.parameters * node.count for node in below),
        trained=(item.parameters if item is not None else 0)
        + saved.get(path, 0)
        + sum(node.trained * node.count for node in below),
        adapted=(item is not None) + sum(node.adapted * node.count for node in below),
        how="lora" if item is not None else "full" if path in saved else "",
        rank=item.rank if item is not None else 0,
        scaling=item.scaling if item is not None else 0.0,
        children=tuple(_runs(below)),
    )


def _parameter(name: str, shape: tuple[int, ...], item: Adapted) -> Node:
    """Return a parameter that has an adapter of its own, such as fused experts."""
    return Node(
        name=name,
        class_name="Parameter",
        kind="parameter",
        shape=shape,
        count=1,
        parameters=math.prod(shape),
        trained=item.parameters,
        adapted=1,
        how="lora",
        rank=item.rank,
        scaling=item.scaling,
        children=(),
    )


def _runs(nodes: Iterable[Node]) -> Iterable[Node]:
    """Put equal neighbours that are numbered on into one, called ``0-27``."""
    run: list[Node] = []
    for node in nodes:
        if run and not _follows(run, node):
            yield _joined(run)
            run = []
        run.append(node)
    if run:
        yield _joined(run)


def _follows(run: list[Node], node: Node) -> bool:
    first, last = run[0], run[-1]
    numbered = node.name.isdecimal() and last.name.isdecimal()
    return (
        numbered
        and int(node.name) == int(last.name) + 1
        and replace(node, name=first.name) == first
    )


def _joined(run: list[Node]) -> Node:
    if len(run) == 1:
        return run[0]
    return replace(run[0], name=f"{run[0].name}-{run[-1].name}", count=len(run))
