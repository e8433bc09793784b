"""What axolotl trains with: the method, its loss, the sharding and the data.

Source: ``axolotl.core.builders`` and ``axolotl.utils.config.normalize_config`` of releases 0.19
and 0.21; where these two differ, the field is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import axolotl_model, axolotl_saving
from lora_advisor.frameworks.axolotl_model import on
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_BETAS: Final = {"dpo": 0.1, "ipo": 0.1, "orpo": 0.1, "kto": 0.1, "simpo": 0.1, "grpo": 0.0}
"""TRL's defaults, which axolotl leaves as they are."""
_EXTENT: Final = (
    *("learning_rate", "num_epochs", "max_steps"),
    *("micro_batch_size", "batch_size", "gradient_accumulation_steps"),
)
_OF_EXTENT: Final = (
    *("train.enabled", "train.per_device_train_batch_size"),
    *("train.gradient_accumulation_steps", "train.learning_rate"),
)


def settle(draft: Draft) -> None:
    """Settle what no single key of the file decides."""
    _settle_method(draft)
    axolotl_model.settle(draft)
    _settle_task_type(draft)
    _settle_sharding(draft)
    _settle_data(draft)
    axolotl_saving.settle(draft)
    _leave_excerpt(draft)


def _leave_excerpt(draft: Draft) -> None:
    """Know nothing of a training where the file neither says how long nor how fast it learns.

    axolotl requires the rate: such a file is an excerpt, or the command line says the rest.
    """
    if any(draft.written(path) is not None for path in _EXTENT):
        return
    for field in _OF_EXTENT:
        if field not in draft.values or not draft.values[field].written:
            draft.unknown(field, "the file is an excerpt: it says nothing of rate, length or batch")


def _settle_method(draft: Draft) -> None:
    """Tell the training from ``rl`` and the reward switches, with the losses that go with it."""
    _settle_without_rl(draft)
    kind, source = draft.get("train.method"), draft.values.get("train.method")
    if kind == "ipo":
        draft.put("train.loss_type", ["ipo"], source)
    elif kind == "simpo":
        draft.put("train.loss_type", "simpo", source)
    _settle_beta(draft, kind)
    if kind == "grpo" and "train.num_generations" not in draft.values:
        draft.put("train.num_generations", 8, None)


def _settle_without_rl(draft: Draft) -> None:
    rl = draft.written("rl")
    if rl is not None and rl.value is not None:
        return
    for path, method in (
        ("reward_model", "reward"),
        ("process_reward_model", "reward"),
        ("pretraining_dataset", "pretrain"),
    ):
        value = draft.written(path)
        if value is not None and value.value:
            draft.put("train.method", method, value)
            return


def _settle_beta(draft: Draft, kind: object) -> None:
    """Choose among the four keys for beta as ``HFRLTrainerBuilder`` does, else TRL's default."""
    for path in ("trl.beta", "rl_beta", "dpo_beta", "orpo_alpha"):
        value = draft.written(path)
        if value is not None and value.value is not None:
            draft.put("train.beta", value.value, value)
            return
    if kind in _BETAS:
        draft.put("train.beta", _BETAS[str(kind)], None)


def _settle_sharding(draft: Draft) -> None:
    """Shard for a non-empty ``fsdp`` or ``fsdp_config``; releases that take the list shard by 1.

    Which version the block alone means differs between releases.
    """
    fsdp, config = draft.written("fsdp"), draft.written("fsdp_config")
    if draft.get("run.fsdp") is UNKNOWN and config is not None and config.value:
        draft.put("run.fsdp", UNKNOWN if config.value is UNKNOWN else True, config)
    listed = fsdp is not None and isinstance(fsdp.value, list) and bool(fsdp.value)
    if listed and "run.fsdp_version" not in draft.values:
        draft.put("run.fsdp_version", 1, None)
    if fsdp is not None and "offload" in str(fsdp.value):
        draft.put("run.offload", True, fsdp)
    deepspeed = draft.values.get("run.deepspeed")
    if draft.get("run.fsdp") is True or (deepspeed is not None and deepspeed.value):
        storage = draft.values.get("quant.bnb_4bit_quant_storage")
        if storage is None:
            draft.put("quant.bnb_4bit_quant_storage", "bfloat16", None)


def _settle_accumulation(draft: Draft) -> None:
    """Divide the total batch by that of a device; the number of GPUs plays no part.

    Source: ``axolotl.utils.config.normalize_config``.
    """
    total, field = draft.written("batch_size"), "train.gradient_accumulation_steps"
    if total is None or not total.value or (field in draft.values and draft.get(field) != 0):
        return
    micro = draft.get("train.per_device_train_batch_size")
    if isinstance(total.value, int) and isinstance(micro, int) and micro > 0:
        draft.put(field, total.value // micro, total)
    else:
        draft.unknown(field, "the batch is filled in later")


def _settle_data(draft: Draft) -> None:
    """Fill the defaults that hang on packing, on the batch and on the kind of training."""
    _settle_accumulation(draft)
    if draft.get("data.packing") is True:
        for field in ("data.eval_packing", "data.pad_to_max_length"):
            if field not in draft.values:
                draft.put(field, True, None)
    if "train.per_device_eval_batch_size" not in draft.values:
        draft.put(
            "train.per_device_eval_batch_size", draft.get("train.per_device_train_batch_size"), None
        )
    if draft.get("train.method") == "pretrain" and "data.streaming" not in draft.values:
        draft.put("data.streaming", True, draft.written("pretraining_dataset"))


def _settle_task_type(draft: Draft) -> None:
    """Follow the class of the model, which ``model_type`` names."""
    named = draft.written("model_type") or draft.written("type_of_model")
    text = str(named.value) if named is not None else ""
    if named is not None and named.value is UNKNOWN:
        draft.put("lora.task_type", UNKNOWN, named)
    elif "SequenceClassification" in text or on(draft, "reward_model"):
        draft.put("lora.task_type", "SEQ_CLS", named or on(draft, "reward_model"))
    elif "TokenClassification" in text or on(draft, "process_reward_model"):
        draft.put("lora.task_type", "TOKEN_CLS", named or on(draft, "process_reward_model"))
    elif "lora.task_type" not in draft.values:
        draft.put("lora.task_type", "CAUSAL_LM", None)
