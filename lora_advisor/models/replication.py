"""Layer replication: the model with its layers laid out anew (``replicate_layers`` of PEFT)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.models.adapter import InjectionError, UnresolvedError
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lora_advisor.models.table import Module, ModuleTable

_LISTS: Final = ("layers", "encoder.layer", "h")


def replicated(table: ModuleTable, layers: Sequence[Sequence[int]]) -> ModuleTable:
    """Return the table with its list of layers replaced by copies that share their weights.

    Raises:
        InjectionError: PEFT raises, as a layer is not there.
        UnresolvedError: The layers share modules already.
    """
    home = _list_of_layers(table)
    order = [number for first, last in layers for number in range(first, last)]
    if any(f"{home}.{number}" not in table.by_name for number in order):
        raise InjectionError("IndexError", "layer_replication names a layer that is not there")
    if table.shared_modules:
        raise UnresolvedError("layers that already share modules are replicated")
    modules = tuple(_relaid(table, home, order))
    return replace(table, modules=modules, shared_parameters=_shared(table, home, order))


def _list_of_layers(table: ModuleTable) -> str:
    """Find the list as PEFT does: down through ``model``, then ``bert``; ValueError if none."""
    prefix = ""
    while f"{prefix}model" in table.by_name:
        prefix += "model."
    if f"{prefix}bert" in table.by_name:
        prefix += "bert."
    for name in _LISTS:
        module = table.by_name.get(prefix + name)
        if module is not None and module.class_name == "ModuleList":
            return prefix + name
    raise InjectionError("ValueError", "layer_replication finds no list of layers")


def _relaid(table: ModuleTable, home: str, order: Sequence[int]) -> Iterator[Module]:
    inside = f"{home}."
    for module in table.modules:
        if not module.name.startswith(inside):
            yield module
        if module.name == home:
            for new, old in enumerate(order):
                yield from _renamed(table, f"{home}.{old}", f"{home}.{new}")


def _renamed(table: ModuleTable, old: str, new: str) -> Iterator[Module]:
    for module in table.below(old):
        yield replace(module, name=new + module.name[len(old) :])


def _shared(table: ModuleTable, home: str, order: Sequence[int]) -> dict[str, str]:
    """Return further names of parameters: those of a layer's second and later copies."""
    shared = {k: v for k, v in table.shared_parameters.items() if not k.startswith(f"{home}.")}
    first: dict[int, int] = {}
    for new, old in enumerate(order):
        origin = first.setdefault(old, new)
        if origin == new:
            continue
        for module in table.below(f"{home}.{old}"):
            tail = module.name[len(f"{home}.{old}") :]
            for own, _ in module.parameters:
                shared[f"{home}.{new}{tail}.{own}"] = f"{home}.{origin}{tail}.{own}"
    return shared
