"""Facts of a script's calls and of the server its adapter is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import config_value
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Lora, Quant, Recipe, Run, Train, WrittenKey
    from lora_advisor.targets import Targets

_PREPARES: Final = "prepare_model_for_kbit_training"
_FUNCTION: Final = pattern(r"^\s*(?:async\s+)?def\s", re.MULTILINE)
_PACKED: Final = {
    "q_proj": "qkv_proj",
    "k_proj": "qkv_proj",
    "v_proj": "qkv_proj",
    "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
}
"""Layers that vLLM fuses, and the name of the fused one."""
_BLOCKS_ONLY: Final = frozenset(
    {"qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen3", "qwen3_moe", "gemma2", "gemma3"}
)
"""Model types for which vLLM prepares LoRA inside the blocks only."""


def merges_quantised(run: Run, quant: Quant) -> bool:
    """Whether a script merges an adapter into the base it loads, and that is quantised."""
    return run.merges_packed and (quant.load_in_4bit or quant.load_in_8bit)


def prepared_after_adapter(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """``prepare_model_for_kbit_training`` where it stands after ``get_peft_model``."""
    made = [i for i, call in enumerate(run.calls) if call == "get_peft_model"]
    prepared = [i for i, call in enumerate(run.calls) if call == _PREPARES]
    if len(made) != 1 or len(prepared) != 1 or made[0] > prepared[0]:
        return ()
    found = {key.path: key for key in recipe.keys if key.path in ("get_peft_model", _PREPARES)}
    adapter, key = found.get("get_peft_model"), found.get(_PREPARES)
    if key is None or (adapter is not None and _in_later_function(recipe, adapter, key)):
        return ()
    return (Item(path=key.path, at=key.key_at),)


def _in_later_function(recipe: Recipe, first: WrittenKey, second: WrittenKey) -> bool:
    """Whether a call stands in a function that begins after another: nobody knows their order."""
    text = recipe.document.text
    start, end = first.key_at.span.start, second.key_at.span.start
    inside = text[text.rfind("\n", 0, end) + 1 : end].startswith((" ", "\t"))
    return inside and _FUNCTION.search(text, start, end) is not None


def trains_loaded_adapter(run: Run, train: Train, recipe: Recipe) -> bool:
    """Whether a script loads an adapter and trains a model, and makes no other one."""
    makes = {"LoraConfig", "get_peft_model", "add_adapter", "set_adapter", "merge_and_unload"}
    loops = ".backward(" in recipe.document.text and ".step()" in recipe.document.text
    trains = loops or any(call.endswith("Trainer") for call in run.calls)
    thaws = "requires_grad" in recipe.document.text
    given = recipe["run.trainer_arguments"].value
    return (
        train.enabled
        and trains
        and not thaws
        and not (isinstance(given, list) and "peft_config" in given)  # the trainer makes one
        and not makes & {call.rpartition(".")[2] for call in run.calls}
    )


def unserved_targets(lora: Lora, run: Run) -> list[str]:
    """Targets that the server's list leaves out, fused names counted as what they fuse."""
    served, targets = run.serve_targets, lora.target_modules
    if served is None or not isinstance(targets, list):
        return []
    names = {name.rpartition(".")[2]: name for name in targets}
    return [
        whole
        for name, whole in names.items()
        if name not in served and _PACKED.get(name) not in served
    ]


def refused_embeddings(lora: Lora, recipe: Recipe, modules: Lookup) -> str:
    """Head and embeddings among the targets where vLLM prepares none for the model's family.

    Source: ``embedding_modules`` of the classes in ``vllm.model_executor.models``.
    """
    targets = lora.target_modules if isinstance(lora.target_modules, list) else []
    ends = {name.rpartition(".")[2] for name in targets}
    found = sorted(ends & {"lm_head", "embed_tokens"})
    if not found or config_value(recipe, modules, "model_type") not in _BLOCKS_ONLY:
        return ""
    return " and ".join(found)


def ignores_rank_stabilising(targets: Targets) -> bool:
    """Whether the project runs a TensorRT-LLM that divides alpha by the rank in any case."""
    return targets.surely_hold({"tensorrt-llm": "<0.11"})
