"""fms-hf-tuning (``python -m tuning.sft_trainer``): one JSON or YAML mapping, or the same flags.

``HfArgumentParser`` fills transformers' TrainingArguments and a subclass of PEFT's LoraConfig.
Read in fms-hf-tuning of 2026: ``tuning.config``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs, trl
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import all_linear_alone, dtype
from lora_advisor.recipe import UNKNOWN, Lora
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_NOT_ARGUMENTS: Final = frozenset({"enabled", "loraplus_lr_ratio", "loraplus_lr_embedding"})


def _keys() -> dict[str, str | Key]:
    found: dict[str, str | Key] = {
        name: f"lora.{name}" for name in Lora.__annotations__ if name not in _NOT_ARGUMENTS
    }
    for name, target in trl.FRAMEWORKS[0].keys.items():
        field = target.field if isinstance(target, Key) else target
        if field.startswith("train."):
            found[name] = field
    return found | {
        "peft_method": Key(field="lora.enabled", read=lambda value: value in ("lora", "alora")),
        "target_modules": Key(field="lora.target_modules", read=all_linear_alone),
        "model_name_or_path": "model.name_or_path",
        "torch_dtype": Key(field="model.dtype", read=dtype),
        "max_seq_length": "data.max_length",
        "packing": "data.packing",
        "output_dir": "run.output_dir",
    }


_OWN: Final = ("training_data_path", "data_config_path", "tracker", "trackers", "use_flash_attn")
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.lora_alpha": 32,
    "lora.lora_dropout": 0.05,
    "lora.task_type": "CAUSAL_LM",
    "train.enabled": True,
    "train.method": "sft",
    "train.optim": "adamw_torch",
    "train.save_strategy": "epoch",
    "train.report_to": UNKNOWN,
    "train.loss_type": UNKNOWN,
    "train.beta": UNKNOWN,
    "train.label_names": UNKNOWN,
    "model.dtype": "bfloat16",
    "data.packing": False,
}


def _recognise(root: Node, _document: Document) -> str:
    own = signs.one_of(root, *_OWN)
    method = signs.text(root, "peft_method")
    return f"peft_method and {own}" if method and own else ""


def _settle(draft: Draft) -> None:
    """Name prompt tuning, the other method."""
    method = draft.written("peft_method")
    if method is not None and method.value == "pt":
        draft.put("lora.peft_type", "PROMPT_TUNING", method)


FRAMEWORKS: Final = (
    Framework(
        name="fms-hf-tuning",
        title="fms-hf-tuning",
        rank=88,
        recognise=_recognise,
        keys=_keys(),
        scalars=yaml12,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora", "train"}),
        finish=_settle,
        package="fms-hf-tuning",
    ),
)
