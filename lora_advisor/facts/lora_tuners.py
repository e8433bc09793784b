"""Facts of PEFT's other tuners, as scripts configure them.

Source: the ``__post_init__`` of their configs and ``peft.tuners``, release 0.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.facts._arguments import argument, calls, item, takes_unread, value
from lora_advisor.facts._script import loads_adapter
from lora_advisor.frameworks import schemas
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item
from lora_advisor.source.python_made import made_by
from lora_advisor.source.tree import Scalar

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe, Run, Train
    from lora_advisor.source.tree import Node

_PROMPTS: Final = ("PromptTuningConfig", "PrefixTuningConfig", "PromptEncoderConfig")
_STOCK_TRAINER: Final = pattern(r"(?:SFT|DPO|GRPO|KTO|Reward|RLOO|ORPO|CPO|Seq2Seq)?Trainer")
_ADALORA: Final = "AdaLoraConfig"
_TUNERS: Final = (
    *("LoHaConfig", "LoKrConfig", "VeraConfig", "OFTConfig", "BOFTConfig", "IA3Config"),
    *("LNTuningConfig", "RandLoraConfig", _ADALORA, *_PROMPTS),
)
_TRAINERS: Final = ("SFTTrainer", "DPOTrainer", "GRPOTrainer", "KTOTrainer", "RewardTrainer")


def _given(recipe: Recipe, call: str, name: str, default: object) -> Any:
    """Return an argument of a call, its default where it is not given."""
    key = argument(recipe, call, name)
    return value(recipe, key) if key is not None else default


def _adalora(recipe: Recipe, *names: str) -> tuple[Item, ...]:
    found = (argument(recipe, _ADALORA, name) for name in names)
    return tuple(item(key, value(recipe, key)) for key in found if key is not None)


def adalora_without_length(recipe: Recipe) -> tuple[Item, ...]:
    """An AdaLoRA config that is not told how many steps the training has."""
    told = argument(recipe, _ADALORA, "total_step") is not None or takes_unread(recipe, _ADALORA)
    return tuple(item(call) for call in calls(recipe, _ADALORA) if not told)


def adalora_without_budgeting(recipe: Recipe) -> tuple[Item, ...]:
    """A number of steps that warm-up and final phase of AdaLoRA use up; the hint is their sum."""
    first, last = (_given(recipe, _ADALORA, name, 0) for name in ("tinit", "tfinal"))
    found = _adalora(recipe, "total_step")
    return tuple(
        Item(path=i.path, at=i.at, value=i.value, hint=str(first + last))
        for i in found
        if isinstance(i.value, int) and first + last >= i.value > 0
    )


def adalora_kept_rank(recipe: Recipe) -> tuple[Item, ...]:
    """A target rank that leaves AdaLoRA nothing to prune; the hint is the rank it starts with."""
    start = _given(recipe, _ADALORA, "init_r", 12)
    target = _adalora(recipe, "target_r") or _adalora(recipe, "init_r")
    return tuple(
        Item(path=i.path, at=i.at, value=_given(recipe, _ADALORA, "target_r", 8), hint=str(start))
        for i in target[:1]
        if _given(recipe, _ADALORA, "target_r", 8) >= start
    )


def adalora_ignored(recipe: Recipe) -> tuple[Item, ...]:
    """Options of plain LoRA that AdaLoRA takes and does not use."""
    chosen = _adalora(recipe, "use_rslora", "init_lora_weights", "r")
    return tuple(
        i for i in chosen if i.value not in (True, False, None) or i.path.endswith("rslora")
    )


def adalora_refused(recipe: Recipe) -> tuple[Item, ...]:
    """Options of plain LoRA that AdaLoRA refuses."""
    return tuple(i for i in _adalora(recipe, "use_dora", "loftq_config") if i.value)


def adalora_never_pruned(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """An AdaLoRA config in a script whose trainer nobody tells to share out the ranks."""
    told = "update_and_allocate" in recipe.document.text
    stock = any(_STOCK_TRAINER.fullmatch(call) for call in run.calls)
    return tuple(item(call) for call in calls(recipe, _ADALORA) if stock and not told)


def prompts_without_task(recipe: Recipe) -> tuple[Item, ...]:
    """Configs of prompt methods without a task type; the value is the class."""
    return tuple(
        item(call, call.name)
        for call in calls(recipe, *_PROMPTS)
        if argument(recipe, call.name, "task_type") is None and not takes_unread(recipe, call.name)
    )


def checkpointed_prefixes(recipe: Recipe, train: Train) -> tuple[Item, ...]:
    """A prefix-tuning config in a run that recomputes activations."""
    found = list(calls(recipe, "PrefixTuningConfig"))
    if found and not train.gradient_checkpointing:
        return ()
    return tuple(item(call) for call in found)


def oft_sizes(recipe: Recipe) -> tuple[Item, ...]:
    """An OFT config with both a rank and a block size, or with neither; the hint says which."""
    found = list(calls(recipe, "OFTConfig"))
    if not found or takes_unread(recipe, "OFTConfig"):
        return ()
    rank = _given(recipe, "OFTConfig", "r", 0)
    size = _given(recipe, "OFTConfig", "oft_block_size", 32)
    if bool(rank) != bool(size):
        return ()
    return tuple(item(call, rank, "both" if rank else "neither") for call in found)


def boft_sizes(recipe: Recipe) -> tuple[Item, ...]:
    """A BOFT config whose number of blocks stands beside a size that is not set to 0."""
    found = list(calls(recipe, "BOFTConfig"))
    if not found or takes_unread(recipe, "BOFTConfig"):
        return ()
    number = _given(recipe, "BOFTConfig", "boft_block_num", 0)
    size = _given(recipe, "BOFTConfig", "boft_block_size", 4)
    return tuple(item(call, number, str(size)) for call in found if bool(number) == bool(size))


def ia3_strays(recipe: Recipe) -> tuple[Item, ...]:
    """Feed-forward layers of an IA3 config that are no targets of it; the hint names them."""
    names = [
        _given(recipe, "IA3Config", name, None)
        for name in ("feedforward_modules", "target_modules")
    ]
    forward, targets = names
    if not isinstance(forward, list) or not isinstance(targets, list):
        return ()
    stray = [name for name in forward if name not in targets]
    key = argument(recipe, "IA3Config", "feedforward_modules")
    return (item(key, forward, ", ".join(stray)),) if key is not None and stray else ()


def ia3_undeclared(recipe: Recipe) -> tuple[Item, ...]:
    """Layers of the feed-forward block among IA3's targets that are not named as such."""
    targets = _given(recipe, "IA3Config", "target_modules", None)
    forward = _given(recipe, "IA3Config", "feedforward_modules", None)
    key = argument(recipe, "IA3Config", "target_modules")
    if key is None or not isinstance(targets, list) or takes_unread(recipe, "IA3Config"):
        return ()
    named = forward if isinstance(forward, list) else [forward]
    missing = [name for name in targets if name in ("down_proj", "wo", "fc2") and name not in named]
    return (item(key, targets, ", ".join(missing)),) if missing else ()


def unsaved_projections(recipe: Recipe) -> tuple[Item, ...]:
    """Configs of shared random projections that are told not to save them."""
    found = (argument(recipe, call, "save_projection") for call in ("VeraConfig", "RandLoraConfig"))
    return tuple(
        item(key, False) for key in found if key is not None and value(recipe, key) is False
    )


def wraps_twice(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """An adapter config that is given to a TRL trainer whose model already has one."""
    made = run.calls.count("get_peft_model")
    for call in calls(recipe, *_TRAINERS):
        given = argument(recipe, call.name, "peft_config")
        made_here = argument(recipe, call.name, "model.peft_config") is not None and made == 1
        model = argument(recipe, call.name, "model")
        adapted = made_here or (model is not None and _loads_adapted(model.node))
        if given is not None and adapted and not _is_none(given.node):
            return (item(given),)
    return ()


def _is_none(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text in ("None", "null")


def _loads_adapted(model: Node) -> bool:
    """Whether a model is one that is loaded together with an adapter."""
    made = made_by(model)
    return made is not None and loads_adapter(made)


def strange_tuner_arguments(recipe: Recipe) -> tuple[Item, ...]:
    """Arguments that the config class of another tuner has in no release; the hint is the class."""
    found = []
    for call in calls(recipe, *_TUNERS):
        known = schemas.keys("peft", call.name)
        own = (key for key in recipe.keys if key.path == f"{call.name}.{key.name}")
        strange = [key for key in own if key.name not in known and key.name.isidentifier()]
        found += [item(key, key.name, call.name) for key in strange if known and key.name != "of"]
    return tuple(found)
