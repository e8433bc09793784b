"""MLX VLM: ``python -m mlx_vlm.lora`` with flags alone, ``mlx_vlm.train`` also beside a file.

Releases before 0.5 multiplied the update by ``--lora-alpha`` itself. Read in mlx-vlm 0.1.27 to
0.5.0 (``mlx_vlm.lora`` and ``mlx_vlm.trainer.lora``) and in 0.7.10 (``mlx_vlm.train``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import replace
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft


def _trains_lora(value: object) -> object:
    return False if value is True else UNKNOWN


def _is_adapter(value: object) -> object:
    return {"lora": True, "dora": True, "full": False}.get(str(value), UNKNOWN)


def _settle(draft: Draft) -> None:
    """Train DoRA for ``--train-type dora``, and all weights for ``--full-finetune``."""
    kind = draft.written("train_type")
    draft.put("lora.use_dora", kind is not None and kind.value == "dora", kind)


KEYS: Final[dict[str, str | Key]] = {
    "full_finetune": Key(field="lora.enabled", read=_trains_lora),
    "lora_rank": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "learning_rate": "train.learning_rate",
    "batch_size": "train.per_device_train_batch_size",
    "gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "grad_checkpoint": "train.gradient_checkpointing",
    "max_seq_length": "data.max_length",
    "model_path": "model.name_or_path",
    "output_path": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.peft_type": "LORA",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "lora.bias": "none",
    "train.enabled": True,
    "train.optim": "adam",
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
}

FRAMEWORKS: Final = (
    Framework(
        name="mlx-vlm",
        title="MLX VLM",
        rank=268,
        recognise=lambda _root, _document: "",
        keys=KEYS,
        scalars=yaml12,
        casts=True,
        defaults=_DEFAULTS,
    ),
)
TRAIN: Final = replace(
    FRAMEWORKS[0],
    keys=KEYS
    | {
        "model": "model.name_or_path",
        "train_type": Key(field="lora.enabled", read=_is_adapter, why="mlx-vlm has no such type"),
        "algorithm": "train.method",
        "train_mode": "train.method",
        "optimizer": "train.optim",
        "weight_decay": "train.weight_decay",
        "seed": "train.seed",
    },
    defaults=_DEFAULTS
    | {
        "lora.r": 8,
        "lora.lora_alpha": 16.0,
        "lora.lora_dropout": 0.0,
        "train.method": "sft",
        "train.optim": "adamw",
        "train.learning_rate": 1e-5,
        "train.weight_decay": 0.0,
        "train.per_device_train_batch_size": 1,
        "train.gradient_accumulation_steps": 1,
        "train.gradient_checkpointing": False,
    },
    finish=_settle,
)
"""The command ``mlx_vlm.train`` of newer releases."""
