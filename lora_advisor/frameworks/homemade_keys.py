"""The names that people give the fields in configs of their own scripts.

Only names with one meaning are here: ``batch_size`` may be that of a device or of all of them,
``scheduler`` and ``optimizer`` are names of the script's own, ``scale`` may or may not be alpha.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.interface import Key
from lora_advisor.recipe import UNKNOWN, Lora, Quant, Train

if TYPE_CHECKING:
    from collections.abc import Iterator

LORA_SECTIONS: Final = (
    "lora",
    "peft",
    "peft_config",
    "peft_args",
    "lora_config",
    "lora_args",
    "lora_params",
    "lora_parameters",
    "qlora",
    "adapter",
    "adapter_config",
    "peft.lora",
    "peft.config",
    "adapter.lora",
    "peft_config.default",
    "peft_config.value",
    "peft_config.value.default",
)
_PARENTS: Final = ("", "model.", "training.", "train.", "finetuning.", "finetune.", "config.")
_TRAIN_SECTIONS: Final = (
    "training",
    "train",
    "trainer",
    "training_args",
    "training_arguments",
    "training_config",
    "train_args",
    "train_config",
    "trainer_args",
    "training_params",
    "hyperparameters",
    "hyperparams",
    "sft",
    "sft_config",
    "dpo_config",
    "grpo_config",
    "finetuning",
    "finetune",
    "config",
)
_QUANT_SECTIONS: Final = (
    "quantization",
    "quantization_config",
    "quant",
    "bnb",
    "bnb_config",
    "bitsandbytes",
    "model.quantization",
    "model.quantization_config",
)
_MODEL_SECTIONS: Final = ("model", "base_model", "model_config", "model_args")
_DATA_SECTIONS: Final = ("data", "dataset", "tokenizer", "data_args", "dataset_config")

_WHY_TEXT: Final = "a script may split this text or hand it to PEFT as a pattern"


def _names(value: object) -> object:
    """Read names of modules: plain text may be a list to split or a pattern, only some cannot."""
    if not isinstance(value, str) or value == "all-linear" or ".*" in value:
        return value
    return UNKNOWN


_TARGETS: Final = Key(field="lora.target_modules", read=_names, why=_WHY_TEXT)
_SAVED: Final = Key(field="lora.modules_to_save", read=_names, why=_WHY_TEXT)
_NOT_HERE: Final = {"lora_bias", "loraplus_lr_ratio", "loraplus_lr_embedding"}
"""What ``lora_bias`` means depends on the script: PEFT's switch of that name, or ``bias``."""
_IN_LORA: Final[dict[str, str | Key]] = {
    **{name: f"lora.{name}" for name in Lora.__annotations__ if name not in _NOT_HERE},
    "rank": "lora.r",
    "alpha": "lora.lora_alpha",
    "dropout": "lora.lora_dropout",
    "target_modules": _TARGETS,
    "modules_to_save": _SAVED,
}
FLAT_LORA: Final[dict[str, str | Key]] = {
    "lora_r": "lora.r",
    "lora_rank": "lora.r",
    "lora_dim": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "lora_target_modules": _TARGETS,
    "lora_modules_to_save": _SAVED,
    "lora_task_type": "lora.task_type",
    "use_rslora": "lora.use_rslora",
    "use_dora": "lora.use_dora",
    "use_lora": "lora.enabled",
    "use_peft": "lora.enabled",
}
"""Names of LoRA's fields that say themselves that they are LoRA's."""
_BARE_LORA: Final = ("r", "rank", "target_modules", "modules_to_save", "init_lora_weights", "bias")

_NOT_ARGUMENTS: Final = {
    "method",
    "enabled",
    "total_batch_size",
    "ref_model",
    "beta",
    "loss_type",
    "activation_checkpointing",
}
_ARGUMENTS: Final[dict[str, str | Key]] = {
    name: f"train.{name}" for name in Train.__annotations__ if name not in _NOT_ARGUMENTS
}
_TRAIN_NAMES: Final[dict[str, str | Key]] = {
    "lr": "train.learning_rate",
    "evaluation_strategy": "train.eval_strategy",
    "micro_batch_size": "train.per_device_train_batch_size",
    "per_device_batch_size": "train.per_device_train_batch_size",
    "batch_size_per_device": "train.per_device_train_batch_size",
    "gradient_accumulation": "train.gradient_accumulation_steps",
    "grad_accumulation": "train.gradient_accumulation_steps",
    "grad_accumulation_steps": "train.gradient_accumulation_steps",
    "grad_accum": "train.gradient_accumulation_steps",
    "grad_accum_steps": "train.gradient_accumulation_steps",
    "accumulate_grad_batches": "train.gradient_accumulation_steps",
    "accumulation_steps": "train.gradient_accumulation_steps",
    "num_epochs": "train.num_train_epochs",
    "epochs": "train.num_train_epochs",
    "max_epochs": "train.num_train_epochs",
    "num_warmup_steps": "train.warmup_steps",
    "output_dir": "run.output_dir",
    "deepspeed": "run.deepspeed",
    "packing": "data.packing",
    "max_seq_length": "data.max_length",
    "max_seq_len": "data.max_length",
    "max_length": "data.max_length",
}
_QUANT: Final[dict[str, str | Key]] = {
    name: f"quant.{name}" for name in Quant.__annotations__ if name not in {"method", "bits"}
}
_QUANT_NAMES: Final[dict[str, str | Key]] = {
    "bits": "quant.bits",
    "quant_type": "quant.bnb_4bit_quant_type",
    "compute_dtype": "quant.bnb_4bit_compute_dtype",
    "use_double_quant": "quant.bnb_4bit_use_double_quant",
    "double_quant": "quant.bnb_4bit_use_double_quant",
    "use_nested_quant": "quant.bnb_4bit_use_double_quant",
    "use_4bit": "quant.load_in_4bit",
    "use_8bit": "quant.load_in_8bit",
}
_FLAT_QUANT: Final = ("use_nested_quant", "use_4bit")
_MODEL: Final[dict[str, str | Key]] = {
    "model_name_or_path": "model.name_or_path",
    "model_name": "model.name_or_path",
    "model_id": "model.name_or_path",
    "base_model": "model.name_or_path",
    "base_model_name": "model.name_or_path",
    "base_model_id": "model.name_or_path",
    "base_model_name_or_path": "model.name_or_path",
    "pretrained_model_name_or_path": "model.name_or_path",
    "torch_dtype": "model.dtype",
    "attn_implementation": "model.attn_implementation",
    "device_map": "model.device_map",
    "trust_remote_code": "model.trust_remote_code",
    "use_cache": "model.use_cache",
}
_MODEL_NAMES: Final[dict[str, str | Key]] = {
    "name": "model.name_or_path",
    "name_or_path": "model.name_or_path",
    "dtype": "model.dtype",
    "max_seq_length": "data.max_length",
    "model_max_length": "data.max_length",
}
_DATA: Final[dict[str, str | Key]] = {
    "max_seq_length": "data.max_length",
    "max_seq_len": "data.max_length",
    "max_length": "data.max_length",
    "cutoff_len": "data.max_length",
    "sequence_len": "data.max_length",
    "packing": "data.packing",
}


class Names(Mapping[str, "str | Key"]):
    """Every path that a home-made config may write a field under, put together when asked for."""

    def __init__(self) -> None:
        self._sections = _sections()

    def __getitem__(self, path: str) -> str | Key:
        section, _, name = path.rpartition(".")
        return self._sections[section][name]

    def __iter__(self) -> Iterator[str]:
        for section, names in self._sections.items():
            yield from (f"{section}.{name}" if section else name for name in names)

    def __len__(self) -> int:
        return sum(len(names) for names in self._sections.values())


def _sections() -> dict[str, dict[str, str | Key]]:
    """Return the names of each section, those of the top level under the empty path."""
    training = _ARGUMENTS | _TRAIN_NAMES | FLAT_LORA | _QUANT
    optimiser: dict[str, str | Key] = {
        "lr": "train.learning_rate",
        "learning_rate": "train.learning_rate",
        "weight_decay": "train.weight_decay",
    }
    model = _MODEL | _MODEL_NAMES | _QUANT | FLAT_LORA
    bare = {name: _IN_LORA[name] for name in _BARE_LORA}
    flat_quant = _QUANT | {name: _QUANT_NAMES[name] for name in _FLAT_QUANT}
    flat = bare | _ARGUMENTS | _TRAIN_NAMES | _DATA | _MODEL | flat_quant | FLAT_LORA
    return {
        "": flat,
        **{name: {"value": target} for name, target in flat.items()},
        **dict.fromkeys(_DATA_SECTIONS, _DATA),
        **dict.fromkeys(_MODEL_SECTIONS, model),
        **dict.fromkeys(_QUANT_SECTIONS, _QUANT | _QUANT_NAMES),
        **dict.fromkeys(("optimizer", "optim"), optimiser),
        **dict.fromkeys(_TRAIN_SECTIONS, training),
        **dict.fromkeys(
            (f"{parent}{name}" for parent in _PARENTS for name in LORA_SECTIONS),
            _ARGUMENTS | _TRAIN_NAMES | _IN_LORA | FLAT_LORA,
        ),
    }
