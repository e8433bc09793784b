"""A whole calibration of one config: read it, load data and base, measure, advise."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.advice import Row, advice
from lora_advisor.calibrate.calibration import Calibration, Spent, Wanted, calibrate
from lora_advisor.calibrate.engines import engine
from lora_advisor.calibrate.journal import Journal, runner
from lora_advisor.calibrate.reading import Chosen, Reader, device_of
from lora_advisor.calibrate.setup import Setup
from lora_advisor.models.lookup import Lookup
from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.calibrate.memory import MemoryReading
    from lora_advisor.recipe import Recipe

PACKAGES: Final = ("lora-advisor", "torch", "transformers", "peft", "datasets", "bitsandbytes")


@record
class Asked:
    """What the user asks for beside the config."""

    wanted: Wanted
    chosen: Chosen
    memory: bool = False
    model: Path | None = None
    dataset: Path | None = None
    engine: str = "serial"
    workers: int = 2
    output: Path
    resume: bool = False


@record
class Measured:
    """What came of it; ``wall`` is seconds on the clock."""

    setup: Setup
    reader: Reader
    found: Calibration
    rows: list[Row]
    memory: MemoryReading | None
    versions: dict[str, str]
    wall: float


def session(recipe: Recipe, asked: Asked, tick: Callable[[], None]) -> Measured:
    """Calibrate one config; a RefusalError says why it gives no number."""
    began = time.monotonic()
    reader = Reader(recipe)
    setup = read_setup(reader, asked)
    journal = Journal(asked.output / "journal.jsonl", setup, resume=asked.resume)
    spent = Spent(batch=setup.training.batch)
    with engine(asked.engine, setup, tick=tick, workers=asked.workers) as made:
        found = calibrate(setup, asked.wanted, runner(made, journal, spent.add), spent)
    memory = _memory(setup) if asked.memory else None
    return Measured(
        setup=setup,
        reader=reader,
        found=found,
        rows=advice(reader, setup, found),
        memory=memory,
        versions=dict(_versions()),
        wall=time.monotonic() - began,
    )


def read_setup(reader: Reader, asked: Asked) -> Setup:
    """Read everything that trials need; nothing is trained yet."""
    from lora_advisor.calibrate.data.examples_of import examples_of

    adapter = reader.adapter()
    device = device_of(asked.chosen.device)
    lookup = Lookup(given=asked.model, near=Path(reader.recipe.document.path).parent)
    base = reader.base(lookup, asked.chosen, device)
    found = examples_of(
        reader,
        base.folder,
        dataset=asked.dataset,
        length=asked.chosen.length,
        seed=asked.wanted.seed,
        trust_remote_code=asked.chosen.trust_remote_code,
    )
    return Setup(
        base=base,
        adapter=adapter,
        training=reader.training(found.rows, device),
        train=found.train,
        held_out=found.held_out,
        pad_token=found.pad_token,
    )


def _memory(setup: Setup) -> MemoryReading:
    from lora_advisor.calibrate.memory import measure

    longest = max(len(example.tokens) for example in setup.train)
    return measure(setup, length=longest)


def _versions() -> list[tuple[str, str]]:
    return [(name, found) for name in PACKAGES if (found := _installed(name)) is not None]


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
