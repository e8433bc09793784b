"""torchtune (``tune run RECIPE --config config.yaml``): YAML whose sections name their component.

OmegaConf reads it; what a recipe does not ask for stays unused, what a component does not take is
refused. Its modules have names of their own (``output_proj``, ``w1``). Read in torchtune 0.6.1:
``recipes/lora_*.py``, ``torchtune.modules.peft`` and ``torchtune.models.convert_weights``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.torchtune_settle import settle
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document, Node


def _dtype(value: object) -> object:
    """Name the precision the weights are loaded and trained in; null is float32."""
    known = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "fp64": "float64"}
    return "float32" if value is None else known.get(str(value), UNKNOWN)


KEYS: Final[dict[str, str | Key]] = {
    "model._component_": Key(field="lora.enabled", read=lambda _value: UNKNOWN),
    "model.lora_rank": "lora.r",
    "model.lora_alpha": "lora.lora_alpha",
    "model.lora_dropout": "lora.lora_dropout",
    "model.lora_attn_modules": Key(field="lora.target_modules", read=lambda _value: UNKNOWN),
    "model.use_dora": "lora.use_dora",
    "optimizer.lr": "train.learning_rate",
    "optimizer.weight_decay": "train.weight_decay",
    "optimizer._component_": Key(field="train.optim", read=lambda _value: UNKNOWN),
    "lr_scheduler._component_": Key(field="train.lr_scheduler_type", read=lambda _value: UNKNOWN),
    "lr_scheduler.num_warmup_steps": "train.warmup_steps",
    "batch_size": "train.per_device_train_batch_size",
    "batch_size_val": "train.per_device_eval_batch_size",
    "gradient_accumulation_steps": "train.gradient_accumulation_steps",
    "epochs": "train.num_train_epochs",
    "max_steps_per_epoch": Key(field="train.max_steps", read=lambda _value: UNKNOWN),
    "clip_grad_norm": "train.max_grad_norm",
    "enable_activation_checkpointing": "train.gradient_checkpointing",
    "log_every_n_steps": "train.logging_steps",
    "seed": "train.seed",
    "compile": "train.torch_compile",
    "resume_from_checkpoint": "train.resume_from_checkpoint",
    "loss.beta": "train.beta",
    "dtype": Key(field="model.dtype", read=_dtype),
    "checkpointer.checkpoint_dir": "model.name_or_path",
    "model.quantize_base": Key(field="quant.method", read=lambda _value: UNKNOWN),
    "tokenizer.max_seq_len": "data.max_length",
    "dataset.packed": "data.packing",
    "dataset.train_on_input": "data.train_on_inputs",
    "output_dir": "run.output_dir",
}
DEFAULTS: Final[dict[str, object]] = {
    "lora.peft_type": "LORA",
    "lora.bias": "none",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "train.enabled": True,
    "train.max_grad_norm": None,
    "train.warmup_ratio": None,
    "train.fp16": False,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "data.max_length": None,
}


_PARTS: Final = ("model", "models", "tokenizer", "optimizer", "checkpointer", "dataset")


def _recognise(root: Node, document: Document) -> str:
    if not signs.one_of(root, *_PARTS):
        return ""
    for section, path in signs.child_text(root, "_component_"):
        if path.startswith("torchtune.") and document.format != "toml":
            return f"{section}._component_: {path}"
    return ""


FRAMEWORKS: Final = (
    Framework(
        name="torchtune",
        title="torchtune",
        rank=10,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml12,
        defaults=DEFAULTS,
        finish=settle,
        on_unknown="drops",
        schema=(("torchtune", ("Recipe",)),),
        extra=frozenset({"profiler", "generation_kwargs", "chat_template", "instruct_template"}),
        package="torchtune",
    ),
)
