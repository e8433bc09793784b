"""LLM Foundry (``composer scripts/train/train.py config.yaml``): ``model.peft_config``.

OmegaConf reads it; the section's keys are the arguments of ``peft.LoraConfig``. Read in LLM Foundry
of 2025: ``llmfoundry.models.hf.hf_base``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, Lora
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_DURATION: Final = pattern(r"(\d+)(ep|ba)")
_NOT_ARGUMENTS: Final = frozenset({"enabled", "loraplus_lr_ratio", "loraplus_lr_embedding"})
_KEYS: Final[dict[str, str | Key]] = {
    **{
        f"model.peft_config.{name}": f"lora.{name}"
        for name in Lora.__annotations__
        if name not in _NOT_ARGUMENTS
    },
    "model.pretrained_model_name_or_path": "model.name_or_path",
    "optimizer.lr": "train.learning_rate",
    "optimizer.weight_decay": "train.weight_decay",
    "device_train_microbatch_size": Key(
        field="train.per_device_train_batch_size",
        read=lambda value: UNKNOWN if value == "auto" else value,
        why="the run tries sizes out",
    ),
    "global_train_batch_size": "train.total_batch_size",
    "max_seq_len": "data.max_length",
    "seed": "train.seed",
    "fsdp_config": Key(field="run.fsdp", read=bool),
    "save_folder": "run.output_dir",
}


def _recognise(root: Node, _document: Document) -> str:
    own = signs.one_of(root, "train_loader", "device_train_microbatch_size", "icl_tasks")
    model = signs.text(root, "model.name") or signs.node(root, "models")
    return f"{own} and a model of llm-foundry" if own and model else ""


def _settle(draft: Draft) -> None:
    section = draft.written("model.peft_config")
    on = section is not None and section.value is not None
    draft.put("lora.enabled", on, section)
    draft.put("train.enabled", draft.written("train_loader") is not None, None)
    length = draft.written("max_duration")
    match = _DURATION.fullmatch(str(length.value)) if length is not None else None
    if match is not None:
        field = "num_train_epochs" if match[2] == "ep" else "max_steps"
        draft.put(f"train.{field}", int(match[1]), length)


FRAMEWORKS: Final = (
    Framework(
        name="llm-foundry",
        title="LLM Foundry",
        rank=165,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml12,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="llm-foundry",
    ),
)
