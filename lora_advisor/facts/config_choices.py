"""Facts of values outside the fixed choices that a framework's parser or trainer takes.

Source: ``swift.arguments`` of ms-swift 3.0, 3.8 and 4.6, ``mlx_lm.lora`` and
``mlx.optimizers.schedulers`` of mlx-lm 0.32, ``mlx_vlm.train`` of mlx-vlm 0.7.10. A
choice that any of these releases takes is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts import _project
from lora_advisor.facts._written import value_at
from lora_advisor.frameworks.known import nearest
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe

_TUNERS: Final = (
    *("lora", "full", "longlora", "adalora", "llamapro", "adapter", "vera", "boft", "fourierft"),
    *("reft", "bone", "ia3", "lora_llm", "dummy"),
)
_DTYPES: Final = ("bfloat16", "float16", "float32")
_CHOICES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "ms-swift": {
        "tuner_type": _TUNERS,
        "train_type": _TUNERS,
        "rlhf_type": ("dpo", "orpo", "simpo", "kto", "cpo", "rm", "ppo", "grpo", "gkd"),
        "quant_method": ("bnb", "hqq", "eetq", "quanto", "fp8"),
        "quant_bits": ("4", "8", "1", "2", "3", "float8"),
        "torch_dtype": _DTYPES,
        "lora_dtype": _DTYPES,
        "lora_bias": ("none", "all"),
        "bnb_4bit_compute_dtype": _DTYPES,
        "deepspeed": ("zero0", "zero1", "zero2", "zero3", "zero2_offload", "zero3_offload"),
    },
    "mlx-vlm": {
        "train_type": ("lora", "dora", "full"),
        "algorithm": ("sft", "orpo", "dpo", "grpo"),
        "train_mode": ("sft", "orpo", "dpo", "grpo"),
        "optimizer": ("adam", "adamw", "sgd", "muon"),
        "quantization_bits": ("4", "8"),
        "quantization_group_size": ("64", "32", "128"),
    },
    "mlx-lm": {
        "fine_tune_type": ("lora", "dora", "full"),
        "optimizer": ("adam", "adamw", "muon", "sgd", "adafactor"),
        "lr_schedule.name": (
            *("cosine_decay", "exponential_decay", "step_decay"),
            *("linear_schedule", "join_schedules"),
        ),
    },
}
_MEANT: Final = {
    "qlora": "lora",
    "bf16": "bfloat16",
    "fp16": "float16",
    "half": "float16",
    "fp32": "float32",
    "float": "float32",
    "reward": "rm",
    "ipo": "dpo",
    "bitsandbytes": "bnb",
    "lora_only": "none",
    "adamw_torch": "adamw",
    "adamw_8bit": "adamw",
    "paged_adamw_8bit": "adamw",
    "cosine": "cosine_decay",
    "linear": "linear_schedule",
}
"""What other libraries' words for a value are called here."""
_ADDING: Final = ("sft_type", "model_id_or_path", "external_plugins", "custom_register_path")
"""Keys of ms-swift 2, whose choices were others, and of code that adds some."""
_OF_SWIFT_3: Final = ("model", "tuner_type", "train_type")
"""Keys of which a command for ms-swift 3 or 4 has one."""
_ANY_CASE: Final = frozenset({"optimizer"})
"""Keys whose value is lowered first, in a file."""
_OPEN: Final = {"deepspeed": pattern(r"(?!(default[-_])?zero[-_]?\d\w*$).*")}
"""Values that name something else than a choice: a file, or JSON."""


@record
class RefusedChoice(Item):
    """A value that is none of the ``choices``; ``meant`` is the one to write, if one is near."""

    choices: str
    meant: str


def refused_choices(recipe: Recipe) -> tuple[RefusedChoice, ...]:
    """Values outside the fixed choices of their key."""
    return tuple(_refused_choices(recipe)) if _has_fixed_choices(recipe) else ()


def _has_fixed_choices(recipe: Recipe) -> bool:
    written = recipe.first_keys.keys()
    recent = not written.isdisjoint(_OF_SWIFT_3) and written.isdisjoint(_ADDING)
    return recipe.framework != "ms-swift" or recent


def _refused_choices(recipe: Recipe) -> Iterator[RefusedChoice]:
    for path, choices in _CHOICES.get(recipe.framework, {}).items():
        key, value = recipe.first_keys.get(path), _text(recipe, path)
        if key is None or not value or _is_taken(recipe, path, value, choices):
            continue
        yield RefusedChoice(
            path=path,
            at=key.value_at or key.key_at,
            value=value,
            choices=", ".join(f"`{choice}`" for choice in choices[:9]),
            meant=_meant(value, choices),
        )


def _text(recipe: Recipe, path: str) -> str:
    """Return a written word or number, empty where it is none or known only later."""
    try:
        value = value_at(recipe, path)
    except UnknownValueError:
        return ""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _is_taken(recipe: Recipe, path: str, value: str, choices: tuple[str, ...]) -> bool:
    """Whether a value is one of the choices, or one that only the machine can judge."""
    lowers = path in _ANY_CASE and recipe.document.format != "shell"
    opened = path in _OPEN and _OPEN[path].fullmatch(value) is not None
    known = opened or (value.lower() if lowers else value) in choices
    return known or _project.takes(recipe.document, path, value)


def _meant(value: str, choices: tuple[str, ...]) -> str:
    meant = _MEANT.get(value.lower(), value.lower())
    return meant if meant in choices else nearest(meant, frozenset(choices))
