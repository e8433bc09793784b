"""What ms-swift makes of several arguments together.

Source: ``swift.arguments.sft_args.SftArguments`` and ``swift.arguments.base_args`` of release 4.6,
``swift.llm.utils.argument`` of release 2.6.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.adapters import leave_to_adapter
from lora_advisor.frameworks.readings import put_default
from lora_advisor.recipe import UNKNOWN

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft

_OF_RELEASE_2: Final = (
    *("sft_type", "model_id_or_path", "lora_target_modules", "lora_dropout_p", "quantization_bit"),
    *("lora_modules_to_save", "template_type", "dataset_test_ratio", "batch_size"),
)
_EVALUATION_DATA: Final = (
    *("val_dataset", "cached_val_dataset", "eval_dataset"),
    *("split_dataset_ratio", "dataset_test_ratio"),
)
_COMMANDS: Final = {"sft": "sft", "pt": "pretrain"}


def settle(draft: Draft) -> None:
    """Settle what no single argument decides."""
    if _is_of_release_2(draft):
        _settle_release_2(draft)
    _settle_method(draft)
    _settle_adapter(draft)
    _settle_rate(draft)
    _settle_precision(draft)
    _settle_quantisation(draft)
    _settle_launch(draft)
    _settle_evaluation(draft)
    if draft.written("max_epochs") is not None:
        draft.unknown("train.max_steps", "max_epochs ends a streamed run")
    if draft.written("rope_scaling") is not None:
        draft.unknown("data.max_length", "the positions are stretched")
    leave_to_adapter(draft)


def _is_of_release_2(draft: Draft) -> bool:
    return any(draft.written(name) is not None for name in _OF_RELEASE_2)


def _settle_release_2(draft: Draft) -> None:
    """Take the defaults of release 2, whose names the file uses."""
    put_default(draft, "train.num_train_epochs", 1.0)
    put_default(draft, "train.warmup_ratio", 0.05)
    put_default(draft, "data.max_length", 2048)
    if "lora.target_modules" not in draft.values:
        draft.unknown("lora.target_modules", "release 2 chose the targets by the model's type")


def _settle_method(draft: Draft) -> None:
    """Tell pre-training from supervised tuning by the file's name; a teacher means distillation."""
    words = PurePath(draft.document.path).stem.lower().replace("-", "_").split("_")
    named = {_COMMANDS[word] for word in words if word in _COMMANDS}
    if draft.document.format != "shell" and len(named) == 1:
        put_default(draft, "train.method", named.pop())
    if draft.written("teacher_model") is not None or draft.written("teacher_model_server"):
        draft.unknown("train.method", "a teacher model makes it a distillation")


def _settle_evaluation(draft: Draft) -> None:
    """Leave open whether it evaluates where no data for that is named: it may switch it off."""
    if all(draft.written(name) is None for name in _EVALUATION_DATA):
        draft.unknown("train.eval_strategy", "no evaluation data is named")


def _settle_adapter(draft: Draft) -> None:
    """Read which kind of adapter is trained; other kinds have ranks of their own."""
    kind = draft.values.get("lora.enabled")
    task = draft.written("task_type")
    if kind is not None and kind.value is False:
        draft.put("lora.peft_type", UNKNOWN, kind)
    if task is not None and isinstance(task.value, str):
        known = task.value in ("causal_lm", "seq_cls")
        draft.put("lora.task_type", task.value.upper() if known else UNKNOWN, task)
    elif draft.get("train.method") in ("sft", "pretrain"):
        put_default(draft, "lora.task_type", "CAUSAL_LM")


def _settle_rate(draft: Draft) -> None:
    """Train adapters at 1e-4 and all weights at 1e-5 where no rate is given."""
    trained = draft.get("lora.enabled")
    if "train.learning_rate" not in draft.values:
        kind = draft.written("tuner_type") or draft.written("train_type")
        full = kind is not None and kind.value == "full"
        known = trained is True or full
        draft.put("train.learning_rate", (1e-5 if full else 1e-4) if known else UNKNOWN, None)


def _settle_precision(draft: Draft) -> None:
    """Compute in bf16 for bfloat16 weights, in fp16 for float16 and float32 ones."""
    weights = draft.get("model.dtype")
    if weights in ("bfloat16", "float16", "float32"):
        put_default(draft, "train.bf16", weights == "bfloat16")
        put_default(draft, "train.fp16", weights != "bfloat16")


def _settle_quantisation(draft: Draft) -> None:
    """Quantise on loading for ``quant_method`` with ``quant_bits``, by ``quantization_bit`` once.

    Computing is done in bfloat16 over a bfloat16 model and in float32 over any other.
    """
    method, bits = draft.values.get("quant.method"), draft.values.get("quant.bits")
    old = draft.written("quantization_bit")
    if method is None and old is not None and old.value:
        draft.put("quant.method", "bitsandbytes", old, default=True)
        method = draft.values["quant.method"]
    if method is None or method.value is None:
        draft.put("quant.method", None, method)
    count = bits.value if bits is not None else None
    for width in (4, 8):
        loads = draft.get("quant.method") == "bitsandbytes" and count == width
        unknown = UNKNOWN in (draft.get("quant.method"), count)
        draft.put(f"quant.load_in_{width}bit", UNKNOWN if unknown else loads, bits)
    weights = draft.get("model.dtype")
    computes = {"bfloat16": "bfloat16", "float16": "float32", "float32": "float32"}
    put_default(draft, "quant.bnb_4bit_compute_dtype", computes.get(str(weights), UNKNOWN))


def _settle_launch(draft: Draft) -> None:
    """Read the names of ms-swift's own DeepSpeed files (``zero2_offload``)."""
    written = draft.values.get("run.deepspeed")
    name = written.value if written is not None else None
    if isinstance(name, str) and name.removesuffix("_offload") in ("zero0", "zero1", "zero2"):
        draft.put("run.zero_stage", int(name[4]), written)
    elif name in ("zero3", "zero3_offload"):
        draft.put("run.zero_stage", 3, written)
    if name == "zero3_offload":
        draft.put("run.offload", True, written)
