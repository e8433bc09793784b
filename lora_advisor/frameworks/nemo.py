"""NeMo 1 (``model.peft.peft_scheme``) and the YAML of its speech models (``nemo.…peft.LoRA``).

Hydra and OmegaConf read it. Its layers are Megatron's (``linear_qkv``): the names it targets are
not those of transformers, so the targets stay unknown here. Read in NeMo of September 2025:
``collections.nlp.parts.peft_config`` and ``collections.llm.peft.lora``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_MEGATRON: Final = Key(
    field="lora.target_modules", read=lambda _value: UNKNOWN, why="they are Megatron's names"
)
_KEYS: Final[dict[str, str | Key]] = {
    "model.peft.lora_tuning.adapter_dim": "lora.r",
    "model.peft.lora_tuning.alpha": "lora.lora_alpha",
    "model.peft.lora_tuning.adapter_dropout": "lora.lora_dropout",
    "model.peft.lora_tuning.target_modules": _MEGATRON,
    "model.peft.dim": "lora.r",
    "model.peft.alpha": "lora.lora_alpha",
    "model.peft.dropout": "lora.lora_dropout",
    "model.peft.target_modules": _MEGATRON,
    "model.optim.lr": "train.learning_rate",
    "model.optim.weight_decay": "train.weight_decay",
    "model.micro_batch_size": "train.per_device_train_batch_size",
    "model.global_batch_size": "train.total_batch_size",
    "model.data.train_ds.micro_batch_size": "train.per_device_train_batch_size",
    "model.data.train_ds.global_batch_size": "train.total_batch_size",
    "data.common.micro_batch_size": "train.per_device_train_batch_size",
    "data.common.global_batch_size": "train.total_batch_size",
    "optim.config.lr": "train.learning_rate",
    "optim.config.weight_decay": "train.weight_decay",
    "trainer.max_steps": "train.max_steps",
    "trainer.max_epochs": "train.num_train_epochs",
    "trainer.gradient_clip_val": "train.max_grad_norm",
    "model.data.train_ds.max_seq_length": "data.max_length",
    "model.seed": "train.seed",
}


def _recognise(root: Node, _document: Document) -> str:
    for path in ("model.peft.peft_scheme", "model.peft.lora_tuning"):
        if signs.node(root, path) is not None:
            return path
    target = signs.text(root, "model.peft._target_") or signs.text(root, "model._target_")
    return f"model: {target}" if target.startswith("nemo.") else ""


def _settle(draft: Draft) -> None:
    """Take the scheme for the switch; a file of several schemes trains only the one it names."""
    scheme, target = draft.written("model.peft.peft_scheme"), draft.written("model.peft._target_")
    if scheme is not None and scheme.value is not UNKNOWN:
        draft.put("lora.enabled", scheme.value == "lora", scheme)
    elif target is not None:
        draft.put("lora.enabled", str(target.value).endswith(".LoRA"), target)
    if draft.get("lora.enabled") is not True:
        for field in ("r", "lora_alpha", "lora_dropout"):
            draft.unknown(f"lora.{field}", "another scheme is trained")
    steps = draft.values.get("train.max_steps")
    if steps is not None and steps.value is None:
        draft.values.pop("train.max_steps")


FRAMEWORKS: Final = (
    Framework(
        name="nemo",
        title="NeMo",
        rank=150,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml12,
        finish=_settle,
        package="nemo-toolkit",
    ),
)
