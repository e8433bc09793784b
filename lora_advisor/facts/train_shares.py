"""Facts of batches that do not come out even, and of keys that want a process for each GPU.

Source: ``openrlhf.utils.deepspeed`` of OpenRLHF 0.9 and 0.11, which hands DeepSpeed the batches as
they are, and DeepSpeed's ``_batch_assertion``; ``verl.utils.config.validate_config`` and
``verl.workers.fsdp_workers`` of verl 0.7; ``swift.arguments`` of ms-swift 3.8 and 4.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import tells_more
from lora_advisor.facts._conditions import first_at
from lora_advisor.facts._written import value_at
from lora_advisor.pattern import pattern
from lora_advisor.recipe import Item, UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Recipe, Run

_ACTOR: Final = "actor_rollout_ref.actor"
_GENERATES: Final = ("grpo", "gkd")
_SEVERAL_MACHINES: Final = pattern(
    r"--(?:hostfile|num_nodes|nnodes|include(?![ =]localhost:\d[\d,]*\s))\b"
)


def uneven_batches(recipe: Recipe, run: Run) -> tuple[Item, ...]:
    """Batches that cannot be shared out; the value is by how much they have to be divisible."""
    if recipe.framework == "openrlhf":
        return tuple(_of_openrlhf(recipe, run))
    whole = recipe.framework == "verl" and recipe.document.format == "shell"
    return tuple(_of_verl(recipe)) if whole and not tells_more(recipe) else ()


def bars_device_map(recipe: Recipe) -> tuple[Item, ...]:
    """Settings that ms-swift refuses where it lays one model out over several GPUs."""
    if recipe.framework != "ms-swift":
        return ()
    generates = value_at(recipe, "rlhf_type") in _GENERATES
    names = ("use_vllm", "use_liger_kernel") if generates else ("use_liger_kernel",)
    keys = (first_at(recipe, name) for name in names)
    return tuple(
        Item(path=key.path, at=key.key_at)
        for key in keys
        if key is not None and value_at(recipe, key.path) in (True, "true")
    )


def _of_openrlhf(recipe: Recipe, run: Run) -> Iterator[Item]:
    """Yield the batch that is no multiple of the micro-batches of all processes."""
    total = first_at(recipe, "train_batch_size|train.batch_size")
    divided = "ring_attn_size|ds.ring_attn_size|ds_tensor_parallel_size|ds.tensor_parallel_size"
    if total is None or first_at(recipe, divided) or recipe.evidence.endswith("_ray"):
        return
    micro = _number(recipe, "micro_train_batch_size|train.micro_batch_size", 1)
    if _SEVERAL_MACHINES.search(recipe.document.text):
        return
    share = micro * run.num_processes
    if share > 0 and _number(recipe, total.path, 0) % share:
        yield Item(path=total.path, at=total.key_at, value=share)


def _of_verl(recipe: Recipe) -> Iterator[Item]:
    """Yield the batches of PPO and its kin that the GPUs cannot share, where FSDP trains."""
    gpus = _number(recipe, "trainer.n_gpus_per_node", 8) * _number(recipe, "trainer.nnodes", 1)
    answers = _number(recipe, "actor_rollout_ref.rollout.n", 1)
    divided = f"{_ACTOR}.ulysses_sequence_parallel_size|{_ACTOR}.megatron"
    if "megatron" in recipe.document.text or first_at(recipe, divided) or gpus < 1:
        return
    batch = first_at(recipe, "data.train_batch_size")
    if batch is not None and _number(recipe, batch.path, 0) * answers % gpus:
        yield Item(path=batch.path, at=batch.key_at, value=gpus)
    mini = first_at(recipe, f"{_ACTOR}.ppo_mini_batch_size")
    micro = _number(recipe, f"{_ACTOR}.ppo_micro_batch_size_per_gpu", 1)
    if mini is not None and micro > 0:
        own = _number(recipe, mini.path, 0) * answers // gpus
        if own < 1 or own % micro:
            yield Item(path=mini.path, at=mini.key_at, value=gpus * micro)


def _number(recipe: Recipe, path: str, default: int) -> int:
    """Return a whole number as written, the default where it is not; UnknownValueError if none."""
    key = first_at(recipe, path)
    value = value_at(recipe, key.path) if key is not None else default
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnknownValueError(f"{path}: it is no number yet")
    return value
