"""Facts of arguments that were removed, or that a library does not know yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, calls, in_script, item

if TYPE_CHECKING:
    from lora_advisor.recipe import Item, Quant, Recipe, Train
    from lora_advisor.targets import Targets

_LOADER: Final = {
    "load_in_4bit": "quantization_config=BitsAndBytesConfig(load_in_4bit=True)",
    "load_in_8bit": "quantization_config=BitsAndBytesConfig(load_in_8bit=True)",
    "use_auth_token": "token",
    "use_flash_attention_2": 'attn_implementation="flash_attention_2"',
}
_HALF_SUPPORTED: Final = ("LoHaConfig", "LoKrConfig", "BOFTConfig", "LNTuningConfig")


def removed_from_loader(recipe: Recipe) -> tuple[Item, ...]:
    """Arguments of ``from_pretrained`` that transformers 5 has not; the hint is the new way."""
    of = argument(recipe, "from_pretrained", "of")
    owner = getattr(of.node, "text", "") if of is not None else ""
    if not owner.startswith("Auto"):
        return ()
    found = [(argument(recipe, "from_pretrained", name), new) for name, new in _LOADER.items()]
    return tuple(item(key, key.name, new) for key, new in found if key is not None)


def removed_from_trainer(recipe: Recipe) -> tuple[Item, ...]:
    """``tokenizer`` given to transformers' trainers, which take a ``processing_class``."""
    found = (argument(recipe, name, "tokenizer") for name in ("Trainer", "Seq2SeqTrainer"))
    return tuple(item(key, "tokenizer", "processing_class") for key in found if key is not None)


def surely_transformers5(targets: Targets) -> bool:
    """Whether the transformers in use is known to be 5 or newer."""
    return targets.surely_hold({"transformers": ">=5"})


def surely_later_trl(targets: Targets) -> bool:
    """Whether the TRL in use is known to be 0.17 or newer."""
    return targets.surely_hold({"trl": ">=0.17"})


def surely_one_adapter(targets: Targets) -> bool:
    """Whether the TRL in use is known to refuse a second adapter: 0.27 or newer."""
    return targets.surely_hold({"trl": ">=0.27"})


def unquantised_tuners(recipe: Recipe, quant: Quant) -> tuple[Item, ...]:
    """Configs of tuners that have no layers for a base of 4 or 8 bits; the value is the class."""
    packed = quant.load_in_4bit or quant.load_in_8bit
    return tuple(item(call, call.name) for call in calls(recipe, *_HALF_SUPPORTED) if packed)


def reentrance_left_open(recipe: Recipe, train: Train) -> bool:
    """Whether checkpointing gets arguments that do not say which kind it is."""
    given = train.gradient_checkpointing_kwargs
    plain = "TrainingArguments" in {key.path for key in recipe.keys} or not in_script(recipe)
    return plain and bool(given) and "use_reentrant" not in (given or {})


def removed_collators(recipe: Recipe) -> tuple[Item, ...]:
    """The collator that TRL dropped in 0.20, where a script makes one."""
    imported = re.search(r"from trl\b[^\n]* import ", recipe.document.text) is not None
    found = calls(recipe, "DataCollatorForCompletionOnlyLM")
    return tuple(item(call, call.name, "completion_only_loss") for call in found if imported)


def too_new_for_trainer(recipe: Recipe, targets: Targets) -> tuple[Item, ...]:
    """Arguments of calls that an older transformers, known to be in use, does not take."""
    found = []
    for names, release in _SINCE.items():
        if targets.surely_hold({"transformers": f"<{release}"}):
            keys = (argument(recipe, call, name) for call, name in names)
            found += [item(key, key.name, release) for key in keys if key is not None]
    of = argument(recipe, "from_pretrained", "of")
    auto = getattr(of.node, "text", "").startswith("AutoModel") if of is not None else False
    return tuple(one for one in found if auto or not one.path.startswith("from_pretrained"))


_SINCE: Final = {
    (("Trainer", "processing_class"), ("Seq2SeqTrainer", "processing_class")): "4.46",
    (("from_pretrained", "dtype"),): "4.56",
}
"""Arguments and the release of transformers that they came with."""
