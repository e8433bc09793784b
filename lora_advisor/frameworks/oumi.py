"""Oumi (``oumi train -c train.yaml``): model, data, training and peft sections.

OmegaConf reads it into typed dataclasses and refuses keys they lack; ``HfTrainer`` and TRL's
trainers get TrainingArguments made of it. Read in Oumi of July 2026: ``core.configs.params``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import all_linear_alone, dtype, put_default, quantise
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_METHODS: Final = {"TRL_SFT": "sft", "TRL_DPO": "dpo", "TRL_KTO": "kto", "TRL_GRPO": "grpo"}
_INITIALISATIONS: Final = {"DEFAULT": True, "default": True, "RANDOM": False, "random": False}


def _initialisation(value: object) -> object:
    """Read the enum by name or value: ``default`` is PEFT's True, ``random`` its False."""
    if not isinstance(value, str):
        return value
    return _INITIALISATIONS.get(value, value.lower())


def _excluded(value: object) -> object:
    """Join the patterns into one, as Oumi does before PEFT gets them."""
    if not isinstance(value, list) or not value:
        return value or None
    return "|".join(f"({pattern})" for pattern in value)


_KEYS: Final[dict[str, str | Key]] = {
    "model.model_name": "model.name_or_path",
    "model.adapter_model": "model.adapter",
    "model.torch_dtype_str": Key(field="model.dtype", read=dtype),
    "model.attn_implementation": "model.attn_implementation",
    "model.trust_remote_code": "model.trust_remote_code",
    "model.device_map": "model.device_map",
    "model.enable_liger_kernel": "train.use_liger_kernel",
    "model.model_max_length": "data.max_length",
    "data.train.pack": "data.packing",
    "data.train.stream": "data.streaming",
    "training.use_peft": "lora.enabled",
    "training.trainer_type": Key(
        field="train.method", read=lambda value: _METHODS.get(str(value), UNKNOWN)
    ),
    "training.enable_gradient_checkpointing": "train.gradient_checkpointing",
    "training.gradient_checkpointing_kwargs": "train.gradient_checkpointing_kwargs",
    "training.optimizer": "train.optim",
    "training.compile": "train.torch_compile",
    "training.output_dir": "run.output_dir",
    **{
        f"training.{name}": f"train.{name}"
        for name in (
            *("learning_rate", "weight_decay", "max_grad_norm", "warmup_ratio", "warmup_steps"),
            *("lr_scheduler_type", "lr_scheduler_kwargs", "num_train_epochs", "max_steps"),
            *("per_device_train_batch_size", "per_device_eval_batch_size"),
            *("gradient_accumulation_steps", "eval_strategy", "eval_steps", "save_steps"),
            *("logging_steps", "seed", "ddp_find_unused_parameters", "adam_beta1", "adam_beta2"),
        )
    },
    "training.grpo.num_generations": "train.num_generations",
    "training.grpo.use_vllm": "train.use_vllm",
    "peft.lora_r": "lora.r",
    "peft.lora_alpha": "lora.lora_alpha",
    "peft.lora_dropout": "lora.lora_dropout",
    "peft.lora_target_modules": Key(field="lora.target_modules", read=all_linear_alone),
    "peft.lora_exclude_modules": Key(field="lora.exclude_modules", read=_excluded),
    "peft.lora_target_parameters": "lora.target_parameters",
    "peft.lora_modules_to_save": "lora.modules_to_save",
    "peft.lora_bias": "lora.bias",
    "peft.lora_init_weights": Key(field="lora.init_lora_weights", read=_initialisation),
    "peft.lora_task_type": "lora.task_type",
    "peft.bnb_4bit_quant_type": "quant.bnb_4bit_quant_type",
    "peft.use_bnb_nested_quant": "quant.bnb_4bit_use_double_quant",
    "peft.bnb_4bit_quant_storage": "quant.bnb_4bit_quant_storage",
    "peft.bnb_4bit_compute_dtype": "quant.bnb_4bit_compute_dtype",
    "peft.llm_int8_skip_modules": "quant.llm_int8_skip_modules",
    "deepspeed.zero_stage": Key(field="run.zero_stage", read=lambda _value: UNKNOWN),
    "fsdp.enable_fsdp": "run.fsdp",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.task_type": "CAUSAL_LM",
    "train.method": UNKNOWN,
    "train.enabled": True,
    "train.optim": "adamw_torch",
    "train.num_train_epochs": 3,
    "train.logging_steps": 50,
    "train.report_to": UNKNOWN,
    "train.save_strategy": "steps",
    "train.eval_steps": 500,
    "train.bf16": UNKNOWN,
    "train.fp16": UNKNOWN,
    "train.tf32": UNKNOWN,
    "train.beta": UNKNOWN,
    "train.loss_type": UNKNOWN,
    "train.label_names": UNKNOWN,
    "train.lr_scheduler_kwargs": {},
    "train.gradient_checkpointing_kwargs": {},
    "quant.bnb_4bit_quant_type": "fp4",
    "quant.bnb_4bit_use_double_quant": False,
    "quant.bnb_4bit_quant_storage": "uint8",
    "quant.bnb_4bit_compute_dtype": "float32",
    "quant.llm_int8_skip_modules": None,
    "model.trust_remote_code": False,
    "model.adapter": None,
    "model.device_map": "auto",
    "model.attn_implementation": None,
    "data.packing": False,
    "data.streaming": False,
    "run.fsdp": False,
}


def _recognise(root: Node, _document: Document) -> str:
    trainer = signs.text(root, "training.trainer_type")
    if trainer:
        return f"training.trainer_type: {trainer}"
    quantised = signs.text(root, "peft.q_lora")
    if quantised and signs.section(root, "training"):
        return "peft.q_lora and training"
    names = ("model.model_name", "training.use_peft", "peft.lora_r")
    return ", ".join(names) if all(signs.text(root, name) for name in names) else ""


def _settle(draft: Draft) -> None:
    _settle_quantisation(draft)
    _settle_precision(draft)
    if draft.written("model.model_kwargs.rope_scaling") is not None:
        draft.unknown("data.max_length", "the positions are stretched")
    every_epoch = draft.written("training.save_epoch")
    if draft.get("train.save_steps") == 0:
        strategy = "epoch" if every_epoch is not None and every_epoch.value is True else "no"
        draft.put("train.save_strategy", strategy, draft.values.get("train.save_steps"))
    if draft.written("training.trainer_kwargs") is not None:
        for field in ("train.beta", "train.loss_type", "data.packing"):
            draft.unknown(field, "it may be among trainer_kwargs")


def _settle_precision(draft: Draft) -> None:
    """Read the mixed precision, which Oumi allows for float32 weights only."""
    precision = draft.written("training.mixed_precision_dtype")
    if precision is None or not isinstance(precision.value, str):
        return
    for switch in ("bf16", "fp16"):
        draft.put(f"train.{switch}", precision.value.lower() == switch, precision)


def _settle_quantisation(draft: Draft) -> None:
    """Quantise for ``q_lora``, to the bits given: 4 unless told."""
    switch, bits = draft.written("peft.q_lora"), draft.written("peft.q_lora_bits")
    on = False if switch is None else switch.value
    count = 4 if bits is None else bits.value
    for width in (4, 8):
        known = on is not UNKNOWN and count is not UNKNOWN
        draft.put(
            f"quant.load_in_{width}bit", bool(on) and count == width if known else UNKNOWN, switch
        )
    quantise(draft, draft.get("quant.load_in_4bit"), draft.get("quant.load_in_8bit"))
    if on is False:
        put_default(draft, "quant.bits", None)


FRAMEWORKS: Final = (
    Framework(
        name="oumi",
        title="Oumi",
        rank=140,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml12,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora", "train"}),
        finish=_settle,
        package="oumi",
    ),
)
