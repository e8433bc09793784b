"""LitGPT (``litgpt finetune_lora --config config.yaml``): YAML or flags of one function.

jsonargparse reads it: the function's signature is the schema, anything else is refused. The
layers are chosen by switches (``lora_query``) on fused modules of LitGPT's own. Read in litgpt
0.5.13: ``litgpt.finetune.lora``, ``litgpt.args`` and ``litgpt.utils``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import optimizer
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_DTYPES: Final = {"bf16-true": "bfloat16", "16-true": "float16", "32-true": "float32"}
_QUANTISERS: Final = {
    "bnb.nf4": ("nf4", False),
    "bnb.nf4-dq": ("nf4", True),
    "bnb.fp4": ("fp4", False),
    "bnb.fp4-dq": ("fp4", True),
}


def _model(value: object) -> object:
    """Read the folder that ``litgpt download`` makes, or the model's name, as that name."""
    return value.removeprefix("checkpoints/") if isinstance(value, str) else value


def _not_set(value: object) -> object:
    return -1 if value is None else value


KEYS: Final[dict[str, str | Key]] = {
    "lora_r": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "optimizer.init_args.lr": "train.learning_rate",
    "optimizer.lr": "train.learning_rate",
    "optimizer.init_args.weight_decay": "train.weight_decay",
    "optimizer.weight_decay": "train.weight_decay",
    "optimizer.class_path": Key(field="train.optim", read=optimizer),
    "train.micro_batch_size": "train.per_device_train_batch_size",
    "train.global_batch_size": "train.total_batch_size",
    "train.epochs": "train.num_train_epochs",
    "train.max_steps": Key(field="train.max_steps", read=_not_set),
    "train.lr_warmup_steps": "train.warmup_steps",
    "train.save_interval": "train.save_steps",
    "train.log_interval": "train.logging_steps",
    "seed": "train.seed",
    "checkpoint_dir": Key(field="model.name_or_path", read=_model),
    "train.max_seq_length": "data.max_length",
    "data.init_args.mask_prompt": Key(
        field="data.train_on_inputs",
        read=lambda value: not value if isinstance(value, bool) else UNKNOWN,
    ),
    "devices": Key(field="run.num_processes", read=lambda v: v if isinstance(v, int) else UNKNOWN),
    "num_nodes": "run.num_machines",
    "out_dir": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.peft_type": "LORA",
    "lora.r": 8,
    "lora.lora_alpha": 16,
    "lora.lora_dropout": 0.05,
    "lora.bias": "none",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.method": "sft",
    "train.per_device_train_batch_size": 1,
    "train.total_batch_size": 16,
    "train.num_train_epochs": 5.0,
    "train.max_steps": -1,
    "train.warmup_steps": 100,
    "train.warmup_ratio": None,
    "train.lr_scheduler_type": "cosine",
    "train.save_steps": 1000,
    "train.logging_steps": 1,
    "train.seed": 1337,
    "quant.method": None,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "data.max_length": None,
    "data.packing": False,
    "run.num_processes": 1,
    "run.num_machines": 1,
}


def _recognise(root: Node, document: Document) -> str:
    return "" if document.format == "toml" else signs.all_of(root, "checkpoint_dir", "lora_r")


def _settle(draft: Draft) -> None:
    draft.unknown("lora.target_modules", "LitGPT's own models have other modules")
    _settle_precision(draft)
    _settle_quantisation(draft)
    _settle_accumulation(draft)
    name = draft.written("optimizer")
    if name is None or name.value == "AdamW":
        draft.put("train.optim", "adamw_torch", name)
        draft.put("train.weight_decay", 0.01, None)
        draft.put("train.learning_rate", 1e-3, None)


def _settle_precision(draft: Draft) -> None:
    """Split ``bf16-true`` (weights of that type) from ``bf16-mixed`` (computing only)."""
    precision = draft.written("precision")
    if precision is None or not isinstance(precision.value, str):
        return
    for kind, switch in (("bf16-mixed", "train.bf16"), ("16-mixed", "train.fp16")):
        draft.put(switch, precision.value == kind, precision)
    draft.put("model.dtype", _DTYPES.get(precision.value, UNKNOWN), precision)


def _settle_quantisation(draft: Draft) -> None:
    """Quantise by bitsandbytes for ``quantize``. Source: ``litgpt.finetune.lora.setup``."""
    quantize = draft.written("quantize")
    if quantize is None or quantize.value is None:
        return
    kind, double = _QUANTISERS.get(str(quantize.value), (UNKNOWN, UNKNOWN))
    known = kind is not UNKNOWN or quantize.value == "bnb.int8-training"
    draft.put("quant.method", "bitsandbytes" if known else UNKNOWN, quantize)
    draft.put("quant.load_in_4bit", kind is not UNKNOWN if known else UNKNOWN, quantize)
    draft.put("quant.load_in_8bit", kind is UNKNOWN if known else UNKNOWN, quantize)
    draft.put("quant.bnb_4bit_quant_type", kind, quantize)
    draft.put("quant.bnb_4bit_use_double_quant", double, quantize)
    draft.put("quant.bnb_4bit_compute_dtype", draft.get("model.dtype"), None)


def _settle_accumulation(draft: Draft) -> None:
    """Accumulate until the global batch is full on every device."""
    total = draft.get("train.total_batch_size")
    others = ("train.per_device_train_batch_size", "run.num_processes", "run.num_machines")
    share = 1
    for number in (draft.get(field) for field in others):
        share *= number if isinstance(number, int) and number > 0 else 0
    if not isinstance(total, int) or not share:
        draft.unknown("train.gradient_accumulation_steps", "it follows from the global batch")
        return
    source = draft.values.get("train.total_batch_size")
    draft.put("train.gradient_accumulation_steps", total // share, source)


FRAMEWORKS: Final = (
    Framework(
        name="litgpt",
        title="LitGPT",
        rank=70,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml12,
        defaults=_DEFAULTS,
        finish=_settle,
        on_unknown="raises",
        schema=(("litgpt", ("Setup",)),),
        extra=frozenset({"config", "print_config"}),
        package="litgpt",
    ),
)
