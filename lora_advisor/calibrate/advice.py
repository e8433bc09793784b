"""What a calibration advises for the config's own keys, and on what each value rests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate import noise, range_test, short_runs
from lora_advisor.calibrate.ranks import ENOUGH, UNCERTAIN, at_rank
from lora_advisor.laws.rates import rounded
from lora_advisor.record import record
from lora_advisor.source.edits import apply, inserted, replaced

if TYPE_CHECKING:
    from lora_advisor.calibrate.calibration import Calibration
    from lora_advisor.calibrate.reading import Reader
    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.recipe import Value

MEASURED: Final = "measured"
DOCUMENTED: Final = "documented"
CONVENTION: Final = "convention"


@record
class Row:
    """One value: the user's key, what it is now, what is advised, and why; None is unknown.

    ``basis`` is measured, documented or convention; between ``low`` and ``high`` little is lost.
    """

    field: str
    key: str
    current: object
    value: object
    low: float | None = None
    high: float | None = None
    basis: str
    confidence: str
    why: str


@record
class Constant:
    """A number of the method that was not measured here."""

    name: str
    value: object
    basis: str
    why: str


def advice(reader: Reader, setup: Setup, found: Calibration) -> list[Row]:
    """Return the rows of the report: learning rate, rank with alpha, effective batch."""
    rows = [_rate_row(reader, setup, found)]
    if found.rank is not None:
        rows += _rank_rows(reader, setup, found)
    if found.batch is not None:
        rows += _batch_rows(reader, found)
    return rows


def _rate_row(reader: Reader, setup: Setup, found: Calibration) -> Row:
    reading, batch = found.learning_rate, setup.training.batch
    rank = found.rank.recommended if found.rank else setup.adapter.r
    rate = found.rank.learning_rates[rank] if found.rank else reading.advised
    ratio = math.sqrt(reader.batch() / batch) * rate / reading.advised
    low, high = reading.interval or (None, None)
    why = f"lowest held-out loss of {len(reading.points)} short runs / {short_runs.HORIZON:g}"
    if reading.edge:
        beyond = {"lowest": "lower", "highest": "higher"}[reading.edge]
        why += f", the {reading.edge} that was tried: a {beyond} one may do better"
    if reader.batch() != batch:
        why += f" at batch {batch}; moved to batch {reader.batch()} by the square root (documented)"
    if rank != setup.adapter.r:
        why += f"; moved from rank {setup.adapter.r} to {rank} by one over the root (convention)"
    return _row(
        reader,
        "train.learning_rate",
        rounded(reading.advised * ratio),
        low=rounded(low * ratio) if low else None,
        high=rounded(high * ratio) if high else None,
        basis=MEASURED,
        confidence=reading.confidence,
        why=why,
    )


def _rank_rows(reader: Reader, setup: Setup, found: Calibration) -> list[Row]:
    if found.rank is None:
        return []
    rank = found.rank.recommended
    shares = ", ".join(f"r={r} {share:.0%}" for r, share in found.rank.shares.items())
    why = (
        f"smallest rank with {ENOUGH:.0%} of the best one's gain in {short_runs.STEPS} steps: "
        f"{shares}, each ± {UNCERTAIN:.0%}"
    )
    if rank == max(found.rank.shares):
        why += "; the largest that was tried: a larger one may win more"
    rows = [_row(reader, "lora.r", rank, basis=MEASURED, confidence="medium", why=why)]
    alpha = at_rank(setup.adapter, rank).alpha
    if alpha != setup.adapter.alpha:
        why = "kept in proportion to the rank, as the config has it"
        value = int(alpha) if alpha == int(alpha) else alpha
        rows.append(
            _row(reader, "lora.lora_alpha", value, basis=CONVENTION, confidence="high", why=why)
        )
    return rows


def _batch_rows(reader: Reader, found: Calibration) -> list[Row]:
    if found.batch is None:
        return []
    value = reader.recipe["train.per_device_train_batch_size"]
    row = Row(
        field="train.effective_batch",
        key="effective batch",
        current=reader.batch() if value.written else None,
        value=f"up to {found.batch.safe_batch}",
        basis=MEASURED,
        confidence="medium",
        why=f"a third of the gradient noise scale of {found.batch.scale:.0f} sequences, "
        "known to a factor of 2 or 3; larger batches win less per example",
    )
    return [row]


def _row(reader: Reader, field: str, value: object, **rest: object) -> Row:
    current = reader.get(field)
    return Row(field=field, key=reader.key(field), current=current, value=value, **rest)  # type: ignore[arg-type]


CONSTANTS: Final = (
    Constant(
        name="centre of the short runs",
        value=f"rate of the lowest loss / {range_test.DIVISOR:g}",
        basis=CONVENTION,
        why="chosen on twenty cases of three tiny models and seven texts",
    ),
    Constant(
        name="rate for the whole training",
        value=f"best rate of the short runs / {short_runs.HORIZON:g}",
        basis=CONVENTION,
        why="chosen on one domain of a tiny model, confirmed on another",
    ),
    Constant(
        name="steps of a short run",
        value=short_runs.STEPS,
        basis=CONVENTION,
        why="below about 20 steps the chosen rate comes out too high",
    ),
    Constant(
        name="rate against rank",
        value="1/sqrt(rank) where alpha follows the rank, else unchanged",
        basis=CONVENTION,
        why="measured on a tiny model; the literature gives 0 to 1 as exponent",
    ),
    Constant(
        name="rate against batch",
        value="sqrt(batch)",
        basis=DOCUMENTED,
        why="the usual rule for Adam",
    ),
    Constant(
        name="safe batch",
        value=f"noise scale / {noise.SAFE}",
        basis=CONVENTION,
        why="at the noise scale itself twice the fewest examples are needed",
    ),
)


def applied(reader: Reader, rows: list[Row]) -> str:
    """Return the config's text with the advised values; NotEditableError where it has no place.

    Comments, order and quotes stay; a value that stands in another file is left alone.
    """
    document = reader.recipe.document
    edits = []
    for row in rows:
        if row.field == "train.effective_batch" or row.value == row.current:
            continue
        value = reader.recipe[row.field]
        if value.value_at is not None and value.value_at.document.path == document.path:
            edits.append(replaced(document, value.value_at.span, row.value))
        elif value.key_at is None:
            edits.append(inserted(document, row.key, row.value, _near(reader)))
    return apply(document.text, edits)


def _near(reader: Reader) -> int:
    """Return a place in the section that new training keys belong to."""
    values: list[Value] = [v for f, v in reader.recipe.values.items() if f.startswith("train.")]
    return next((v.key_at.span.start for v in values if v.key_at is not None), 0)
