"""Facts of the base model's modules and its ``config.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import base_model, config_value, table_of
from lora_advisor.facts._base import has_fused_experts as fused_experts
from lora_advisor.models.catalogue import since
from lora_advisor.models.lookup import HINT
from lora_advisor.models.table import LINEAR
from lora_advisor.recipe import UnknownValueError
from lora_advisor.targets import holds

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe
    from lora_advisor.targets import Targets

SHOWN: Final = 10
_BY_DISTANCE: Final = frozenset(
    {"t5", "mt5", "umt5", "longt5", "switch_transformers", "pix2struct", "udop", "transfo-xl"}
)
"""Models without positions of their own, whose config states the length of the pretraining."""
_OWN_MODELS: Final = frozenset(
    {"mlx-lm", "torchtune", "litgpt", "nemo", "nemo-automodel", "kohya", "ai-toolkit"}
)
"""Formats of programs that do not load the base model by transformers."""
_OWN_SCRIPTS: Final = frozenset({"generic", "flags"})
"""Formats of scripts that may trust a model's own code without a word in the file."""
_WITHOUT_CODE: Final = (
    "qwen2",
    "qwen3",
    "gemma",
    "llama",
    "mistral",
    "mixtral",
    "granite",
    "olmo2",
)
"""Families whose repositories carry no code, so that only transformers can load them."""

_EXPERTS: Final = {
    "mixtral": 8,
    "olmoe": 64,
    "qwen2_moe": 60,
    "qwen3_moe": 128,
    "deepseek_v3": 256,
    "jamba": 16,
    "phimoe": 16,
}
"""Experts of a layer in families whose models all have as many, the default of their configs."""


def architecture(recipe: Recipe, modules: Lookup) -> str:
    """Return transformers' name of the model's architecture (``qwen2``)."""
    written = recipe["model.type"].value
    kind = base_model(recipe, modules).model_type or (written if isinstance(written, str) else "")
    if not kind:
        raise UnknownValueError(f"the model's architecture is not known: {HINT}")
    return kind


def linear_names(recipe: Recipe, modules: Lookup, targets: Targets) -> str:
    """List the last names of the model's linear layers, most frequent first."""
    table = table_of(recipe, modules, targets)
    counts: dict[str, int] = {}
    for module in table.modules:
        if module.kind in LINEAR and not module.leaf.isdecimal():
            counts[module.leaf] = counts.get(module.leaf, 0) + 1
    names = sorted(counts, key=lambda name: -counts[name])
    more = ", …" if len(names) > SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:SHOWN]) + more


def context_length(recipe: Recipe, modules: Lookup) -> int:
    """Return the most positions the model was made for.

    Unknown where they are stretched, and of models that look at distances only.
    """
    length = config_value(recipe, modules, "max_position_embeddings", "n_positions")
    relative = base_model(recipe, modules).model_type in _BY_DISTANCE
    if relative or _stretches(recipe, modules) or not isinstance(length, int):
        raise UnknownValueError(f"the model's context length is not known: {HINT}")
    return length


def _stretches(recipe: Recipe, modules: Lookup) -> bool:
    """Whether a config scales its rotary positions, by the older or the newer name of that."""
    rotary = config_value(recipe, modules, "rope_parameters")
    kind = rotary.get("rope_type", "default") if isinstance(rotary, dict) else "default"
    return kind != "default" or config_value(recipe, modules, "rope_scaling") is not None


def checkpoint_quantiser(recipe: Recipe, modules: Lookup) -> str | None:
    """Return the method the stored weights are quantised with, None for plain weights."""
    stored = config_value(recipe, modules, "quantization_config")
    method = stored.get("quant_method") if isinstance(stored, dict) else None
    return method if isinstance(method, str) else None


def stored_dtype(recipe: Recipe, modules: Lookup) -> str:
    """Return the type that the model's config states for its weights (``bfloat16``)."""
    named = config_value(recipe, modules, "dtype", "torch_dtype")
    if not isinstance(named, str):
        raise UnknownValueError(f"the type of the checkpoint's weights is not known: {HINT}")
    return named.removeprefix("torch.")


def checkpoint_format(recipe: Recipe, modules: Lookup) -> str | None:
    """Return the format of weights stored by compressed-tensors (``int-quantized``)."""
    stored = config_value(recipe, modules, "quantization_config")
    form = stored.get("format") if isinstance(stored, dict) else None
    return form if isinstance(form, str) else None


def vocabulary_size(recipe: Recipe, modules: Lookup) -> int:
    """Return the number of rows of the model's input embedding, as its config states it."""
    size = config_value(recipe, modules, "vocab_size")
    if not isinstance(size, int):
        raise UnknownValueError(f"the size of the model's vocabulary is not known: {HINT}")
    return size


def first_release(recipe: Recipe, modules: Lookup, targets: Targets) -> str | None:
    """Return the transformers release the architecture came with, None if it is old enough."""
    if recipe.framework in _OWN_MODELS:
        return None
    kind = architecture(recipe, modules)
    span = since().get(kind)
    if span is None or (recipe.framework in _OWN_SCRIPTS and not kind.startswith(_WITHOUT_CODE)):
        return None
    without, first = span
    return first if holds(f"<={without}", targets.get("transformers").high) else None


def assumed_transformers(targets: Targets) -> str:
    """Return the newest transformers release that may be in use."""
    return targets.get("transformers").release


def has_fused_experts(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether the model's experts are parameters of three dimensions, not layers."""
    return fused_experts(table_of(recipe, modules, targets))


def expert_count(recipe: Recipe, modules: Lookup) -> int:
    """Return the number of experts of a layer, as the model's config states it; 0 for none.

    Where it states none it is what all models of the family have.
    """
    names = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
    count = config_value(recipe, modules, *names)
    kind = base_model(recipe, modules).model_type
    return count if isinstance(count, int) else _EXPERTS.get(kind, 0)
