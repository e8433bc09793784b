"""AutoTrain Advanced (``autotrain --config config.yml``, ``autotrain llm --train …``).

The file names task, model and data; the hyperparameters stand under ``params`` and are cast by
pydantic. Without ``peft: true`` nothing about LoRA or quantisation is used. Read in autotrain
0.8.36: ``autotrain.parser`` and ``autotrain.trainers.clm``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key, inverted
from lora_advisor.frameworks.readings import put_default
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_BITS: Final = {"int4": 4, "int8": 8, "None": None}
_METHODS: Final = {
    "sft": "sft",
    "orpo": "orpo",
    "dpo": "dpo",
    "reward": "reward",
    "default": "pretrain",
    "generic": "pretrain",
}


def _targets(value: object) -> object:
    """Split comma text as AutoTrain does, which keeps the blanks around names."""
    if not isinstance(value, str):
        return UNKNOWN
    if not value.strip():
        return UNKNOWN
    return "all-linear" if value.strip().lower() == "all-linear" else value.split(",")


def _method(value: object) -> object:
    return _METHODS.get(str(value), UNKNOWN)


def _precision(value: object) -> object:
    return "no" if value in (None, "no", "None") else value


_PARAMS: Final[dict[str, str | Key]] = {
    "peft": "lora.enabled",
    "lora_r": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "target_modules": Key(
        field="lora.target_modules", read=_targets, why="AutoTrain has a table of its own"
    ),
    "trainer": Key(field="train.method", read=_method),
    "lr": "train.learning_rate",
    "weight_decay": "train.weight_decay",
    "batch_size": "train.per_device_train_batch_size",
    "gradient_accumulation": "train.gradient_accumulation_steps",
    "epochs": "train.num_train_epochs",
    "warmup_ratio": "train.warmup_ratio",
    "optimizer": "train.optim",
    "scheduler": "train.lr_scheduler_type",
    "max_grad_norm": "train.max_grad_norm",
    "disable_gradient_checkpointing": Key(field="train.gradient_checkpointing", read=inverted),
    "auto_find_batch_size": "train.auto_find_batch_size",
    "save_total_limit": "train.save_total_limit",
    "seed": "train.seed",
    "dpo_beta": "train.beta",
    "quantization": Key(field="quant.bits", read=lambda v: _BITS.get(str(v), UNKNOWN)),
    "mixed_precision": Key(field="run.mixed_precision", read=_precision),
    "unsloth": "model.unsloth",
}
KEYS: Final[dict[str, str | Key]] = {
    **{f"params.{name}": target for name, target in _PARAMS.items()},
    "base_model": "model.name_or_path",
    "project_name": "run.output_dir",
}
FLAGS: Final[dict[str, str | Key]] = {
    **_PARAMS,
    "model": "model.name_or_path",
    "project_name": "run.output_dir",
    "use_peft": "lora.enabled",
    "learning_rate": "train.learning_rate",
    "num_train_epochs": "train.num_train_epochs",
    "train_batch_size": "train.per_device_train_batch_size",
    "gradient_accumulation_steps": "train.gradient_accumulation_steps",
}
DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.peft_type": "LORA",
    "lora.r": 16,
    "lora.lora_alpha": 32,
    "lora.lora_dropout": 0.05,
    "lora.target_modules": "all-linear",
    "lora.bias": "none",
    "lora.task_type": "CAUSAL_LM",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.method": "pretrain",
    "train.learning_rate": 3e-5,
    "train.weight_decay": 0.0,
    "train.per_device_train_batch_size": 2,
    "train.gradient_accumulation_steps": 4,
    "train.num_train_epochs": 1.0,
    "train.max_steps": -1,
    "train.warmup_steps": 0,
    "train.warmup_ratio": 0.1,
    "train.lr_scheduler_type": "linear",
    "train.optim": "adamw_torch",
    "train.max_grad_norm": 1.0,
    "train.gradient_checkpointing": True,
    "train.seed": 42,
    "train.fp16": False,
    "train.bf16": False,
    "data.packing": False,
}


def _recognise(root: Node, document: Document) -> str:
    named = signs.all_of(root, "task", "base_model", "backend", "project_name")
    return "" if document.format == "toml" else named


def settle(draft: Draft) -> None:
    """Quantise only with an adapter, and read the task that a file names."""
    task = draft.written("task")
    name = task.value if task is not None and isinstance(task.value, str) else "llm"
    if not name.startswith("llm"):
        for field in ("lora.target_modules", "lora.task_type", "train.method"):
            draft.unknown(field, "the task is no language model's")
    elif "-" in name:
        draft.put("train.method", _method(name.partition("-")[2]), task)
    _settle_quantisation(draft)
    precision = draft.values.get("run.mixed_precision")
    if precision is not None and precision.value in ("fp16", "bf16"):
        put_default(draft, f"train.{precision.value}", True)


def _settle_quantisation(draft: Draft) -> None:
    """Load in 4 bits, the default, or in 8; Source: ``autotrain.trainers.clm.utils.get_model``."""
    written, adapted = draft.values.get("quant.bits"), draft.get("lora.enabled")
    bits = 4 if written is None else written.value
    if adapted is False:
        bits = None
    known = UNKNOWN not in (adapted, bits)
    for width in (4, 8):
        draft.put(f"quant.load_in_{width}bit", bits == width if known else UNKNOWN, written)
    draft.put("quant.method", ("bitsandbytes" if bits else None) if known else UNKNOWN, written)
    draft.put("quant.bnb_4bit_quant_type", "nf4", None)
    draft.put("quant.bnb_4bit_compute_dtype", "float16", None)


FRAMEWORKS: Final = (
    Framework(
        name="autotrain",
        title="AutoTrain Advanced",
        rank=50,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml11,
        casts=True,
        defaults=DEFAULTS,
        knows=frozenset({"lora"}),
        finish=settle,
        package="autotrain-advanced",
    ),
)
