"""What peft-doctor 0.9.2 says, in the words of the cases: its finding codes and our causes.

Read from its source and its output. A code stands here when its title or message names the
cause, however vaguely; a hint that advises the opposite of the cure (``peft.loftq_hint``) does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CAUSES: Mapping[str, tuple[str, ...]] = {
    "adapter.task_type_missing": ("task-type-missing",),
    "distributed.accumulation_mismatch": ("conflicting-arguments", "steps-vs-accumulation"),
    "distributed.device_map_auto": ("device-map-multi-process", "zero3-device-map"),
    "distributed.precision_conflict": ("conflicting-arguments",),
    "fix.config.fp16": ("conflicting-arguments",),
    "fix.python.pad_token": ("pad-token-missing",),
    "fix.python.precision_conflict": ("conflicting-arguments",),
    "fix.python.target_modules": ("lm-head-targeted", "embedding-targeted"),
    "fix.python.target_modules_added": ("target-modules-missing-for-arch",),
    "fix.python.target_modules_missing_family": ("target-modules-missing-for-arch",),
    "fix.python.target_modules_needs_family": ("lm-head-targeted", "embedding-targeted"),
    "fsdp.cpu_loading_sync": ("fsdp-qlora-settings",),
    "fsdp.wrap_policy_missing": ("fsdp-qlora-settings",),
    "lora.risky_targets": ("lm-head-targeted", "embedding-targeted"),
    "lora.targets_missing": ("target-modules-missing-for-arch",),
    "lora.weight_tying_review": ("tied-weights-modules-to-save", "tied-weights-targeted"),
    "model.embedding_resize_needed": ("new-tokens-embeddings-not-saved",),
    "model.modules_to_save_missing_for_tokens": ("new-tokens-embeddings-not-saved",),
    "model.moe_target_parameters_missing": ("moe-experts-not-targeted",),
    "model.sequence_exceeds_context": ("sequence-exceeds-context",),
    "peft.ensure_weight_tying_missing": ("tied-weights-modules-to-save", "tied-weights-targeted"),
    "peft.task_type_mismatch": ("task-type-wrong",),
    "precision.fp16_nan_risk": ("fp16-overflow-model-family", "fp16-bf16-model"),
    "quantization.compute_dtype_missing": ("bnb-compute-dtype-default",),
    "quantization.fsdp_storage_dtype": ("fsdp-quant-storage",),
    "quantization.mode_conflict": ("conflicting-arguments",),
    "quantization.t4_bf16": ("bf16-unsupported-hardware",),
    "serving.modules_to_save": ("vllm-modules-to-save", "gguf-modules-to-save"),
    "serving.target_parameters": ("vllm-unsupported-module",),
    "sft.bfd_padding_free": ("packing-without-flash-attention",),
    "sft.loss_modes_conflict": ("conflicting-arguments",),
    "sft.padding_free_attention": ("packing-without-flash-attention",),
    "targets.missing": ("target-modules-no-match", "target-modules-partial-match"),
    "targets.not_configured": ("target-modules-missing-for-arch",),
    "tokenizer.pad_equals_eos_loss_masking": ("pad-equals-eos",),
    "tokenizer.pad_token_missing": ("pad-token-missing",),
    "training.ddp_unused_parameters_risky": ("ddp-gc-unused-params",),
    "training.deepspeed_quantized": ("zero3-quantized",),
    "training.device_map_auto_ddp": ("device-map-multi-process",),
    "training.fsdp_quantized": ("fsdp-quant-storage", "fsdp-qlora-settings", "fsdp-8bit"),
    "training.lr_extreme": ("lr-too-high",),
    "training.lr_high": ("lr-too-high",),
    "training.max_steps_overrides_epochs": ("max-steps-overrides-epochs",),
    "training.precision_flags_conflict": ("conflicting-arguments",),
    "training.quantization_flags_conflict": ("conflicting-arguments",),
    "training.reentrant_checkpointing": ("gc-no-input-grads", "ddp-gc-unused-params"),
}

# Said of the machine it runs on, whatever the file: no alarm about the file.
ABOUT_THE_MACHINE = frozenset(
    {"memory.no_cuda", "env.cuda_missing", "cli.model_config_unavailable"}
)
