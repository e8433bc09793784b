"""H2O LLM Studio (``python train.py -Y cfg.yaml``): sections of one experiment.

PyYAML reads it into dataclasses. Read in H2O LLM Studio of 2025:
``python_configs.text_causal_language_modeling_config`` and ``src.utils.modeling_utils``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key, comma_list
from lora_advisor.frameworks.readings import quantise
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node


def _targets(value: object) -> object:
    """Split comma text; empty is every linear layer whose name lacks ``head``."""
    return comma_list(value) or UNKNOWN if isinstance(value, str) else value


def _plain_dtype(value: object) -> object:
    """Read ``backbone_dtype``: quantised weights are computed with in float16."""
    return "float16" if value in ("int4", "int8") else value


_KEYS: Final[dict[str, str | Key]] = {
    "llm_backbone": "model.name_or_path",
    "architecture.backbone_dtype": Key(field="model.dtype", read=_plain_dtype),
    "architecture.gradient_checkpointing": "train.gradient_checkpointing",
    "environment.trust_remote_code": "model.trust_remote_code",
    "training.lora": "lora.enabled",
    "training.lora_r": "lora.r",
    "training.lora_alpha": "lora.lora_alpha",
    "training.lora_dropout": "lora.lora_dropout",
    "training.use_dora": "lora.use_dora",
    "training.use_rslora": "lora.use_rslora",
    "training.lora_target_modules": Key(
        field="lora.target_modules", read=_targets, why="every linear layer but the head"
    ),
    "training.learning_rate": "train.learning_rate",
    "training.weight_decay": "train.weight_decay",
    "training.batch_size": "train.per_device_train_batch_size",
    "training.grad_accumulation": "train.gradient_accumulation_steps",
    "training.epochs": "train.num_train_epochs",
    "tokenizer.max_length": "data.max_length",
    "augmentation.neftune_noise_alpha": Key(
        field="train.neftune_noise_alpha", read=lambda value: value or None
    ),
    "output_directory": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.r": 4,
    "lora.lora_alpha": 16,
    "lora.lora_dropout": 0.05,
    "lora.target_modules": UNKNOWN,
    "lora.task_type": "CAUSAL_LM",
    "train.enabled": True,
    "train.learning_rate": 1e-4,
    "train.weight_decay": 0.0,
    "train.per_device_train_batch_size": 2,
    "train.gradient_accumulation_steps": 1,
    "train.num_train_epochs": 1,
    "train.gradient_checkpointing": True,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_compute_dtype": "float16",
    "quant.bnb_4bit_use_double_quant": False,
    "quant.bnb_4bit_quant_storage": None,
    "data.max_length": 512,
}


def _recognise(root: Node, _document: Document) -> str:
    own = signs.one_of(root, "problem_type", "prediction", "experiment_name")
    model = signs.text(root, "llm_backbone")
    training = signs.section(root, "training")
    return f"llm_backbone and {own}" if own and model and training is not None else ""


def _settle(draft: Draft) -> None:
    """Quantise for ``backbone_dtype: int4`` (the default) or ``int8``."""
    kind = draft.written("architecture.backbone_dtype")
    name = "int4" if kind is None else kind.value
    known = name is not UNKNOWN
    for width, word in ((4, "int4"), (8, "int8")):
        draft.put(f"quant.load_in_{width}bit", name == word if known else UNKNOWN, kind)
    quantise(draft, draft.get("quant.load_in_4bit"), draft.get("quant.load_in_8bit"))
    if name == "int8":
        draft.put("quant.llm_int8_threshold", 0.0, None)


FRAMEWORKS: Final = (
    Framework(
        name="h2o-llmstudio",
        title="H2O LLM Studio",
        rank=166,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml11,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
    ),
)
