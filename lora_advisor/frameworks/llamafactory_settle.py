"""What LLaMA-Factory makes of several keys together before PEFT and transformers see them.

Source: ``llamafactory.hparams.parser.get_train_args``, ``llamafactory.model.adapter`` and
``llamafactory.model.model_utils`` of release 0.9.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.adapters import leave_to_adapter
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_LOSSES: Final = ("orpo", "simpo", "ipo")
_SHARED_BETA: Final = ("dpo", "orpo", "kto")


def settle(draft: Draft) -> None:
    """Settle what no single key of the file decides."""
    _settle_method(draft)
    _settle_switch(draft)
    _settle_alpha(draft)
    _settle_initialisation(draft)
    _settle_precision(draft)
    _settle_quantisation(draft)
    _settle_checkpointing(draft)
    _settle_packing(draft)
    if _value(draft, "rope_scaling") is not None:
        draft.unknown("data.max_length", "the positions are stretched")
    if _value(draft, "create_new_adapter") is not True:
        leave_to_adapter(draft)


def _value(draft: Draft, path: str, default: object = None) -> object:
    """Return what is written under a path of the file, else the default."""
    written = draft.written(path)
    return default if written is None else written.value


def _settle_method(draft: Draft) -> None:
    """Tell losses of preference data apart by ``pref_loss``, and fill their defaults."""
    loss = draft.values.get("train.loss_type")
    stage = draft.get("train.method")
    if stage == "dpo" and loss is not None and loss.value in (*_LOSSES, UNKNOWN):
        draft.put("train.method", loss.value, loss)
    elif stage == "dpo" and loss is None:
        draft.put("train.loss_type", "sigmoid", None)
    if stage in _SHARED_BETA and "train.beta" not in draft.values:
        draft.put("train.beta", 0.1, None)


def _settle_switch(draft: Draft) -> None:
    """Train an adapter for ``finetuning_type: lora``, which is the default, where it trains at all.

    A file that exports, serves or evaluates a model trains nothing: ``do_train`` is off by default.
    """
    kind, export = draft.written("finetuning_type"), draft.written("export_dir")
    if kind is not None and kind.value == "oft":
        draft.put("lora.peft_type", "OFT", kind)
    if export is not None and export.value:
        draft.put("train.enabled", False, export)
    training, switch = draft.get("train.enabled"), draft.get("lora.enabled")
    if training is False and switch is not False:
        draft.put("lora.enabled", False, draft.values.get("train.enabled"))
    elif training is UNKNOWN and switch is True:
        draft.put("lora.enabled", UNKNOWN, draft.values.get("train.enabled"))
    elif switch is True:
        _settle_lora_defaults(draft)


def _settle_lora_defaults(draft: Draft) -> None:
    """Set what LoRA makes LLaMA-Factory pass to the trainer of itself."""
    if not draft.get("train.label_names"):
        draft.put("train.label_names", ["labels"], None)
    if draft.get("train.ddp_find_unused_parameters") is None:
        draft.put("train.ddp_find_unused_parameters", False, None)


def _settle_alpha(draft: Draft) -> None:
    """Take twice the rank for an alpha that is not set, or that is 0."""
    alpha, rank = draft.values.get("lora.lora_alpha"), draft.get("lora.r")
    if alpha is None or not alpha.value:
        double = rank * 2 if isinstance(rank, int) else UNKNOWN
        draft.put("lora.lora_alpha", double, alpha)


def _settle_initialisation(draft: Draft) -> None:
    """Initialise with PiSSA, by fast SVD unless ``pissa_iter`` is -1."""
    pissa = draft.written("pissa_init")
    if pissa is None or pissa.value is False:
        return
    steps = _value(draft, "pissa_iter", 16)
    known = pissa.value is True and isinstance(steps, int)
    name = "pissa" if steps == -1 else f"pissa_niter_{steps}"
    draft.put("lora.init_lora_weights", name if known else UNKNOWN, pissa)


def _settle_precision(draft: Draft) -> None:
    """Compute in bf16 or fp16 as the trainer does, else in what the model's config says."""
    switches = (
        ("bfloat16", draft.get("train.bf16")),
        ("bfloat16", _value(draft, "pure_bf16")),
        ("float16", draft.get("train.fp16")),
    )
    for dtype, on in switches:
        if on is UNKNOWN:
            return
        if on is True:
            draft.put("model.dtype", dtype, None)
            return


def _settle_quantisation(draft: Draft) -> None:
    """Quantise on loading where ``quantization_bit`` is given, by bitsandbytes unless told."""
    bits = draft.values.get("quant.bits")
    if bits is None or bits.value is None:
        draft.put("quant.method", None, draft.values.get("quant.method"))
        return
    if "quant.method" not in draft.values:
        draft.put("quant.method", "bitsandbytes", bits, default=True)
    method, count = draft.get("quant.method"), draft.get("quant.bits")
    for width in (4, 8):
        known = UNKNOWN not in (method, count)
        loads = (method == "bitsandbytes" and count == width) if known else UNKNOWN
        draft.put(f"quant.load_in_{width}bit", loads, bits)
    for part in ("compute_dtype", "quant_storage"):
        draft.put(f"quant.bnb_4bit_{part}", draft.get("model.dtype"), None)


def _settle_checkpointing(draft: Draft) -> None:
    """Recompute unless it is disabled: transformers' own switch only adds to that.

    Source: ``prepare_model_for_training``.
    """
    trainer = draft.written("gradient_checkpointing")
    if trainer is not None and trainer.value is True:
        draft.put("train.gradient_checkpointing", True, trainer)
    if draft.get("train.gradient_checkpointing") is True:
        reentrant = draft.written("use_reentrant_gc")
        use = True if reentrant is None else reentrant.value
        kwargs = UNKNOWN if use is UNKNOWN else {"use_reentrant": use}
        draft.put("train.gradient_checkpointing_kwargs", kwargs, reentrant)


def _settle_packing(draft: Draft) -> None:
    """Pack for ``neat_packing``, and of itself when pre-training."""
    neat, packing = draft.written("neat_packing"), draft.values.get("data.packing")
    if neat is not None and neat.value is not False:
        draft.put("data.packing", neat.value, neat)
    elif packing is None or packing.value is None:
        method = draft.get("train.method")
        pretrains = UNKNOWN if method is UNKNOWN else method == "pretrain"
        draft.put("data.packing", pretrains, packing, default=True)
