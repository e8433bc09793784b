"""LLaMA-Factory v1 (``USE_V1=1 llamafactory-cli sft config.yaml``): flat, with plugin blocks.

The command, not the file, says what is trained. Read at the repository's commit ff6d4d12:
``llamafactory.v1.config``, ``llamafactory.v1.plugins.model_plugins`` and
``llamafactory.v1.core.base_trainer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.adapters import leave_to_adapter
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node


def _targets(value: object) -> object:
    """Read ``all``; any other text is one name, commas and all."""
    if value == "all":
        return "all-linear"
    return [value] if isinstance(value, str) else value


_KEYS: Final[dict[str, str | Key]] = {
    "peft_config.name": Key(field="lora.enabled", read=lambda value: value == "lora"),
    "model": "model.name_or_path",
    "trust_remote_code": "model.trust_remote_code",
    "flash_attn": "model.attn_implementation",
    "peft_config.r": "lora.r",
    "peft_config.lora_alpha": "lora.lora_alpha",
    "peft_config.lora_dropout": "lora.lora_dropout",
    "peft_config.target_modules": Key(field="lora.target_modules", read=_targets),
    "peft_config.use_rslora": "lora.use_rslora",
    "peft_config.use_dora": "lora.use_dora",
    "peft_config.modules_to_save": "lora.modules_to_save",
    "peft_config.adapter_name_or_path": "model.adapter",
    "quant_config.quantization_bit": "quant.bits",
    "quant_config.compute_dtype": "quant.bnb_4bit_compute_dtype",
    "quant_config.double_quantization": "quant.bnb_4bit_use_double_quant",
    "quant_config.quantization_type": "quant.bnb_4bit_quant_type",
    "output_dir": "run.output_dir",
    "micro_batch_size": "train.per_device_train_batch_size",
    "global_batch_size": "train.total_batch_size",
    "learning_rate": "train.learning_rate",
    "num_train_epochs": "train.num_train_epochs",
    "max_steps": "train.max_steps",
    "max_grad_norm": "train.max_grad_norm",
    "bf16": "train.bf16",
    "enable_activation_checkpointing": "train.gradient_checkpointing",
    "optim_config.name": "train.optim",
    "lr_scheduler_config.name": "train.lr_scheduler_type",
    "seed": "train.seed",
    "resume_from_checkpoint": "train.resume_from_checkpoint",
    "save_steps": "train.save_steps",
    "save_total_limit": "train.save_total_limit",
    "logging_steps": "train.logging_steps",
    "pref_loss": "train.loss_type",
    "pref_beta": "train.beta",
    "cutoff_len": "data.max_length",
    "eval_dataset": "data.eval_dataset",
    "dist_config.config_file": "run.deepspeed",
    "dist_config.offload_params": "run.offload",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.r": 8,
    "lora.lora_alpha": 16,
    "lora.lora_dropout": 0.05,
    "lora.target_modules": "all-linear",
    "lora.task_type": UNKNOWN,
    "train.enabled": True,
    "train.learning_rate": 1e-4,
    "train.per_device_train_batch_size": 1,
    "train.total_batch_size": None,
    "train.num_train_epochs": 3,
    "train.max_steps": -1,
    "train.max_grad_norm": 1.0,
    "train.bf16": True,
    "train.gradient_checkpointing": True,
    "train.gradient_checkpointing_kwargs": {"use_reentrant": False},
    "train.seed": 42,
    "train.logging_steps": 1,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
    "quant.bnb_4bit_compute_dtype": "float16",
    "model.trust_remote_code": False,
    "model.attn_implementation": "sdpa",
    "model.unsloth": False,
    "data.max_length": 2048,
    "data.packing": False,
}
_OWNERS: Final = (
    "v1.ModelArguments",
    "v1.DataArguments",
    "v1.TrainingArguments",
    "v1.SampleArguments",
)
_SIGNS: Final = ("model_class", "kernel_config", "dist_config", "quant_config", "sample_backend")


def _recognise(root: Node, document: Document) -> str:
    if document.format == "toml" or not signs.text(root, "model"):
        return ""
    if signs.text(root, "peft_config.name") in ("lora", "freeze"):
        return "model and peft_config.name"
    found = signs.one_of(root, *_SIGNS)
    return f"model and {found}" if found else ""


def _settle(draft: Draft) -> None:
    _settle_switch(draft)
    _settle_quantisation(draft)
    _settle_sharding(draft)
    _settle_batch(draft)
    leave_to_adapter(draft)


def _settle_switch(draft: Draft) -> None:
    """Train nothing where the LoRA block says where to export to."""
    export = draft.written("peft_config.export_dir")
    if export is not None and export.value:
        draft.put("train.enabled", False, export)
        draft.put("lora.enabled", False, export)


def _settle_quantisation(draft: Draft) -> None:
    """Quantise by bitsandbytes: ``bnb`` to 4 bits unless told, ``auto`` only when told."""
    plugin, bits = draft.written("quant_config.name"), draft.values.get("quant.bits")
    if plugin is None:
        return
    if bits is None and plugin.value == "bnb":
        draft.put("quant.bits", 4, plugin, default=True)
    width = draft.get("quant.bits")
    if UNKNOWN in (width, plugin.value) or plugin.value not in ("bnb", "auto"):
        draft.put("quant.method", UNKNOWN, plugin)
        return
    draft.put("quant.method", "bitsandbytes" if width else None, plugin)
    for count in (4, 8):
        draft.put(f"quant.load_in_{count}bit", width == count, bits or plugin)
    draft.put("quant.bnb_4bit_quant_storage", draft.get("quant.bnb_4bit_compute_dtype"), None)


def _settle_sharding(draft: Draft) -> None:
    plugin = draft.written("dist_config.name")
    if plugin is None or plugin.value is UNKNOWN:
        return
    draft.put("run.fsdp", plugin.value in ("fsdp2", "fsdpturbo"), plugin)
    if draft.get("run.fsdp"):
        draft.put("run.fsdp_version", 2, plugin)


def _settle_batch(draft: Draft) -> None:
    """Accumulate only to reach a ``global_batch_size``; null steps mean that epochs count."""
    total, steps = draft.values.get("train.total_batch_size"), draft.values.get("train.max_steps")
    if total is None or total.value is None:
        draft.put("train.gradient_accumulation_steps", 1, None)
    if steps is not None and steps.value is None:
        draft.put("train.max_steps", -1, steps, default=True)


FRAMEWORKS: Final = (
    Framework(
        name="llamafactory-v1",
        title="LLaMA-Factory v1",
        rank=95,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml12,
        defaults=_DEFAULTS,
        knows=frozenset({"lora", "quant"}),
        finish=_settle,
        on_unknown="raises",
        schema=(("llamafactory", _OWNERS),),
        package="llamafactory",
    ),
)
