"""Advice on what has to fit: length, precision, quantisation, recomputing, the batch's split."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lora_advisor.laws import law
from lora_advisor.recommend.memory import Load, needed
from lora_advisor.recommend.plan import within
from lora_advisor.recommend.situation import PREFERENCE, REINFORCEMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.laws import Law
    from lora_advisor.recommend.plan import Plan
    from lora_advisor.recommend.situation import Situation

GIB: Final = 2**30
_LENGTHS: Final = (1.0, 0.5, 0.25)
"""Shares of the wanted length that are tried where nothing else makes a run fit."""


def advise(plan: Plan, batch: int) -> int:
    """Decide everything memory asks for; return the batch of a step that came out."""
    length = _wanted_length(plan)
    load = _fitting(plan, batch, length)
    _length(plan, load)
    _precision(plan)
    _quantisation(plan, load)
    _checkpointing(plan, load)
    _packing(plan)
    return _split(plan, batch, load)


def _wanted_length(plan: Plan) -> int:
    """Return the length that nearly every example fits into, within the model's context."""
    situation, figures = plan.situation, law("training.length").figures
    stated = situation.current("data.max_length")
    if situation.length is None:
        own = stated.value if stated is not None and stated.written else None
        length = own if isinstance(own, int) else int(figures["default"])
    else:
        step = figures["multiple"]
        length = int(max(math.ceil(situation.length / step) * step, figures["least"]))
    return min(length, situation.base.context or length)


def _fitting(plan: Plan, batch: int, length: int) -> Load:
    """Return the first load of those in order of preference that fits, else the smallest."""
    situation = plan.situation
    first = _first(plan, length)
    need = needed(situation.base, first)
    if situation.gpu is None or need is None:
        return replace(first, batch=max(_least(situation), min(2, batch)))
    load = first
    for load in _choices(first, situation, batch):
        room = situation.gpu.memory
        if (needed(situation.base, load) or 0.0) <= room:
            return _grown(load, situation, batch, room)
    plan.notes.append(_too_large(situation, load))
    return load


def _first(plan: Plan, length: int) -> Load:
    return Load(
        method=plan.situation.method,
        rank=plan.whole("lora.r", 32),
        four_bit=False,
        checkpointing=True,
        batch=_least(plan.situation),
        length=length,
    )


def _choices(first: Load, situation: Situation, batch: int) -> Iterator[Load]:
    """Yield loads from the best to the smallest: without recomputing, 16 bits, 4 bits, shorter."""
    yield replace(first, checkpointing=False, batch=max(min(2, batch), first.batch))
    yield first
    for share in _LENGTHS:
        length = max(int(first.length * share), law("training.length").figures["least"])
        if not situation.base.quantised:
            yield replace(first, four_bit=True, length=length)
        else:
            yield replace(first, length=length)


def _grown(load: Load, situation: Situation, batch: int, room: float) -> Load:
    """Return a load with the largest batch of a device, a power of two, that still fits."""
    most = max(batch // situation.devices, 1)
    while load.batch * 2 <= most:
        larger = replace(load, batch=load.batch * 2)
        if (needed(situation.base, larger) or 0.0) > room:
            break
        load = larger
    return load


def _least(situation: Situation) -> int:
    """Return the smallest batch of a device: KTO compares the examples of one device."""
    figures = law("training.preference_batch").figures
    return int(figures["least_device_batch"]) if situation.method == "kto" else 1


def _too_large(situation: Situation, load: Load) -> str:
    gpu = situation.gpu
    need = needed(situation.base, load) or 0.0
    return (
        f"does not fit: even in 4 bits at {load.length} tokens a step takes up to "
        f"{need / GIB:.0f} GiB, and {gpu.name if gpu else 'the GPU'} has "
        f"{(gpu.memory if gpu else 0) / GIB:.0f}; take a smaller base, a larger GPU, or shard it"
    )


def _length(plan: Plan, load: Load) -> None:
    found = law("training.length")
    situation = plan.situation
    figure = "common; the lengths of the data are not known"
    if situation.length is not None:
        share = found.figures["share"]
        figure = f"{share:.0%} of the examples are at most {situation.length:.0f} tokens long"
    if load.length < _wanted_length(plan):
        figure = f"{figure}; cut to fit the memory"
    longest = situation.base.context or 10**9
    least = min(situation.length or 0, load.length)

    def good(value: object) -> bool:
        long_enough = isinstance(value, int) and least * 0.9 <= value <= longest
        return long_enough and within(load.length, found.tolerance)(value)

    plan.decide("data.max_length", load.length, found, figure, good)


def _precision(plan: Plan) -> None:
    """Choose bfloat16 unless the GPU is known to lack it."""
    found = law("training.precision")
    gpu = plan.situation.gpu
    if gpu is not None and gpu.bfloat16 is False:
        plan.decide("train.fp16", True, found, f"{gpu.name} has no bfloat16")
        plan.decide("train.bf16", False, found, f"{gpu.name} has no bfloat16")
        plan.values["model.dtype"] = "float16"
        return
    figure = f"{gpu.name} has it" if gpu is not None and gpu.bfloat16 else "from Ampere on"
    plan.decide("train.bf16", True, found, figure)
    plan.values["model.dtype"] = "bfloat16"


def _quantisation(plan: Plan, load: Load) -> None:
    situation = plan.situation
    need = needed(situation.base, load)
    if situation.base.quantised:
        plan.values["quant.load_in_4bit"] = False
    if situation.gpu is None or need is None or situation.base.quantised:
        return
    found = law("training.quantisation")
    plain = needed(situation.base, replace(load, four_bit=False)) or 0.0
    figure = (
        f"16 bits need up to {plain / GIB:.0f} GiB, 4 bits {_in_four(situation, load) / GIB:.0f}; "
        f"{situation.gpu.memory / GIB:.0f} at hand"
    )
    plan.decide("quant.load_in_4bit", load.four_bit, found, figure)
    if plan.values["quant.load_in_4bit"] is True:
        dtype = plan.values["model.dtype"]
        plan.values["quant.method"] = "bitsandbytes"
        plan.decide("quant.bnb_4bit_quant_type", "nf4", found, "made for weights")
        plan.decide("quant.bnb_4bit_use_double_quant", True, found, "0.4 bits less a weight")
        plan.decide("quant.bnb_4bit_compute_dtype", dtype, found, "as the rest computes")


def _in_four(situation: Situation, load: Load) -> float:
    return needed(situation.base, replace(load, four_bit=True)) or 0.0


def _checkpointing(plan: Plan, load: Load) -> None:
    found = law("training.checkpointing")
    need = needed(plan.situation.base, load)
    known = plan.situation.gpu is not None and need is not None
    figure = f"a step takes up to {(need or 0) / GIB:.0f} GiB" if known else "the safe choice"
    on = load.checkpointing
    good = None if on and known else (lambda value: isinstance(value, bool))
    plan.decide("train.gradient_checkpointing", on, found, figure, good)
    if plan.values["train.gradient_checkpointing"] is True:
        plan.values["train.gradient_checkpointing_kwargs"] = {"use_reentrant": False}


def _packing(plan: Plan) -> None:
    """Leave packing off: it pays with FlashAttention, which no file tells of."""
    situation = plan.situation
    if situation.method not in ("sft", "pretrain"):
        return
    found = law("training.packing")
    length = plan.number("data.max_length", 1)
    figure = "needs FlashAttention"
    if situation.mean_length is not None:
        figure = (
            f"examples fill {situation.mean_length / length:.0%} of a row; needs FlashAttention"
        )
    plan.decide("data.packing", False, found, figure, lambda value: isinstance(value, bool))


def _split(plan: Plan, batch: int, load: Load) -> int:
    """Split a step's batch into those of a device and accumulation; keep a config's if sane."""
    situation = plan.situation
    own = _stated_split(situation)
    found = _law_of_batch(situation)
    figures = found.figures
    least, most = figures.get("least", 8), figures.get("most", 512)
    if own is not None and least <= own[0] * own[1] * situation.devices <= most:
        micro, accumulation = own
        if situation.gpu is None or micro <= load.batch:
            return _decide_split(plan, micro, accumulation, found)
        total = micro * accumulation
        return _decide_split(plan, load.batch, max(total // load.batch, 1), found)
    accumulation = max(math.ceil(batch / (load.batch * situation.devices)), 1)
    return _decide_split(plan, load.batch, accumulation, found)


def _decide_split(plan: Plan, micro: int, accumulation: int, found: Law) -> int:
    devices = plan.situation.devices
    total = micro * accumulation * devices
    figure = f"{micro} x {accumulation} x {devices} device{'s' * (devices > 1)} = {total} a step"
    plan.decide("train.per_device_train_batch_size", micro, found, figure)
    plan.decide("train.gradient_accumulation_steps", accumulation, found, figure)
    return total


def _stated_split(situation: Situation) -> tuple[int, int] | None:
    parts = ("train.per_device_train_batch_size", "train.gradient_accumulation_steps")
    values = [situation.current(name) for name in parts]
    micro, accumulation = (value.value if value is not None else None for value in values)
    if not isinstance(micro, int) or not isinstance(accumulation, int):
        return None
    return (micro, accumulation) if micro > 0 and accumulation > 0 else None


def _law_of_batch(situation: Situation) -> Law:
    if situation.method in REINFORCEMENT:
        return law("training.group_batch")
    return law("training.preference_batch" if situation.method in PREFERENCE else "training.batch")
