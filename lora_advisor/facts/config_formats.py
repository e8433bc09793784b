"""Facts of keys that one format only has, and that must stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._written import item_at, key_at, value_at
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

_TIED_BUILDERS: Final = pattern(
    r"torchtune\.models\.\w+\.q?lora_"
    r"(llama3_2_[13]b|gemma2?_\w+|qwen2_(0_5|1_5)b|qwen2_5_(0_5b|1_5b_\w+|3b)|qwen3_(0_6|1_7|4)b_\w+)"
)
_MLX_PARAMETERS: Final = ("rank", "scale", "dropout")
_NOT_IN_LITGPT_LORA: Final = ("max_tokens", "max_norm", "tie_embeddings", "lr_warmup_fraction")


def missing_mlx_parameters(recipe: Recipe) -> tuple[Item, ...]:
    """Keys that ``lora_parameters`` of mlx-lm must have once it is there; the hint is a value.

    Source: ``mlx_lm.tuner.utils.linear_to_lora_layers``, which looks them up without a default.
    """
    block = key_at(recipe, "lora_parameters")
    if block is None or not isinstance(block.node, Mapping):
        return ()
    if value_at(recipe, "fine_tune_type") == "full" or not block.node.entries:
        return ()
    written = {key.path for key in recipe.keys}
    usual = {"rank": "8", "scale": "20.0", "dropout": "0.0"}
    return tuple(
        Item(path=f"lora_parameters.{name}", at=block.key_at, hint=usual[name])
        for name in _MLX_PARAMETERS
        if f"lora_parameters.{name}" not in written
    )


def mlx_alphas(recipe: Recipe) -> tuple[Item, ...]:
    """An ``alpha`` that mlx-lm does not read; the hint is the scale that it would mean in PEFT."""
    path = "lora_parameters.alpha"
    alpha, rank = value_at(recipe, path), value_at(recipe, "lora_parameters.rank")
    known = isinstance(alpha, (int, float)) and isinstance(rank, (int, float)) and rank
    scale = f"{alpha / rank:g}" if known else ""  # type: ignore[operator]
    found = item_at(recipe, path, alpha, scale)
    return (found,) if found is not None else ()


def has_mlx_scale(recipe: Recipe) -> bool:
    """Whether mlx-lm is given the scale that it multiplies by."""
    return key_at(recipe, "lora_parameters.scale") is not None


def unsupported_litgpt_arguments(recipe: Recipe) -> tuple[Item, ...]:
    """Settings under ``train`` that LitGPT's LoRA refuses (``validate_args``)."""
    values = ((name, value_at(recipe, f"train.{name}")) for name in _NOT_IN_LITGPT_LORA)
    found = (item_at(recipe, f"train.{name}", value) for name, value in values if value is not None)
    return tuple(item for item in found if item is not None)


def tied_outputs(recipe: Recipe) -> tuple[Item, ...]:
    """The switch that adapts an output layer which torchtune's builder ties to the embedding.

    Source: the builders in ``torchtune.models``, which refuse it or take no such argument.
    """
    path = "model.apply_lora_to_output"
    builder = value_at(recipe, "model._component_")
    tied = isinstance(builder, str) and _TIED_BUILDERS.fullmatch(builder) is not None
    asked = value_at(recipe, path) is True
    if not tied or not asked or value_at(recipe, "model.tie_word_embeddings") is False:
        return ()
    found = item_at(recipe, path, str(builder).rpartition(".")[2])
    return (found,) if found is not None else ()
