"""LLaMA-Factory (``llamafactory-cli train config.yaml``): one flat mapping over five dataclasses.

OmegaConf reads it (``2e-4`` is a number), ``HfArgumentParser.parse_dict`` fills the dataclasses
without casting and refuses a key it does not know. Read in LLaMA-Factory 0.9.5:
``llamafactory.hparams``, ``llamafactory.model`` and ``llamafactory.train``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key, comma_list, inverted
from lora_advisor.frameworks.llamafactory_settle import settle
from lora_advisor.recipe import UNKNOWN, Train
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document, Node


def _targets(value: object) -> object:
    """Split comma text; ``all`` alone is every linear layer but the output head."""
    names = comma_list(value)
    return "all-linear" if names == ["all"] else names


def _attention(value: object) -> object:
    """Name the implementation as transformers does; ``auto`` leaves it to the model."""
    known = {"fa2": "flash_attention_2", "disabled": "eager", "auto": None}
    return known.get(value, value) if isinstance(value, str) else value


def _quantiser(value: object) -> object:
    return "bitsandbytes" if value == "bnb" else value


def _method(value: object) -> object:
    return {"pt": "pretrain", "rm": "reward"}.get(value, value) if isinstance(value, str) else value


def _trains_lora(value: object) -> object:
    """Read ``finetuning_type``, whose other values are ``full``, ``freeze`` and ``oft``."""
    return value == "lora" if isinstance(value, str) else value


_NOT_ARGUMENTS: Final = frozenset(
    {"method", "enabled", "total_batch_size", "gradient_checkpointing", "group_by_length"}
    | {"beta", "loss_type", "sync_ref_model", "num_generations", "generation_batch_size"}
    | {"steps_per_generation", "use_vllm", "use_liger_kernel", "gradient_checkpointing_kwargs"}
)
"""Fields of the recipe that are not plain ``TrainingArguments`` here."""

_LORA: Final[dict[str, str | Key]] = {
    "finetuning_type": Key(field="lora.enabled", read=_trains_lora),
    "lora_rank": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "lora_target": Key(field="lora.target_modules", read=_targets),
    "additional_target": Key(field="lora.modules_to_save", read=comma_list),
    "use_rslora": "lora.use_rslora",
    "use_dora": "lora.use_dora",
    "loraplus_lr_ratio": "lora.loraplus_lr_ratio",
    "loraplus_lr_embedding": "lora.loraplus_lr_embedding",
}
_TRAIN: Final[dict[str, str | Key]] = {
    **{name: f"train.{name}" for name in Train.__annotations__ if name not in _NOT_ARGUMENTS},
    "stage": Key(field="train.method", read=_method),
    "do_train": "train.enabled",
    "evaluation_strategy": "train.eval_strategy",
    "disable_gradient_checkpointing": Key(field="train.gradient_checkpointing", read=inverted),
    "enable_liger_kernel": "train.use_liger_kernel",
    "group_by_length": "train.group_by_length",
    "train_sampling_strategy": Key(
        field="train.group_by_length", read=lambda value: value == "group_by_length"
    ),
    "pref_beta": "train.beta",
    "dpo_beta": "train.beta",
    "kto_beta": "train.beta",
    "orpo_beta": "train.beta",
    "pref_loss": "train.loss_type",
    "dpo_loss": "train.loss_type",
}
_LOADING: Final[dict[str, str | Key]] = {
    "model_name_or_path": "model.name_or_path",
    "adapter_name_or_path": Key(field="model.adapter", read=comma_list),
    "trust_remote_code": "model.trust_remote_code",
    "flash_attn": Key(field="model.attn_implementation", read=_attention),
    "use_unsloth": "model.unsloth",
    "quantization_bit": "quant.bits",
    "quantization_method": Key(field="quant.method", read=_quantiser),
    "quantization_type": "quant.bnb_4bit_quant_type",
    "double_quantization": "quant.bnb_4bit_use_double_quant",
}
_DATA: Final[dict[str, str | Key]] = {
    "cutoff_len": "data.max_length",
    "packing": "data.packing",
    "train_on_prompt": "data.train_on_inputs",
    "streaming": "data.streaming",
    "val_size": "data.eval_split",
    "eval_dataset": "data.eval_dataset",
    "template": "data.template",
    "add_tokens": Key(field="data.new_tokens", read=comma_list),
    "add_special_tokens": Key(field="data.new_tokens", read=comma_list),
    "resize_vocab": "data.resize_vocab",
}
_RUN: Final[dict[str, str | Key]] = {
    "output_dir": "run.output_dir",
    "deepspeed": "run.deepspeed",
    "deepspeed.zero_optimization.stage": "run.zero_stage",
    "fsdp": Key(field="run.fsdp", read=bool),
    "fsdp_config": "run.fsdp_config",
    "fsdp_config.fsdp_version": "run.fsdp_version",
    "fsdp_config.version": "run.fsdp_version",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.target_modules": "all-linear",
    "lora.task_type": "CAUSAL_LM",
    "lora.loraplus_lr_embedding": 1e-6,
    "train.enabled": False,
    "lora.enabled": True,
    "train.method": "sft",
    "train.gradient_checkpointing": True,
    "train.use_liger_kernel": False,
    "quant.method": None,
    "quant.bits": None,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
    "model.name_or_path": UNKNOWN,
    "model.type": UNKNOWN,
    "model.dtype": UNKNOWN,
    "model.device_map": UNKNOWN,
    "model.use_cache": UNKNOWN,
    "model.num_labels": UNKNOWN,
    "model.unsloth": False,
    "data.max_length": 2048,
    "data.train_on_inputs": False,
    "data.streaming": False,
    "data.eval_split": 0.0,
    "data.resize_vocab": False,
}
_OWNERS: Final = (
    "ModelArguments",
    "DataArguments",
    "TrainingArguments",
    "FinetuningArguments",
    "GeneratingArguments",
    "EvaluationArguments",
    "MegatronBridgeArguments",
    "_KTransformersRuntimeArguments",
)
_SURE: Final = ("finetuning_type", "lora_target", "cutoff_len", "quantization_bit")
_BESIDE_TEMPLATE: Final = (
    "export_dir",
    "infer_backend",
    "stage",
    "dataset_dir",
    "adapter_name_or_path",
    "lora_rank",
)


def _recognise(root: Node, document: Document) -> str:
    if document.format == "toml" or "model_name_or_path" not in signs.keys(root):
        return ""
    found = signs.one_of(root, *_SURE)
    if not found and signs.text(root, "template"):
        found = signs.one_of(root, *_BESIDE_TEMPLATE)
    return f"model_name_or_path and {found}" if found else ""


FRAMEWORKS: Final = (
    Framework(
        name="llamafactory",
        title="LLaMA-Factory",
        rank=90,
        recognise=_recognise,
        keys=_LORA | _TRAIN | _LOADING | _DATA | _RUN,
        scalars=yaml12,
        defaults=_DEFAULTS,
        knows=frozenset({"lora", "train", "quant", "model", "data"}),
        finish=settle,
        on_unknown="raises",
        schema=(("llamafactory", _OWNERS),),
        package="llamafactory",
    ),
)
