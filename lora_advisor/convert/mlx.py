"""mlx-lm's YAML. Source: ``mlx_lm.lora`` and ``mlx_lm.tuner`` of 0.32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.convert.writer import (
    DATASET,
    ConvertError,
    Entry,
    Writer,
    left_out,
    renamed,
    spelled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, object]

_SCHEDULES: Final = {"cosine": "cosine_decay", "linear": "linear_schedule"}


def _switch(value: object, values: Values) -> Values:
    if value is False:
        return {"train": True, "fine_tune_type": "full", "num_layers": -1}
    kind = "dora" if values.get("lora.use_dora") else "lora"
    return {"train": True, "fine_tune_type": kind, "num_layers": -1}


def _number(values: Values, field: str, otherwise: float) -> float:
    value = values.get(field)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if usable else otherwise  # type: ignore[return-value]


def _scale(values: Values) -> float:
    rank, alpha = _number(values, "lora.r", 8), _number(values, "lora.lora_alpha", 8)
    if rank <= 0:
        raise ConvertError(f"mlx-lm's scale is alpha divided by the rank, which is {rank:g}")
    return alpha / (rank**0.5 if values.get("lora.use_rslora") else rank)


def _iterations(values: Values) -> int | None:
    """Return the batches of the run: optimizer steps times accumulation, None where unknown."""
    steps = _number(values, "train.max_steps", -1)
    if steps <= 0:
        return None
    return int(steps * _number(values, "train.gradient_accumulation_steps", 1))


def _steps(_value: object, values: Values) -> Values:
    iterations = _iterations(values)
    return {"iters": iterations} if iterations else {}


def _schedule(value: object, values: Values) -> Values:
    """Write the schedule with its peak and its length, which it needs to know."""
    iterations, peak = _iterations(values), values.get("train.learning_rate")
    name = _SCHEDULES.get(str(value))
    if name is None or iterations is None or peak is None:
        return {}
    arguments = [peak, iterations, 0.0] if value == "cosine" else [peak, 0.0, iterations]
    warmup = _number(values, "train.warmup_steps", 0) or (
        _number(values, "train.warmup_ratio", 0) * iterations
    )
    counted = warmup if warmup >= 1 or warmup == 0 else warmup * iterations
    return {
        "lr_schedule.name": name,
        "lr_schedule.warmup": int(counted),
        "lr_schedule.arguments": arguments,
    }


_SPECIAL: Final[Mapping[str, Callable[[object, Values], Values]]] = {
    "lora.enabled": _switch,
    "lora.r": renamed("lora_parameters.rank"),
    "lora.lora_alpha": lambda _value, values: {"lora_parameters.scale": _scale(values)},
    "lora.use_dora": left_out,
    "lora.use_rslora": left_out,
    "lora.target_modules": left_out,
    "train.enabled": left_out,
    "train.max_steps": _steps,
    "train.warmup_steps": left_out,
    "train.lr_scheduler_type": _schedule,
    "train.optim": lambda value, _values: {"optimizer": "adamw"} if "adamw" in str(value) else {},
    "train.seed": renamed("seed"),
    "data.train_on_inputs": lambda value, _values: {"mask_prompt": not value},
    DATASET: renamed("data"),
}


def _entries(values: Values) -> list[Entry]:
    found = spelled(values, "mlx-lm", _SPECIAL)
    written = {entry.path for entry in found}
    for path, value in (
        ("lora_parameters.rank", 8),
        ("lora_parameters.scale", _scale(values)),
        ("lora_parameters.dropout", 0.0),
    ):
        if path not in written:
            found.append(Entry(path=path, value=value, group="lora"))
    return found


def _remarks(values: Values) -> list[str]:
    told = [f"scale {_scale(values):g} multiplies the adapter: it is alpha over the rank"]
    if _iterations(values) is None:
        told.append("iters counts batches: examples x epochs / batch_size")
    return told


WRITER: Final = Writer(
    name="mlx-lm",
    title="MLX LM",
    template="mlx_lm.yaml.j2",
    methods=("sft",),
    entries=_entries,
    remarks=_remarks,
)
