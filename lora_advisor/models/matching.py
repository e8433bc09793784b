"""PEFT's name matching: targets, exclusions, chosen layers, patterns.

Source: ``check_target_module_exists`` (peft/tuners/tuners_utils.py), ``get_pattern_key``
(peft/utils/other.py), release 0.21.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from lora_advisor.backtracking import refused
from lora_advisor.models import releases
from lora_advisor.models.adapter import InjectionError, UnresolvedError
from lora_advisor.models.table import LINEAR
from lora_advisor.recipe import UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lora_advisor.models.adapter import AdapterConfig
    from lora_advisor.models.table import ModuleTable

ALL_LINEAR: Final = "all-linear"
CLASSIFIER_HEADS: Final = ("score", "classifier")
LONGEST_NAME: Final = 100
MOST_WAYS: Final = 20.0
"""Patterns of real configs have up to 10^14 ways by the bound; a repeated repeat has 10^100."""
_LAST_LAYER: Final = r".*\.[^.]*\.(?P<idx>\d+)\."
_ANY_LAYER: Final = r".*?\.[^.]*\.(?P<idx>\d+)\."


class CostlyPatternError(UnresolvedError, UnknownValueError):
    """A pattern that nobody waits for: neither a resolution nor a fact can rest on it."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the config; one that is no regular expression is PEFT's error, too.

    One that could take years on a module's name is not tried, so what it names is unknown.
    """
    try:
        found = re.compile(pattern)
    except re.error as error:
        kind = "PatternError" if hasattr(re, "PatternError") else "error"
        raise InjectionError(kind, f"{pattern!r} is no regular expression: {error}") from None
    if refused(pattern, LONGEST_NAME, MOST_WAYS) is not None:
        raise CostlyPatternError(f"the pattern {pattern[:40]!r} could take too long to try")
    return found


def ends_with_name(key: str, names: Iterable[str]) -> bool:
    """Whether a key is one of the names, or ends with one after a dot."""
    return any(key == name or key.endswith(f".{name}") for name in names)


def positions(table: ModuleTable, names: Iterable[str]) -> set[int]:
    """Return the positions of the modules whose name is, or ends with, one of the names."""
    return {position for name in names for position in table.ending(name)}


def excluded(config: AdapterConfig, table: ModuleTable) -> set[int]:
    """Return the positions of modules that get no adapter: excluded, or trained in full."""
    found: set[int] = set()
    rule = config.exclude_modules
    if isinstance(rule, str) and rule:
        found |= _fullmatch(rule, table)
    elif rule:
        found |= positions(table, rule)
    if config.release <= releases.SAVED_BY_END_OF_NAME:
        ends = tuple(config.modules_to_save or ())
        saved = {i for i, m in enumerate(table.modules) if ends and m.name.endswith(ends)}
        return found | saved
    for name in config.modules_to_save or ():
        pattern = compiled(rf"(^|.*\.){name}($|\..*)")
        found |= {i for i, module in enumerate(table.modules) if pattern.match(module.name)}
    return found


def targeted(
    targets: Sequence[str] | str | None, config: AdapterConfig, table: ModuleTable
) -> set[int]:
    """Return the positions of the modules the targets name, exclusions left aside."""
    if targets is None:
        return set()
    if isinstance(targets, str):
        return _fullmatch(targets, table)
    exact = positions(table, targets)
    if not _by_layer(config):
        return exact
    names = frozenset(targets)
    inside = _layer_test(config)
    return {i for i in exact if table.modules[i].name in names or inside(table.modules[i].name)}


def _fullmatch(pattern: str, table: ModuleTable) -> set[int]:
    match = compiled(pattern).fullmatch
    return {i for i, module in enumerate(table.modules) if match(module.name)}


def _by_layer(config: AdapterConfig) -> bool:
    return config.layers_to_transform is not None and config.layers_to_transform != ()


def _layer_test(config: AdapterConfig) -> Callable[[str], bool]:
    """Return a test of names: is the first numbered part one of the chosen layers?"""
    chosen = config.layers_to_transform
    numbers = frozenset((chosen,) if isinstance(chosen, int) else chosen or ())
    index = layer_finder(config)
    return lambda name: index(name) in numbers


def layer_finder(config: AdapterConfig) -> Callable[[str], int | None]:
    """Return what finds the number of a module's layer, as ``layers_pattern`` wants it counted."""
    given = config.layers_pattern or ()
    names = (given,) if isinstance(given, str) else given
    if config.release <= releases.LAST_LAYER_NUMBER_COUNTS:
        texts = [rf".*\.{name}\.(?P<idx>\d+)\." for name in names] or [_LAST_LAYER]
    else:
        texts = [rf"(?:^|.*?\.){name}\.(?P<idx>\d+)\." for name in names] or [_ANY_LAYER]
    patterns = [compiled(text) for text in texts]

    def find(name: str) -> int | None:
        match = next((m for m in (p.match(name) for p in patterns) if m), None)
        return int(match["idx"]) if match else None

    return find


def all_linear(config: AdapterConfig, table: ModuleTable) -> tuple[str, ...]:
    """Return the names that ``all-linear`` stands for: all linear layers but the output head."""
    names = [module.name for module in table.modules if module.kind in LINEAR]
    head = table.output_embedding
    if head is None and config.task_type == "SEQ_CLS":
        head = next((name for name in CLASSIFIER_HEADS if name in table.by_name), None)
    if config.release <= releases.ALL_LINEAR_BY_LAST_NAME:
        names = list(dict.fromkeys(name.rpartition(".")[2] for name in names))
    return tuple(name for name in names if name != head)


def pattern_value(patterns: Mapping[str, float] | None, name: str, otherwise: float) -> float:
    """Return the value of the first pattern that the end of a name fits, else the general one."""
    for pattern, value in (patterns or {}).items():
        if compiled(rf"(.*\.)?({pattern})$").match(name):
            return value
    return (patterns or {}).get(name, otherwise)
