"""MLX VLM (``python -m mlx_vlm.lora --dataset …``): flags alone, there is no config file.

Releases before 0.5 multiplied the update by ``--lora-alpha`` itself. Read in mlx-vlm 0.1.27 to
0.5.0: ``mlx_vlm.lora`` and ``mlx_vlm.trainer.lora``.
"""

from __future__ import annotations

from typing import Final

from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12


def _trains_lora(value: object) -> object:
    return False if value is True else UNKNOWN


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
