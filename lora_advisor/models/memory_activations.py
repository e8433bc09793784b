"""Memory of activations: what the layers keep, with and without recomputing them.

Sources: Korthikanti et al. 2022 (https://arxiv.org/abs/2205.05198) for the method, counted anew for
frozen weights with adapters; ``torch.utils.checkpoint`` for what recomputation leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lora_advisor.models.memory_layers import layer, widths
from lora_advisor.models.memory_setup import SINGLE, Part
from lora_advisor.pattern import pattern

if TYPE_CHECKING:
    from lora_advisor.models.memory_layers import Layer
    from lora_advisor.models.memory_setup import Setup
    from lora_advisor.models.resolve import Adapted
    from lora_advisor.models.table import Module

_NUMBERED: Final = pattern(r"((?:[^.]+\.)*?[^.]*?)\.(\d+)(?:\.|$)")
_TOWERS: Final = ("vision", "visual", "image", "audio", "vit", "speech")
_METHOD: Final = "https://arxiv.org/abs/2205.05198"
_RECOMPUTED: Final = "https://docs.pytorch.org/docs/stable/checkpoint.html"
_PASSES: Final = 2
"""Gradients of the widest tensor that live at once: of a product, its two factors are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Bytes of activations: ``held`` all through the forward pass, ``passing`` in one layer."""

    held: float
    passing: float
    widest: float
    layers: int
    sure: bool


def stacks(setup: Setup) -> dict[str, list[list[Module]]]:
    """Return the modules of each layer, for each stack of layers outside image or audio towers."""
    found: dict[str, dict[int, list[Module]]] = {}
    for module in setup.table.modules:
        match = _NUMBERED.match(module.name)
        if match is None or any(word in match[1].lower() for word in _TOWERS):
            continue
        found.setdefault(match[1], {}).setdefault(int(match[2]), []).append(module)
    return {name: [*layers.values()] for name, layers in found.items() if len(layers) > 1}


def kept(setup: Setup) -> Kept:
    """Count what one batch keeps; checkpointing leaves each layer's input and one layer at work."""
    tokens, length = setup.tokens or 0, setup.length or 0
    counted = [item for layers in stacks(setup).values() for item in _counted(layers, setup)]
    totals = [item.token * tokens + item.pair * tokens * length + item.fixed for item in counted]
    inputs = setup.hidden * widths(setup).residual * tokens
    head = setup.hidden * SINGLE * tokens  # the last norm's input
    work = [_PASSES * item.widest * tokens + item.unpacked for item in counted]
    if setup.checkpointing:
        held = float(inputs * len(counted) + head)
        passing = max((t + w for t, w in zip(totals, work, strict=True)), default=0.0)
    else:
        held = sum(totals) + head
        passing = max(work, default=0.0)
    return Kept(
        held=held,
        passing=passing,
        widest=max((item.widest for item in counted), default=0) * tokens,
        layers=len(counted),
        sure=all(item.sure for item in counted) and bool(counted),
    )


def _counted(layers: list[list[Module]], setup: Setup) -> list[Layer]:
    """Count every layer of a stack, equal ones once."""
    found = setup.resolution
    items = (*found.modules, *found.parameters) if found is not None else ()
    adapted = {item.name: item for item in items}
    known: dict[object, Layer] = {}
    counted = []
    for modules in layers:
        start = len(modules[0].name)
        key = tuple(
            (m.name[start:], m.class_name, m.parameters, _rank(m, adapted)) for m in modules
        )
        if key not in known:
            known[key] = layer(modules, adapted, setup)
        counted.append(known[key])
    return counted


def _rank(module: Module, adapted: dict[str, Adapted]) -> object:
    names = [module.name, *(f"{module.name}.{own}" for own, _ in module.parameters)]
    return tuple(adapted[name].rank if name in adapted else 0 for name in names)


def activations(best: Setup, worst: Setup, *, at_loss: bool) -> Part:
    """Return the part of the activations at the peak: at the loss, or inside a layer."""
    low, high = (_at_peak(kept(setup), at_loss=at_loss) for setup in (best, worst))
    found = kept(worst)
    if not found.sure:
        high *= 2
    source = _RECOMPUTED if worst.checkpointing else _METHOD
    told = _told(worst, found)
    return Part(name="activations", low=int(low), high=int(high), formula=told, source=source)


def _at_peak(found: Kept, *, at_loss: bool) -> float:
    return found.held if at_loss else found.held + found.passing


def _told(setup: Setup, found: Kept) -> str:
    if not setup.tokens:
        return "the batch is not known"
    if setup.checkpointing:
        wide = widths(setup).residual
        size = f"{setup.hidden} values × {wide} B for each of {setup.tokens:,} tokens"
        return f"{found.layers} layers × {size}, and one layer recomputed"
    each = found.held / setup.tokens / max(found.layers, 1)
    return f"{found.layers} layers × {each / 1024:.1f} KiB for each of {setup.tokens:,} tokens"
