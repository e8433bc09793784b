"""What PEFT makes of a LoRA config on a model: adapted modules, sizes, and its errors.

The order of the steps is that of ``BaseTuner.inject_adapter`` (peft/tuners/tuners_utils.py, release
0.21), because it decides which error comes first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.models import releases
from lora_advisor.models.adapter import (
    NO_MATCH,
    AdapterConfig,
    InjectionError,
    UnresolvedError,
    refuse_contradictions,
)
from lora_advisor.models.conversion import converted
from lora_advisor.models.defaults import DEFAULT_TARGETS
from lora_advisor.models.matching import (
    ALL_LINEAR,
    all_linear,
    compiled,
    ends_with_name,
    excluded,
    pattern_value,
    targeted,
)
from lora_advisor.models.replication import replicated
from lora_advisor.models.saved import HEADS, saved_modules, tied_copies, token_rows
from lora_advisor.models.sizes import module_parameters, parameter_adapter, refuse_flat
from lora_advisor.models.table import LINEAR
from lora_advisor.models.tying import Tying, tied
from lora_advisor.record import record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.models.table import Module, ModuleTable

MAMBA: Final = frozenset({"falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h"})
MAMBA_REFUSED: Final = frozenset({"out_proj", "conv1d"})
_NEWER: Final = 5
_GENERATING: Final = frozenset({"CAUSAL_LM", "SEQ_2_SEQ_LM"})


@record
class Adapted:
    """An adapted module or parameter: its full name, rank, scaling and trainable parameters."""

    name: str
    rank: int
    scaling: float
    parameters: int


@record
class Resolution:
    """What is trained: adapters, modules in full, token rows, biases.

    ``modules`` and ``parameters`` are adapted, ``saved`` maps module names to the parameters that
    are trained in full or by rows; ``config`` is the config as PEFT rewrote it.
    """

    modules: tuple[Adapted, ...]
    parameters: tuple[Adapted, ...]
    saved: Mapping[str, int]
    biases: int
    config: AdapterConfig

    @property
    def trainable(self) -> int:
        """Trainable parameters in all, as PEFT counts them."""
        adapters = sum(item.parameters for item in (*self.modules, *self.parameters))
        return adapters + sum(self.saved.values()) + self.biases


def resolve(config: AdapterConfig, table: ModuleTable, peft: str | None = None) -> Resolution:
    """Say what PEFT adapts; InjectionError is PEFT's own error, UnresolvedError an abstention.

    ``peft`` is the release in use, the newest known unless given.
    """
    if peft is not None:
        config = replace(config, release=releases.release_of(peft))
    refuse_contradictions(config)
    if config.task_type == "SEQ_CLS" and config.release >= releases.HEADS_BEFORE_ADAPTERS:
        config = with_heads(config)
    plan = tied(converted(config, table), table)
    config = plan.config
    if config.target_modules is None:
        config = replace(config, target_modules=_default_targets(table.model_type, config))
    if config.layer_replication:
        table = replicated(table, config.layer_replication)
    if config.release <= releases.SAVED_BY_END_OF_NAME:
        saved_modules(config.modules_to_save or (), table, ())
    modules = _adapt_modules(config, table, plan)
    parameters = _adapt_parameters(config, table, {item.name for item in modules})
    modules += _adapt_tied(config, table, plan)
    if not modules and not parameters:
        own = config.release >= releases.OWN_ERROR_FOR_NO_MATCH
        raise InjectionError(NO_MATCH if own else "ValueError", "no module is adapted")
    if config.bias not in ("none", "all") and not config.bias.endswith("_only"):
        raise InjectionError("NotImplementedError", f"bias {config.bias} is not known")
    found = _finished(config, table, modules, parameters, plan)
    if config.task_type in _GENERATING and not table.generates:
        raise InjectionError("AttributeError", "the model does not generate text")
    if _lost_method(config, table):
        raise InjectionError("AttributeError", "transformers 5 has no method that PEFT asks for")
    return found


def _lost_method(config: AdapterConfig, table: ModuleTable) -> bool:
    before = config.release < releases.SEQ2SEQ_WITH_TRANSFORMERS_5
    return before and config.task_type == "SEQ_2_SEQ_LM" and table.transformers == _NEWER


def with_heads(config: AdapterConfig) -> AdapterConfig:
    """Return the config with the task's head among the modules to save."""
    heads = HEADS.get(config.task_type or "", ())
    return replace(config, modules_to_save=(*(config.modules_to_save or ()), *heads))


def _default_targets(model_type: str, config: AdapterConfig) -> tuple[str, ...] | str:
    targets = DEFAULT_TARGETS.get(model_type)
    since = releases.DEFAULTS_SINCE.get(model_type, config.release)
    unknown = targets is None or config.release < since
    if unknown and config.target_parameters:
        return ()
    if targets is None or unknown:
        raise InjectionError("ValueError", f"PEFT has no default targets for {model_type}")
    return targets


def chosen_positions(config: AdapterConfig, table: ModuleTable, plan: Tying) -> list[int]:
    """Return the positions of the modules that get an adapter, in the model's order."""
    targets = config.target_modules
    if isinstance(targets, str) and targets.lower() == ALL_LINEAR:
        targets = all_linear(config, table)
    hits = targeted(targets, config, table) - excluded(config, table)
    return sorted(
        i
        for i in hits
        if table.modules[i].name and not ends_with_name(table.modules[i].name, plan.targets)
    )


def _adapt_modules(config: AdapterConfig, table: ModuleTable, plan: Tying) -> list[Adapted]:
    found = [table.modules[i] for i in chosen_positions(config, table, plan)]
    inside = {f"{module.name}.out_proj" for module in found if module.kind == "attention"}
    if any(module.name in inside for module in found):
        raise UnresolvedError("an attention layer and its output are both targeted")
    adapted = []
    for module in found:
        if _banned(module, config, table):
            raise InjectionError("ValueError", f"{module.leaf} is refused in {table.model_type}")
        adapted.append(_adapted(module, config, table))
        if module.kind == "attention":
            adapted.append(replace(adapted[-1], name=f"{module.name}.out_proj", parameters=0))
    return adapted


def _banned(module: Module, config: AdapterConfig, table: ModuleTable) -> bool:
    since = releases.MAMBA_BAN
    if table.model_type == "nemotron_h":
        since = releases.MAMBA_BAN_OF_NEMOTRON
    known = config.release >= since and table.model_type in MAMBA
    return known and module.leaf in MAMBA_REFUSED


def _adapted(module: Module, config: AdapterConfig, table: ModuleTable) -> Adapted:
    rank, scaling = rank_and_scaling(module.name, config)
    count = module_parameters(module, rank, config, table)
    return Adapted(name=module.name, rank=rank, scaling=scaling, parameters=count)


def rank_and_scaling(name: str, config: AdapterConfig) -> tuple[int, float]:
    """Return the rank of an adapter on a module, and the factor its output is scaled by.

    Raises:
        InjectionError: PEFT raises, as the rank is below 1.
    """
    if config.release <= releases.PATTERNS_OF_BOTH_KINDS:
        rank, alpha = _by_first_pattern(name, config)
    else:
        rank = int(pattern_value(config.rank_pattern, name, config.r))
        alpha = pattern_value(config.alpha_pattern, name, config.lora_alpha)
    if rank <= 0:
        raise InjectionError("ValueError", f"the rank is {rank}")
    return rank, alpha / (math.sqrt(rank) if config.use_rslora else rank)


def _by_first_pattern(name: str, config: AdapterConfig) -> tuple[int, float]:
    """Return rank and alpha by the first key of either pattern that the name fits."""
    ranks, alphas = config.rank_pattern or {}, config.alpha_pattern or {}
    fitting = (key for key in (*ranks, *alphas) if compiled(rf".*\.{key}$").match(name))
    key = next(fitting, name)
    return int(ranks.get(key, config.r)), alphas.get(key, config.lora_alpha)


def _adapt_parameters(
    config: AdapterConfig, table: ModuleTable, adapted: set[str]
) -> list[Adapted]:
    names = config.target_parameters or ()
    if not names:
        return []
    config = _after_modules(config, table, adapted)
    found = []
    for module in table.modules:
        for own, _ in module.parameters:
            key = f"{module.name}.{own}"
            if not ends_with_name(key, names):
                continue
            _refuse_holder(module, config, table, adapted)
            refuse_flat(module, own, config.release)
            rank, scaling = rank_and_scaling(key, config)
            count = parameter_adapter(module, own, rank, config)
            found.append(Adapted(name=key, rank=rank, scaling=scaling, parameters=count))
    return found


def _refuse_holder(
    module: Module, config: AdapterConfig, table: ModuleTable, adapted: set[str]
) -> None:
    """Raise what PEFT raises on a module whose parameter is targeted."""
    if not module.name:
        raise InjectionError("ValueError", "a parameter of the model itself is targeted")
    if module.name in adapted:
        raise InjectionError("ValueError", f"{module.name} already has an adapter")
    if _banned(module, config, table):
        raise InjectionError("ValueError", f"{module.leaf} is refused in {table.model_type}")


def _after_modules(config: AdapterConfig, table: ModuleTable, adapted: set[str]) -> AdapterConfig:
    """Return the config as adapted layers leave it: PEFT sets ``fan_in_fan_out`` right in it."""
    kinds = (m.kind for m in reversed(table.modules) if m.name in adapted and m.kind in LINEAR)
    last = next(kinds, None)
    return config if last is None else replace(config, fan_in_fan_out=last != "linear")


def _adapt_tied(config: AdapterConfig, table: ModuleTable, plan: Tying) -> list[Adapted]:
    names = [m for m in table.modules if m.name and ends_with_name(m.name, plan.targets)]
    return [_adapted(module, config, table) for module in names] if plan.targets else []


def _finished(
    config: AdapterConfig,
    table: ModuleTable,
    modules: list[Adapted],
    parameters: list[Adapted],
    plan: Tying,
) -> Resolution:
    """Wrap what is trained in full and count the biases, as PEFT does after the adapters."""
    adapted = {item.name for item in modules}
    saved = saved_modules(config.modules_to_save or (), table, adapted)
    if plan.lost:
        raise InjectionError("AttributeError", "the input embedding is not saved")
    saved |= tied_copies(plan.saved, table, adapted)
    saved |= token_rows(config, table, adapted, saved)
    if config.task_type != "SEQ_CLS" or config.release < releases.HEADS_BEFORE_ADAPTERS:
        saved |= saved_modules(HEADS.get(config.task_type or "", ()), table, adapted)
    homes = {item.name.rpartition(".")[0] for item in parameters}
    if any(_holds(name, homes) for name in saved):
        raise UnresolvedError("a module that is saved in full holds adapters")
    return Resolution(
        modules=tuple(modules),
        parameters=tuple(parameters),
        saved=saved,
        biases=_biases(config, table, adapted | homes, saved),
        config=config,
    )


def _holds(name: str, homes: set[str]) -> bool:
    return any(home == name or home.startswith(f"{name}.") for home in homes)


def _biases(
    config: AdapterConfig, table: ModuleTable, adapted: set[str], saved: Mapping[str, int]
) -> int:
    """Count the base biases that are trained (``bias: all`` or ``lora_only``)."""
    if config.bias == "none":
        return 0
    everywhere = config.bias == "all" and config.release < releases.BIAS_BY_END_OF_NAME
    return sum(
        math.prod(shape)
        for module in table.modules
        for own, shape in module.parameters
        if (own == "bias" or (everywhere and "bias" in f"{module.name}.{own}"))
        and (config.bias == "all" or module.name in adapted)
        and f"{module.name}.{own}" not in table.shared_parameters
        and not any(module.name == s or module.name.startswith(f"{s}.") for s in saved)
    )
