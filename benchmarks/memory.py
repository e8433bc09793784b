"""Scores the memory estimate on measured runs: published ones, or on the GPU at hand.

    memory.py                 the published runs, table with the error of each
    memory.py --measure FILE  run training steps on this machine's GPU and write FILE

The published runs (RTX 4080, peak reserved by torch) are those of
https://github.com/DaoyuanLi2816/can-i-finetune-this, ``benchmarks/results/*.json``: a loop of their
own without autocast that keeps the outputs, rank 16 on q, k, v and o, 8-bit paged AdamW, NF4 with
double quantisation prepared by PEFT. Seven of them are those that other estimators were scored on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lora_advisor.models.adapter import AdapterConfig
from lora_advisor.models.lookup import by_id
from lora_advisor.models.memory import Estimate, estimate
from lora_advisor.models.memory_setup import GIB, Setup
from lora_advisor.models.resolve import resolve

MEAN, WORST = 0.06, 0.12
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A measured run: GiB that torch had allocated and reserved at the peak."""

    size: str
    four_bit: bool
    length: int
    batch: int
    checkpointing: bool
    allocated: float
    reserved: float
    scored: bool = True


PUBLISHED = (
    Run(size="7B", four_bit=True, length=1024, batch=1, checkpointing=True,
        allocated=10.0023, reserved=11.2324),
    Run(size="3B", four_bit=True, length=1024, batch=1, checkpointing=True,
        allocated=5.1719, reserved=5.5371),
    Run(size="1.5B", four_bit=True, length=1024, batch=1, checkpointing=True,
        allocated=4.0413, reserved=4.3574),
    Run(size="1.5B", four_bit=True, length=4096, batch=1, checkpointing=True,
        allocated=11.5068, reserved=13.5566),
    Run(size="1.5B", four_bit=True, length=1024, batch=2, checkpointing=True,
        allocated=6.5311, reserved=6.8809),
    Run(size="1.5B", four_bit=True, length=1024, batch=1, checkpointing=False,
        allocated=9.3413, reserved=9.5527),
    Run(size="0.5B", four_bit=False, length=1024, batch=1, checkpointing=True,
        allocated=3.0324, reserved=3.7949),
    Run(size="0.5B", four_bit=True, length=1024, batch=1, checkpointing=True,
        allocated=3.1158, reserved=3.3027, scored=False),
    Run(size="0.5B", four_bit=True, length=2048, batch=1, checkpointing=True,
        allocated=5.5220, reserved=6.2812, scored=False),
    Run(size="1.5B", four_bit=True, length=2048, batch=1, checkpointing=True,
        allocated=6.5324, reserved=7.0977, scored=False),
    Run(size="1.5B", four_bit=True, length=512, batch=1, checkpointing=True,
        allocated=2.7943, reserved=2.9062, scored=False),
)  # fmt: skip


def main() -> int:
    """Print the table; 1 when the error is larger than promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.measure is not None:
        from memory_runs import measure  # needs torch and a GPU

        options.measure.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
        return 0
    rows = [row(run) for run in PUBLISHED]
    print("| run | measured | estimate | error | range | allocated | estimate | error |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for line in rows:
        print(line["text"])
    return _judged([line["error"] for line in rows if line["scored"]])


def _judged(errors: list[float]) -> int:
    mean, worst = sum(map(abs, errors)) / len(errors), max(map(abs, errors))
    print(f"\nreserved, {len(errors)} runs: mean error {mean:.1%}, worst {worst:.1%}")
    return int(mean > MEAN or worst > WORST)


def row(run: Run) -> dict[str, Any]:
    """Estimate one run and compare it with what was measured."""
    found = estimate(setup_of(run))
    reserved, allocated = found.reserved / GIB, allocated_of(found) / GIB
    low, high = (
        sum(getattr(p, end) for p in found.parts if p.allocated) for end in ("low", "high")
    )
    error = reserved / run.reserved - 1
    kind = "QLoRA" if run.four_bit else "LoRA"
    plain = "" if run.checkpointing else ", no checkpointing"
    aside = "" if run.scored else " (not scored)"
    text = (
        f"| Qwen2.5-{run.size} {kind} {run.length} × {run.batch}{plain}{aside} "
        f"| {run.reserved:.2f} | {reserved:.2f} | {error:+.1%} | {low / GIB:.1f}-{high / GIB:.1f} "
        f"| {run.allocated:.2f} | {allocated:.2f} | {allocated / run.allocated - 1:+.1%} |"
    )
    return {"text": text, "error": error, "scored": run.scored}


def allocated_of(found: Estimate) -> int:
    """Return the likely bytes in use, without what the allocator and the driver keep."""
    return sum(p.likely for p in found.parts if p.name not in ("allocator", "context"))


def setup_of(run: Run) -> Setup:
    """Return a published run as a setup."""
    model = by_id(f"Qwen/Qwen2.5-{run.size}-Instruct")
    table = model.table() if model is not None else None
    if model is None or table is None:
        raise SystemExit(f"the catalogue has no Qwen2.5-{run.size}")
    config = AdapterConfig(r=16, target_modules=ATTENTION, task_type="CAUSAL_LM")
    return Setup(
        table=table,
        config={**(model.entry or {}).get("config", {}), **model.config},
        resolution=resolve(config, table),
        bits=4 if run.four_bit else 16,
        upcast=run.four_bit,
        autocast=False,
        batch=run.batch,
        length=run.length,
        checkpointing=run.checkpointing,
        attention="sdpa",
        holds_outputs=True,
        optimizer="paged_adamw_8bit",
    )


if __name__ == "__main__":
    sys.exit(main())
