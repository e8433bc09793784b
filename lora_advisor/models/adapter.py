"""The part of a LoRA config that decides what is adapted, and the errors PEFT answers it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models import releases
from lora_advisor.record import names_of, record

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_MATCH: Final = "NoMatchingPeftModuleError"


class InjectionError(Exception):
    """PEFT would refuse the config with an error of type ``kind``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class UnresolvedError(Exception):
    """What PEFT would do cannot be said exactly; the message says why."""


@record
class AdapterConfig:
    """The fields of PEFT's ``LoraConfig`` that choose modules or set their sizes.

    ``release`` is that of PEFT, of which older ones do some things otherwise.
    """

    r: int = 8
    lora_alpha: float = 8
    lora_dropout: float = 0.0
    target_modules: tuple[str, ...] | str | None = None
    exclude_modules: tuple[str, ...] | str | None = None
    target_parameters: tuple[str, ...] | None = None
    modules_to_save: tuple[str, ...] | None = None
    layers_to_transform: tuple[int, ...] | int | None = None
    layers_pattern: tuple[str, ...] | str | None = None
    layer_replication: tuple[tuple[int, int], ...] | None = None
    rank_pattern: Mapping[str, int] | None = None
    alpha_pattern: Mapping[str, float] | None = None
    bias: str = "none"
    lora_bias: bool = False
    fan_in_fan_out: bool = False
    use_rslora: bool = False
    use_dora: bool = False
    trainable_token_indices: tuple[int, ...] | Mapping[str, tuple[int, ...]] | None = None
    ensure_weight_tying: bool = False
    task_type: str | None = None
    release: releases.Release = releases.NEWEST


def from_mapping(data: Mapping[str, Any]) -> AdapterConfig:
    """Read a ``LoraConfig`` as JSON holds it; fields that choose no modules are passed over."""
    known = set(names_of(AdapterConfig)) - {"release"}
    return AdapterConfig(**{key: _frozen(data[key]) for key in known & data.keys()})


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def refuse_contradictions(config: AdapterConfig) -> None:
    """Raise what ``LoraConfig`` itself raises (peft/tuners/lora/config.py)."""
    _refuse_later_fields(config)
    text = isinstance(config.target_modules, str)
    if text and config.layers_to_transform is not None:
        raise InjectionError("ValueError", "layers_to_transform cannot go with a text target")
    if text and config.layers_pattern is not None:
        raise InjectionError("ValueError", "layers_pattern cannot go with a text target")
    if config.layers_pattern and _without_layers(config):
        raise InjectionError("ValueError", "layers_pattern needs layers_to_transform")
    if config.lora_bias and config.use_dora:
        raise InjectionError("ValueError", "lora_bias does not go with DoRA")


def _refuse_later_fields(config: AdapterConfig) -> None:
    for name, since in releases.FIELDS_SINCE.items():
        if config.release < since and getattr(config, name) not in (None, False):
            raise InjectionError("TypeError", f"PEFT has {name} since {since[0]}.{since[1]}")


def _without_layers(config: AdapterConfig) -> bool:
    if config.release <= releases.LAYERS_WITHOUT_PATTERN_CHECK:
        return False
    if config.release <= releases.EMPTY_LAYERS_ARE_NONE:
        return not config.layers_to_transform
    return config.layers_to_transform is None
