"""Facts of the server that an adapter is for.

Source: vLLM's ``lora/peft_helper.py`` and ``embedding_modules`` of its model classes, releases 0.13
to 0.33; TensorRT-LLM; llama.cpp's ``convert_lora_to_gguf.py`` and ``src/llama-adapter.h``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import config_value

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Lora, Recipe, Run
    from lora_advisor.targets import Targets

_PACKED: Final = {
    "q_proj": "qkv_proj",
    "k_proj": "qkv_proj",
    "v_proj": "qkv_proj",
    "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
}
"""Layers that vLLM fuses, and the name of the fused one."""
_BLOCKS_ONLY: Final = frozenset(
    {"qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "gemma", "gemma2", "gemma3"}
)
"""Model types for which vLLM prepares LoRA inside the blocks only."""
_ONCE_BLOCKS_ONLY: Final = frozenset({"qwen3", "qwen3_moe"})
"""Those for which it does so before 0.16."""
_HEADS: Final = frozenset({"classifier", "score"})
"""Modules trained in full that vLLM loads from 0.31 on."""
_HARMLESS_INITS: Final = frozenset({"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
"""Initialisations that leave the base as it was published."""


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


def refused_embeddings(lora: Lora, recipe: Recipe, modules: Lookup, targets: Targets) -> str:
    """Head and embeddings among the targets where vLLM prepares none for the model's family."""
    named = lora.target_modules if isinstance(lora.target_modules, list) else []
    found = sorted({name.rpartition(".")[2] for name in named} & {"lm_head", "embed_tokens"})
    older = targets.surely_hold({"vllm": "<0.16"})
    families = _BLOCKS_ONLY | _ONCE_BLOCKS_ONLY if older else _BLOCKS_ONLY
    if not found or config_value(recipe, modules, "model_type") not in families:
        return ""
    return " and ".join(found)


def refused_saved_modules(lora: Lora, targets: Targets) -> list[str]:
    """Modules trained in full that vLLM does not load."""
    loaded = _HEADS if targets.may_hold({"vllm": ">=0.31"}) else frozenset()
    return [name for name in lora.modules_to_save or () if name not in loaded]


def refused_init(lora: Lora) -> str:
    """Return the initialisation that changed the base, so that vLLM's is another one."""
    init = lora.init_lora_weights
    if not isinstance(init, str) or init.lower() in ("true", "false"):
        return ""
    return "" if init.lower() in _HARMLESS_INITS else init


def patterned_scaling(run: Run, recipe: Recipe) -> bool:
    """Whether a server that reads one rank and one alpha gets an adapter with several."""
    patterns = (recipe["lora.rank_pattern"].value, recipe["lora.alpha_pattern"].value)
    return run.server == "vllm" and any(isinstance(p, dict) and p for p in patterns)


def scaling_lost_in_conversion(run: Run, lora: Lora, recipe: Recipe) -> bool:
    """Whether a GGUF adapter, scaled by one alpha over the rank, is to be made of another one."""
    pattern = recipe["lora.alpha_pattern"].value
    own = isinstance(pattern, dict) and any(alpha != lora.lora_alpha for alpha in pattern.values())
    return run.server == "llama.cpp" and (own or (lora.use_rslora and lora.r > 1))


def ignores_rank_stabilising(targets: Targets) -> bool:
    """Whether the project runs a TensorRT-LLM that divides alpha by the rank in any case."""
    return targets.surely_hold({"tensorrt-llm": "<0.11"})
