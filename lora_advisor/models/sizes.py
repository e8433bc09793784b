"""How many trainable parameters an adapter gets on one module (peft/tuners/lora/layer.py, 0.21)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.models import releases
from lora_advisor.models.adapter import InjectionError, UnresolvedError
from lora_advisor.models.table import ADAPTABLE, CONVOLUTIONS

if TYPE_CHECKING:
    from lora_advisor.models.adapter import AdapterConfig
    from lora_advisor.models.table import Module, ModuleTable


_LAST_WITHOUT: Final = {
    "conv3d": releases.NO_CONV3D,
    "conv1d": releases.NO_CONV1D_OR_ATTENTION,
    "attention": releases.NO_CONV1D_OR_ATTENTION,
}


def module_parameters(module: Module, rank: int, config: AdapterConfig, table: ModuleTable) -> int:
    """Count the trainable parameters of LoRA on a module; raise what PEFT raises on it."""
    if module.kind not in ADAPTABLE:
        raise InjectionError("ValueError", f"{module.class_name} cannot be adapted")
    last = _LAST_WITHOUT.get(module.kind)
    if last is not None and config.release <= last:
        raise InjectionError("ValueError", f"{module.class_name} cannot be adapted")
    if rank <= 0:
        raise InjectionError("ValueError", f"the rank is {rank}")
    if module.kind == "attention":
        return _attention(module, rank, config, table)
    if module.kind in CONVOLUTIONS:
        return _convolution(module, rank, config)
    if module.kind == "embedding" and config.lora_bias:
        raise InjectionError("ValueError", "lora_bias does not go with an embedding")
    return _matrix(module, rank, config)


def features(module: Module) -> tuple[int, int]:
    """Return the input and output size of a linear layer or embedding as PEFT counts them.

    Raises:
        UnresolvedError: The shape of its weight is not known.
    """
    shape = module.shape("weight")
    if shape is None or len(shape) < 2:  # noqa: PLR2004 - a matrix has two dimensions
        raise UnresolvedError(f"the size of {module.name} is not known")
    if module.kind == "linear":
        return shape[1], shape[0]
    if module.kind in CONVOLUTIONS:
        return shape[1] * module.groups, shape[0]
    return shape[0], shape[1]


def _matrix(module: Module, rank: int, config: AdapterConfig) -> int:
    inside, outside = features(module)
    count = rank * (inside + outside)
    if config.use_dora:
        count += outside
    return count + (outside if config.lora_bias else 0)


def _convolution(module: Module, rank: int, config: AdapterConfig) -> int:
    groups = module.groups if config.release >= releases.CONVOLUTION_GROUPS else 1
    if rank % groups:
        raise InjectionError("ValueError", f"rank {rank} is no multiple of {groups} groups")
    if config.use_dora and groups != module.groups:
        raise InjectionError("RuntimeError", "DoRA does not go with the groups of a convolution")
    inside, outside = features(module)
    shape = module.shape("weight") or ()
    count = rank * inside * math.prod(shape[2:]) + outside * rank // groups
    if config.use_dora:
        count += outside
    return count + (outside if config.lora_bias else 0)


def _attention(module: Module, rank: int, config: AdapterConfig, table: ModuleTable) -> int:
    """Count ``nn.MultiheadAttention``: its fused input projection, and its output projection."""
    if config.use_dora:
        raise InjectionError("ValueError", "MultiheadAttention does not go with DoRA")
    shape = module.shape("in_proj_weight")
    out = table.by_name.get(f"{module.name}.out_proj")
    if shape is None or out is None:
        raise InjectionError("ValueError", "query, key and value differ in size")
    count = rank * (shape[0] + shape[1]) + (shape[0] if config.lora_bias else 0)
    return count + _matrix(out, rank, config)


def refuse_flat(module: Module, own: str, release: releases.Release) -> None:
    """Raise the IndexError that older releases end in where a parameter is a vector."""
    shape = module.shape(own) or ()
    if release < releases.FLAT_PARAMETER_IS_VALUE_ERROR and len(shape) <= 1:
        raise InjectionError("IndexError", f"{own} has {len(shape)} dimensions")


def parameter_adapter(module: Module, own: str, rank: int, config: AdapterConfig) -> int:
    """Count LoRA on a parameter itself, such as fused experts; raise what PEFT raises."""
    shape = module.shape(own) or ()
    refused = {
        "lora_dropout": config.lora_dropout,
        "fan_in_fan_out": config.fan_in_fan_out,
        "lora_bias": config.lora_bias,
        "use_dora": config.use_dora,
    }
    for name, value in refused.items():
        if value:
            raise InjectionError("ValueError", f"{name} does not go with a parameter")
    if len(shape) not in (2, 3):
        raise InjectionError("ValueError", f"{own} has {len(shape)} dimensions")
    if rank <= 0:
        raise InjectionError("ValueError", f"the rank is {rank}")
    experts = shape[0] if len(shape) == 3 else 1  # noqa: PLR2004 - experts, rows, columns
    return rank * experts * (shape[-1] + shape[-2])
