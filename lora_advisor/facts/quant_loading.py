"""Facts of loading the base with fewer bits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import argument, in_script, value
from lora_advisor.facts.model_modules import checkpoint_quantiser
from lora_advisor.facts.run_script import model_class
from lora_advisor.models.stored import named_format
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Model, Quant, Recipe, Run
    from lora_advisor.targets import Targets

_DTYPES: Final = frozenset({"bfloat16", "float16", "float32", "float64", "half", "float", "double"})
_STORAGE: Final = frozenset({"float16", "float32", "int8", "uint8", "float64", "bfloat16"})
_WIDENS: Final = pattern(
    r"\bdequantize[\"']?[ \t]*[=:][ \t]*[Tt]rue|\brun_compressed=False|\bgguf_file\b"
    r"|\.dequantize\(",
    needs=("dequantize", "run_compressed", "gguf_file"),
)
"""What has transformers make 16-bit weights of a quantised checkpoint as it is loaded."""


def adapter_kind(recipe: Recipe) -> str:
    """Return what axolotl's ``adapter`` says (``lora``, ``qlora``), empty in other formats."""
    if recipe.framework != "axolotl":
        return ""
    found = (key for key in recipe.keys if key.path == "adapter")
    return next((getattr(key.node, "text", "") for key in found), "")


def four_bit_ignored(quant: Quant, recipe: Recipe) -> bool:
    """Whether axolotl reads ``load_in_4bit`` and loads 16 bits: it quantises so for qlora only.

    Source: ``axolotl.loaders.model.ModelLoader._set_quantization_config``.
    """
    return adapter_kind(recipe) == "lora" and quant.load_in_4bit and not quant.load_in_8bit


def wide_for_qlora(quant: Quant, recipe: Recipe) -> bool:
    """Whether axolotl's qlora is not given the 4 bits it insists on.

    Source: ``axolotl.utils.schemas.peft.LoraConfig.validate_qlora``.
    """
    return adapter_kind(recipe) == "qlora" and (not quant.load_in_4bit or quant.load_in_8bit)


def merges(recipe: Recipe) -> str:
    """Return the key that asks for merging adapter and base, empty if none does."""
    text = {key.path: getattr(key.node, "text", "") for key in recipe.keys}
    if recipe.framework == "axolotl" and text.get("merge_lora", "").lower() == "true":
        return "merge_lora"
    if recipe.framework == "ms-swift-export" and text.get("merge_lora", "").lower() != "false":
        return "merge_lora"
    exports = recipe.framework == "llamafactory" and text.get("export_dir")
    return "export_dir" if exports and text.get("adapter_name_or_path") else ""


def merges_as_stored(recipe: Recipe, run: Run) -> str:
    """Return what merges an adapter into the base as its checkpoint is stored, empty if nothing.

    A script counts where the base of the merge is the only one it loads.
    """
    if in_script(recipe):
        merged = any(call.rpartition(".")[2] == "merge_and_unload" for call in run.calls)
        return "merge_and_unload" if merged and model_class(run, recipe) else ""
    return merges(recipe)


def merges_as_bitsandbytes(recipe: Recipe, run: Run, model: Model) -> str:
    """Return what merges into a base that is stored as bitsandbytes packs it, empty if nothing.

    LLaMA-Factory merges into no such base.
    """
    call = merges_as_stored(recipe, run)
    if not call or recipe.framework == "llamafactory" or not named_for_integers(model, recipe):
        return ""
    return call if checkpoint_format(model) in ("bnb-4bit", "bnb-8bit") else ""


def stacks_adapter(recipe: Recipe) -> bool:
    """Whether LLaMA-Factory is to train a new adapter upon a loaded one."""
    text = {key.path: getattr(key.node, "text", "") for key in recipe.keys}
    return bool(text.get("adapter_name_or_path")) and text.get("create_new_adapter") == "true"


def loaded_adapters(model: Model) -> int:
    """Return how many adapters are loaded before the training."""
    adapter = model.adapter
    return len(adapter) if isinstance(adapter, list) else int(adapter is not None)


def compute_dtype(quant: Quant) -> str:
    """Dtype of the matrix products of 4-bit layers, without ``torch.``; float32 if not set.

    Source: ``transformers.BitsAndBytesConfig.__init__``.
    """
    return (quant.bnb_4bit_compute_dtype or "float32").removeprefix("torch.")


def compute_dtype_unreadable(quant: Quant) -> bool:
    """Whether the compute dtype is no name that ``getattr(torch, name)`` finds."""
    name = quant.bnb_4bit_compute_dtype
    return name is not None and name not in _DTYPES


def storage_unreadable(quant: Quant) -> bool:
    """Whether ``bnb_4bit_quant_storage`` is none of the dtypes that are taken."""
    storage = quant.bnb_4bit_quant_storage
    return storage is not None and storage.removeprefix("torch.") not in _STORAGE


def threshold_is_integer(quant: Quant) -> bool:
    """Whether ``llm_int8_threshold`` is an integer, which ``BitsAndBytesConfig`` refuses."""
    return isinstance(quant.llm_int8_threshold, int)


def handed_on_unchanged(recipe: Recipe) -> bool:
    """Whether the quantiser gets the values as written; a person's own script may translate."""
    return recipe.framework != "generic"


def checkpoint_format(model: Model) -> str:
    """Return the quantisation that the base's name speaks of (``awq``), empty if it names none."""
    return named_format(model.name_or_path)


def named_for_integers(model: Model, recipe: Recipe) -> bool:
    """Whether the base's name tells of weights stored quantised, also as w8a8 and the like.

    Not so where they are widened as they are loaded.
    """
    name = model.name_or_path.lower().rstrip("/")
    stored = bool(checkpoint_format(model)) or re.search(r"[-_.]w\d+a\d+\b", name) is not None
    return stored and _WIDENS.search(recipe.document.text) is None


def fp8_checkpoint_untrainable(recipe: Recipe, modules: Lookup, targets: Targets) -> bool:
    """Whether the base is stored in fine-grained FP8, and transformers trains no adapter on that.

    Source: ``FineGrainedFP8HfQuantizer.is_trainable``, False before release 5.22.
    """
    older = targets.surely_hold({"transformers": "<5.22"})
    return older and checkpoint_quantiser(recipe, modules) == "fp8"


def named_for_inference(model: Model, recipe: Recipe) -> bool:
    """Whether the base's name tells of a format that transformers trains nothing on."""
    name = model.name_or_path.lower().rstrip("/")
    stored = re.search(r"[-_.](gguf|auto-?round|spqr|vptq|higgs)\b", name) is not None
    return stored and _WIDENS.search(recipe.document.text) is None


def pure_half(recipe: Recipe) -> bool:
    """Whether LLaMA-Factory trains all in bf16 or fp8 (``pure_bf16``, ``fp8``) by its own keys."""
    switches = [key for key in recipe.keys if key.path in ("pure_bf16", "fp8")]
    texts = [getattr(key.node, "text", "") for key in switches]
    if any("$" in text for text in texts):
        raise UnknownValueError("it is filled in later")
    return "true" in texts


def tokenizes_first(recipe: Recipe) -> bool:
    """Whether LLaMA-Factory may end after tokenising: ``tokenized_path`` is written."""
    return any(key.path == "tokenized_path" for key in recipe.keys)


def compute_follows_model(recipe: Recipe) -> bool:
    """Whether 4-bit layers compute in the model's dtype, as ``trl.get_quantization_config`` has it.

    TRL's command line has no key of its own for it.
    """
    return recipe.framework == "trl"


def storage_left_out(recipe: Recipe, quant: Quant) -> bool:
    """Whether nothing asks for 4-bit weights to be stored as anything but integers.

    A script of a person's own that has no flag for it most likely leaves it out, too.
    """
    if recipe.framework == "flags":
        return not recipe["quant.bnb_4bit_quant_storage"].written
    return quant.bnb_4bit_quant_storage is None


def storage_unshardable(recipe: Recipe, quant: Quant) -> bool:
    """Whether 4-bit weights are stored in a type that FSDP cannot join with the other weights.

    That is any type of integers, and a floating one that is not the model's own.
    """
    storage = (quant.bnb_4bit_quant_storage or "uint8").removeprefix("torch.")
    dtype = recipe["model.dtype"].value
    other = isinstance(dtype, str) and dtype not in ("auto", storage, f"torch.{storage}")
    return storage in ("uint8", "int8") or (other and recipe["model.dtype"].written)


def stated_twice(recipe: Recipe) -> tuple[Item, ...]:
    """Switches for fewer bits that a loading call is given beside a quantiser's config."""
    names = ("load_in_4bit", "load_in_8bit")
    given = [argument(recipe, "from_pretrained", name) for name in names]
    beside = argument(recipe, "from_pretrained", "quantization_config")
    if beside is None or getattr(beside.node, "text", "") == "None":
        return ()
    return tuple(
        Item(path=key.path, at=key.key_at, value=f"{key.name}=True")
        for key in given
        if key is not None and value(recipe, key) is True
    )
