"""Facts of an adapter that is loaded onto the base model, as its file holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._base import config_value
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Data, Recipe

_VOCABULARY: Final = pattern(
    r"(.*\.)?(embed_tokens|wte|word_embeddings|lm_head|embed_out)"
    r"(\.modules_to_save(\.\w+)?|\.base_layer)?\.weight"
)
_MATRIX: Final = 2


def adapter_rows(recipe: Recipe, modules: Lookup) -> int | None:
    """Return the rows of an embedding or output head that the adapter holds in full, None if none.

    It is looked for beside a saved adapter's config, else where the config loads one from.
    """
    own = recipe.framework == "peft"
    adapter = recipe["model.adapter"].value
    named = adapter[-1] if isinstance(adapter, list) and adapter else adapter
    if not own and not isinstance(named, str):
        return None
    shapes = modules.saved_shapes("" if own else str(named))
    rows = (size[0] for name, size in shapes.items() if _is_vocabulary(name, size))
    return next(rows, None)


def _is_vocabulary(name: str, shape: tuple[int, ...]) -> bool:
    return len(shape) == _MATRIX and _VOCABULARY.fullmatch(name) is not None


def adapter_of_other_vocabulary(recipe: Recipe, modules: Lookup, data: Data) -> bool:
    """Whether the adapter's embeddings have another number of rows than the base as it is loaded.

    A base that is to be resized gets the tokenizer's number, which nobody knows here.
    """
    rows = adapter_rows(recipe, modules)
    if rows is None:
        return False
    if recipe.framework != "peft" and (data.resize_vocab or data.new_tokens):
        return False
    size = config_value(recipe, modules, "vocab_size")
    if not isinstance(size, int):
        raise UnknownValueError("the size of the base's vocabulary is not known")
    return rows != size
