"""Unsloth Studio (``unsloth train --config config.yaml``): sections of its own over unsloth.

Source: ``studio/backend/models/training.py`` and its presets, August 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key, comma_list
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node


def _trains_lora(value: object) -> object:
    known = {"lora": True, "qlora": True, "lora/qlora": True, "full": False}
    return known.get(str(value).lower(), UNKNOWN)


def _targets(value: object) -> object:
    """Read names; words that unsloth expands for each kind of model are unknown."""
    names = comma_list(value)
    known = isinstance(names, list) and names and "all-linear" not in names
    return names if known else UNKNOWN


def _checkpointing(value: object) -> object:
    known = {"": False, "none": False, "false": False, "true": True, "unsloth": True}
    return value if isinstance(value, bool) else known.get(str(value).lower(), UNKNOWN)


def _or_unset(value: object) -> object:
    """Read 0 as the setting that is left out, as the presets write it."""
    return -1 if value in (0, "0") else value


KEYS: Final[dict[str, str | Key]] = {
    "training.training_type": Key(field="lora.enabled", read=_trains_lora),
    "lora.lora_r": "lora.r",
    "lora.lora_alpha": "lora.lora_alpha",
    "lora.lora_dropout": "lora.lora_dropout",
    "lora.target_modules": Key(
        field="lora.target_modules", read=_targets, why="unsloth chooses them by the model"
    ),
    "lora.use_rslora": "lora.use_rslora",
    "lora.use_dora": "lora.use_dora",
    "training.learning_rate": "train.learning_rate",
    "training.weight_decay": "train.weight_decay",
    "training.batch_size": "train.per_device_train_batch_size",
    "training.gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "training.num_epochs": "train.num_train_epochs",
    "training.max_steps": Key(field="train.max_steps", read=_or_unset),
    "training.warmup_steps": "train.warmup_steps",
    "training.warmup_ratio": "train.warmup_ratio",
    "training.lr_scheduler_type": "train.lr_scheduler_type",
    "training.optim": "train.optim",
    "training.max_grad_norm": "train.max_grad_norm",
    "training.gradient_checkpointing": Key(
        field="train.gradient_checkpointing", read=_checkpointing
    ),
    "training.random_seed": "train.seed",
    "training.load_in_4bit": "quant.load_in_4bit",
    "model": "model.name_or_path",
    "training.max_seq_length": "data.max_length",
    "training.packing": "data.packing",
    "training.output_dir": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.peft_type": "LORA",
    "lora.bias": "none",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.optim": "adamw_8bit",
    "train.lr_scheduler_type": "linear",
    "train.weight_decay": 0.001,
    "train.seed": 3407,
    "train.warmup_ratio": None,
    "quant.load_in_8bit": False,
    "model.unsloth": True,
    "data.max_length": 2048,
    "data.packing": False,
}


def _recognise(root: Node, document: Document) -> str:
    """Tell it from other files of sections: by the switches only it has."""
    if document.format == "toml" or not signs.text(root, "lora.lora_r"):
        return ""
    for section, names in (
        ("training", ("train_on_completions", "training_type")),
        ("lora", ("finetune_vision_layers", "vision_all_linear")),
    ):
        found = signs.one_of(signs.node(root, section) or root, *names)
        if found:
            return f"lora.lora_r and {section}.{found}"
    return ""


def _settle(draft: Draft) -> None:
    """Start from LoftQ where its switch is on; without a model the file is a preset of the app."""
    loftq = draft.written("lora.use_loftq")
    on = loftq is not None and loftq.value is not False
    draft.put("lora.init_lora_weights", UNKNOWN if on else True, None)
    if draft.written("model") is None:
        draft.unknown("train.enabled", "a preset: the app asks for the rest")


FRAMEWORKS: Final = (
    Framework(
        name="unsloth-studio",
        title="Unsloth Studio",
        rank=130,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml11,
        casts=True,
        defaults=_DEFAULTS,
        finish=_settle,
    ),
)
