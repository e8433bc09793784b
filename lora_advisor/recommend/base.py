"""What advice needs of the base model: its size, the layers to adapt, what weighs in memory."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.adapter import AdapterConfig, InjectionError, UnresolvedError
from lora_advisor.models.conversion import mapping_of
from lora_advisor.models.locate import ModelError
from lora_advisor.models.matching import ALL_LINEAR
from lora_advisor.models.resolve import MAMBA, MAMBA_REFUSED, resolve
from lora_advisor.models.stored import named_format
from lora_advisor.models.table import LINEAR
from lora_advisor.models.tasks import new_head
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lora_advisor.models.locate import BaseModel
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.models.table import Module, ModuleTable

_NAMED_SIZE: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z])", re.IGNORECASE)
_UNITS: Final = {"b": 1e9, "m": 1e6}
TOWERS: Final = (
    "vision",
    "visual",
    "audio",
    "image",
    "projector",
    "aligner",
    "connector",
    "embed_",
)
_ROUTERS: Final = frozenset({"router", "gate", "shared_expert_gate"})
_HEADS: Final = frozenset({"lm_head", "score", "classifier", "pooler"})


@record
class Base:
    """A base model as far as advice needs it.

    ``parameters`` counts its weights, ``per_rank`` the trainable ones of an adapter for a unit
    of rank; ``table`` is there where the sizes of its layers are known; None is unknown.
    ``targets`` is what to adapt (names, a pattern, or ``all-linear``), ``leaves`` are the last
    names of its linear layers, ``generates`` says whether it writes text; ``head`` is the head it
    gets new for its task.
    """

    name: str
    source: str
    model_type: str
    parameters: float | None
    per_rank: int | None
    context: int | None
    targets: list[str] | str
    notes: tuple[str, ...]
    quantised: bool
    generates: bool | None
    leaves: frozenset[str]
    head: str | None
    table: ModuleTable | None
    config: Mapping[str, Any]


def find(name: str, lookup: Lookup, auto_class: str | None = None) -> Base:
    """Describe a base model; what cannot be known stays None."""
    try:
        model = lookup.model(name)
        table = lookup.table(name, auto_class) or lookup.table(name)
    except ModelError:
        model, table = None, None
    if model is None or table is None:
        return _nameless(name, model)
    return _described(name, model, table, lookup)


def _nameless(name: str, model: BaseModel | None) -> Base:
    return Base(
        name=name,
        source="its name",
        model_type=model.model_type if model is not None else "",
        parameters=named_size(name),
        per_rank=None,
        context=None,
        targets=ALL_LINEAR,
        notes=(),
        quantised=bool(named_format(name)),
        generates=None,
        leaves=frozenset(),
        head=None,
        table=None,
        config={},
    )


def _described(name: str, model: BaseModel, table: ModuleTable, lookup: Lookup) -> Base:
    sized = table.sized
    targets, notes = chosen_targets(table)
    return Base(
        name=name,
        source=table.source if sized else "its name",
        model_type=table.model_type,
        parameters=parameters(table) if sized else named_size(name),
        per_rank=per_rank(targets, table) if sized else None,
        context=_context(model) if sized else None,
        targets=targets,
        notes=notes,
        quantised=bool(model.config.get("quantization_config") or named_format(name)),
        generates=_generates(name, lookup),
        leaves=frozenset(m.leaf for m in table.modules if m.kind in LINEAR),
        head=new_head(table),
        table=table if sized else None,
        config={**(model.entry or {}).get("config", {}), **model.config},
    )


def _generates(name: str, lookup: Lookup) -> bool | None:
    """Whether the model, loaded as its publisher does, writes text."""
    table = lookup.table(name)
    return table.generates if table is not None else None


def named_size(name: str) -> float | None:
    """Return the size that a published model states in its name (``Qwen3-14B``), in weights."""
    found = _NAMED_SIZE.search(name.rpartition("/")[2].replace("-", " ").replace("_", " "))
    return float(found[1]) * _UNITS[found[2].lower()] if found else None


def parameters(table: ModuleTable) -> float:
    """Count the weights of a model, tied ones once."""
    return float(sum(count for _, count in _counted(table)))


def _counted(table: ModuleTable) -> Iterable[tuple[Module, int]]:
    for module in table.modules:
        for own, shape in module.parameters:
            if f"{module.name}.{own}" not in table.shared_parameters:
                yield module, math.prod(shape)


def _context(model: BaseModel) -> int | None:
    nested = model.config.get("text_config")
    for config in (model.config, nested if isinstance(nested, dict) else {}):
        length = config.get("max_position_embeddings") or config.get("n_positions")
        if isinstance(length, int):
            return length
    return None


def in_tower(name: str) -> bool:
    """Whether a module is part of a vision or audio tower, or of what joins it to the text."""
    return any(word in part for part in name.split(".")[:3] for word in TOWERS)


def chosen_targets(table: ModuleTable) -> tuple[list[str] | str, tuple[str, ...]]:
    """Return what to adapt in a model, and what is left out knowingly.

    Source: ``all-linear`` of PEFT is every linear layer but the output head; where that would take
    in towers or routers, the language model's own names are listed, as a pattern where a tower has
    layers of the same names. GPT-2's layers are listed, too: they are of class Conv1D, which not
    every format's word for all layers takes in.
    """
    linear = [m for m in table.modules if m.kind in LINEAR and m.name != table.output_embedding]
    text = [m for m in linear if not in_tower(m.name) and not _refused(m, table)]
    notes = _left_out(linear, table)
    names = sorted({m.leaf for m in text if not m.leaf.isdecimal()})
    plain = all(m.kind == "linear" for m in text)
    if (plain and len(text) == len(linear)) or not names:
        return ALL_LINEAR, notes
    chosen = {m.name for m in text}
    if any(m.leaf in names and m.name not in chosen for m in table.modules):
        root = _common_root(text)
        return rf"{root}\.(?:.*\.)?({'|'.join(names)})", notes
    return names, notes


def _refused(module: Module, table: ModuleTable) -> bool:
    """Whether a linear layer is a router or a head, or one that Mamba's kernels read directly."""
    if table.model_type in MAMBA and module.leaf in MAMBA_REFUSED:
        return True
    return module.leaf in _HEADS or not _ROUTERS.isdisjoint(module.name.split("."))


def _common_root(modules: list[Module]) -> str:
    """Return a pattern of the path that all modules share."""
    paths = [m.name.split(".") for m in modules]
    shared = 0
    while all(len(path) > shared and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    return r"\.".join(re.escape(part) for part in paths[0][:shared]) or ".*"


def _left_out(linear: list[Module], table: ModuleTable) -> tuple[str, ...]:
    notes = []
    towers = sum(in_tower(m.name) for m in linear)
    if towers:
        notes.append(f"{towers} linear layers of its vision or audio towers are left frozen")
    fused = {m.leaf for m in table.modules if any(len(s) == 3 for _, s in m.parameters)}  # noqa: PLR2004
    if "experts" in fused and not mapping_of(table.model_type):
        notes.append("its fused experts are left frozen: adapting them multiplies the adapter")
    if any(not _ROUTERS.isdisjoint(m.name.split(".")) for m in linear):
        notes.append("its routers are left frozen")
    return tuple(notes)


def per_rank(targets: list[str] | str, table: ModuleTable) -> int | None:
    """Count the adapter's parameters per unit of rank: the sum of inputs and outputs."""
    named = tuple(targets) if isinstance(targets, list) else targets
    try:
        return resolve(AdapterConfig(r=1, target_modules=named), table).trainable
    except (InjectionError, UnresolvedError):
        return None
