"""Facts of special inits and variants together with what they are put on, and what a script does.

Source: ``peft.tuners.lora.layer`` and ``peft.tuners.lora.model``, release 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, calls, in_script, item, value

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Lora, Recipe, Run

_EMBEDDINGS: Final = frozenset({"embed_tokens", "wte", "word_embeddings", "embed_in"})
_BLOCKS: Final = frozenset(
    {"self_attn", "mlp", "attention", "self_attention", "attn", "layers", "model", "decoder"}
)
_LINEAR: Final = frozenset(
    {
        *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        *("qkv_proj", "gate_up_proj", "query_key_value", "c_attn", "fc1", "fc2"),
    }
)
_PREPARED: Final = {
    "eva": "initialize_lora_eva_weights",
    "lora_ga": "preprocess_loraga",
    "corda": "preprocess_corda",
}
_LOSSES: Final = {
    "kasa_config": "_get_kasa_loss",
    "monteclora_config": "MontecloraTrainerMixin",
}


def targeted_embedding(lora: Lora) -> str:
    """Return the input embedding among the targets, empty if there is none."""
    names = lora.target_modules
    ends = [name.rpartition(".")[2] for name in names] if isinstance(names, list) else []
    return next((name for name in ends if name in _EMBEDDINGS), "")


def unlayered_target(lora: Lora) -> str:
    """Return a target outside the stack of blocks (the embedding), empty if none.

    ``lm_head`` is a whole path, which PEFT takes before it asks for a layer's number.
    """
    return targeted_embedding(lora)


def every_target_unlayered(lora: Lora) -> bool:
    """Whether all targets stand outside the stack of blocks."""
    names = lora.target_modules
    ends = [name.rpartition(".")[2] for name in names] if isinstance(names, list) else []
    return bool(ends) and set(ends) <= _EMBEDDINGS


def missing_preparation(lora: Lora, recipe: Recipe, run: Run) -> str:
    """Return the function that a script would have to call for its init, empty if it does.

    Where the script only writes a config down, nobody knows what is called elsewhere.
    """
    needed = _PREPARED.get(str(lora.init_lora_weights), "")
    adapts = any(call == "get_peft_model" or call.endswith("Trainer") for call in run.calls)
    return needed if adapts and in_script(recipe) and needed not in recipe.document.text else ""


def missing_loss(recipe: Recipe, lora: Lora, run: Run) -> str:
    """Return what would add the loss of KaSA or MonteCLoRA to a stock trainer, empty if it is."""
    trains = any(call.endswith("Trainer") for call in run.calls)
    if lora.kasa_config is not None:
        needed = _LOSSES["kasa_config"]
    elif lora.monteclora_config is not None:
        needed = _LOSSES["monteclora_config"]
    else:
        return ""
    return needed if trains and in_script(recipe) and needed not in recipe.document.text else ""


def empty_weights(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """``low_cpu_mem_usage`` given to ``get_peft_model`` for an adapter that nothing will fill."""
    key = argument(recipe, "get_peft_model", "low_cpu_mem_usage")
    if key is None or value(recipe, key) is not True or lora.init_lora_weights == "eva":
        return ()
    return (item(key, True),)


def replaces_for_loftq(recipe: Recipe) -> tuple[Item, ...]:
    """Calls that exchange the weights of 4-bit layers for LoftQ's."""
    return tuple(item(call) for call in calls(recipe, "replace_lora_weights_loftq"))


def saved_block(lora: Lora) -> str:
    """Return the name of a whole block among the modules to save, empty if there is none."""
    return next((name for name in lora.modules_to_save or () if name in _BLOCKS), "")


def saved_linear(lora: Lora) -> str:
    """Return a linear layer inside the blocks among the modules to save, empty if none."""
    names = [name.rpartition(".")[2] for name in lora.modules_to_save or ()]
    return next((name for name in names if name in _LINEAR), "")


def rows_twice(lora: Lora) -> list[int]:
    """Return the token indices that are listed more than once for one layer."""
    rows = lora.trainable_token_indices
    lists = list(rows.values()) if isinstance(rows, dict) else [rows or []]
    return sorted({row for numbers in lists for row in numbers if numbers.count(row) > 1})


def rows_differ(lora: Lora) -> bool:
    """Whether input and output embedding are to train other rows, though they are kept tied."""
    rows = lora.trainable_token_indices
    several = isinstance(rows, dict) and len({tuple(numbers) for numbers in rows.values()}) > 1
    return several and lora.ensure_weight_tying
