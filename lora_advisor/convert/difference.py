"""Whether two recipes say the same of a field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.recipe import UNKNOWN
from lora_advisor.wording import show

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

_WARMUP: Final = ("train.warmup_steps", "train.warmup_ratio")
_UNORDERED: Final = ("lora.target_modules", "lora.modules_to_save", "data.new_tokens")
_NULL_MEANS: Final = ("train.max_grad_norm",)
"""Fields for which null is a value; for others it leaves the choice to the library."""
_SAME_OPTIMIZER: Final = (
    frozenset({"adamw_bnb_8bit", "adamw_8bit"}),
    frozenset({"adamw_torch", "adamw_torch_fused", "adamw"}),
)
_NOTHING: Final[tuple[object, ...]] = (None, False, "", [], {})


def differs(field: str, recipe: Recipe, back: Recipe | None) -> bool:
    """Whether a known value of a recipe is another one, or not to be known, when read back."""
    value = recipe[field]
    if value.value is UNKNOWN or not value.fits:
        return False
    if back is None:
        return value.value not in _NOTHING
    if value.value is None and field not in _NULL_MEANS:
        return False
    if field == "train.method" and back[field].value is UNKNOWN:
        return False  # the command says it, or the file's name
    if field in _WARMUP:
        return field == _WARMUP[0] and not _equal_numbers(warmup(recipe), warmup(back))
    if _said_otherwise(field, value.value, back) or _scaled_alike(field, recipe, back):
        return False
    return not _same(field, value.value, back[field].value)


def _said_otherwise(field: str, value: object, back: Recipe) -> bool:
    """Whether another field of the target says the same: its dtype, its own quantiser."""
    if field == "train.bf16":
        return back[field].value is UNKNOWN and value is (back["model.dtype"].value == "bfloat16")
    if field == "quant.load_in_4bit":
        return value is True and back["quant.method"].value == "nf4"
    return False


def _scaled_alike(field: str, recipe: Recipe, back: Recipe) -> bool:
    """Whether alpha and rsLoRA are others, but the factor they make is the same."""
    if field not in ("lora.lora_alpha", "lora.use_rslora"):
        return False
    factors = _scaling(recipe), _scaling(back)
    return None not in factors and _equal_numbers(*factors)


def _scaling(recipe: Recipe) -> float | None:
    rank, alpha = recipe["lora.r"].value, recipe["lora.lora_alpha"].value
    if not isinstance(rank, int) or not isinstance(alpha, (int, float)) or rank < 1:
        return None
    return alpha / (math.sqrt(rank) if recipe["lora.use_rslora"].value is True else rank)


def warmup(recipe: Recipe) -> object:
    """Return the warm-up: steps from 1 on, below that a share of the run."""
    steps, share = (recipe[name].value for name in _WARMUP)
    if steps is not UNKNOWN and steps:
        return steps
    return UNKNOWN if UNKNOWN in (steps, share) else share or 0


def _same(field: str, left: object, right: object) -> bool:
    if right is UNKNOWN:
        return left in _NOTHING
    if left in _NOTHING and right in _NOTHING:
        return True
    if field in _UNORDERED and isinstance(left, list) and isinstance(right, list):
        return set(map(str, left)) == set(map(str, right))
    if field == "train.optim":
        return left == right or any({left, right} <= names for names in _SAME_OPTIMIZER)
    if field == "train.loss_type":
        return _alone(left) == _alone(right)
    return _equal_numbers(left, right)


def _alone(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _equal_numbers(left: object, right: object) -> bool:
    numbers = (int, float)
    if isinstance(left, numbers) and isinstance(right, numbers):
        return math.isclose(left, right, rel_tol=1e-9)
    return left == right


def told(field: str, recipe: Recipe, back: Recipe | None, title: str) -> str:
    """Say what becomes of a value in the other format."""
    value = warmup(recipe) if field in _WARMUP else recipe[field].value
    other: object = UNKNOWN
    if back is not None:
        other = warmup(back) if field in _WARMUP else back[field].value
    if other is UNKNOWN or other is None:
        return f"{show(value)} has no counterpart in {title}"
    return f"{show(value)} becomes {show(other)} in {title}"
