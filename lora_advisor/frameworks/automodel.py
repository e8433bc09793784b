"""NeMo Automodel: YAML whose sections name the class they configure (``_target_``).

PyYAML reads it and text that is a Python literal is evaluated, so ``1e-5`` is a number. Read in
Automodel 0.5: ``components._peft.lora.PeftConfig``, ``components._peft.module_matcher``,
``components.quantization.qlora`` and ``components.training.step_scheduler``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import dtype, optimizer, put_default, quantise
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_WILDCARD: Final = "its wildcards are Automodel's own"


def _names(value: object) -> object:
    """Read plain names; a wildcard is matched otherwise than PEFT matches."""
    names = [value] if isinstance(value, str) else value
    plain = isinstance(names, list) and not any("*" in str(name) for name in names)
    return (names or UNKNOWN) if plain else UNKNOWN


_TARGETS: Final = Key(field="lora.target_modules", read=_names, why=_WILDCARD)
_KEYS: Final[dict[str, str | Key]] = {
    "model.pretrained_model_name_or_path": "model.name_or_path",
    "model.torch_dtype": Key(field="model.dtype", read=dtype),
    "model.dtype": Key(field="model.dtype", read=dtype),
    "model.attn_implementation": "model.attn_implementation",
    "model.trust_remote_code": "model.trust_remote_code",
    "peft.dim": "lora.r",
    "peft.alpha": "lora.lora_alpha",
    "peft.dropout": "lora.lora_dropout",
    "peft.use_dora": "lora.use_dora",
    "peft.target_modules": _TARGETS,
    "peft.exclude_modules": Key(field="lora.exclude_modules", read=_names, why=_WILDCARD),
    "quantization.load_in_4bit": "quant.load_in_4bit",
    "quantization.load_in_8bit": "quant.load_in_8bit",
    "quantization.bnb_4bit_quant_type": "quant.bnb_4bit_quant_type",
    "quantization.bnb_4bit_compute_dtype": Key(field="quant.bnb_4bit_compute_dtype", read=dtype),
    "quantization.bnb_4bit_use_double_quant": "quant.bnb_4bit_use_double_quant",
    "quantization.bnb_4bit_quant_storage": Key(field="quant.bnb_4bit_quant_storage", read=dtype),
    "step_scheduler.local_batch_size": "train.per_device_train_batch_size",
    "step_scheduler.global_batch_size": "train.total_batch_size",
    "step_scheduler.max_steps": Key(
        field="train.max_steps", read=lambda value: None if value == "None" else value
    ),  # its loader reads text as Python
    "step_scheduler.num_epochs": "train.num_train_epochs",
    "optimizer.lr": "train.learning_rate",
    "optimizer.weight_decay": "train.weight_decay",
    "optimizer._target_": Key(field="train.optim", read=optimizer),
    "lr_scheduler.lr_warmup_steps": "train.warmup_steps",
    "lr_scheduler.lr_decay_style": "train.lr_scheduler_type",
    "clip_grad_norm.max_norm": "train.max_grad_norm",
    "rng.seed": "train.seed",
    "distributed.activation_checkpointing": "train.gradient_checkpointing",
    "checkpoint.checkpoint_dir": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.peft_type": "LORA",
    "lora.r": 8,
    "lora.lora_alpha": 32,
    "lora.lora_dropout": 0.0,
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.max_grad_norm": 1.0,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_compute_dtype": "bfloat16",
    "quant.bnb_4bit_use_double_quant": True,
    "quant.bnb_4bit_quant_storage": "bfloat16",
}


def _recognise(root: Node, _document: Document) -> str:
    for section, path in signs.child_text(root, "_target_"):
        if path.startswith("nemo_automodel."):
            return f"{section}._target_: {path}"
    recipe = signs.text(root, "recipe")
    return f"recipe: {recipe}" if "Recipe" in recipe else ""


def _settle(draft: Draft) -> None:
    section = draft.written("peft")
    if section is not None and section.value is not None:
        draft.put("lora.enabled", True, section)
    if draft.written("quantization") is None:
        put_default(draft, "quant.load_in_4bit", False)
        put_default(draft, "quant.load_in_8bit", False)
    quantise(draft, draft.get("quant.load_in_4bit"), draft.get("quant.load_in_8bit"))
    recipe = draft.written("recipe")
    if recipe is not None and "NextTokenPrediction" in str(recipe.value):
        draft.put("train.method", "sft", recipe)


FRAMEWORKS: Final = (
    Framework(
        name="nemo-automodel",
        title="NeMo Automodel",
        rank=20,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml12,
        defaults=_DEFAULTS,
        finish=_settle,
        package="nemo-automodel",
    ),
)
