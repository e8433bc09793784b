"""Facts of the targets as PEFT matches them: text is a pattern, a list holds ends of paths.

Source: ``peft.tuners.tuners_utils.check_target_module_exists``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._listed import entries
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item
from lora_advisor.source.tree import Sequence

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora, Recipe

_TARGETS: Final = "lora.target_modules"
_BARE: Final = pattern(r"((self_attn|attn|attention|self_attention|mlp)\.)?[A-Za-z_]\w*")
_COMMAS: Final = pattern(r"\s*[\w.]+(\s*,\s*[\w.]+)+\s*,?\s*")
_PATTERN: Final = pattern(r"[\\*+?()\[\]{}|^$]")
_BROKEN: Final = pattern(r"^[.\s]|[.\s]$|\s|/|\.(weight|bias)$")
_ALL_LINEAR: Final = frozenset({"all", "alllinear", "alllinears", "alllinearlayers"})
_HEADS: Final = frozenset({"lm_head", "embed_out", "output_layer"})
_EMBEDDINGS: Final = frozenset({"embed_tokens", "wte", "word_embeddings", "embed_in"})
_ATTENTION: Final = frozenset(
    {"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "query_key_value", "W_pack", "Wqkv"}
)
_PROJECTIONS: Final = _ATTENTION | {"gate_proj", "up_proj", "down_proj", "self_attn", "mlp"}


def bare_target(lora: Lora) -> bool:
    """Whether the targets are text that is a plain name: a pattern no whole path fits."""
    text = lora.target_modules
    return isinstance(text, str) and bool(_BARE.fullmatch(text)) and not _misspells(text)


def comma_target(lora: Lora) -> bool:
    """Whether the targets are names joined by commas, which PEFT takes for one pattern."""
    return isinstance(lora.target_modules, str) and bool(_COMMAS.fullmatch(lora.target_modules))


def single_target(recipe: Recipe) -> bool:
    """Whether the targets are written as a list of one name, of which TRL makes text."""
    key = recipe[_TARGETS].key
    node = next((key_.node for key_ in recipe.keys if key_.path == key), None)
    return isinstance(node, Sequence) and len(node.items) == 1


def misspelt_all_linear(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Targets that are meant as all linear layers, in words the framework does not know."""
    if isinstance(lora.target_modules, str):
        value = recipe[_TARGETS]
        at = value.value_at or value.key_at
        wrong = _misspells(lora.target_modules) and at is not None
        return (Item(path=value.key, at=at, value=value.value),) if wrong and at else ()
    return entries(recipe, _TARGETS, _misspells)


def all_linear_entries(recipe: Recipe) -> tuple[Item, ...]:
    """Entries of a list that are the shorthand for all layers, which works as text alone."""
    words = ("all", "all-linear") if recipe.framework == "llamafactory" else ("all-linear",)
    return entries(recipe, _TARGETS, lambda name: name.lower() in words)


def pattern_entries(recipe: Recipe) -> tuple[Item, ...]:
    """Entries of the list that are regular expressions, which PEFT compares letter by letter."""
    return entries(recipe, _TARGETS, lambda name: bool(_PATTERN.search(name)))


def comma_entries(recipe: Recipe) -> tuple[Item, ...]:
    """Entries of the list that hold several names."""
    return entries(recipe, _TARGETS, lambda name: bool(_COMMAS.fullmatch(name)))


def numeric_entries(recipe: Recipe) -> tuple[Item, ...]:
    """Entries of the list that are numbers, the names of whole blocks in a stack of layers."""
    return entries(recipe, _TARGETS, lambda name: name.isdecimal())


def broken_entries(recipe: Recipe) -> tuple[Item, ...]:
    """Entries that no module can have: with spaces, slashes, dots at an end, or ``.weight``."""
    special = (_PATTERN.search, _COMMAS.fullmatch)
    return entries(
        recipe,
        _TARGETS,
        lambda name: bool(_BROKEN.search(name)) and not any(test(name) for test in special),
    )


def repeated_targets(recipe: Recipe) -> tuple[Item, ...]:
    """Entries of the list that stood there before."""
    names = recipe[_TARGETS].value
    items = entries(recipe, _TARGETS, lambda _: True)
    if not isinstance(names, list) or len(items) != len(names):
        return ()
    return tuple(item for index, item in enumerate(items) if item.value in names[:index])


def targets_saved_in_full(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Targets that ``modules_to_save`` names, too."""
    saved = lora.modules_to_save
    full = set(saved) if isinstance(saved, list) else set()
    return entries(recipe, _TARGETS, lambda name: name in full)


def head_targets(recipe: Recipe) -> tuple[Item, ...]:
    """Targets that are the output head of a language model."""
    return entries(recipe, _TARGETS, lambda name: name in _HEADS)


def embedding_targets(recipe: Recipe) -> tuple[Item, ...]:
    """Targets that are the input embedding of a language model."""
    return entries(recipe, _TARGETS, lambda name: name in _EMBEDDINGS)


def targets_only_attention(lora: Lora) -> bool:
    """Whether every target is a projection of attention."""
    names = lora.target_modules
    return isinstance(names, list) and bool(names) and set(names) <= _ATTENTION


def parameter_patterns(recipe: Recipe) -> tuple[Item, ...]:
    """Entries of ``target_parameters`` that are regular expressions."""
    return entries(recipe, "lora.target_parameters", lambda name: bool(_PATTERN.search(name)))


def layers_pattern_is_projection(lora: Lora) -> bool:
    """Whether ``layers_pattern`` names layers inside a block, not the list of the blocks."""
    names = [lora.layers_pattern] if isinstance(lora.layers_pattern, str) else lora.layers_pattern
    return bool(names) and set(names or ()) <= _PROJECTIONS


def _misspells(name: str) -> bool:
    return name.lower() != "all-linear" and re.sub(r"[-_ ]", "", name.lower()) in _ALL_LINEAR
