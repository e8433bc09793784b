"""Facts of what a script's collator makes of the labels.

Source: ``transformers.data.data_collator`` of the releases 4.30 to 5.24, run on tiny tokenizers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import in_script
from lora_advisor.facts._script import call_item, called, script_calls
from lora_advisor.frameworks.python_flow import argument, identity
from lora_advisor.pattern import pattern
from lora_advisor.source.scalars import is_unknown, python_value
from lora_advisor.source.tree import Mapping, Scalar

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Lora, Recipe
    from lora_advisor.source.tree import Entry

_COLLATOR: Final = "DataCollatorForLanguageModeling"
_MASKED: Final = pattern(r"mask_token|MaskedLM|from trl[^\n]* import [^\n]*DataCollator")
"""What tells of a model of masks, or of TRL's collator of the same name."""
_PARTS: Final = ("tokenizer", "[0]")
_PADDING: Final = r"(?!\s*\(?\s*\w*(?:pad|max_|MAX_|remain))"
_HIDES: Final = pattern(
    rf"\[\s*(?:-100|\w*(?:IGNORE|ignore)_\w+)\s*\]\s*\*{_PADDING}"
    r"|(?<!pad_token_id)(?<!pad_id)(?<!mask == 0)\]\s*=\s*-100\b"
    rf"|(?i:ignore_\w*)\s*\]\s*\*{_PADDING}"
)
"""How a script hides a prompt in the labels that it makes itself, and not the padding alone."""
_WRITES: Final = pattern(r"""\\?["']labels\\?["']\s*[\]:]|\blabels\s*=""")
_SCORES: Final = pattern(r"def \w*metric\w*\([\s\S]*?(?=\n(?:\S|$))")
"""Functions that compute metrics, where a -100 is put away again."""
_OWN: Final = pattern(r"class \w+\([\w.]*(?:Trainer|Collator\w*)\)|compute_loss")


def masks_for_causal(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Collators of masked language modelling for a model that writes text from left to right."""
    loader = str(recipe["model.auto_class"].value)
    writes = loader.endswith(("ForCausalLM", "LMHeadModel")) or lora.task_type == "CAUSAL_LM"
    if not in_script(recipe) or not writes or _MASKED.search(recipe.document.text):
        return ()
    return tuple(call_item(recipe, call) for call in called(recipe, _COLLATOR) if _masks(call))


def _masks(call: Entry) -> bool:
    """Whether a collator of transformers is told to mask, or told nothing."""
    names = call.value.keys() if isinstance(call.value, Mapping) else []
    told = argument(call, "mlm") or argument(call, "[1]")
    plain = "**" not in names and any(part in names for part in _PARTS)
    if told is None:
        return plain
    known = isinstance(told, Scalar) and not is_unknown(told)
    return plain and known and isinstance(told, Scalar) and python_value(told) is True


def labels_made_anew(recipe: Recipe) -> tuple[Item, ...]:
    """The collator that copies the inputs to the labels, where a script hid its prompts in them."""
    text = _SCORES.sub("", recipe.document.text) if in_script(recipe) else ""
    hides = _HIDES.search(text) and _WRITES.search(text) and ".map(" in text
    if not hides or _OWN.search(text) or _MASKED.search(text):
        return ()
    given = [
        argument(call, "data_collator")
        for call in script_calls(recipe)
        if call.key.text in ("Trainer", "Seq2SeqTrainer")
    ]
    taken = {identity(node) for node in given if isinstance(node, Mapping)}
    made = called(recipe, _COLLATOR)
    return tuple(
        call_item(recipe, call) for call in made if len(made) == 1 and identity(call.value) in taken
    )
