"""ChatGLM3 and GLM-4 ``finetune_demo`` (``finetune_hf.py data model configs/lora.yaml``).

ruamel.yaml reads it (``5e-5`` is a number) and hands ``training_args`` to
``Seq2SeqTrainingArguments`` and ``peft_config`` to PEFT's ``get_peft_config``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs, trl
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.recipe import UNKNOWN, Lora
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_NOT_ARGUMENTS: Final = frozenset({"enabled", "loraplus_lr_ratio", "loraplus_lr_embedding"})


def _keys() -> dict[str, str | Key]:
    found: dict[str, str | Key] = {
        f"peft_config.{name}": f"lora.{name}"
        for name in Lora.__annotations__
        if name not in _NOT_ARGUMENTS
    }
    for name, target in trl.FRAMEWORKS[0].keys.items():
        field = target.field if isinstance(target, Key) else target
        if field.startswith(("train.", "run.")):
            plain = Key(field=field, read=bool) if field == "run.fsdp" else field
            found[f"training_args.{name}"] = plain
    return found


def _recognise(root: Node, _document: Document) -> str:
    return signs.all_of(root, "peft_config", "training_args", "data_config")


def _settle(draft: Draft) -> None:
    kind = draft.values.get("lora.peft_type")
    draft.put("lora.enabled", kind is None or str(kind.value).upper() == "LORA", kind)
    draft.put("train.enabled", True, None)
    draft.put("train.method", "sft", None)


FRAMEWORKS: Final = (
    Framework(
        name="chatglm-finetune",
        title="ChatGLM finetune_demo",
        rank=180,
        recognise=_recognise,
        keys=_keys(),
        scalars=yaml12,
        defaults={"train.label_names": UNKNOWN, "train.loss_type": UNKNOWN, "train.beta": UNKNOWN},
        knows=frozenset({"lora", "train"}),
        finish=_settle,
    ),
)
