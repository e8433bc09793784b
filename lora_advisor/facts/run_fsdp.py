"""Facts of FSDP's own settings, as transformers reads them.

Source: ``transformers.TrainingArguments._process_fsdp_args``, release 5.23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import arguments, item, stated, value
from lora_advisor.pattern import pattern
from lora_advisor.recipe import UNKNOWN, Item, UnknownValueError

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, WrittenKey
    from lora_advisor.targets import Targets

_STRATEGIES: Final = frozenset(
    {
        *("full_shard", "shard_grad_op", "no_shard", "hybrid_shard", "hybrid_shard_zero2"),
        *("offload", "auto_wrap"),
    }
)
_POLICIES: Final = ("TRANSFORMER_BASED_WRAP", "SIZE_BASED_WRAP", "NO_WRAP")
_SETTINGS: Final = frozenset(
    {
        *("version", "min_num_params", "transformer_layer_cls_to_wrap", "xla", "xla_fsdp_v2"),
        *("xla_fsdp_grad_ckpt", "xla_fsdp_settings", "cpu_offload", "auto_wrap_policy"),
        *("cpu_ram_efficient_loading", "state_dict_type", "activation_checkpointing"),
        *("reshard_after_forward", "forward_prefetch", "backward_prefetch", "use_orig_params"),
        *("sync_module_states", "limit_all_gathers"),
    }
)
_BLOCK: Final = pattern(r"(?:\w*(?:Config|TrainingArguments)\.)?fsdp_config")


def _strategies(recipe: Recipe) -> list[tuple[WrittenKey, str]]:
    found = []
    for key in arguments(recipe, "fsdp"):
        written = value(recipe, key)
        words = written.split() if isinstance(written, str) else written
        if isinstance(words, list):
            found += [(key, word) for word in words if isinstance(word, str)]
    return found


def shards_by_fsdp1(recipe: Recipe, targets: Targets) -> bool:
    """Whether the first FSDP is used: by its number, or as transformers knew no other yet."""
    version = recipe["run.fsdp_version"].value
    if version is not UNKNOWN:
        return version == 1
    if targets.surely_hold({"transformers": "<4.49"}):
        return True
    raise UnknownValueError("which FSDP is used is not known")


def strange_strategies(recipe: Recipe) -> tuple[Item, ...]:
    """Words of ``fsdp`` that are none of its options; true and false are a switch, no words."""
    known = {*_STRATEGIES, "true", "false", "True", "False"}
    return tuple(item(key, word) for key, word in _strategies(recipe) if word not in known)


def hybrid_strategies(recipe: Recipe) -> tuple[Item, ...]:
    """Hybrid strategies beside settings that do not ask for the first FSDP."""
    version = stated(recipe, "fsdp_config.version", stated(recipe, "fsdp_config.fsdp_version", 2))
    hybrid = [(key, word) for key, word in _strategies(recipe) if word.startswith("hybrid")]
    return tuple(item(key, word) for key, word in hybrid if str(version) != "1")


def strange_policies(recipe: Recipe) -> tuple[Item, ...]:
    """Wrapping policies that FSDP does not have."""
    names = ("fsdp_config.auto_wrap_policy", "fsdp_config.fsdp_auto_wrap_policy")
    found = ((key, value(recipe, key)) for key in arguments(recipe, *names))
    return tuple(
        item(key, policy, ", ".join(_POLICIES)) for key, policy in found if policy not in _POLICIES
    )


def strange_settings(recipe: Recipe) -> tuple[Item, ...]:
    """Keys of the ``fsdp_config`` block that transformers does not read."""
    places = ((key, key.path.rpartition(".")) for key in recipe.keys)
    return tuple(
        item(key, name)
        for key, (block, _, name) in places
        if _BLOCK.fullmatch(block) and name.removeprefix("fsdp_") not in _SETTINGS
    )


def _switch(recipe: Recipe, name: str) -> bool | None:
    """Return a switch of the ``fsdp_config`` block, with its prefix or without; None if unset."""
    block = recipe["run.fsdp_config"].value
    if not isinstance(block, dict):
        return None
    given = block.get(f"fsdp_{name}", block.get(name))
    return None if given is None else str(given).lower() == "true"


def _in_block(recipe: Recipe, name: str) -> tuple[Item, ...]:
    """Return a switch of the block as something to report, at the block's place."""
    block = recipe["run.fsdp_config"]
    given = block.value if isinstance(block.value, dict) else {}
    own = next((key for key in (f"fsdp_{name}", name) if key in given), name)
    at = block.key_at
    return (Item(path=f"{block.key}.{own}", at=at, value=own),) if at is not None else ()


def loads_without_sync(recipe: Recipe) -> tuple[Item, ...]:
    """Return the switch by which only the first process loads weights and keeps them."""
    version = recipe["run.fsdp_version"].value
    lacks = _switch(recipe, "sync_module_states") is False
    if version == 1 and _switch(recipe, "cpu_ram_efficient_loading") is True and lacks:
        return _in_block(recipe, "sync_module_states")
    return ()


def keeps_original_parameters(recipe: Recipe) -> tuple[Item, ...]:
    """Return the switch that tells the first FSDP to keep parameters apart, also frozen ones."""
    version = recipe["run.fsdp_version"].value
    if version == 1 and _switch(recipe, "use_orig_params") is True:
        return _in_block(recipe, "use_orig_params")
    return ()
