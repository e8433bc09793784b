"""OpenRLHF (``python -m openrlhf.cli.train_sft``): flags only, dotted since 0.11.

Read in OpenRLHF 0.11 and 0.9: ``openrlhf.cli.train_*`` and ``openrlhf.models.actor``. The targets
are an argument of several values, so a written ``all-linear`` arrives as a list of one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import dtype, positive, put_default, quantise
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_TARGETS: Final = Key(
    field="lora.target_modules", read=lambda value: value if isinstance(value, list) else [value]
)
_NEW: Final[dict[str, str | Key]] = {
    "ds.lora.rank": "lora.r",
    "ds.lora.alpha": "lora.lora_alpha",
    "ds.lora.dropout": "lora.lora_dropout",
    "ds.lora.target_modules": _TARGETS,
    "ds.load_in_4bit": "quant.load_in_4bit",
    "ds.param_dtype": Key(field="model.dtype", read=dtype),
    "ds.attn_implementation": "model.attn_implementation",
    "ds.zero_stage": "run.zero_stage",
    "ds.packing_samples": "data.packing",
    "model.model_name_or_path": "model.name_or_path",
    "actor.model_name_or_path": "model.name_or_path",
    "model.gradient_checkpointing_enable": "train.gradient_checkpointing",
    "train.micro_batch_size": "train.per_device_train_batch_size",
    "train.batch_size": "train.total_batch_size",
    "train.max_epochs": "train.num_train_epochs",
    "train.seed": "train.seed",
    "adam.lr": "train.learning_rate",
    "adam.weight_decay": "train.weight_decay",
    "max_norm": "train.max_grad_norm",
    "lr_warmup_ratio": "train.warmup_ratio",
    "lr_scheduler": "train.lr_scheduler_type",
    "data.max_len": "data.max_length",
    "ckpt.output_dir": "run.output_dir",
}
_OLD: Final[dict[str, str | Key]] = {
    "lora_rank": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "target_modules": _TARGETS,
    "load_in_4bit": "quant.load_in_4bit",
    "zero_stage": "run.zero_stage",
    "pretrain": "model.name_or_path",
    "gradient_checkpointing": "train.gradient_checkpointing",
    "micro_train_batch_size": "train.per_device_train_batch_size",
    "train_batch_size": "train.total_batch_size",
    "max_epochs": "train.num_train_epochs",
    "learning_rate": "train.learning_rate",
    "l2": "train.weight_decay",
    "max_len": "data.max_length",
    "save_path": "run.output_dir",
    "seed": "train.seed",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.r": 0,
    "lora.lora_alpha": 16,
    "lora.lora_dropout": 0.0,
    "lora.target_modules": "all-linear",
    "lora.task_type": "CAUSAL_LM",
    "train.enabled": True,
    "train.gradient_checkpointing": False,
    "train.max_grad_norm": 1.0,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
    "quant.bnb_4bit_compute_dtype": "bfloat16",
    "quant.bnb_4bit_quant_storage": None,
    "model.dtype": "bfloat16",
    "model.trust_remote_code": True,
}
_METHODS: Final = {"train_sft": "sft", "train_dpo": "dpo", "train_kto": "kto", "train_rm": "reward"}


def _settle(draft: Draft) -> None:
    """Train an adapter for a rank above 0; the method is that of the module that is run."""
    rank = draft.values.get("lora.r")
    draft.put("lora.enabled", positive(rank.value) if rank else False, rank, default=rank is None)
    if draft.get("lora.enabled") is not True:
        for field in ("r", "lora_alpha"):
            draft.unknown(f"lora.{field}", "no adapter is trained")
    quantise(draft, draft.get("quant.load_in_4bit"), False)
    program = draft.evidence.rpartition(".")[2]
    put_default(draft, "train.method", _METHODS.get(program, UNKNOWN))


FRAMEWORKS: Final = (
    Framework(
        name="openrlhf",
        title="OpenRLHF",
        rank=267,
        recognise=lambda _root, _document: "",
        keys=_NEW | _OLD,
        scalars=yaml12,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="openrlhf",
    ),
)
