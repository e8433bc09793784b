"""prime-rl (``uv run rl @ rl.toml``, ``uv run sft @ sft.toml``): TOML over pydantic models.

Read in prime-rl 0.8: ``prime_rl.configs.trainer`` and ``.sft``. Its own LoRA layers match a
name anywhere in a module's path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import toml_value

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_OWN_MATCHING: Final = Key(
    field="lora.target_modules", read=lambda _value: UNKNOWN, why="prime-rl matches names itself"
)


def _keys() -> dict[str, str | Key]:
    found: dict[str, str | Key] = {
        "model.name": "model.name_or_path",
        "max_steps": "train.max_steps",
        "data.batch_size": "train.total_batch_size",
        "data.micro_batch_size": "train.per_device_train_batch_size",
        "data.seq_len": "data.max_length",
        "output_dir": "run.output_dir",
    }
    for prefix in ("", "trainer."):
        found |= {
            f"{prefix}model.lora.rank": "lora.r",
            f"{prefix}model.lora.alpha": "lora.lora_alpha",
            f"{prefix}model.lora.dropout": "lora.lora_dropout",
            f"{prefix}model.lora.target_modules": _OWN_MATCHING,
            f"{prefix}optim.lr": "train.learning_rate",
            f"{prefix}optim.weight_decay": "train.weight_decay",
            f"{prefix}optim.max_norm": "train.max_grad_norm",
            f"{prefix}scheduler.type": "train.lr_scheduler_type",
            f"{prefix}scheduler.warmup_steps": "train.warmup_steps",
        }
    return found


_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.peft_type": "LORA",
    "lora.r": 16,
    "lora.lora_alpha": 32.0,
    "lora.lora_dropout": 0.0,
    "lora.use_rslora": False,
    "lora.use_dora": False,
    "train.enabled": True,
    "train.learning_rate": 1e-6,
    "train.weight_decay": 0.01,
    "train.max_grad_norm": 1.0,
    "train.lr_scheduler_type": "constant",
    "quant.method": None,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
}


def _recognise(root: Node, document: Document) -> str:
    if document.format != "toml":
        return ""
    own = signs.one_of(root, "orchestrator", "ckpt", "deployment", "renderer", "weight_broadcast")
    for path in ("trainer.model.lora", "model.lora"):
        if own and signs.section(root, path) is not None:
            return f"{path} and {own}"
    return signs.all_of(root, "orchestrator", "trainer")


def _settle(draft: Draft) -> None:
    section = draft.written("trainer.model.lora") or draft.written("model.lora")
    if section is not None:
        draft.put("lora.enabled", True, section)
    if draft.written("orchestrator") is None:
        draft.put("train.method", "sft", None)


FRAMEWORKS: Final = (
    Framework(
        name="prime-rl",
        title="prime-rl",
        rank=240,
        recognise=_recognise,
        keys=_keys(),
        scalars=toml_value,
        defaults=_DEFAULTS,
        finish=_settle,
        package="prime-rl",
    ),
)
