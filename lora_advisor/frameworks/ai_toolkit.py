"""ostris' AI Toolkit (``python run.py config.yaml``): image LoRA, one or more processes in a file.

PyYAML with a float resolver of its own reads it; a key nobody asks for stays unused. Only a file
with a single process is read. Source: ``toolkit/config_modules.py`` and ``toolkit/lora_special.py``
of August 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import dtype, put_default
from lora_advisor.source.scalars import yaml12
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_PROCESS: Final = "config.process[]"
_OPTIMIZERS: Final = {"adamw": "adamw_torch", "adamw8bit": "adamw_8bit", "adafactor": "adafactor"}


def _optimizer(value: object) -> object:
    name = str(value).lower()
    return _OPTIMIZERS.get(name, name) if isinstance(value, str) else value


_PATHS: Final[dict[str, str | Key]] = {
    "network.type": Key(field="lora.enabled", read=lambda v: str(v).lower() == "lora"),
    "network.linear": "lora.r",
    "network.rank": "lora.r",
    "network.alpha": "lora.lora_alpha",
    "network.linear_alpha": "lora.lora_alpha",
    "network.dropout": "lora.lora_dropout",
    "train.lr": "train.learning_rate",
    "train.unet_lr": "train.learning_rate",
    "train.batch_size": "train.per_device_train_batch_size",
    "train.gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "train.gradient_accumulation": "train.gradient_accumulation_steps",
    "train.steps": "train.max_steps",
    "train.optimizer": Key(field="train.optim", read=_optimizer),
    "train.lr_scheduler": "train.lr_scheduler_type",
    "train.max_grad_norm": "train.max_grad_norm",
    "train.gradient_checkpointing": "train.gradient_checkpointing",
    "train.dtype": Key(field="model.dtype", read=dtype),
    "model.name_or_path": "model.name_or_path",
}
KEYS: Final = {f"{_PROCESS}.{path}": target for path, target in _PATHS.items()}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.peft_type": "LORA",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.learning_rate": 1e-6,
    "train.per_device_train_batch_size": 1,
    "train.max_steps": 1000,
    "train.optim": "adamw_torch",
    "train.lr_scheduler_type": "constant",
    "train.max_grad_norm": 1.0,
    "train.gradient_checkpointing": True,
    "train.gradient_accumulation_steps": 1,
}


def _recognise(root: Node, document: Document) -> str:
    processes, job = signs.node(root, "config.process"), signs.text(root, "job")
    known = job and isinstance(processes, Sequence) and document.format in ("yaml", "json")
    return f"job: {job} and config.process" if known else ""


def _settle(draft: Draft) -> None:
    """Take rank 4 and alpha 1 where the network leaves them out; other networks are not LoRA."""
    process = draft.written("config.process")
    several = process is None or not isinstance(process.value, list) or len(process.value) != 1
    first = "config.process[0]"
    network = any(key.path == f"{first}.network" for key in draft.keys)
    if several or not network or draft.get("lora.enabled") is False:
        for field in list(draft.values):
            draft.unknown(field, "the file holds several processes, or none that trains LoRA")
        return
    put_default(draft, "lora.enabled", True)
    put_default(draft, "lora.r", 4)
    put_default(draft, "lora.lora_alpha", 1.0)
    for old, new in (("alpha", "linear_alpha"), ("linear", "rank")):
        late, field = draft.written(f"{first}.network.{new}"), "lora.lora_alpha"
        if late is not None:
            draft.put("lora.r" if old == "linear" else field, late.value, late)


FRAMEWORKS: Final = (
    Framework(
        name="ai-toolkit",
        title="AI Toolkit",
        rank=40,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml12,
        defaults=_DEFAULTS,
        finish=_settle,
    ),
)
