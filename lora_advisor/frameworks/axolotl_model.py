"""How axolotl loads the base and builds the adapter: targets, precision, quantisation.

Source: ``axolotl.loaders.adapter``, ``axolotl.loaders.model`` and
``axolotl.utils.config.resolve_dtype`` of releases 0.19 and 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.adapters import leave_to_adapter
from lora_advisor.frameworks.draft import cast_to
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.recipe import Value

_ATTENTION: Final = {
    "xformers_attention": "xformers",
    "sage_attention": "sage",
    "flex_attention": "flex_attention",
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "eager_attention": "eager",
}
"""The old switches in the order of their precedence (``LEGACY_ATTN_FLAG_TO_IMPL``)."""
_QUANTISERS: Final = {"Mxfp4Config": "mxfp4", "FineGrainedFP8Config": "fp8"}
_NOT_LINEAR: Final = ("embed", "head", "wte")


def settle(draft: Draft) -> None:
    """Settle the adapter and how its base is loaded."""
    _settle_adapter(draft)
    _settle_targets(draft)
    _settle_initialisation(draft)
    _settle_precision(draft)
    _settle_quantisation(draft)
    _settle_attention(draft)
    leave_to_adapter(draft)


def on(draft: Draft, path: str) -> Value | None:
    """Return what is written under a path if it is a switch that is turned on."""
    value = draft.written(path)
    return value if value is not None and cast_to("bool", value.value) is True else None


def _settle_adapter(draft: Draft) -> None:
    """Name the kind of adapter where it is not LoRA."""
    adapter = draft.written("adapter")
    if adapter is not None and adapter.value == "llama-adapter":
        draft.put("lora.peft_type", "ADAPTION_PROMPT", adapter)
    elif draft.get("lora.enabled") is UNKNOWN:
        draft.put("lora.peft_type", UNKNOWN, adapter)


def _settle_targets(draft: Draft) -> None:
    """Add every linear layer but the output head where ``lora_target_linear`` asks for it."""
    linear = on(draft, "lora_target_linear")
    if linear is None:
        return
    written = draft.get("lora.target_modules")
    names = written if isinstance(written, list) else [written]
    more = [name for name in names if any(part in str(name) for part in _NOT_LINEAR)]
    draft.put("lora.target_modules", UNKNOWN if more else "all-linear", linear)


def _settle_initialisation(draft: Draft) -> None:
    """Let ``peft.loftq_config`` choose LoftQ; ``peft_init_lora_weights: false`` is not passed on.

    Source: ``_build_lora_config_kwargs``, whose conditions are on truth, not on presence.
    """
    written = draft.values.get("lora.init_lora_weights")
    bits = draft.written("peft.loftq_config.loftq_bits")
    if written is not None and written.value is False:
        draft.put("lora.init_lora_weights", True, written)
    if bits is not None and bits.value and (written is None or not written.value):
        draft.put("lora.init_lora_weights", "loftq", bits)


def _settle_precision(draft: Draft) -> None:
    """Let bf16 go before fp16, and both before ``auto``, which is bf16's default.

    A ``bf16:`` without a value is off: pydantic keeps the None rather than the default.
    """
    bf16, fp16 = draft.written("bf16"), draft.written("fp16")
    if source := on(draft, "bfloat16"):
        draft.put("train.bf16", True, source)
    elif bf16 is not None and bf16.value is None:
        draft.put("train.bf16", False, bf16)
    if draft.get("train.bf16") is UNKNOWN:
        if draft.get("train.fp16") is True:
            draft.put("train.bf16", False, bf16)
        elif fp16 is None or fp16.value is not False:
            draft.unknown("train.fp16", "bf16 is auto: the GPU decides")
    elif draft.get("train.bf16") is True and draft.get("train.fp16") is True:
        draft.put("train.fp16", False, fp16)
    draft.put("model.dtype", _dtype(draft), None)


def _dtype(draft: Draft) -> object:
    bf16 = draft.get("train.bf16")
    if bf16 is UNKNOWN:
        return UNKNOWN
    if bf16:
        return "bfloat16"
    half = draft.get("quant.load_in_8bit") or draft.get("train.fp16")
    if half is UNKNOWN:
        return UNKNOWN
    return "float16" if half or on(draft, "float16") else "float32"


def _settle_quantisation(draft: Draft) -> None:
    """Quantise for ``qlora`` with 4 bits and ``lora`` with 8 bits: no other pair reaches the model.

    Source: ``ModelLoader._set_quantization_config``.
    """
    method, source = _quantiser(draft)
    draft.put("quant.method", method, source)
    if "quant.bnb_4bit_compute_dtype" not in draft.values:
        draft.put("quant.bnb_4bit_compute_dtype", draft.get("model.dtype"), None)


def _quantiser(draft: Draft) -> tuple[object, Value | None]:
    adapter = draft.written("adapter")
    kind = adapter.value if adapter is not None else None
    config = draft.written("model_quantization_config")
    if config is not None and config.value is not None:
        return _QUANTISERS.get(str(config.value), UNKNOWN), config
    if gptq := on(draft, "gptq"):
        return "gptq", gptq
    switch = {"qlora": "quant.load_in_4bit", "lora": "quant.load_in_8bit"}.get(str(kind))
    if switch is None:
        return (None if kind in (None, "llama-adapter") else UNKNOWN), None
    wanted, backend = draft.get(switch), draft.written("nf4_backend")
    if wanted is True and kind == "qlora" and backend is not None and backend.value is not None:
        return backend.value, backend
    if wanted is UNKNOWN:
        return UNKNOWN, None
    return ("bitsandbytes", draft.values.get(switch)) if wanted else (None, None)


def _settle_attention(draft: Draft) -> None:
    """Turn the old switches (``flash_attention: true``) into the implementation they mean."""
    written = draft.values.get("model.attn_implementation")
    if written is not None and written.value is not None:
        return
    for switch, implementation in _ATTENTION.items():
        if source := on(draft, switch):
            draft.put("model.attn_implementation", implementation, source)
            return
