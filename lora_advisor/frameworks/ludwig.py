"""Ludwig (``ludwig train --config config.yaml``): features, an adapter and a trainer.

PyYAML reads it and a pydantic schema warns of the keys it does not know and drops them. Read in
Ludwig 0.17: ``ludwig.schema.llms.peft``, ``.quantization`` and ``ludwig.schema.trainer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import put_default, quantise, unless_auto
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_METHODS: Final = {"finetune": "sft", "dpo": "dpo", "kto": "kto", "orpo": "orpo", "grpo": "grpo"}
_BETAS: Final = {"dpo": 0.1, "kto": 0.1, "orpo": 0.1, "grpo": 0.04}


def _initialisation(value: object) -> object:
    """Read ``default`` as PEFT's own initialisation."""
    return True if value == "default" else value


def _method(value: object) -> object:
    return _METHODS.get(value, UNKNOWN) if isinstance(value, str) else value


_KEYS: Final[dict[str, str | Key]] = {
    "base_model": "model.name_or_path",
    "trust_remote_code": "model.trust_remote_code",
    "adapter.type": Key(field="lora.enabled", read=lambda value: value == "lora"),
    "adapter.r": "lora.r",
    "adapter.alpha": "lora.lora_alpha",
    "adapter.dropout": "lora.lora_dropout",
    "adapter.bias_type": "lora.bias",
    "adapter.target_modules": "lora.target_modules",
    "adapter.use_rslora": "lora.use_rslora",
    "adapter.use_dora": "lora.use_dora",
    "adapter.loraplus_lr_ratio": "lora.loraplus_lr_ratio",
    "adapter.init_lora_weights": Key(field="lora.init_lora_weights", read=_initialisation),
    "adapter.eva_config": "lora.eva_config",
    "adapter.loftq_config": "lora.loftq_config",
    "adapter.rank_pattern": "lora.rank_pattern",
    "adapter.alpha_pattern": "lora.alpha_pattern",
    "adapter.layer_replication": "lora.layer_replication",
    "adapter.pretrained_adapter_weights": "model.adapter",
    "quantization.bits": "quant.bits",
    "quantization.bnb_4bit_compute_dtype": "quant.bnb_4bit_compute_dtype",
    "quantization.bnb_4bit_quant_type": "quant.bnb_4bit_quant_type",
    "quantization.bnb_4bit_use_double_quant": "quant.bnb_4bit_use_double_quant",
    "quantization.llm_int8_threshold": "quant.llm_int8_threshold",
    "trainer.type": Key(field="train.method", read=_method),
    "trainer.learning_rate": Key(
        field="train.learning_rate", read=unless_auto, why="Ludwig chooses it for the model"
    ),
    "trainer.batch_size": Key(
        field="train.per_device_train_batch_size", read=unless_auto, why="the run tries sizes out"
    ),
    "trainer.eval_batch_size": Key(field="train.per_device_eval_batch_size", read=unless_auto),
    "trainer.gradient_accumulation_steps": Key(
        field="train.gradient_accumulation_steps", read=unless_auto
    ),
    "trainer.effective_batch_size": Key(field="train.total_batch_size", read=unless_auto),
    "trainer.epochs": "train.num_train_epochs",
    "trainer.train_steps": "train.max_steps",
    "trainer.learning_rate_scheduler.warmup_fraction": "train.warmup_ratio",
    "trainer.optimizer.weight_decay": "train.weight_decay",
    "trainer.enable_gradient_checkpointing": "train.gradient_checkpointing",
    "trainer.compile": "train.torch_compile",
    "trainer.dpo_beta": "train.beta",
    "trainer.kto_beta": "train.beta",
    "trainer.orpo_beta": "train.beta",
    "trainer.grpo_beta": "train.beta",
    "trainer.dpo_loss_type": "train.loss_type",
    "trainer.grpo_num_generations": "train.num_generations",
    "preprocessing.global_max_sequence_length": "data.max_length",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.lora_dropout": 0.05,
    "lora.task_type": UNKNOWN,
    "train.enabled": True,
    "train.learning_rate": 0.001,
    "train.per_device_train_batch_size": 1,
    "train.per_device_eval_batch_size": 2,
    "train.num_train_epochs": 100,
    "train.gradient_checkpointing": False,
    "quant.bnb_4bit_compute_dtype": "float16",
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
    "quant.llm_int8_threshold": 6.0,
    "quant.bnb_4bit_quant_storage": None,
    "model.trust_remote_code": False,
}
"""Defaults of ``LoraConfig``, ``FineTuneTrainerConfig`` and ``QuantizationConfig``."""


def _recognise(root: Node, _document: Document) -> str:
    if signs.text(root, "model_type") == "llm" and signs.text(root, "base_model"):
        return "model_type: llm and base_model"
    return signs.all_of(root, "input_features", "output_features")


def _settle(draft: Draft) -> None:
    _settle_adapter(draft)
    _settle_quantisation(draft)
    if draft.written("trainer.type") is None:  # then Ludwig only generates
        draft.put("train.enabled", False, None)
    method = draft.get("train.method")
    if method in _BETAS:
        put_default(draft, "train.beta", _BETAS[str(method)])


def _settle_adapter(draft: Draft) -> None:
    """Read ``adapter: lora``, and take twice the rank for an alpha that is not given."""
    adapter = draft.written("adapter")
    if adapter is not None and isinstance(adapter.value, str):
        draft.put("lora.enabled", adapter.value == "lora", adapter)
    kind = draft.written("adapter.type") or adapter
    if kind is not None and isinstance(kind.value, str) and kind.value != "lora":
        draft.put("lora.peft_type", kind.value.upper(), kind)
    alpha, rank = draft.values.get("lora.lora_alpha"), draft.get("lora.r")
    if alpha is None or alpha.value is None:
        draft.put("lora.lora_alpha", rank * 2 if isinstance(rank, int) else UNKNOWN, None)


def _settle_quantisation(draft: Draft) -> None:
    """Quantise by bitsandbytes where a section says so, in 4 bits unless told."""
    section = draft.written("quantization")
    backend = draft.written("quantization.backend")
    if backend is not None and backend.value != "bitsandbytes":
        draft.put("quant.method", backend.value, backend)
        draft.put("quant.load_in_4bit", False, None)
        draft.put("quant.load_in_8bit", False, None)
        return
    on = section is not None and section.value is not None
    bits = draft.get("quant.bits") if "quant.bits" in draft.values else (4 if on else None)
    for width in (4, 8):
        known = bits is not UNKNOWN
        draft.put(f"quant.load_in_{width}bit", bits == width if known else UNKNOWN, section)
    quantise(draft, draft.get("quant.load_in_4bit"), draft.get("quant.load_in_8bit"))


FRAMEWORKS: Final = (
    Framework(
        name="ludwig",
        title="Ludwig",
        rank=60,
        recognise=_recognise,
        keys=_KEYS,
        scalars=yaml11,
        casts=True,
        defaults=_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="ludwig",
    ),
)
