"""Defaults of the libraries below every framework: peft, transformers and bitsandbytes.

Tested equal to the installed releases by ``tests/proofs/test_defaults.py``.
"""

from __future__ import annotations

from typing import Final

LIBRARY_DEFAULTS: Final[dict[str, object]] = {
    # peft.LoraConfig
    "lora.peft_type": "LORA",
    "lora.r": 8,
    "lora.lora_alpha": 8,
    "lora.lora_dropout": 0.0,
    "lora.bias": "none",
    "lora.lora_bias": False,
    "lora.fan_in_fan_out": False,
    "lora.use_rslora": False,
    "lora.use_dora": False,
    "lora.use_qalora": False,
    "lora.qalora_group_size": 16,
    "lora.init_lora_weights": True,
    "lora.rank_pattern": {},
    "lora.alpha_pattern": {},
    "lora.loftq_config": {},
    "lora.ensure_weight_tying": False,
    "lora.inference_mode": False,
    # transformers.TrainingArguments
    "train.learning_rate": 5e-5,
    "train.weight_decay": 0.0,
    "train.per_device_train_batch_size": 8,
    "train.per_device_eval_batch_size": 8,
    "train.gradient_accumulation_steps": 1,
    "train.num_train_epochs": 3.0,
    "train.max_steps": -1,
    "train.warmup_steps": 0,
    "train.lr_scheduler_type": "linear",
    "train.optim": "adamw_torch_fused",
    "train.adam_beta1": 0.9,
    "train.adam_beta2": 0.999,
    "train.max_grad_norm": 1.0,
    "train.fp16": False,
    "train.bf16": False,
    "train.gradient_checkpointing": False,
    "train.activation_checkpointing": False,
    "train.eval_strategy": "no",
    "train.save_strategy": "steps",
    "train.save_steps": 500,
    "train.logging_steps": 500,
    "train.load_best_model_at_end": False,
    "train.save_only_model": False,
    "train.report_to": "none",
    "train.seed": 42,
    "train.group_by_length": False,
    "train.use_liger_kernel": False,
    "train.auto_find_batch_size": False,
    "train.dataloader_num_workers": 0,
    "train.torch_compile": False,
    "train.label_smoothing_factor": 0.0,
    # transformers.BitsAndBytesConfig
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "quant.bnb_4bit_quant_type": "fp4",
    "quant.bnb_4bit_use_double_quant": False,
    "quant.llm_int8_threshold": 6.0,
    # transformers.PreTrainedModel.from_pretrained
    "model.trust_remote_code": False,
}
