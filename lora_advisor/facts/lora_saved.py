"""Facts of what is trained in full beside the adapter: ``modules_to_save`` and single tokens.

Source: ``peft.utils.other._set_trainable`` and ``set_additional_trainable_modules``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora, Recipe

_EMBEDDINGS: Final = frozenset(
    {"embed_tokens", "embed_in", "word_embeddings", "embeddings", "wte", "tok_embeddings"}
)
_HEADS: Final = frozenset({"lm_head", "embed_out", "output"})


def saved_is_text(recipe: Recipe) -> bool:
    """Whether ``modules_to_save`` is text, of which PEFT takes every letter for a name."""
    return isinstance(recipe["lora.modules_to_save"].value, str)


def target_parameters_is_text(recipe: Recipe) -> bool:
    """Whether ``target_parameters`` is text, which PEFT refuses."""
    return isinstance(recipe["lora.target_parameters"].value, str)


def saves_embedding(lora: Lora) -> bool:
    """Whether the input embedding is trained in full."""
    return not _EMBEDDINGS.isdisjoint(_last_names(lora.modules_to_save))


def saves_head(lora: Lora) -> bool:
    """Whether the output head is trained in full."""
    return not _HEADS.isdisjoint(_last_names(lora.modules_to_save))


def token_layers(lora: Lora) -> list[str]:
    """Layers of which single tokens are trained: the keys, or the input embedding for a list."""
    tokens = lora.trainable_token_indices
    if not tokens:
        return []
    return list(tokens) if isinstance(tokens, dict) else ["embed_tokens"]


def tokens_are_by_layer(lora: Lora) -> bool:
    """Whether the tokens to train are given by layer, as PEFT checks them against the rest."""
    return isinstance(lora.trainable_token_indices, dict)


def _last_names(names: list[str] | None) -> set[str]:
    return {str(name).rpartition(".")[2] for name in names or []}
