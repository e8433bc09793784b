"""Facts of the length a model is loaded with, which bounds what its trainer is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, arguments, item, value

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Recipe

_LENGTHS: Final = ("max_length", "max_seq_length", "max_prompt_length")


def beyond_loaded_length(recipe: Recipe) -> tuple[Item, ...]:
    """Lengths that exceed the ``max_seq_length`` Unsloth loads the model with, the item's hint.

    A collator of the script's own, or rows that are ready, are not cut by the trainer.
    Source: the checks of ``max_seq_length`` and ``max_length`` in ``unsloth/models/rl.py``.
    """
    if argument(recipe, "SFTTrainer", "data_collator") or "skip_prepare" in recipe.document.text:
        return ()
    loads = [key for key in recipe.keys if key.path == "from_pretrained.max_seq_length"]
    loaded = [length for key in loads if isinstance(length := value(recipe, key), int)]
    if not loaded or len(loaded) < len(loads):
        return ()
    told = argument(recipe, "SFTTrainer", "max_seq_length")
    keys = [*arguments(recipe, *_LENGTHS), *([told] if told is not None else [])]
    lengths = ((key, value(recipe, key)) for key in keys)
    return tuple(
        item(key, length, str(max(loaded)))
        for key, length in lengths
        if isinstance(length, int) and length > max(loaded)
    )
