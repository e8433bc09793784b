"""A model under a LoRA config: what is adapted, what not, how large it is, whether it fits."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lora_advisor.models.adapter import AdapterConfig, InjectionError, UnresolvedError
from lora_advisor.models.conversion import mapping_of
from lora_advisor.models.folding import Node, folded
from lora_advisor.models.matching import ALL_LINEAR, compiled
from lora_advisor.models.memory import Estimate, estimate, verdict
from lora_advisor.models.memory_changes import Change, changes
from lora_advisor.models.resolve import Resolution, resolve
from lora_advisor.models.table import ADAPTABLE, LINEAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lora_advisor.gpus import Gpu
    from lora_advisor.models.memory_setup import Setup
    from lora_advisor.models.table import Module, ModuleTable

_TOWERS: Final = ("vision", "visual", "image", "audio", "vit")
_ROUTERS: Final = frozenset({"gate", "router", "wg", "switch", "shared_expert_gate"})
_ATTENTION: Final = ("attn", "attention", "att")
_EXPERTS: Final = 3
OK: Final = "ok"
REFUSED: Final = "peft-error"
UNRESOLVED: Final = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Target:
    """An entry as written, how many modules it names, and the nearest real name where none."""

    entry: str
    modules: int
    adapted: int
    nearest: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Left:
    """Layers of one name that get no adapter: how many of how many, and what speaks for them."""

    name: str
    modules: int
    of: int
    parameters: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Subject:
    """What is inspected: a model's modules, a LoRA config, and the training if it can be sized.

    ``note`` says why ``setup`` is None, ``keys`` how the user's format spells fields, ``assumed``
    what nobody said and was taken so.
    """

    title: str
    table: ModuleTable
    config: AdapterConfig
    setup: Setup | None = None
    note: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Inspection:
    """What is known of one subject.

    ``status`` is ``ok``, ``peft-error`` (PEFT refuses, with an error of ``error_type``) or
    ``unresolved``; ``note`` says why. ``memory`` is None where a training cannot be sized,
    ``verdict`` empty without a GPU.
    """

    subject: Subject
    status: str
    error_type: str
    note: str
    resolution: Resolution | None
    tree: Node
    targets: tuple[Target, ...]
    left: tuple[Left, ...]
    memory: Estimate | None
    gpu: Gpu | None
    verdict: str
    changes: tuple[Change, ...]


def inspect(subject: Subject, gpu: Gpu | None = None) -> Inspection:
    """Resolve the adapter on the model, size it, and estimate the training's memory."""
    config, table = subject.config, subject.table
    status, kind, note, resolution = _resolved(config, table)
    setup = replace(subject.setup, resolution=resolution) if subject.setup is not None else None
    memory = estimate(setup) if setup is not None and resolution is not None else None
    return Inspection(
        subject=subject,
        status=status,
        error_type=kind,
        note=note,
        resolution=resolution,
        tree=folded(table, resolution),
        targets=tuple(_targets(config, table, resolution)),
        left=tuple(_left(table, resolution)),
        memory=memory,
        gpu=gpu,
        verdict=verdict(memory, int(gpu.memory)) if memory is not None and gpu is not None else "",
        changes=changes(setup, memory) if setup is not None and memory is not None else (),
    )


def _resolved(config: AdapterConfig, table: ModuleTable) -> tuple[str, str, str, Resolution | None]:
    try:
        found = resolve(config, table)
    except InjectionError as error:
        return REFUSED, error.kind, str(error), None
    except UnresolvedError as error:
        return UNRESOLVED, "", str(error), None
    if not table.sized:
        return UNRESOLVED, "", "names are known, sizes and numbers of layers are not", found
    return OK, "", "", found


def _targets(
    config: AdapterConfig, table: ModuleTable, resolution: Resolution | None
) -> Iterable[Target]:
    """Say of each written target what it names in the model, and how much of that is adapted."""
    adapted = {item.name for item in resolution.modules} if resolution is not None else set()
    written = config.target_modules
    if written is None:
        return
    if isinstance(written, str):
        yield Target(
            entry=written, modules=_meant(written, table), adapted=len(adapted), nearest=""
        )
        written = ()
    for entry in written:
        hits = {table.modules[i].name for i in table.ending(entry)}
        moved = mapping_of(table.model_type).get(entry.rpartition(".")[2])
        experts = _fused(moved, resolution) if moved is not None else 0
        near = "" if hits or experts else _nearest(entry, table)
        count = len(hits & adapted) + experts
        yield Target(entry=entry, modules=len(hits) + experts, adapted=count, nearest=near)
    for entry in config.target_parameters or ():
        found = resolution.parameters if resolution is not None else ()
        count = sum(item.name == entry or item.name.endswith(f".{entry}") for item in found)
        named = [f"{m.name}.{own}" for m in table.modules for own, _ in m.parameters]
        hit = sum(name == entry or name.endswith(f".{entry}") for name in named)
        yield Target(entry=entry, modules=hit, adapted=count, nearest="")


def _meant(text: str, table: ModuleTable) -> int:
    if text.lower() == ALL_LINEAR:
        head = table.output_embedding
        return sum(m.kind in LINEAR and m.name != head for m in table.modules)
    try:
        fits = compiled(text).fullmatch
    except (InjectionError, UnresolvedError):
        return 0
    return sum(fits(module.name) is not None for module in table.modules)


def _fused(parameter: str, resolution: Resolution | None) -> int:
    """Count the fused expert parameters that a name of single experts was turned into."""
    found = resolution.parameters if resolution is not None else ()
    return sum(item.name.endswith(f".{parameter}") for item in found)


def _nearest(entry: str, table: ModuleTable) -> str:
    real = {m.leaf for m in table.modules if m.kind in ADAPTABLE and not m.leaf.isdecimal()}
    close = difflib.get_close_matches(entry.rpartition(".")[2], sorted(real), n=1)
    return close[0] if close else ""


def _left(table: ModuleTable, resolution: Resolution | None) -> Iterable[Left]:
    """Yield, by name, layers of the language model without adapter, most parameters first."""
    if resolution is None:
        return
    adapted = {item.name for item in (*resolution.modules, *resolution.parameters)}
    every: dict[str, list[Module]] = {}
    for module in table.modules:
        if module.kind in LINEAR and _may_be_wanted(module, table):
            every.setdefault(module.leaf, []).append(module)
    left = {name: [m for m in all_ if m.name not in adapted] for name, all_ in every.items()}
    found = [_left_of(name, rest, every[name]) for name, rest in left.items() if rest]
    found += list(_left_experts(table, adapted))
    yield from sorted(found, key=lambda item: -item.parameters)


def _may_be_wanted(module: Module, table: ModuleTable) -> bool:
    if module.name == table.output_embedding or module.leaf in _ROUTERS:
        return False
    start = module.name.split(".")[:3]
    return "." in module.name and not any(word in part for part in start for word in _TOWERS)


def _left_of(name: str, rest: list[Module], every: list[Module]) -> Left:
    path = rest[0].name.rpartition(".")[0].lower()
    attends = any(word in path for word in _ATTENTION)
    why = "attention" if attends else "MLP: most of a block's parameters"
    if len(rest) < len(every):
        why = "only in some layers"
    return Left(name=name, modules=len(rest), of=len(every), parameters=_size(rest), why=why)


def _size(modules: Iterable[Module]) -> int:
    shapes = (module.shape("weight") or (0, 0) for module in modules)
    return sum(shape[0] * shape[1] for shape in shapes)


def _left_experts(table: ModuleTable, adapted: set[str]) -> Iterable[Left]:
    """Yield fused expert parameters without adapter, which only ``target_parameters`` reaches."""
    every: dict[str, list[tuple[str, int]]] = {}
    for module in table.modules:
        for own, shape in module.parameters:
            if len(shape) == _EXPERTS:
                size = shape[0] * shape[1] * shape[2]
                every.setdefault(f"{module.leaf}.{own}", []).append((f"{module.name}.{own}", size))
    for name, found in every.items():
        rest = [size for full, size in found if full not in adapted]
        if rest:
            why = "fused experts: name them in target_parameters"
            yield Left(name=name, modules=len(rest), of=len(found), parameters=sum(rest), why=why)
