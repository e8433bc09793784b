"""torchtune's YAML: sections that name their component. Read in torchtune 0.6.1's recipes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import DATASET, ConvertError, Entry, Writer, left_out, spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, object]

_MODELS: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    (r"llama-2-(7b|13b|70b)", "llama2", "llama2_{0}", "llama2.llama2_tokenizer", "LLAMA2"),
    (r"llama-3\.3-(70b)", "llama3_3", "llama3_3_{0}", "llama3.llama3_tokenizer", "LLAMA3"),
    (r"llama-3\.2-(1b|3b)", "llama3_2", "llama3_2_{0}", "llama3.llama3_tokenizer", "LLAMA3_2"),
    (r"llama-3\.1-(8b|70b|405b)", "llama3_1", "llama3_1_{0}", "llama3.llama3_tokenizer", "LLAMA3"),
    (r"llama-3-(8b|70b)", "llama3", "llama3_{0}", "llama3.llama3_tokenizer", "LLAMA3"),
    (r"mistral-(7b)", "mistral", "mistral_{0}", "mistral.mistral_tokenizer", "MISTRAL"),
    (r"gemma-2-(2b|9b|27b)", "gemma2", "gemma2_{0}", "gemma.gemma_tokenizer", "GEMMA2"),
    (r"gemma-(2b|7b)", "gemma", "gemma_{0}", "gemma.gemma_tokenizer", "GEMMA"),
    (r"qwen2\.5-(0\.5b|3b)", "qwen2_5", "qwen2_5_{0}", "qwen2_5.qwen2_5_tokenizer", "QWEN2"),
    (
        r"qwen2\.5-(1\.5b|7b|14b|32b|72b)",
        "qwen2_5",
        "qwen2_5_{0}_{1}",
        "qwen2_5.qwen2_5_tokenizer",
        "QWEN2",
    ),
    (r"qwen2-(0\.5b|1\.5b|7b)", "qwen2", "qwen2_{0}", "qwen2.qwen2_tokenizer", "QWEN2"),
    (r"qwen3-(32b)", "qwen3", "qwen3_{0}", "qwen3.qwen3_tokenizer", "QWEN3"),
    (
        r"qwen3-(0\.6b|1\.7b|4b|8b|14b)(?!-a)",
        "qwen3",
        "qwen3_{0}_{1}",
        "qwen3.qwen3_tokenizer",
        "QWEN3",
    ),
)
"""Published models to builder, tokenizer and checkpointer; base and instruct builders differ."""
_ATTENTION: Final = {"q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj"} | {
    "o_proj": "output_proj"
}
_MLP: Final = ("gate_proj", "up_proj", "down_proj")
_OPTIMIZERS: Final = {
    "sgd": "torch.optim.SGD",
    "adamw_8bit": "bitsandbytes.optim.AdamW8bit",
    "adamw_bnb_8bit": "bitsandbytes.optim.AdamW8bit",
    "paged_adamw_32bit": "bitsandbytes.optim.PagedAdamW",
    "paged_adamw_8bit": "bitsandbytes.optim.PagedAdamW8bit",
}


def _known(values: Values) -> tuple[str, str, str, str]:
    """Return module, builder, tokenizer and checkpointer type of the base model."""
    name = str(values.get("model.name_or_path", ""))
    last = name.rpartition("/")[2].lower()
    for pattern, module, builder, tokenizer, kind in _MODELS:
        if found := re.search(rf"(?:^|-){pattern}", last):
            tuned = "base" if "base" in last or not _is_tuned(last, module) else "instruct"
            size = found[1].replace(".", "_")
            return module, builder.format(size, tuned), tokenizer, kind
    raise ConvertError(f"torchtune has no builder for {name or 'a model without a name'}")


def _is_tuned(last: str, module: str) -> bool:
    return module == "qwen3" or "instruct" in last or "chat" in last


def _component(value: object, values: Values) -> Values:
    if value is False:
        raise ConvertError("only adapters are written for torchtune, and this trains all weights")
    module, builder, _, _ = _known(values)
    kind = "qlora" if values.get("quant.load_in_4bit") is True else "lora"
    return {
        "model._component_": f"torchtune.models.{module}.{kind}_{builder}",
        "model.apply_lora_to_output": False,
    }


def _targets(value: object, _values: Values) -> Values:
    names = [*_ATTENTION, *_MLP] if value == "all-linear" else value
    if not isinstance(names, list):
        return {}
    last = {str(name) for name in names}
    return {
        "model.lora_attn_modules": [own for name, own in _ATTENTION.items() if name in last],
        "model.apply_lora_to_mlp": last.issuperset(_MLP),
    }


def _name(value: object, values: Values) -> Values:
    _, _, tokenizer, kind = _known(values)
    return {
        "tokenizer._component_": f"torchtune.models.{tokenizer}",
        "tokenizer.path": f"{value}/tokenizer.model",
        "checkpointer._component_": "torchtune.training.FullModelHFCheckpointer",
        "checkpointer.checkpoint_dir": value,
        "checkpointer.checkpoint_files": [],
        "checkpointer.model_type": kind,
        "checkpointer.output_dir": values.get("run.output_dir", "out"),
    }


def _dtype(value: object, _values: Values) -> Values:
    short = {"bfloat16": "bf16", "float32": "fp32"}
    return {"dtype": short[str(value)]} if value in short else {}


def _bf16(value: object, values: Values) -> Values:
    return {"dtype": "bf16"} if value and "model.dtype" not in values else {}


def _optimizer(value: object, _values: Values) -> Values:
    found: dict[str, object] = {
        "optimizer._component_": _OPTIMIZERS.get(str(value), "torch.optim.AdamW")
    }
    return found | ({"optimizer.fused": True} if "fused" in str(value) else {})


def _scheduler(_value: object, _values: Values) -> Values:
    schedule = "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup"
    return {"lr_scheduler._component_": schedule}


def _warmup(value: object, _values: Values) -> Values:
    counted = isinstance(value, (int, float)) and (value >= 1 or value == 0)
    return {"lr_scheduler.num_warmup_steps": int(value)} if counted else {}  # type: ignore[call-overload]


def _method(value: object, _values: Values) -> Values:
    if value == "dpo":
        return {"loss._component_": "torchtune.rlhf.loss.DPOLoss"}
    return {"loss._component_": "torchtune.modules.loss.LinearCrossEntropyLoss"}


def _beta(value: object, values: Values) -> Values:
    return {"loss.beta": value} if values.get("train.method") == "dpo" else {}


def _steps(value: object, values: Values) -> Values:
    once = values.get("train.num_train_epochs") in (None, 1, 1.0)
    whole = isinstance(value, int) and value > 0
    return {"epochs": 1, "max_steps_per_epoch": value} if whole and once else {}


def _epochs(value: object, _values: Values) -> Values:
    whole = isinstance(value, (int, float)) and float(value).is_integer()
    return {"epochs": int(value)} if whole else {}  # type: ignore[call-overload]


def _dataset(value: object, values: Values) -> Values:
    kind = "preference" if values.get("train.method") == "dpo" else "chat"
    found: dict[str, object] = {
        "dataset._component_": f"torchtune.datasets.{kind}_dataset",
        "dataset.source": value,
        "dataset.split": "train",
    }
    if kind == "chat":
        found |= {"dataset.conversation_column": "messages"}
        found |= {"dataset.conversation_style": "openai"}
    return found


_SPECIAL: Final[Mapping[str, Callable[[object, Values], Values]]] = {
    "lora.enabled": _component,
    "lora.target_modules": _targets,
    "lora.task_type": left_out,
    "lora.peft_type": left_out,
    "train.method": _method,
    "train.beta": _beta,
    "train.enabled": left_out,
    "train.optim": _optimizer,
    "train.lr_scheduler_type": _scheduler,
    "train.warmup_steps": _warmup,
    "train.max_steps": _steps,
    "train.num_train_epochs": _epochs,
    "train.bf16": _bf16,
    "model.name_or_path": _name,
    "model.dtype": _dtype,
    "quant.method": left_out,
    DATASET: _dataset,
}


def _entries(values: Values) -> list[Entry]:
    found = spelled(values, "torchtune", _SPECIAL)
    written = {entry.path for entry in found}
    for path, value, group in _REQUIRED:
        if path not in written:
            found.append(Entry(path=path, value=value, group=group))
    return found


_REQUIRED: Final = (
    ("model.lora_attn_modules", ["q_proj", "k_proj", "v_proj", "output_proj"], "lora"),
    ("optimizer._component_", "torch.optim.AdamW", "train"),
    ("device", "cuda", "train"),
    ("dtype", "bf16", "model"),
    ("shuffle", True, "data"),
    ("seed", None, "train"),
    ("epochs", 1, "train"),
    ("max_steps_per_epoch", None, "train"),
    ("resume_from_checkpoint", False, "train"),
    ("output_dir", "out", "run"),
    ("metric_logger._component_", "torchtune.training.metric_logging.DiskLogger", "run"),
    ("metric_logger.log_dir", "${output_dir}/logs", "run"),
    ("log_every_n_steps", 1, "run"),
)


def _remarks(_values: Values) -> list[str]:
    return [
        "checkpoint_dir is the folder that `tune download` made: list its files",
        "the recipe has to be a LoRA recipe: tune ls",
    ]


WRITER: Final = Writer(
    name="torchtune",
    title="torchtune",
    template="torchtune.yaml.j2",
    methods=("sft", "dpo"),
    entries=_entries,
    remarks=_remarks,
)
