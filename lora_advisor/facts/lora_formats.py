"""Facts of how formats other than PEFT's name and scale what they adapt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._written import texts_at, value_at

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe

_TORCHTUNE: Final = frozenset({"q_proj", "k_proj", "v_proj", "output_proj"})
_INSIDE_LAYERS: Final = frozenset(
    {"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "out_proj", "c_attn", "query_key_value"}
    | {"gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc1", "fc2", "c_fc", "c_proj"}
)
_LITGPT: Final = {
    "lora_query": True,
    "lora_key": False,
    "lora_value": True,
    "lora_projection": False,
    "lora_mlp": False,
    "lora_head": False,
}
"""The switches of ``litgpt.finetune.lora.setup`` and their defaults."""


def foreign_attention_names(recipe: Recipe) -> tuple[Item, ...]:
    """Names in torchtune's ``lora_attn_modules`` that its attention has no layer of.

    Source: ``lora_llama3_self_attention``: each layer asks whether its own name is in the list.
    """
    named = texts_at(recipe, "model.lora_attn_modules")
    return tuple(item for item in named if item.value not in _TORCHTUNE)


def adapts_attention(recipe: Recipe) -> bool:
    """Whether torchtune is given any attention module, as its builders demand."""
    return value_at(recipe, "model.lora_attn_modules") != []


def bare_mlx_keys(recipe: Recipe) -> tuple[Item, ...]:
    """Keys of mlx-lm that name a layer's inner module without its path (``q_proj``)."""
    named = texts_at(recipe, "lora_parameters.keys")
    return tuple(item for item in named if item.value in _INSIDE_LAYERS)


def mlx_keys_all_bare(recipe: Recipe) -> bool:
    """Whether no key of mlx-lm is left that could match a module."""
    return len(bare_mlx_keys(recipe)) == len(texts_at(recipe, "lora_parameters.keys"))


def litgpt_adapts_nothing(recipe: Recipe) -> bool:
    """Whether every switch of LitGPT that chooses layers is off."""
    values = {name: value_at(recipe, name) for name in _LITGPT}
    on = [default if values[name] is None else values[name] for name, default in _LITGPT.items()]
    return not any(on)
