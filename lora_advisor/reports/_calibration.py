"""A calibration as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.advice import CONSTANTS
from lora_advisor.record import record
from lora_advisor.reports._text import harmless, painter, wrap
from lora_advisor.reports.json import dumped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lora_advisor.calibrate.advice import Row
    from lora_advisor.calibrate.calibration import Calibration
    from lora_advisor.calibrate.memory import MemoryReading
    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.reports import Options

VERSION: Final = 1
BAR: Final = 24
NOT_VARIED: Final = (
    *("target modules", "dropout", "weight decay", "warm-up and schedule", "optimizer"),
    *("initialisation", "sequence length", "number of epochs"),
)


@record
class Told:
    """All that a report says; nothing of it names a person, a token or a machine."""

    config: str
    model: str
    setup: Setup
    seed: int
    found: Calibration
    rows: list[Row]
    notes: list[str]
    versions: dict[str, str]
    memory: MemoryReading | None = None
    wall: float = 0.0


def as_text(told: Told, options: Options) -> str:
    """Write the advice, the curve behind it, and what was not measured."""
    paint = painter(colour=options.colour)
    lines = [paint(harmless(f"{told.config}, measured on {told.model}"), bold=True), ""]
    for row in told.rows:
        lines += _row(row, options)
    lines += ["", paint("Held-out loss after 20 steps", bold=True), *_bars(told)]
    if told.memory is not None:
        lines += ["", paint("Memory of one step", bold=True), *_memory(told.memory)]
    lines += ["", f"Cost: {told.found.steps:.0f} optimizer steps, {told.wall:.0f} s."]
    lines += _listed("Differs from the config:", told.notes, options)
    lines += _listed("Left out:", told.found.left_out, options)
    lines += _listed("Not varied:", [", ".join(NOT_VARIED)], options)
    return "\n".join(lines) + "\n"


def _row(row: Row, options: Options) -> list[str]:
    now = f" (now {shown(row.current)})" if row.current is not None else ""
    within = f", {shown(row.low)} to {shown(row.high)} cost at most 1 %" if row.low else ""
    first = f"  {harmless(row.key)}: {shown(row.value)}{now}{within}"
    why = f"{row.basis}, confidence {row.confidence}: {row.why}"
    return [first, wrap(why, options.width, "      ", "      ")]


def _bars(told: Told) -> list[str]:
    """Draw each short run's gain over the untrained adapter."""
    reading = told.found.learning_rate
    gains = {rate: reading.start - loss for rate, loss in sorted(reading.points.items())}
    most = max(gains.values())
    lines = []
    for rate, gain in gains.items():
        bar = "█" * round(BAR * max(gain, 0) / most) if most > 0 else ""
        lines.append(f"  {rate:8.1e} {reading.points[rate]:7.3f} {bar}")
    return [*lines, f"  untrained {reading.start:6.3f}"]


def _memory(memory: MemoryReading) -> list[str]:
    parts = {
        "kept (weights, adapter, optimizer)": memory.kept,
        "gradients and activations at peak": memory.peak - memory.kept,
        "together": memory.peak,
    }
    return [f"  {name}: {bytes_ / 2**20:,.0f} MiB" for name, bytes_ in parts.items()]


def _listed(title: str, items: Iterable[str], options: Options) -> list[str]:
    return [wrap(f"{title} {harmless(item)}", options.width, "", "  ") for item in items]


def shown(value: object) -> str:
    """Spell a value as a config would."""
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def as_json(told: Told) -> str:
    """Write everything measured as one JSON object."""
    return dumped(content(told))


def content(told: Told) -> dict[str, Any]:
    """Return everything measured as plain data."""
    found = told.found
    return {
        "version": VERSION,
        "config": told.config,
        "model": told.model,
        "advice": [_fields(row) for row in told.rows],
        "learning_rate": {
            "best": asdict(found.learning_rate.best),
            "points": _pairs(found.learning_rate.points),
            "start": found.learning_rate.start,
        },
        "range_test": asdict(found.range),
        "rank": asdict(found.rank) if found.rank else None,
        "batch": asdict(found.batch) if found.batch else None,
        "memory": _fields(told.memory) if told.memory else None,
        "left_out": list(found.left_out),
        "notes": told.notes,
        "not_varied": list(NOT_VARIED),
        "constants": [_fields(constant) for constant in CONSTANTS],
        "seed": told.seed,
        "rows": {"train": len(told.setup.train), "held_out": len(told.setup.held_out)},
        "batch_of_trials": told.setup.training.batch,
        "device": told.setup.base.device,
        "dtype": told.setup.base.dtype,
        "steps": round(found.steps, 1),
        "cpu_seconds": round(found.seconds, 1),
        "seconds": round(told.wall, 1),
        "versions": told.versions,
    }


def write_files(told: Told, folder: Path) -> None:
    """Write the report as a page and as JSON."""
    from lora_advisor.reports._calibration_page import as_page

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(as_json(told), encoding="utf-8")
    (folder / "report.html").write_text(as_page(told), encoding="utf-8")


def _pairs(points: dict[float, float]) -> list[dict[str, float]]:
    return [{"learning_rate": rate, "loss": loss} for rate, loss in sorted(points.items())]


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in type(item).__slots__}
