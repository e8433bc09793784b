"""ms-swift (``swift sft|pt|rlhf``): flags, or the same as a flat YAML or JSON file.

A file is turned into flags again, so text becomes what the dataclasses declare; an unknown flag
is refused. Release 2 had ``sft_type``, release 3 ``train_type``, release 4 has ``tuner_type``. Read
in ms-swift 4.6: ``swift.arguments``, ``swift.trainers.arguments`` and
``swift.pipelines.train.tuner``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.ms_swift_settle import settle
from lora_advisor.frameworks.readings import dtype
from lora_advisor.recipe import UNKNOWN, Train
from lora_advisor.source.scalars import yaml11

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document, Node

_RESOLVED: Final = frozenset(
    {"all-linear", "all-embedding", "all-router", "ALL", "DEFAULT", "EMBEDDING", "AUTO"}
)
"""Words that ms-swift itself replaces by module names."""
_EXPANDS: Final = "ms-swift replaces words such as all-embedding by module names"
_INITS: Final = {"true": True, "True": True, "false": False, "False": False, "lora-ga": UNKNOWN}


def _trains_lora(value: object) -> object:
    known = {"lora": True, "full": False, "longlora": True}
    return known.get(str(value), False) if isinstance(value, str) else value


def _targets(value: object) -> object:
    """Read the list of names; ``all-linear`` alone is every linear layer but the output head."""
    names = [value] if isinstance(value, str) else value
    if names in (["all-linear"], ["ALL"]):
        return "all-linear"
    if isinstance(names, list) and _RESOLVED.isdisjoint(str(name) for name in names):
        return names
    return UNKNOWN


def _saved(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    words = {"all-embedding", "all-norm", "EMBEDDING", "LN"}
    known = isinstance(names, list) and words.isdisjoint(str(name) for name in names)
    return (names or None) if known else UNKNOWN


def _initialisation(value: object) -> object:
    return _INITS.get(value, value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _attention(value: object) -> object:
    known = {"flash_attn": "flash_attention_2", "flash_attention": "flash_attention_2"}
    return known.get(value, value) if isinstance(value, str) else value


def _method(value: object) -> object:
    return {"rm": "reward"}.get(value, value) if isinstance(value, str) else value


def _quantiser(value: object) -> object:
    return {"bnb": "bitsandbytes"}.get(value, value) if isinstance(value, str) else value


def _length(value: object) -> object:
    return None if value in (-1, "-1") else value


_NOT_ARGUMENTS: Final = frozenset(
    {"method", "enabled", "total_batch_size", "activation_checkpointing", "label_names"}
    | {"accelerator_config", "generation_batch_size", "steps_per_generation", "num_generations"}
    | {"computes_metrics", "use_vllm", "sync_ref_model", "torch_compile"}
)
_LORA: Final[dict[str, str | Key]] = {
    "tuner_type": Key(field="lora.enabled", read=_trains_lora),
    "train_type": Key(field="lora.enabled", read=_trains_lora),
    "sft_type": Key(field="lora.enabled", read=_trains_lora),
    "lora_rank": "lora.r",
    "lora_alpha": "lora.lora_alpha",
    "lora_dropout": "lora.lora_dropout",
    "lora_dropout_p": "lora.lora_dropout",
    "lora_bias": "lora.bias",
    "target_modules": Key(field="lora.target_modules", read=_targets, why=_EXPANDS),
    "lora_target_modules": Key(field="lora.target_modules", read=_targets, why=_EXPANDS),
    "target_regex": "lora.target_modules",
    "target_parameters": Key(field="lora.target_parameters", read=_listed),
    "modules_to_save": Key(field="lora.modules_to_save", read=_saved, why=_EXPANDS),
    "lora_modules_to_save": Key(field="lora.modules_to_save", read=_saved, why=_EXPANDS),
    "use_rslora": "lora.use_rslora",
    "use_dora": "lora.use_dora",
    "init_weights": Key(field="lora.init_lora_weights", read=_initialisation),
    "lorap_lr_ratio": "lora.loraplus_lr_ratio",
}
_TRAIN: Final[dict[str, str | Key]] = {
    **{name: f"train.{name}" for name in Train.__annotations__ if name not in _NOT_ARGUMENTS},
    "rlhf_type": Key(field="train.method", read=_method),
    "batch_size": "train.per_device_train_batch_size",
    "eval_batch_size": "train.per_device_eval_batch_size",
    "evaluation_strategy": "train.eval_strategy",
    "num_generations": "train.num_generations",
}
_OTHERS: Final[dict[str, str | Key]] = {
    "model": "model.name_or_path",
    "model_id_or_path": "model.name_or_path",
    "torch_dtype": Key(field="model.dtype", read=dtype),
    "dtype": Key(field="model.dtype", read=lambda v: UNKNOWN if v == "AUTO" else dtype(v)),
    "attn_impl": Key(field="model.attn_implementation", read=_attention),
    "device_map": "model.device_map",
    "num_labels": "model.num_labels",
    "adapters": Key(field="model.adapter", read=_listed),
    "quant_method": Key(field="quant.method", read=_quantiser),
    "quant_bits": "quant.bits",
    "quantization_bit": "quant.bits",
    "bnb_4bit_compute_dtype": Key(field="quant.bnb_4bit_compute_dtype", read=dtype),
    "bnb_4bit_quant_type": "quant.bnb_4bit_quant_type",
    "bnb_4bit_use_double_quant": "quant.bnb_4bit_use_double_quant",
    "bnb_4bit_quant_storage": "quant.bnb_4bit_quant_storage",
    "max_length": Key(field="data.max_length", read=_length),
    "packing": "data.packing",
    "padding_free": "data.padding_free",
    "streaming": "data.streaming",
    "split_dataset_ratio": "data.eval_split",
    "dataset_test_ratio": "data.eval_split",
    "new_special_tokens": Key(field="data.new_tokens", read=_listed),
    "template": "data.template",
    "output_dir": "run.output_dir",
    "deepspeed": "run.deepspeed",
    "fsdp": Key(field="run.fsdp", read=bool),
}
DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.lora_alpha": 32,
    "lora.lora_dropout": 0.05,
    "lora.target_modules": "all-linear",
    "lora.task_type": UNKNOWN,
    "train.enabled": True,
    "train.method": UNKNOWN,
    "train.per_device_train_batch_size": 1,
    "train.per_device_eval_batch_size": 1,
    "train.gradient_accumulation_steps": UNKNOWN,
    "train.gradient_checkpointing": True,
    "train.logging_steps": 5,
    "train.weight_decay": 0.1,
    "train.adam_beta2": 0.95,
    "train.lr_scheduler_type": "cosine",
    "train.warmup_ratio": 0.0,
    "train.report_to": ["tensorboard"],
    "train.eval_strategy": UNKNOWN,
    "train.eval_steps": UNKNOWN,
    "train.dataloader_num_workers": UNKNOWN,
    "train.fp16": UNKNOWN,
    "train.bf16": UNKNOWN,
    "train.beta": UNKNOWN,
    "train.loss_type": UNKNOWN,
    "train.num_generations": UNKNOWN,
    "train.generation_batch_size": UNKNOWN,
    "train.steps_per_generation": UNKNOWN,
    "train.use_vllm": UNKNOWN,
    "train.sync_ref_model": UNKNOWN,
    "train.metric_for_best_model": UNKNOWN,
    "train.greater_is_better": UNKNOWN,
    "train.label_names": UNKNOWN,
    "train.accelerator_config": UNKNOWN,
    "train.ddp_find_unused_parameters": UNKNOWN,
    "model.attn_implementation": None,
    "data.packing": False,
    "data.padding_free": False,
    "data.max_length": None,
    "data.streaming": False,
    "quant.method": None,
    "quant.bits": None,
    "quant.bnb_4bit_quant_type": "nf4",
    "quant.bnb_4bit_use_double_quant": True,
}
_SWITCHES: Final = ("tuner_type", "train_type", "sft_type", "rlhf_type")
_MODELS: Final = ("model", "model_type", "model_id_or_path", "mcore_model")
_MEGATRON: Final = ("micro_batch_size", "global_batch_size", "lr_warmup_fraction", "mcore_model")


def _sign(root: Node) -> str:
    kind, model = signs.one_of(root, *_SWITCHES), signs.one_of(root, *_MODELS)
    return f"{kind} and {model}" if kind and model else ""


def _recognise(root: Node, document: Document) -> str:
    own = document.format != "toml" and not signs.one_of(root, *_MEGATRON)
    return _sign(root) if own else ""


def _recognise_megatron(root: Node, _document: Document) -> str:
    own = signs.one_of(root, *_MEGATRON)
    return f"{_sign(root)} and {own}" if own and _sign(root) else ""


_GROUPS: Final = {"train.generation_batch_size": None, "train.steps_per_generation": None}
"""GRPO generates for one step where neither is given (``swift.rlhf_trainers.args_mixin``)."""
FRAMEWORKS: Final = (
    Framework(
        name="ms-swift",
        title="ms-swift",
        rank=110,
        recognise=_recognise,
        keys=_LORA | _TRAIN | _OTHERS,
        scalars=yaml11,
        casts=True,
        defaults=DEFAULTS | _GROUPS,
        knows=frozenset({"lora", "train", "quant"}),
        finish=settle,
        on_unknown="raises",
        schema=(("ms-swift", ("SftArguments", "TrainArguments", "RLHFArguments")),),
        extra=frozenset({"ENV"}),
        package="ms-swift",
    ),
    Framework(
        name="ms-swift-megatron",
        title="Megatron-SWIFT",
        rank=111,
        recognise=_recognise_megatron,
        keys={
            "lora_rank": "lora.r",
            "lora_alpha": "lora.lora_alpha",
            "lora_dropout": "lora.lora_dropout",
            "lr": "train.learning_rate",
            "micro_batch_size": "train.per_device_train_batch_size",
            "global_batch_size": "train.total_batch_size",
            "model": "model.name_or_path",
            "max_length": "data.max_length",
        },
        scalars=yaml11,
        casts=True,
        package="ms-swift",
    ),
    Framework(
        name="ms-swift-export",
        title="ms-swift export",
        rank=112,
        recognise=lambda _root, _document: "",
        keys={
            name: _OTHERS[name] for name in ("model", "model_id_or_path", "adapters", "torch_dtype")
        },
        scalars=yaml11,
        casts=True,
        defaults={"train.enabled": False},
        package="ms-swift",
    ),
)
