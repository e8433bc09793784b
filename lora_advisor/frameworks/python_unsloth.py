"""What Unsloth decides by loading a model: the bits of the base, the server of its rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_advisor.frameworks.python_flow import argument

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Entry


def load_base(draft: Draft, loader: Entry) -> None:
    """Load in 4 bit unless another width is asked for, as ``FastLanguageModel`` does."""
    draft.put("model.unsloth", True, draft.written(loader.key.text))
    _settle_rollouts(draft, loader)
    _switch_off(draft)
    wider = ("load_in_8bit", "load_in_16bit", "full_finetuning")
    asked = any(argument(loader, name) is not None for name in wider)
    if "quant.load_in_4bit" not in draft.values and not asked:
        draft.put("quant.load_in_4bit", True, None)
    if "quant.load_in_8bit" not in draft.values:
        draft.put("quant.load_in_8bit", False, None)
    four = draft.get("quant.load_in_4bit")
    if isinstance(four, bool):
        draft.put("quant.method", "bitsandbytes" if four else None, None)
        draft.put("quant.bnb_4bit_quant_type", "nf4", None)
        draft.put("quant.bnb_4bit_use_double_quant", True, None)


def _switch_off(draft: Draft) -> None:
    """Make no adapter where all weights are trained: Unsloth then passes over the call for one."""
    whole = draft.written("from_pretrained.full_finetuning")
    if whole is not None and whole.value is True:
        draft.put("lora.enabled", False, whole)


def _settle_rollouts(draft: Draft, loader: Entry) -> None:
    """Take the largest rank of the vLLM that Unsloth generates with, 64 where it is not told."""
    fast = draft.written("from_pretrained.fast_inference")
    if fast is None or fast.value is not True or argument(loader, "**") is not None:
        return
    told = draft.written("from_pretrained.max_lora_rank")
    draft.put("run.serve_max_rank", 64 if told is None else told.value, told)
