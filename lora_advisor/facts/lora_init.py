"""Facts of ``init_lora_weights`` and of LoRA's variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import in_script
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Lora, Recipe
    from lora_advisor.targets import Targets

_EXACT: Final = frozenset({"pissa", "corda", "eva", "loftq", "orthogonal", "lora_ga"})
_ANY_CASE: Final = frozenset({"gaussian", "olora", "mica"})
_PISSA: Final = pattern(r"pissa(_niter_-?\d+)?")
_KEEPS_REMAINDER: Final = pattern(
    r"path_initial_model_for_weight_conversion|[\"'.]init_lora_weights[\"']?\s*[,=]\s*True\b",
    needs=("init_lora_weights", "path_initial_model"),
)
_VARIANTS: Final = (
    "use_dora",
    "use_bdlora",
    "alora_invocation_tokens",
    "velora_config",
    "monteclora_config",
    "kasa_config",
    "arrow_config",
)
_DROPPED_BY_BITSANDBYTES: Final = ("kasa_config", "monteclora_config", "use_bdlora")
_NOT_FOR_PARAMETERS: Final = (
    "use_dora",
    "fan_in_fan_out",
    "lora_bias",
    "velora_config",
    "kasa_config",
)
_INITS_SINCE: Final = {
    "pissa": "0.11",
    "olora": "0.12",
    "eva": "0.14",
    "corda": "0.15",
    "orthogonal": "0.16",
}
"""Inits and the release that they came with. Source: ``peft.tuners.lora.config`` of each."""


def init_problem(lora: Lora) -> str:
    """What is wrong with the name of the init: ``boolean``, ``case``, ``pissa``, ``unknown``.

    Empty for a name that PEFT knows. Source: ``peft.tuners.lora.layer.LoraLayer.update_layer``,
    which compares with case except for gaussian, olora and mica, and takes ``corda…`` for CorDA.
    """
    name = lora.init_lora_weights
    if not isinstance(name, str) or not name:
        return ""
    lowered = name.lower()
    if name in _EXACT or lowered in _ANY_CASE or _PISSA.fullmatch(name) or name[:5] == "corda":
        return ""
    if lowered in ("true", "false"):
        return "boolean"
    if lowered in _EXACT or _PISSA.fullmatch(lowered):
        return "case"
    return "pissa" if name.startswith("pissa") else "unknown"


def init_since(lora: Lora, targets: Targets) -> str:
    """Release of PEFT that an init came with, where an older one is known to be in use."""
    name = lora.init_lora_weights
    start = name.lower().partition("_niter")[0] if isinstance(name, str) else ""
    release = _INITS_SINCE.get(start, "")
    return release if release and targets.surely_hold({"peft": f"<{release}"}) else ""


def keeps_remainder(recipe: Recipe) -> bool:
    """Whether a script saves an adapter that is not decomposed again on loading.

    It converts the adapter for the base as it was, or names it a plain one and saves the remainder.
    """
    return in_script(recipe) and _KEEPS_REMAINDER.search(recipe.document.text) is not None


def decomposes_base(lora: Lora) -> bool:
    """Whether the init takes its part out of the base weights: PiSSA, OLoRA, CorDA."""
    name = lora.init_lora_weights
    return isinstance(name, str) and (
        name.startswith(("pissa", "corda")) or name.lower() == "olora"
    )


def loftq_is_unset(recipe: Recipe, lora: Lora) -> bool:
    """Whether PEFT would get no LoftQ settings.

    An empty mapping that is written fails only where nothing fills it: in adapter_config.json.
    """
    is_filled = recipe["lora.loftq_config"].written and recipe.framework != "peft"
    return lora.loftq_config is None or (not lora.loftq_config and not is_filled)


def loftq_bits(lora: Lora) -> int:
    """Bits that LoftQ quantises the base to."""
    return _whole(lora.loftq_config, "loftq_bits")


def loftq_iter(lora: Lora) -> int:
    """Alternating steps of LoftQ."""
    return _whole(lora.loftq_config, "loftq_iter")


def loftq_missing_keys(lora: Lora) -> list[str]:
    """Keys of ``loftq_config`` that PEFT reads and that are not there."""
    config = lora.loftq_config or {}
    return [key for key in ("loftq_bits", "loftq_iter") if key not in config]


def has_odd_rank(lora: Lora) -> bool:
    """Whether the rank, or one of ``rank_pattern``, is odd."""
    ranks = [lora.r, *(lora.rank_pattern or {}).values()]
    return any(rank % 2 == 1 for rank in ranks)


def eva_rho(lora: Lora) -> float:
    """EVA's factor between the highest rank a layer may get and ``r``."""
    return _number(lora.eva_config, "rho")


def eva_tau(lora: Lora) -> float:
    """EVA's threshold of the cosine similarity."""
    return _number(lora.eva_config, "tau")


def variants(recipe: Recipe) -> list[str]:
    """Keys, in the user's spelling, of the LoRA variants that are asked for.

    Source: the fields of ``peft.LoraConfig`` with ``is_lora_variant``, and MiCA's init.
    """
    found = [recipe[f"lora.{name}"].key for name in _VARIANTS if _is_on(recipe, name)]
    init = recipe["lora.init_lora_weights"]
    return [*found, init.key] if init.value == "mica" else found


def dropped_variants(recipe: Recipe) -> tuple[Item, ...]:
    """Variants that bitsandbytes layers leave out without a word.

    Source: ``peft.tuners.lora.bnb.Linear4bit.resolve_lora_variant``.
    """
    return _written(recipe, _DROPPED_BY_BITSANDBYTES)


def parameter_conflicts(recipe: Recipe) -> tuple[Item, ...]:
    """Options that an adapted parameter refuses.

    Source: ``peft.tuners.lora.layer.ParamWrapper.__init__``.
    """
    return _written(recipe, _NOT_FOR_PARAMETERS)


def idle_init_configs(recipe: Recipe, lora: Lora) -> tuple[Item, ...]:
    """Settings of EVA, CorDA or LoRA-GA beside another init; the value is the init they need."""
    found: list[Item] = []
    for init in ("eva", "corda", "lora_ga"):
        if lora.init_lora_weights != init:
            items = _written(recipe, (f"{init}_config",))
            found.extend(Item(path=item.path, at=item.at, value=init) for item in items)
    return tuple(found)


def _is_on(recipe: Recipe, name: str) -> bool:
    """Whether an option is known to be given and not off; ``{}`` stands for all defaults."""
    value = recipe[f"lora.{name}"].value
    return value is True or isinstance(value, dict) or (isinstance(value, list) and bool(value))


def _written(recipe: Recipe, names: tuple[str, ...]) -> tuple[Item, ...]:
    values = [recipe[f"lora.{name}"] for name in names if _is_on(recipe, name)]
    return tuple(
        Item(path=value.key, at=value.key_at, value=value.value)
        for value in values
        if value.key_at is not None
    )


def _whole(config: dict[str, object] | None, name: str) -> int:
    value = (config or {}).get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnknownValueError
    return value


def _number(config: dict[str, object] | None, name: str) -> float:
    value = (config or {}).get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise UnknownValueError
    return value
