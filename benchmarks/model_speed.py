"""Measures what knowing the model costs, in CPU time of this process: the best of several runs.

    model_speed.py [--runs 9]

Loading a published model's table; resolving the usual targets on Llama-3.1-405B; a table of a
hundred thousand names, against one of ten thousand (a quadratic scan would cost a hundred times
as much, not ten).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING

from lora_advisor.models import catalogue
from lora_advisor.models.adapter import AdapterConfig
from lora_advisor.models.lookup import by_id
from lora_advisor.models.resolve import resolve
from lora_advisor.models.table import Module, ModuleTable

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = "meta-llama/Meta-Llama-3.1-405B"
SEVEN = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TARGETS: dict[str, tuple[str, ...] | str] = {
    "seven names": SEVEN,
    "all-linear": "all-linear",
    "a pattern": r".*\.(q|v)_proj",
}


def main() -> int:
    """Print a line for each thing measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    print(f"load {LARGE}: {best(load, runs):.1f} ms")
    table = load()
    for name, targets in TARGETS.items():
        print(f"resolve {name} on {LARGE}: {best(resolving(table, targets), runs):.1f} ms")
    for count in (10_000, 100_000):
        large = synthetic(count)
        for name, targets in TARGETS.items():
            print(
                f"resolve {name} on {count} names: {best(resolving(large, targets), runs):.0f} ms"
            )
    return 0


def best(work: Callable[[], object], runs: int) -> float:
    """Return the least CPU milliseconds of several runs."""
    found = []
    for _ in range(runs):
        start = process_time()
        work()
        found.append(process_time() - start)
    return min(found) * 1000


def load() -> ModuleTable:
    """Read a model's table as a new process does."""
    for cached in (catalogue.index, catalogue.part):
        cached.cache_clear()
    catalogue._EXPANDED.clear()  # noqa: SLF001 - as a new process has it
    model = by_id(LARGE)
    table = model.table() if model is not None else None
    if table is None:
        raise SystemExit(f"the catalogue has no {LARGE}")
    return table


def resolving(table: ModuleTable, targets: tuple[str, ...] | str) -> Callable[[], object]:
    """Return a resolution on a table that nothing has been asked of before."""
    config = AdapterConfig(target_modules=targets, task_type="CAUSAL_LM")
    return lambda: resolve(config, replace(table))


def synthetic(count: int) -> ModuleTable:
    """Return a table of so many names, seven in a layer."""
    shapes = (("weight", (8, 8)),)
    modules = [
        Module(
            name=f"model.layers.{n // 7}.attn.{SEVEN[n % 7]}",
            kind="linear",
            class_name="Linear",
            parameters=shapes,
        )
        for n in range(count)
    ]
    root = Module(name="", kind="", class_name="Model")
    return ModuleTable(
        modules=(root, *modules),
        model_type="llama",
        auto_class="AutoModelForCausalLM",
        source="synthetic",
        shared_modules={},
        shared_parameters={},
    )


if __name__ == "__main__":
    sys.exit(main())
