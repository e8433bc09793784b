"""DeepSpeed's JSON config, a companion of a training config.

``"auto"`` is filled in from the training arguments by transformers: it states nothing.
Source: ``deepspeed.runtime.config`` and ``transformers.integrations.deepspeed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import unless_auto
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import json_value

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node


AUTO: Final = "the training config decides it"


KEYS: Final[dict[str, str | Key]] = {
    "zero_optimization.stage": Key(field="run.zero_stage", read=unless_auto, why=AUTO),
    "gradient_accumulation_steps": Key(field="run.accumulation", read=unless_auto, why=AUTO),
    "train_micro_batch_size_per_gpu": Key(field="run.micro_batch", read=unless_auto, why=AUTO),
}
"""What a DeepSpeed config states, wherever it stands."""


def settle(draft: Draft, prefix: str = "") -> None:
    """Settle stage, offloading and precision of the DeepSpeed config under ``prefix``."""
    zero = draft.written(f"{prefix}zero_optimization")
    if zero is not None and zero.value is not UNKNOWN:
        if draft.written(f"{prefix}zero_optimization.stage") is None:
            draft.put("run.zero_stage", 0, zero)
        _offload(draft, f"{prefix}zero_optimization.offload_param")
    for precision in ("bf16", "fp16"):
        enabled = draft.written(f"{prefix}{precision}.enabled")
        if enabled is not None and enabled.value is True:
            draft.put("run.mixed_precision", precision, enabled)


def _offload(draft: Draft, path: str) -> None:
    """Settle whether parameters leave the GPU: ``offload_param`` names a device other than none."""
    device = draft.written(f"{path}.device")
    if device is None:
        whole = draft.written(path)
        draft.put("run.offload", False, whole or draft.written(path.rpartition(".")[0]))
    elif isinstance(device.value, str) and device.value != "auto":
        draft.put("run.offload", device.value != "none", device)


def _recognise(root: Node, _document: Document) -> str:
    return signs.one_of(root, "zero_optimization", "train_micro_batch_size_per_gpu")


FRAMEWORKS: Final = (
    Framework(
        name="deepspeed",
        title="DeepSpeed",
        rank=210,
        recognise=_recognise,
        keys=KEYS,
        scalars=json_value,
        finish=settle,
        package="deepspeed",
        companion=True,
    ),
)
