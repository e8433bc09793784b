"""XTuner (``xtuner train config.py``): a Python file whose assignments are one mmengine config.

``dict(type=LoraConfig, r=64)`` is a call that is made later. With ``framework = "huggingface"`` it
hands ``training_args`` to transformers' trainer. Read in XTuner 0.2: ``xtuner.model.sft``,
``xtuner.tools.train`` and the files of ``xtuner/configs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks.draft import Draft
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.readings import put_default, quantise
from lora_advisor.recipe import UNKNOWN, Lora, Quant, Train
from lora_advisor.record import replace
from lora_advisor.source.scalars import SETTINGS, python_value
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Document

_METHODS: Final = {
    "SupervisedFinetune": "sft",
    "LLaVAModel": "sft",
    "DPO": "dpo",
    "ORPO": "orpo",
    "RewardModel": "reward",
}
_NOT_ARGUMENTS: Final = frozenset({"enabled", "loraplus_lr_ratio", "loraplus_lr_embedding"})
_BITS: Final = "model.llm.quantization_config"
_KEYS: Final[dict[str, str | Key]] = {
    **{
        f"model.{section}.{name}": f"lora.{name}"
        for name in Lora.__annotations__
        if name not in _NOT_ARGUMENTS
        for section in ("lora", "llm_lora")
    },
    **{f"{_BITS}.{name}": f"quant.{name}" for name in Quant.__annotations__},
    "model.llm.pretrained_model_name_or_path": "model.name_or_path",
    "model.llm.torch_dtype": "model.dtype",
    "model.llm.trust_remote_code": "model.trust_remote_code",
    "model.llm.attn_implementation": "model.attn_implementation",
    "model.type": Key(field="train.method", read=lambda value: _METHODS.get(str(value), UNKNOWN)),
    "model.use_activation_checkpointing": "train.gradient_checkpointing",
    "optim_wrapper.optimizer.lr": "train.learning_rate",
    "optim_wrapper.optimizer.weight_decay": "train.weight_decay",
    "optim_wrapper.accumulative_counts": "train.gradient_accumulation_steps",
    "optim_wrapper.clip_grad.max_norm": "train.max_grad_norm",
    "train_dataloader.batch_size": "train.per_device_train_batch_size",
    "train_cfg.max_epochs": "train.num_train_epochs",
    "train_cfg.max_iters": "train.max_steps",
    "max_length": "data.max_length",
    "pack_to_max_length": "data.packing",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": False,
    "lora.target_modules": UNKNOWN,  # every linear layer but the head, found when it runs
    "train.enabled": True,
    "train.gradient_checkpointing": True,
    "train.gradient_accumulation_steps": 1,
}
_BNB: Final[dict[str, object]] = {
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "quant.bnb_4bit_quant_type": "fp4",
    "quant.bnb_4bit_use_double_quant": False,
    "quant.bnb_4bit_compute_dtype": None,
    "quant.bnb_4bit_quant_storage": None,
    "quant.llm_int8_threshold": 6.0,
}


def read(document: Document) -> Recipe | None:
    """Read the recipe of a config file, None if a program is none."""
    root = document.root
    settings = root.get(SETTINGS) if isinstance(root, Mapping) else None
    if not isinstance(settings, Mapping):
        return None
    if "training_args" in settings:
        evidence = "assigns framework, model and training_args"
        return Draft(_OVER_TRANSFORMERS, document, settings, evidence).recipe()
    evidence = "assigns model, optim_wrapper and train_dataloader"
    return Draft(FRAMEWORKS[0], document, settings, evidence).recipe()


def _settle(draft: Draft) -> None:
    """Train an adapter where the model has one of that class; quantise where it says how."""
    section = draft.written("model.lora") or draft.written("model.llm_lora")
    if section is not None and section.value is not None:
        kind = draft.written("model.lora.type") or draft.written("model.llm_lora.type")
        known = kind is not None and str(kind.value).rpartition(".")[2] == "LoraConfig"
        draft.put("lora.enabled", True if known else UNKNOWN, section)
    bits = draft.written(_BITS)
    if bits is not None and bits.value is not None:
        for field, value in _BNB.items():
            put_default(draft, field, value)
    elif bits is not None or draft.written("model.llm") is not None:
        put_default(draft, "quant.load_in_4bit", False)
        put_default(draft, "quant.load_in_8bit", False)
    quantise(draft, draft.get("quant.load_in_4bit"), draft.get("quant.load_in_8bit"))


def _settle_over_transformers(draft: Draft) -> None:
    kind = draft.written("lora.type")
    if kind is not None:
        draft.put("lora.enabled", str(kind.value) == "LoraConfig" or UNKNOWN, kind)


FRAMEWORKS: Final = (
    Framework(
        name="xtuner",
        title="XTuner",
        rank=260,
        recognise=lambda _root, _document: "",
        keys=_KEYS,
        scalars=python_value,
        defaults=_DEFAULTS,
        knows=frozenset({"lora"}),
        finish=_settle,
        package="xtuner",
    ),
)
_OVER_TRANSFORMERS: Final = replace(
    FRAMEWORKS[0],
    keys={
        **{
            f"lora.{name}": f"lora.{name}"
            for name in Lora.__annotations__
            if name not in _NOT_ARGUMENTS
        },
        **{f"training_args.{name}": f"train.{name}" for name in Train.__annotations__},
        **{f"model.quantization_config.{name}": f"quant.{name}" for name in Quant.__annotations__},
        "model.pretrained_model_name_or_path": "model.name_or_path",
        "model.torch_dtype": "model.dtype",
        "model.trust_remote_code": "model.trust_remote_code",
        "max_length": "data.max_length",
        "pack_to_max_length": "data.packing",
    },
    defaults={"lora.enabled": UNKNOWN, "lora.target_modules": UNKNOWN, "train.enabled": True},
    finish=_settle_over_transformers,
)
"""The same program with ``framework = "huggingface"``."""
