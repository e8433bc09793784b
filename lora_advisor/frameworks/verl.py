"""verl: reinforcement learning (``verl.trainer.main_ppo``) and SFT, by Hydra.

A run is a YAML file or, mostly, ``key=value`` words on a command line over verl's own YAML. Read
in verl 0.8: ``verl/trainer/config`` and ``verl.workers.engine.fsdp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import positive, put_default
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_METHODS: Final = {"gae": "ppo", "grpo": "grpo", "rloo": "rloo"}
_ACTOR: Final = "actor_rollout_ref"


def _optional(value: object) -> object:
    """Read a number of steps; verl's null or -1 leaves it to the epochs."""
    return -1 if value is None else value


def _model(prefix: str, name: str) -> dict[str, str | Key]:
    return {
        f"{prefix}.{name}": "model.name_or_path",
        f"{prefix}.trust_remote_code": "model.trust_remote_code",
        f"{prefix}.enable_gradient_checkpointing": "train.gradient_checkpointing",
        f"{prefix}.lora_rank": "lora.r",
        f"{prefix}.lora_alpha": "lora.lora_alpha",
        f"{prefix}.target_modules": "lora.target_modules",
        f"{prefix}.exclude_modules": "lora.exclude_modules",
        f"{prefix}.lora_adapter_path": "model.adapter",
        f"{prefix}.use_liger": "train.use_liger_kernel",
    }


_RL: Final[dict[str, str | Key]] = {
    **_model(f"{_ACTOR}.model", "path"),
    f"{_ACTOR}.actor.optim.lr": "train.learning_rate",
    f"{_ACTOR}.actor.optim.weight_decay": "train.weight_decay",
    f"{_ACTOR}.actor.ppo_micro_batch_size_per_gpu": "train.per_device_train_batch_size",
    f"{_ACTOR}.actor.grad_clip": "train.max_grad_norm",
    "algorithm.adv_estimator": Key(
        field="train.method", read=lambda value: _METHODS.get(str(value), UNKNOWN)
    ),
    "trainer.total_epochs": "train.num_train_epochs",
    "trainer.total_training_steps": Key(field="train.max_steps", read=_optional),
    "trainer.default_local_dir": "run.output_dir",
}
_SFT: Final[dict[str, str | Key]] = {
    **_model("model", "partial_pretrain"),
    "model.path": "model.name_or_path",
    "optim.lr": "train.learning_rate",
    "optim.weight_decay": "train.weight_decay",
    "optim.lr_warmup_steps_ratio": "train.warmup_ratio",
    "optim.lr_scheduler": "train.lr_scheduler_type",
    "optim.clip_grad": "train.max_grad_norm",
    "data.micro_batch_size_per_gpu": "train.per_device_train_batch_size",
    "data.train_batch_size": "train.total_batch_size",
    "data.max_length": "data.max_length",
    "trainer.total_epochs": "train.num_train_epochs",
    "trainer.total_training_steps": Key(field="train.max_steps", read=_optional),
    "trainer.default_local_dir": "run.output_dir",
    "trainer.seed": "train.seed",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.r": 0,
    "lora.lora_alpha": 16,
    "lora.target_modules": "all-linear",
    "lora.exclude_modules": None,
    "lora.task_type": "CAUSAL_LM",
    "train.enabled": True,
    "train.gradient_checkpointing": True,
    "quant.method": None,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "model.trust_remote_code": False,
}
_SFT_DEFAULTS: Final[dict[str, object]] = {
    "train.method": "sft",
    "train.learning_rate": 1e-5,
    "train.weight_decay": 0.01,
    "train.max_grad_norm": 1.0,
    "train.per_device_train_batch_size": 4,
    "train.total_batch_size": 256,
    "train.num_train_epochs": 4,
    "data.max_length": 1024,
}
_RL_DEFAULTS: Final[dict[str, object]] = {
    "train.learning_rate": 1e-6,
    "train.weight_decay": 0.01,
    "train.max_grad_norm": 1.0,
    "train.num_train_epochs": 30,
}


def _reinforces(root: Node, _document: Document) -> str:
    if _ACTOR in signs.keys(root):
        return _ACTOR
    target = signs.text(root, "_target_")
    return f"_target_: {target}" if target.startswith("verl.") else ""


def _supervises(root: Node, _document: Document) -> str:
    epochs = signs.text(root, "trainer.total_epochs")
    model = signs.one_of(signs.section(root, "model") or root, "partial_pretrain", "lora_rank")
    return f"model.{model} and trainer.total_epochs" if epochs and model else ""


def _settle(draft: Draft) -> None:
    """Train an adapter for a rank above 0, or where one is loaded to go on with."""
    rank = draft.values.get("lora.r")
    loaded = draft.values.get("model.adapter")
    on = positive(rank.value) if rank is not None else False
    if loaded is not None and loaded.value:
        draft.put("lora.enabled", True, loaded)
        for field in ("r", "lora_alpha", "target_modules", "exclude_modules"):
            draft.unknown(f"lora.{field}", "the loaded adapter's own config has it")
    else:
        draft.put("lora.enabled", on, rank, default=rank is None)
    if draft.get("lora.enabled") is not True:
        for field in ("r", "lora_alpha"):
            draft.unknown(f"lora.{field}", "no adapter is trained")
    if any(key.name in ("lora", "megatron") for key in draft.keys):
        draft.unknown("lora.enabled", "Megatron's own LoRA section may decide it")
    if draft.written("critic") is not None or draft.written("defaults") is not None:
        put_default(draft, "train.method", UNKNOWN)


FRAMEWORKS: Final = (
    Framework(
        name="verl",
        title="verl",
        rank=80,
        recognise=_reinforces,
        keys=_RL,
        scalars=yaml12,
        defaults=_DEFAULTS | _RL_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="verl",
    ),
    Framework(
        name="verl-sft",
        title="verl SFT",
        rank=81,
        recognise=_supervises,
        keys=_SFT,
        scalars=yaml12,
        defaults=_DEFAULTS | _SFT_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="verl",
    ),
)
