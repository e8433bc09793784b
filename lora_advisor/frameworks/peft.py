"""PEFT's own ``adapter_config.json``: what an adapter is, not how it was trained.

Source: ``peft.config.PeftConfigMixin.from_pretrained`` and ``peft.LoraConfig``. The files of
mlx-lm that have the same name state no ``peft_type``; others that state none are told by what
else they hold.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework
from lora_advisor.recipe import Lora
from lora_advisor.source.scalars import json_value

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_NOT_LORA_CONFIG: Final = {"enabled", "loraplus_lr_ratio", "loraplus_lr_embedding"}
_MODEL: Final = {"base_model_name_or_path": "model.name_or_path"}


_OF_LORA: Final = ("r", "lora_alpha", "target_modules")
_OF_A_MODEL: Final = ("architectures", "model_type", "hidden_size", "vocab_size")


def _lora(root: Node, document: Document) -> str:
    if _adapter_type(root, document) == "LORA":
        return "peft_type LORA"
    return _untyped(root, document, *_OF_LORA)


def _other(root: Node, document: Document) -> str:
    found = _adapter_type(root, document)
    return f"peft_type {found}" if found else _untyped(root, document, *_OF_A_MODEL)


def _adapter_type(root: Node, document: Document) -> str:
    return signs.text(root, "peft_type") if document.format == "json" else ""


def _untyped(root: Node, document: Document, *names: str) -> str:
    """Tell an adapter's file without its type by its name and the keys it has."""
    named = PurePath(document.path).name == "adapter_config.json"
    untyped = named and document.format == "json" and signs.node(root, "peft_type") is None
    return signs.all_of(root, *names) if untyped else ""


def _enable(draft: Draft) -> None:
    kind = draft.written("peft_type")
    if kind is not None:
        draft.put("lora.enabled", kind.value == "LORA", kind)


FRAMEWORKS: Final = (
    Framework(
        name="peft",
        title="PEFT adapter_config.json",
        rank=190,
        recognise=_lora,
        keys={name: f"lora.{name}" for name in Lora.__annotations__ if name not in _NOT_LORA_CONFIG}
        | _MODEL,
        scalars=json_value,
        knows=frozenset({"lora"}),
        finish=_enable,
        on_unknown="warns",
        schema=(("peft", ("LoraConfig",)),),
        package="peft",
    ),
    # A rank or an alpha of VeRA, LoKr, AdaLoRA, … is not LoRA's: nothing but the type is read.
    Framework(
        name="peft-other",
        title="PEFT adapter_config.json of a method other than LoRA",
        rank=191,
        recognise=_other,
        keys={"peft_type": "lora.peft_type"} | _MODEL,
        scalars=json_value,
        finish=_enable,
        package="peft",
    ),
)
