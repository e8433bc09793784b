"""The keys of axolotl's schema that feed the recipe."""

from __future__ import annotations

from typing import Final

from lora_advisor.frameworks.interface import Key
from lora_advisor.frameworks.readings import unless_auto
from lora_advisor.recipe import UNKNOWN


def _trains_lora(value: object) -> object:
    """Read ``adapter``: a plugin may bring adapters of any other name."""
    known = {"lora": True, "qlora": True, "llama-adapter": False, None: None}
    return known.get(value, UNKNOWN) if value is None or isinstance(value, str) else value


def _method(value: object) -> object:
    return "grpo" if value == "gdpo" else value


def _checkpointing(value: object) -> object:
    """Read the switch; to older releases its text could ask for offloaded activations as well."""
    if value in ("offload", "offload_disk"):
        return UNKNOWN
    return True if value == "unsloth" else value


def _scheduler(value: object) -> object:
    """Give what transformers gets: axolotl builds these two itself upon its cosine."""
    return "cosine" if value in ("one_cycle", "rex") else value


def _paths(value: object) -> object:
    """Name the data sets of a list by their paths."""
    if not isinstance(value, list):
        return value
    paths = [str(item["path"]) for item in value if isinstance(item, dict) and "path" in item]
    return ", ".join(paths) or None


def _to_cpu(value: object) -> object:
    """Read ``offload_param.device`` of an inline DeepSpeed block."""
    return value not in (None, "none")


def _without_prefix(value: object) -> object:
    """Spell the FSDP block's keys as axolotl does, which drops the old ``fsdp_`` prefix."""
    if not isinstance(value, dict):
        return value
    return {
        key if key == "fsdp_version" else str(key).removeprefix("fsdp_"): item
        for key, item in value.items()
    }


_LORA: Final[dict[str, str | Key]] = {
    "adapter": Key(field="lora.enabled", read=_trains_lora, why="a plugin provides this adapter"),
    "lora_r": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "lora_target_modules": "lora.target_modules",
    "lora_target_parameters": "lora.target_parameters",
    "lora_modules_to_save": "lora.modules_to_save",
    "lora_fan_in_fan_out": "lora.fan_in_fan_out",
    "lora_rank_pattern": "lora.rank_pattern",
    "lora_alpha_pattern": "lora.alpha_pattern",
    "peft_layers_to_transform": "lora.layers_to_transform",
    "peft_layers_pattern": "lora.layers_pattern",
    "peft_layer_replication": "lora.layer_replication",
    "peft_use_dora": "lora.use_dora",
    "peft_use_rslora": "lora.use_rslora",
    "peft_init_lora_weights": "lora.init_lora_weights",
    "peft.loftq_config": "lora.loftq_config",
    "peft_trainable_token_indices": "lora.trainable_token_indices",
    "peft_ensure_weight_tying": "lora.ensure_weight_tying",
    "loraplus_lr_ratio": "lora.loraplus_lr_ratio",
    "loraplus_lr_embedding": "lora.loraplus_lr_embedding",
}
_TRAIN: Final[dict[str, str | Key]] = {
    "rl": Key(field="train.method", read=_method),
    "learning_rate": "train.learning_rate",
    "weight_decay": "train.weight_decay",
    "micro_batch_size": "train.per_device_train_batch_size",
    "eval_batch_size": "train.per_device_eval_batch_size",
    "gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "num_epochs": "train.num_train_epochs",
    "max_steps": "train.max_steps",
    "warmup_steps": "train.warmup_steps",
    "warmup_ratio": "train.warmup_ratio",
    "lr_scheduler": Key(field="train.lr_scheduler_type", read=_scheduler),
    "lr_scheduler_kwargs": "train.lr_scheduler_kwargs",
    "optimizer": "train.optim",
    "adam_beta1": "train.adam_beta1",
    "adam_beta2": "train.adam_beta2",
    "max_grad_norm": "train.max_grad_norm",
    "fp16": "train.fp16",
    "bf16": Key(field="train.bf16", read=unless_auto, why="the GPU decides"),
    "tf32": Key(field="train.tf32", read=unless_auto, why="the GPU decides"),
    "gradient_checkpointing": Key(
        field="train.gradient_checkpointing", read=_checkpointing, why="offloading may replace it"
    ),
    "gradient_checkpointing_kwargs": "train.gradient_checkpointing_kwargs",
    "eval_strategy": "train.eval_strategy",
    "evaluation_strategy": "train.eval_strategy",
    "eval_steps": "train.eval_steps",
    "save_strategy": "train.save_strategy",
    "save_steps": "train.save_steps",
    "save_total_limit": "train.save_total_limit",
    "save_only_model": "train.save_only_model",
    "load_best_model_at_end": "train.load_best_model_at_end",
    "metric_for_best_model": "train.metric_for_best_model",
    "greater_is_better": "train.greater_is_better",
    "logging_steps": "train.logging_steps",
    "seed": "train.seed",
    "neftune_noise_alpha": "train.neftune_noise_alpha",
    "noisy_embedding_alpha": "train.neftune_noise_alpha",
    "group_by_length": "train.group_by_length",
    "auto_find_batch_size": "train.auto_find_batch_size",
    "dataloader_num_workers": "train.dataloader_num_workers",
    "dataloader_prefetch_factor": "train.dataloader_prefetch_factor",
    "ddp_find_unused_parameters": "train.ddp_find_unused_parameters",
    "torch_compile": Key(
        field="train.torch_compile", read=unless_auto, why="torch's release decides"
    ),
    "dpo_use_liger_kernel": "train.use_liger_kernel",
    "resume_from_checkpoint": "train.resume_from_checkpoint",
    "accelerator_config": "train.accelerator_config",
    "rl_beta": "train.beta",
    "trl.beta": "train.beta",
    "dpo_beta": "train.beta",
    "orpo_alpha": "train.beta",
    "dpo_loss_type": "train.loss_type",
    "trl.loss_type": "train.loss_type",
    "trl.sync_ref_model": "train.sync_ref_model",
    "trl.num_generations": "train.num_generations",
    "trl.generation_batch_size": "train.generation_batch_size",
    "trl.use_vllm": "train.use_vllm",
    "trl.use_liger_loss": "train.use_liger_kernel",
}
_LOADING: Final[dict[str, str | Key]] = {
    "base_model": "model.name_or_path",
    "trust_remote_code": "model.trust_remote_code",
    "attn_implementation": "model.attn_implementation",
    "device_map": "model.device_map",
    "num_labels": "model.num_labels",
    "lora_model_dir": "model.adapter",
    "load_in_4bit": "quant.load_in_4bit",
    "load_in_8bit": "quant.load_in_8bit",
    "bnb_config_kwargs.bnb_4bit_quant_type": "quant.bnb_4bit_quant_type",
    "bnb_config_kwargs.bnb_4bit_use_double_quant": "quant.bnb_4bit_use_double_quant",
    "bnb_config_kwargs.bnb_4bit_compute_dtype": "quant.bnb_4bit_compute_dtype",
    "bnb_config_kwargs.bnb_4bit_quant_storage": "quant.bnb_4bit_quant_storage",
    "bnb_config_kwargs.llm_int8_threshold": "quant.llm_int8_threshold",
    "bnb_config_kwargs.llm_int8_skip_modules": "quant.llm_int8_skip_modules",
}
_DATA: Final[dict[str, str | Key]] = {
    "sequence_len": "data.max_length",
    "sample_packing": "data.packing",
    "eval_sample_packing": "data.eval_packing",
    "batch_flattening": Key(
        field="data.padding_free", read=unless_auto, why="the attention implementation decides"
    ),
    "dpo_padding_free": "data.padding_free",
    "pad_to_sequence_len": "data.pad_to_max_length",
    "train_on_inputs": "data.train_on_inputs",
    "streaming": "data.streaming",
    "val_set_size": "data.eval_split",
    "test_datasets": Key(field="data.eval_dataset", read=_paths),
    "tokens": "data.new_tokens",
    "special_tokens": "data.special_tokens",
    "special_tokens.pad_token": "data.pad_token",
    "special_tokens.eos_token": "data.eos_token",
    "chat_template": "data.template",
}
_RUN: Final[dict[str, str | Key]] = {
    "output_dir": "run.output_dir",
    "deepspeed": "run.deepspeed",
    "deepspeed.zero_optimization.stage": "run.zero_stage",
    "deepspeed.zero_optimization.offload_param.device": Key(field="run.offload", read=_to_cpu),
    "fsdp": Key(field="run.fsdp", read=lambda value: bool(value) or None),
    "fsdp_config": Key(field="run.fsdp_config", read=_without_prefix),
    "fsdp_version": "run.fsdp_version",
    "fsdp_config.fsdp_version": "run.fsdp_version",
    "fsdp_config.version": "run.fsdp_version",
    "fsdp_config.offload_params": "run.offload",
    "fsdp_config.fsdp_offload_params": "run.offload",
}
KEYS: Final = _LORA | _TRAIN | _LOADING | _DATA | _RUN
"""Written path to canonical field; of several spellings of one field the current one is first."""
