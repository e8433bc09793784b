"""The LoRA training scripts of diffusers, started with flags (``train_dreambooth_lora_flux.py``).

Alpha is the rank in most of them; the newer ones have a flag of their own with a fixed default.
Read in diffusers 0.40: ``examples/dreambooth``, ``examples/text_to_image``, ``examples/cogvideo``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.known import with_flags
from lora_advisor.frameworks.readings import put_default, put_precision
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN
from lora_advisor.record import replace
from lora_advisor.source.scalars import flag_value

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_SCRIPT: Final = pattern(
    r"train_(dreambooth|text_to_image)_lora(_\w+)?\.py|train_cogvideox\w*_lora\.py"
    r"|train_lcm_distill_lora_sd(_wds|xl|xl_wds)\.py"
)
_OWN_ALPHA: Final = ("_flux", "_ideogram", "_qwen_image", "_sana", "_z_image")
_OPTIMIZERS: Final = {"adamw": "adamw_torch", "adam": "adam", "prodigy": "prodigy"}


def _optimizer(value: object) -> object:
    return _OPTIMIZERS.get(str(value).lower(), UNKNOWN)


KEYS: Final[dict[str, str | Key]] = {
    "rank": "lora.r",
    "lora_rank": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "use_dora": "lora.use_dora",
    "learning_rate": "train.learning_rate",
    "train_batch_size": "train.per_device_train_batch_size",
    "gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "max_train_steps": "train.max_steps",
    "num_train_epochs": "train.num_train_epochs",
    "lr_scheduler": "train.lr_scheduler_type",
    "lr_warmup_steps": "train.warmup_steps",
    "optimizer": Key(field="train.optim", read=_optimizer),
    "adam_weight_decay": "train.weight_decay",
    "max_grad_norm": "train.max_grad_norm",
    "gradient_checkpointing": "train.gradient_checkpointing",
    "seed": "train.seed",
    "mixed_precision": "run.mixed_precision",
    "pretrained_teacher_model": "model.name_or_path",
    "pretrained_model_name_or_path": "model.name_or_path",
    "output_dir": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.peft_type": "LORA",
    "lora.r": 4,
    "lora.lora_dropout": 0.0,
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.learning_rate": UNKNOWN,
    "train.gradient_accumulation_steps": 1,
    "train.lr_scheduler_type": "constant",
    "train.warmup_steps": 500,
    "train.warmup_ratio": None,
    "train.max_grad_norm": 1.0,
    "train.gradient_checkpointing": False,
}


def of_script(name: str) -> Framework | None:
    """Return the format of a script's flags with that script's defaults; None for any other."""
    if _SCRIPT.fullmatch(name) is None:
        return None
    fixed = _fixed_alpha(name)
    rank = {"lora.r": fixed} if fixed not in (None, 4) else {}
    own = FRAMEWORKS[0]

    def finish(draft: Draft) -> None:
        put_default(draft, "lora.lora_alpha", draft.get("lora.r") if fixed is None else fixed)
        put_precision(draft)

    own = with_flags(own, name)
    return replace(own, defaults={**own.defaults, **rank}, finish=finish)


def _fixed_alpha(name: str) -> int | None:
    """Return a script's own default of alpha, None where alpha is the rank."""
    if "cogvideox" in name:
        return 128
    if "_krea2" in name:
        return 32
    if "lcm_distill" in name:
        return 64
    return 4 if any(part in name for part in _OWN_ALPHA) else None


FRAMEWORKS: Final = (
    Framework(
        name="diffusers",
        title="diffusers training script",
        rank=269,
        recognise=lambda _root, _document: "",
        keys=KEYS,
        scalars=flag_value,
        casts=True,
        defaults=_DEFAULTS,
    ),
)
