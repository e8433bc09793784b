"""The memory estimate: what moves it which way, and what it says of a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lora_advisor.models.adapter import AdapterConfig
from lora_advisor.models.lookup import by_id
from lora_advisor.models.memory import FAILS, FITS, UNCERTAIN, estimate, verdict
from lora_advisor.models.memory_changes import changes
from lora_advisor.models.memory_setup import GIB, Setup
from lora_advisor.models.memory_weights import packed_bytes
from lora_advisor.models.resolve import resolve


def setup(name: str = "Qwen/Qwen2.5-7B-Instruct", **changed: Any) -> Setup:
    model = by_id(name)
    assert model is not None
    table = model.table()
    assert table is not None
    found = resolve(AdapterConfig(r=16, target_modules="all-linear"), table)
    made = Setup(
        table=table, config=model.config, resolution=found, length=2048, checkpointing=True
    )
    return replace(made, **changed)


def test_parts_add_up_and_name_their_sources() -> None:
    found = estimate(setup())
    assert found.low == sum(part.low for part in found.parts) < found.high
    assert all(part.source.startswith("https://") and part.formula for part in found.parts)
    assert all(0 <= part.low <= part.high for part in found.parts)


def test_published_bits_of_packed_weights() -> None:
    """4.127 bits a weight with double quantisation, 4.5 without (1 M weights, counted)."""
    assert packed_bytes(2**20, double_quant=True) == 524288 + 16384 + 256 + 1024 + 4 + 64
    assert packed_bytes(2**20, double_quant=False) == 524288 + 65536 + 64


@pytest.mark.parametrize(
    "change",
    [
        {"bits": 4},
        {"fused_loss": True},
        {"length": 1024},
        {"optimizer": "adamw_8bit"},
        {"dtype_bytes": 2, "autocast": True, "sharding": 3, "processes": 8},
    ],
    ids=str,
)
def test_what_frees_memory(change: dict[str, Any]) -> None:
    assert estimate(setup(**change)).likely < estimate(setup()).likely


def test_keeping_activations_costs_memory() -> None:
    kept = estimate(setup(checkpointing=False)).part("activations")
    assert kept.low > 10 * estimate(setup()).part("activations").low


def test_what_is_not_known_widens_the_range() -> None:
    known, unknown = estimate(setup()), estimate(setup(checkpointing=None, fused_loss=None))
    assert unknown.low < known.low
    assert unknown.high > known.high


def test_without_a_batch_nothing_is_said_to_fit() -> None:
    found = estimate(setup(length=None))
    assert not found.complete
    assert verdict(found, 80 * GIB) == UNCERTAIN
    assert verdict(found, 8 * GIB) == FAILS


def test_verdicts() -> None:
    found = estimate(setup())
    assert verdict(found, 80 * GIB) == FITS
    assert verdict(found, (found.low + found.high) // 2) == UNCERTAIN
    assert verdict(found, found.low - 1) == FAILS


def test_changes_are_ranked_by_what_they_free() -> None:
    base = setup(checkpointing=False, batch=4)
    now = estimate(base)
    found = changes(base, now)
    frees = [change.frees for change in found]
    assert frees == sorted(frees, reverse=True)
    first = next(change for change in found if change.field == "train.gradient_checkpointing")
    assert first.then.likely == estimate(replace(base, checkpointing=True)).likely


def test_fused_experts_are_not_packed() -> None:
    part = estimate(setup("Qwen/Qwen3-30B-A3B", bits=4)).part("base weights")
    assert part.low > 50 * GIB
