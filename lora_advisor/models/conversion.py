"""PEFT's rewrite of targets for models whose experts transformers 5 fused into parameters.

Source: ``_convert_peft_config_moe`` (peft/utils/transformers_weight_conversion.py), release 0.21;
the model types are those that transformers 5.23 converts like Mixtral or like Qwen2-MoE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.models import releases
from lora_advisor.models.adapter import InjectionError
from lora_advisor.models.matching import (
    ALL_LINEAR,
    all_linear,
    compiled,
    ends_with_name,
    excluded,
    targeted,
)
from lora_advisor.record import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lora_advisor.models.adapter import AdapterConfig
    from lora_advisor.models.table import ModuleTable

_OLDER: Final = 4
"""The transformers that has experts as layers."""
_FUSED: Final = "gate_up_proj"
_MIXTRAL: Final[Mapping[str, str]] = {
    "gate": "gate.weight",
    "w1": _FUSED,
    "w3": _FUSED,
    "w2": "down_proj",
}
_QWEN: Final[Mapping[str, str]] = {
    "gate": "gate.weight",
    "gate_proj": _FUSED,
    "up_proj": _FUSED,
    "down_proj": "down_proj",
}
_LIKE_MIXTRAL: Final = frozenset({"minimax", "minimax_m2", "mixtral"})
_LIKE_QWEN: Final = frozenset(
    """afmoe deepseek_v2 deepseek_v3 deepseek_v32 dots1 ernie4_5_moe glm4_moe glm4_moe_lite
    glm_moe_dsa glm4v_moe longcat_flash solar_open mellum qwen3_moe beam qwen3_omni_moe
    qwen3_omni_moe_thinker qwen3_omni_moe_text qwen3_next hunyuan_v1_moe flex_olmo olmoe exaone_moe
    cohere2_moe""".split()  # noqa: SIM905 - a list of names
)


def mapping_of(model_type: str) -> Mapping[str, str]:
    """Return which names a type's experts had before they were fused, to the parameter's name."""
    if model_type in _LIKE_MIXTRAL:
        return _MIXTRAL
    return _QWEN if model_type in _LIKE_QWEN else {}


def converted(config: AdapterConfig, table: ModuleTable) -> AdapterConfig:
    """Rewrite targets that name experts; ValueError where only half of a fused pair is named."""
    mapping = mapping_of(table.model_type)
    if not mapping or config.release < releases.EXPERTS_CONVERTED or table.transformers == _OLDER:
        return config
    targets = config.target_modules
    if isinstance(targets, str) and config.release < releases.TEXT_RESOLVED_FOR_EXPERTS:
        names = frozenset(targets)  # the letters of the text: a fault of that release
    elif isinstance(targets, str):
        names = _leaf_names(config, table, mapping)
        if not names:
            return config
    else:
        names = frozenset(targets or ())
    return _rewritten(config, names, mapping)


def _rewritten(
    config: AdapterConfig, names: Iterable[str], mapping: Mapping[str, str]
) -> AdapterConfig:
    kept: list[str] = []
    parameters = list(config.target_parameters or ())
    fused: set[str] = set()
    for name in sorted(names):
        old = next((old for old in mapping if name == old or name.endswith(f".{old}")), None)
        if old is None:
            kept.append(name)
            continue
        parameters.append(mapping[old])
        if mapping[old] == _FUSED:
            fused.add(old)
    ranks, alphas = dict(config.rank_pattern or {}), dict(config.alpha_pattern or {})
    pair = {old for old, new in mapping.items() if new == _FUSED}
    if fused and fused != pair:
        missing = ", ".join(sorted(pair - fused))
        raise InjectionError("ValueError", f"{', '.join(fused)} needs {missing}: they are fused")
    if fused:
        ranks[rf".*\.{_FUSED}"] = config.r * len(pair)
        alphas[rf".*\.{_FUSED}"] = config.lora_alpha * len(pair)
    return replace(
        config,
        target_modules=tuple(kept),
        target_parameters=tuple(dict.fromkeys(parameters)),
        rank_pattern=ranks,
        alpha_pattern=alphas,
    )


def _leaf_names(
    config: AdapterConfig, table: ModuleTable, mapping: Mapping[str, str]
) -> frozenset[str]:
    """Return the last parts of the names that a text target means (a restriction gets lost)."""
    text = str(config.target_modules)
    if text.lower() == ALL_LINEAR:
        return frozenset(_leaf(name) for name in all_linear(config, table)) | mapping.keys()
    hits = targeted(text, config, table) - excluded(config, table)
    matched = {table.modules[i].leaf for i in hits}
    test = _key_test(config, text)
    parameters = list(table.parameter_names())
    matched |= {_leaf(name) for name in parameters if test(name)}
    for old, new in mapping.items():
        homes = {name.rpartition(".")[0] for name in parameters if _leaf(name) == new}
        if old not in matched and any(test(f"{home}.{old}") for home in homes):
            matched.add(old)
    return frozenset(matched)


def _key_test(config: AdapterConfig, text: str) -> Callable[[str], bool]:
    """Return PEFT's check of a single key against a text target and the exclusions."""
    rule = config.exclude_modules or ()
    barred = [compiled(rf"(^|.*\.){name}($|\..*)") for name in config.modules_to_save or ()]
    fits = compiled(text).fullmatch

    def test(key: str) -> bool:
        if isinstance(rule, str):
            out = compiled(rule).fullmatch(key) is not None
        else:
            out = ends_with_name(key, rule)
        return not out and not any(p.match(key) for p in barred) and fits(key) is not None

    return test


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]
