"""The YAML of ``accelerate config``, a companion of a training config.

Source: ``accelerate.commands.config.config_args`` and ``accelerate.commands.launch``; a key of
``fsdp_config`` may lack its prefix ``fsdp_`` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.deepspeed import AUTO
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import unless_auto
from lora_advisor.recipe import FIELDS, UNKNOWN
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_DEEPSPEED: Final = {
    "zero_stage": "run.zero_stage",
    "gradient_accumulation_steps": "run.accumulation",
    "deepspeed_config_file": "run.deepspeed",
}


def _as_text(field: str) -> Key:
    """Read a value that goes through the command line, so ``"2"`` and ``2`` are the same."""
    return Key(field=field, read=lambda value: unless_auto(cast_to(FIELDS[field], value)), why=AUTO)


def _device(value: object) -> object:
    return value not in ("none", None) if value != "auto" else UNKNOWN


def _keys() -> dict[str, str | Key]:
    found: dict[str, str | Key] = {
        name: _as_text(f"run.{name}") for name in ("num_processes", "num_machines")
    }
    found["mixed_precision"] = "run.mixed_precision"
    for name, field in _DEEPSPEED.items():
        found[f"deepspeed_config.{name}"] = _as_text(field)
    found["deepspeed_config.offload_param_device"] = Key(
        field="run.offload", read=_device, why=AUTO
    )
    found["fsdp_config"] = "run.fsdp_config"
    found["fsdp_config.fsdp_version"] = _as_text("run.fsdp_version")
    for prefix in ("", "fsdp_"):
        found[f"fsdp_config.{prefix}offload_params"] = _as_text("run.offload")
    return found


def _finish(draft: Draft) -> None:
    """Keep of the two blocks the one that ``distributed_type`` makes count."""
    kind = draft.written("distributed_type")
    if kind is None or not isinstance(kind.value, str):
        return
    draft.put("run.fsdp", kind.value == "FSDP", kind)
    if kind.value != "DEEPSPEED":
        _forget(draft, "deepspeed_config.")
    elif "run.deepspeed" not in draft.values and "run.zero_stage" not in draft.values:
        draft.put("run.zero_stage", 2, kind)
    if kind.value != "FSDP":
        _forget(draft, "fsdp_config")
    elif "run.fsdp_version" not in draft.values:
        draft.put("run.fsdp_version", 1, kind)


def _forget(draft: Draft, prefix: str) -> None:
    for field, value in list(draft.values.items()):
        if value.key.startswith(prefix):
            del draft.values[field]


def _recognise(root: Node, _document: Document) -> str:
    return signs.one_of(root, "compute_environment") or signs.all_of(
        root, "distributed_type", "num_processes"
    )


FRAMEWORKS: Final = (
    Framework(
        name="accelerate",
        title="accelerate config",
        rank=30,
        recognise=_recognise,
        keys=_keys(),
        scalars=yaml11,
        finish=_finish,
        on_unknown="raises",
        schema=(("accelerate", ("ClusterConfig", "SageMakerConfig")),),
        extra=frozenset({"dynamo_backend", "fp16"}),  # older names, which it still reads
        package="accelerate",
        companion=True,
    ),
)
