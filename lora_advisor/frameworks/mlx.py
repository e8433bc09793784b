"""MLX LM (``mlx_lm.lora --config lora_config.yaml``): one flat YAML mapping, or the same as flags.

PyYAML with a float resolver of its own reads it; a key nobody asks for stays unused. The update
is multiplied by ``scale`` itself: there is no alpha. Read in mlx-lm 0.32: ``mlx_lm.lora`` and
``mlx_lm.tuner``. The ``adapter_config.json`` that a run saves holds the same keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.frameworks import signs
from lora_advisor.frameworks.interface import Framework, Key, inverted
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source.scalars import yaml12
from lora_advisor.source.tree import Mapping

if TYPE_CHECKING:
    from lora_advisor.frameworks.draft import Draft
    from lora_advisor.source.tree import Document, Node

_PREFERENCE_KEYS: Final = ("train_mode", "train_type", "load_in_4bits")
"""Keys of mlx-lm-lora, another program with the same file."""
_SCHEDULES: Final = {
    "cosine_decay": "cosine",
    "linear_schedule": "linear",
    "exponential_decay": "exponential",
    "step_decay": "step",
}
_IN_LAYER: Final = "mlx-lm names modules by their path inside a layer of its own model classes"


def _trains_lora(value: object) -> object:
    return {"lora": True, "dora": True, "full": False}.get(str(value), UNKNOWN)


def _trains(value: object) -> object:
    """Read ``train``; the flag of the same name may still switch a training on."""
    return True if value is True else UNKNOWN


KEYS: Final[dict[str, str | Key]] = {
    "fine_tune_type": Key(field="lora.enabled", read=_trains_lora, why="mlx-lm has no such type"),
    "lora_parameters.rank": "lora.r",
    "lora_parameters.scale": "lora.lora_alpha",
    "lora_parameters.dropout": "lora.lora_dropout",
    "use_dora": "lora.use_dora",
    "train": Key(field="train.enabled", read=_trains, why="the flag --train may stand beside it"),
    "learning_rate": "train.learning_rate",
    "batch_size": "train.per_device_train_batch_size",
    "grad_accumulation_steps": "train.gradient_accumulation_steps",
    "iters": "train.max_steps",
    "lr_schedule.warmup": "train.warmup_steps",
    "optimizer": "train.optim",
    "grad_checkpoint": "train.gradient_checkpointing",
    "steps_per_eval": "train.eval_steps",
    "save_every": "train.save_steps",
    "steps_per_report": "train.logging_steps",
    "seed": "train.seed",
    "model": "model.name_or_path",
    "trust_remote_code": "model.trust_remote_code",
    "max_seq_length": "data.max_length",
    "mask_prompt": Key(field="data.train_on_inputs", read=inverted),
    "adapter_path": "run.output_dir",
}
_DEFAULTS: Final[dict[str, object]] = {
    "lora.enabled": True,
    "lora.peft_type": "LORA",
    "lora.use_dora": False,
    "lora.use_rslora": False,
    "lora.bias": "none",
    "train.method": "sft",
    "train.learning_rate": 1e-5,
    "train.per_device_train_batch_size": 4,
    "train.gradient_accumulation_steps": 1,
    "train.max_steps": 1000,
    "train.warmup_steps": 0,
    "train.warmup_ratio": None,
    "train.lr_scheduler_type": "constant",
    "train.optim": "adam",
    "train.gradient_checkpointing": False,
    "train.eval_steps": 200,
    "train.save_steps": 100,
    "train.logging_steps": 10,
    "train.seed": 0,
    "quant.load_in_4bit": False,
    "quant.load_in_8bit": False,
    "model.trust_remote_code": False,
    "data.max_length": 2048,
    "data.train_on_inputs": True,
    "data.packing": False,
}


def _sign(root: Node, document: Document) -> str:
    if document.format == "toml":
        return ""
    if isinstance(signs.node(root, "lora_parameters"), Mapping):
        return "lora_parameters"
    layers = signs.one_of(root, "num_layers", "lora_layers")
    return f"iters and {layers}" if layers and signs.one_of(root, "iters") else ""


def _recognise(root: Node, document: Document) -> str:
    return "" if signs.one_of(root, *_PREFERENCE_KEYS) else _sign(root, document)


def _recognise_other(root: Node, document: Document) -> str:
    own = signs.one_of(root, *_PREFERENCE_KEYS)
    return f"{own} and {_sign(root, document)}" if own and _sign(root, document) else ""


def _settle(draft: Draft) -> None:
    _settle_adapter(draft)
    _settle_scale(draft)
    _settle_rate(draft)
    _settle_steps(draft)
    draft.unknown("lora.target_modules", _IN_LAYER)
    if draft.document.format == "json":  # what a run has saved, no training to come
        draft.put("train.enabled", False, None)


def _settle_adapter(draft: Draft) -> None:
    """Train DoRA for ``fine_tune_type: dora``; the whole adapter has the defaults or none."""
    kind = draft.written("fine_tune_type")
    if kind is not None and kind.value in ("lora", "dora"):
        draft.put("lora.use_dora", kind.value == "dora", kind)
    if draft.written("lora_parameters") is None:
        draft.put("lora.r", 8, None)
        draft.put("lora.lora_dropout", 0.0, None)


def _settle_scale(draft: Draft) -> None:
    """Give the alpha that PEFT would need for the same strength: ``scale`` times the rank.

    Releases before 0.15 multiplied by ``alpha / rank``, too: with both written the release decides.
    """
    scale, rank = draft.written("lora_parameters.scale"), draft.get("lora.r")
    if draft.written("lora_parameters") is None:
        draft.put("lora.lora_alpha", 160.0, None)
        return
    known = scale is not None and isinstance(scale.value, (int, float)) and isinstance(rank, int)
    if not known or draft.written("lora_parameters.alpha") is not None:
        draft.unknown("lora.lora_alpha", "it follows from the scale and the rank")
    elif scale is not None and isinstance(scale.value, (int, float)) and isinstance(rank, int):
        draft.put("lora.lora_alpha", scale.value * rank, scale)


def _settle_rate(draft: Draft) -> None:
    """Let ``lr_schedule`` go before ``learning_rate``. Source: ``mlx_lm.tuner.utils``."""
    schedule = draft.written("lr_schedule")
    if schedule is None or not schedule.value:
        return
    block = schedule.value if isinstance(schedule.value, dict) else {}
    arguments = block.get("arguments")
    first = arguments[0] if isinstance(arguments, list) and arguments else UNKNOWN
    draft.put("train.learning_rate", first, draft.written("lr_schedule.arguments") or schedule)
    name = _SCHEDULES.get(str(block.get("name")), UNKNOWN)
    draft.put("train.lr_scheduler_type", name, draft.written("lr_schedule.name") or schedule)


def _settle_steps(draft: Draft) -> None:
    """Count optimizer steps: ``iters`` counts batches, of which each step takes several."""
    iters, several = draft.get("train.max_steps"), draft.get("train.gradient_accumulation_steps")
    if several == 1:
        return
    known = isinstance(iters, int) and isinstance(several, int) and several > 0
    steps = iters // several if known and isinstance(iters, int) and isinstance(several, int) else 0
    draft.put("train.max_steps", steps if known else UNKNOWN, draft.values.get("train.max_steps"))


FRAMEWORKS: Final = (
    Framework(
        name="mlx-lm-lora",
        title="mlx-lm-lora",
        rank=109,
        recognise=_recognise_other,
        keys={},
        scalars=yaml12,
    ),
    Framework(
        name="mlx-lm",
        title="MLX LM",
        rank=120,
        recognise=_recognise,
        keys=KEYS,
        scalars=yaml12,
        defaults=_DEFAULTS,
        finish=_settle,
        on_unknown="drops",
        schema=(("mlx-lm", ("TrainingConfig",)),),
        extra=frozenset({"c", "help", "alpha"}),  # flags; a key with a rule of its own
        package="mlx-lm",
    ),
)
