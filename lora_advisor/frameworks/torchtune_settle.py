"""What torchtune's components make of several keys together.

Source: the recipes ``lora_finetune_*`` and ``lora_dpo_*``, ``torchtune.modules.peft`` and
``torchtune.models.convert_weights`` of release 0.6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_BUILDER: Final = pattern(r"torchtune\.models\.(\w+)\.(?:(q?)(lora_))?\w+")
_SAME_LAYERS: Final = frozenset(
    {"llama2", "llama3", "llama3_1", "llama3_2", "llama3_3", "mistral", "gemma", "gemma2"}
    | {"qwen2", "qwen2_5", "qwen3"}
)
"""Families whose layers correspond one to one with those of transformers' models."""
_ATTENTION: Final = {
    "q_proj": "q_proj",
    "k_proj": "k_proj",
    "v_proj": "v_proj",
    "output_proj": "o_proj",
}
_MLP: Final = ("gate_proj", "down_proj", "up_proj")
_OPTIMIZERS: Final = {
    "torch.optim.AdamW": "adamw_torch",
    "torch.optim.SGD": "sgd",
    "bitsandbytes.optim.AdamW8bit": "adamw_8bit",
    "bitsandbytes.optim.PagedAdamW": "paged_adamw_32bit",
    "bitsandbytes.optim.PagedAdamW8bit": "paged_adamw_8bit",
}
_PREFERENCES: Final = {"DPOLoss": "dpo", "RSOLoss": "dpo", "SimPOLoss": "simpo"}


def settle(draft: Draft) -> None:
    """Settle what no single key of the file decides."""
    _settle_builder(draft)
    _settle_targets(draft)
    _settle_method(draft)
    _settle_optimizer(draft)
    _settle_schedule(draft)


def _text(draft: Draft, path: str) -> str:
    found = draft.written(path)
    return found.value if found is not None and isinstance(found.value, str) else ""


def _settle_builder(draft: Draft) -> None:
    """Train an adapter where the builder's name says so, over NF4 weights for ``qlora_…``."""
    component = draft.written("model._component_")
    builder = _BUILDER.fullmatch(_text(draft, "model._component_"))
    if component is None or builder is None:
        return
    adapted = builder[3] is not None
    trainable = [draft.written(f"model.{part}_trainable") for part in ("encoder", "decoder")]
    known = adapted or not any(trainable)
    draft.put("lora.enabled", adapted if known else UNKNOWN, component)
    quantised = draft.written("model.quantize_base")
    if builder[2]:
        draft.put("quant.method", "nf4", component)
    elif quantised is None or quantised.value is False:
        draft.put("quant.method", None, quantised)
    else:
        draft.put("quant.method", "nf4" if quantised.value is True else UNKNOWN, quantised)


def _settle_targets(draft: Draft) -> None:
    """Name the targets as transformers' modules, where each has one of its own."""
    attention = draft.written("model.lora_attn_modules")
    builder = _BUILDER.fullmatch(_text(draft, "model._component_"))
    names = attention.value if attention is not None else None
    named = [_ATTENTION.get(str(name), "") for name in names] if isinstance(names, list) else [""]
    if builder is None or builder[1] not in _SAME_LAYERS or "" in named:
        draft.unknown("lora.target_modules", "torchtune's own models have other modules")
        return
    mlp, output = (draft.written(f"model.apply_lora_to_{part}") for part in ("mlp", "output"))
    switches = [found.value if found is not None else False for found in (mlp, output)]
    if switches[1] is not False or not isinstance(switches[0], bool):
        draft.unknown("lora.target_modules", "torchtune adapts the output layer in its own way")
        return
    draft.put("lora.target_modules", [*named, *(_MLP if switches[0] else ())], attention)


def _settle_method(draft: Draft) -> None:
    """Tell preference training by its loss; a second model means distillation."""
    loss = _text(draft, "loss._component_").rpartition(".")[2]
    others = ("teacher_model", "policy_model", "ref_policy_checkpointer")
    if any(draft.written(name) for name in others) or not loss:
        draft.unknown("train.method", "the recipe is named on the command line")
        return
    draft.put("train.method", _PREFERENCES.get(loss, "sft"), draft.written("loss._component_"))


def _settle_optimizer(draft: Draft) -> None:
    component = draft.written("optimizer._component_")
    name = _OPTIMIZERS.get(_text(draft, "optimizer._component_"))
    fused = draft.written("optimizer.fused")
    if name == "adamw_torch" and fused is not None and fused.value is True:
        name = "adamw_torch_fused"
    draft.put("train.optim", name or UNKNOWN, component)
    if name == "adamw_torch" and "train.weight_decay" not in draft.values:
        draft.put("train.weight_decay", 0.01, None)


def _settle_schedule(draft: Draft) -> None:
    """Bound the steps of the run: ``max_steps_per_epoch`` is the most that an epoch takes."""
    component = _text(draft, "lr_scheduler._component_")
    if component.endswith("get_cosine_schedule_with_warmup"):
        draft.put("train.lr_scheduler_type", "cosine", draft.written("lr_scheduler._component_"))
    most, epochs = draft.written("max_steps_per_epoch"), draft.get("train.num_train_epochs")
    if most is None or most.value is None:
        draft.put("train.max_steps", -1, None)
    elif isinstance(most.value, int) and isinstance(epochs, int):
        draft.put("train.max_steps", most.value * epochs, most)
