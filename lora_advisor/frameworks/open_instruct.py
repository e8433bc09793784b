"""Open Instruct (``open_instruct/finetune.py config.yaml``): flags, or the same flags as YAML.

A training loop of its own over accelerate, with a fixed ``LoraConfig`` and ``BitsAndBytesConfig``.
Read in Open Instruct of August 2026: ``open_instruct.finetune`` and ``dpo_tune``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import quantise
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_KEYS: Final[dict[str, str | Key]] = {
    "model_name_or_path": "model.name_or_path",
    "trust_remote_code": "model.trust_remote_code",
    "use_lora": "lora.enabled",
    "lora_rank": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "use_qlora": "quant.load_in_4bit",
    "max_train_steps": "train.max_steps",
    "num_epochs": "train.num_train_epochs",  # of its DPO program
    "clip_grad_norm": "train.max_grad_norm",
    "max_seq_length": "data.max_length",
    "packing": "data.packing",
    "output_dir": "run.output_dir",
    **{
        name: f"train.{name}"
        for name in (
            *("learning_rate", "weight_decay", "warmup_ratio", "lr_scheduler_type", "seed"),
            *("per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs"),
            *("gradient_checkpointing", "use_liger_kernel", "report_to"),
        )
    },
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.r": 64,
    "lora.lora_alpha": 16,
    "lora.lora_dropout": 0.1,
    "lora.task_type": "CAUSAL_LM",
    "lora.target_modules": [
        *("q_proj", "o_proj", "v_proj", "k_proj"),
        *("gate_proj", "up_proj", "down_proj"),
    ],
    "train.enabled": True,
    "train.weight_decay": 0.0,
    "train.per_device_train_batch_size": 8,
    "train.gradient_accumulation_steps": 1,
    "train.num_train_epochs": 2,
    "train.lr_scheduler_type": "linear",
    "train.warmup_ratio": 0.03,
    "train.gradient_checkpointing": False,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
    "quant.bnb_4bit_compute_dtype": "bfloat16",
    "quant.bnb_4bit_quant_storage": None,
}


def _recognise(root: Node, _document: Document) -> str:
    switch = signs.one_of(root, "use_lora", "use_qlora")
    own = signs.one_of(root, "use_slow_tokenizer", "with_tracking", "dataset_mixer_list")
    if switch and own:
        return f"{switch} and {own}"
    mixed = signs.one_of(root, "dataset_mixer", "dataset_mixer_list")  # TRL's recipes have it, too
    return f"{mixed} and with_tracking" if mixed and "with_tracking" in signs.keys(root) else ""


def _settle(draft: Draft) -> None:
    """Quantise for ``use_qlora``, which works with ``use_lora`` only."""
    quantise(draft, draft.get("quant.load_in_4bit"), False)
    loss = draft.written("loss_type")
    own = loss if loss is not None and str(loss.value).startswith(("dpo", "simpo", "wpo")) else None
    preference = own or draft.written("dpo_loss_type") or draft.written("dpo_beta")
    draft.put("train.method", "sft" if preference is None else "dpo", preference)
    clipping = draft.values.get("train.max_grad_norm")
    if clipping is None or clipping.value == -1:  # not clipped
        draft.unknown("train.max_grad_norm", "it is not clipped")
    steps = draft.values.get("train.max_steps")
    if steps is None or steps.value in (None, UNKNOWN):
        draft.put("train.max_steps", -1, None)


FRAMEWORKS: Final = (
    Framework(
        name="open-instruct",
        title="Open Instruct",
        rank=160,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml11,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="open-instruct",
    ),
)
