"""Facts of arguments that TRL's trainers refuse or take for something else.

Source: ``trl.trainer`` (``sft_trainer``, ``dpo_trainer``, ``kto_trainer``, ``grpo_config``), 1.16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import arguments, in_script, item, stated, value
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe, Train

_REWARDED: Final = (
    ("GRPOConfig.reward_weights", "GRPOTrainer.reward_funcs"),
    ("RLOOConfig.reward_weights", "RLOOTrainer.reward_funcs"),
    ("trl.reward_weights", "trl.reward_funcs"),
    ("reward_weights", "reward_funcs"),
)
"""Paths of the weights and of what they weight: in scripts, in axolotl and in TRL's files."""
_HALF: Final = 0.5
_SUMMED: Final = frozenset({"bnpo", "dr_grpo", "dapo", "cispo"})
_SFT_LOSSES: Final = ("nll", "dft", "chunked_nll")
_DIVERGING: Final = frozenset(
    {"sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft"}
)
_REVERSE_KL: Final = ("reverse_kl", "FDivergenceType.REVERSE_KL")


def losses(train: Train) -> list[str]:
    """Return the losses of a preference training as a list."""
    chosen = train.loss_type
    return chosen if isinstance(chosen, list) else [str(chosen)]


def strange_sft_loss(train: Train) -> bool:
    """Whether a loss of supervised training is none that TRL has."""
    return any(loss not in _SFT_LOSSES for loss in losses(train))


def divergences(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """An f-divergence beside a loss that has no form for it; the hint is that loss."""
    strange = [loss for loss in losses(train) if loss not in _DIVERGING]
    keys = arguments(recipe, "f_divergence_type")
    chosen = ((key, str(value(recipe, key))) for key in keys)
    return tuple(
        item(key, kind, strange[0]) for key, kind in chosen if strange and kind not in _REVERSE_KL
    )


def weighted_alignment(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """``use_weighting`` beside a loss that sorts its batch; the hint is that loss."""
    sorted_ones = [loss for loss in losses(train) if loss in ("aot", "aot_unpaired")]
    keys = [key for key in arguments(recipe, "use_weighting") if value(recipe, key) is True]
    return tuple(item(key, True, sorted_ones[0]) for key in keys if sorted_ones)


def smoothing_beyond_half(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """A label smoothing that the robust DPO loss divides by zero with, or by a negative number."""
    chosen = ((key, value(recipe, key)) for key in arguments(recipe, "label_smoothing"))
    numbers = [(key, share) for key, share in chosen if isinstance(share, (int, float))]
    robust = "robust" in losses(train)
    return tuple(item(key, share) for key, share in numbers if robust and not 0 <= share < _HALF)


def unordered_kto(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """An order of examples that breaks the pairs of the KTO loss."""
    chosen = ((k, value(recipe, k)) for k in arguments(recipe, "train_sampling_strategy"))
    paired = losses(train) == ["kto"]
    return tuple(item(key, kind) for key, kind in chosen if paired and kind != "sequential")


def crossed_clips(recipe: Recipe) -> tuple[Item, ...]:
    """A lower bound of the importance weights that is not below the upper; the hint is that."""
    upper = stated(recipe, "vllm_importance_sampling_clip_max")
    name = "vllm_importance_sampling_clip_min"
    lower = ((key, value(recipe, key)) for key in arguments(recipe, name))
    return tuple(
        item(key, low, str(upper))
        for key, low in lower
        if isinstance(low, (int, float)) and isinstance(upper, (int, float)) and low >= upper
    )


def unlogged_completions(recipe: Recipe) -> tuple[Item, ...]:
    """A repository for completions that are not logged."""
    keys = arguments(recipe, "log_completions_hub_repo")
    named = [key for key in keys if value(recipe, key)]
    return tuple(item(key) for key in named if stated(recipe, "log_completions", False) is False)


def sequence_levels(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """Importance weights of whole sequences beside a loss that sums over tokens; the hint is it."""
    keys = arguments(recipe, "importance_sampling_level")
    whole = [key for key in keys if str(value(recipe, key)).startswith("sequence")]
    loss = train.loss_type
    return tuple(item(key, "sequence", str(loss)) for key in whole if loss in _SUMMED)


def selective_without_checkpointing(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """Selective recomputation where none is switched on, or it is the reentrant kind."""
    name = "gradient_checkpointing_kwargs.selective"
    keys = [key for key in arguments(recipe, name) if value(recipe, key) is True]
    reentrant = stated(recipe, "gradient_checkpointing_kwargs.use_reentrant") is True
    hint = "reentrant" if reentrant else "off"
    refused = reentrant or not train.gradient_checkpointing
    return tuple(item(key, True, hint) for key in keys if refused)


def uneven_reward_weights(recipe: Recipe) -> tuple[Item, ...]:
    """Weights of rewards that are not as many as the rewards; the hint is how many those are.

    TRL's command puts a reward model, where one is named, in front of the functions.
    """
    model = not in_script(recipe) and stated(recipe, "reward_model_name_or_path")
    found = []
    for weights, functions in _REWARDED:
        key, many, others = recipe.first_keys.get(weights), *_counts(recipe, weights, functions)
        if key is not None and many and others and many != others + bool(model):
            found.append(item(key, many, str(others + bool(model))))
    return tuple(found)


def _counts(recipe: Recipe, *paths: str) -> list[int]:
    """Count the entries of the lists under some paths, 0 where no list is written."""
    nodes = [getattr(recipe.first_keys.get(path), "node", None) for path in paths]
    return [len(node.items) if isinstance(node, Sequence) else 0 for node in nodes]
