from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lora_advisor.calibrate.examples import IGNORED, Example, batches, packed, padded
from lora_advisor.calibrate.journal import Journal, JournalError
from lora_advisor.calibrate.parabola import vertex
from lora_advisor.calibrate.range_test import passed, read_range, smooth
from lora_advisor.calibrate.ranks import PRICE, at_rank, compare, moved
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.calibrate.setup import Adapter, Base, Setup, Training
from lora_advisor.calibrate.short_runs import LearningRateReading
from lora_advisor.calibrate.trials import Outcome, Trial

if TYPE_CHECKING:
    from pathlib import Path

TRIAL = Trial(kind="range", learning_rate=1e-5, r=4, alpha=8, steps=60, batch=8, seed=0)
RATES = tuple(1e-5 * 10 ** (5 * step / 59) for step in range(60))


def outcome(losses: list[float], base: float = 3.0) -> Outcome:
    return Outcome(
        trial=TRIAL,
        learning_rates=RATES[: len(losses)],
        losses=tuple(losses),
        base_losses=(base,) * len(losses),
        cost=float(len(losses)),
        gradient=1.0,
        extra={},
    )


def valley(place: float) -> list[float]:
    """A curve that falls until a rate and then rises steeply."""
    return [-0.5 * math.exp(-((math.log10(rate) - place) ** 2) / 0.5) for rate in RATES]


def test_centre_is_half_of_the_lowest_rate() -> None:
    reading = read_range(outcome(valley(-2)))
    assert reading.centre == pytest.approx(reading.lowest_at / 2)
    assert 1e-2 <= reading.lowest_at <= 4e-2  # smoothing comes late


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        ([0.0] * 60, "flat-curve"),
        ([0.3 * (-1) ** step for step in range(60)], "flat-curve"),
        ([-0.01 * step for step in range(60)], "edge-of-range"),
        ([0.0, math.nan], "not-a-number"),
    ],
)
def test_refuses_curves_without_a_minimum(losses: list[float], reason: str) -> None:
    with pytest.raises(RefusalError) as refused:
        read_range(outcome(losses))
    assert refused.value.reason == reason


def test_refuses_an_adapter_that_gets_no_gradient() -> None:
    with pytest.raises(RefusalError, match="frozen-adapter"):
        read_range(replace(outcome(valley(-2)), gradient=0.0))


def test_a_plateau_after_the_first_rise_is_no_minimum() -> None:
    """On a strange text even ruined adapters end far below the start, and fall once more."""
    falling = [-2.5 * (rate / 1e-2) ** 0.14 for rate in RATES if rate <= 1e-2]
    losses = [*falling, 0.05, -2.1, -1.7, -1.4, -1.9, *[-2.2] * 60]
    reading = read_range(outcome(losses[: len(RATES)]))
    assert 5e-3 <= reading.lowest_at <= 1.5e-2


def test_a_range_test_ends_where_half_of_the_gain_is_lost_again() -> None:
    losses = valley(-2)
    ends = next(step for step in range(1, 60) if passed(losses[:step]))
    assert RATES[ends] < 0.5
    assert read_range(outcome(losses[:ends])).lowest_at == read_range(outcome(losses)).lowest_at


@pytest.mark.parametrize("seed", range(20))
def test_scatter_alone_passes_no_minimum(seed: int) -> None:
    """Single sequences scatter by half of what they win."""
    mixer = random.Random(seed)  # noqa: S311 - scatter, no secret
    losses = [-0.5 * (rate / 1e-2) * (1 + mixer.gauss(0, 0.4)) for rate in RATES if rate <= 1e-2]
    assert not any(passed(losses[:step]) for step in range(1, len(losses)))


def test_smoothing_starts_at_the_first_value() -> None:
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])


def test_parabola_finds_the_lowest_point() -> None:
    points = {rate: 2 + 0.3 * math.log(rate / 3e-3) ** 2 for rate in (1e-3, 2e-3, 4e-3, 8e-3)}
    best = vertex(points, start=4.0)
    assert best.fitted
    assert best.learning_rate == pytest.approx(3e-3)
    assert best.loss == pytest.approx(2.0)
    assert best.low is not None
    assert best.high is not None
    at_low = 2 + 0.3 * math.log(best.low / 3e-3) ** 2
    assert at_low == pytest.approx(2 + 0.01 * (4 - 2))


def test_parabola_leaves_an_edge_alone() -> None:
    best = vertex({1e-3: 3.0, 2e-3: 2.5, 4e-3: 2.2}, start=4.0)
    assert (best.fitted, best.learning_rate, best.low) == (False, 4e-3, None)


def test_rate_moves_with_the_rank_only_where_alpha_follows() -> None:
    adapter = Adapter(r=16, alpha=32, settings={})
    assert at_rank(adapter, 64).alpha == 128
    assert moved(adapter, 1e-3, 64) == pytest.approx(5e-4)
    stabilised = replace(adapter, settings={"use_rslora": True})
    assert at_rank(stabilised, 64).alpha == 32
    assert moved(stabilised, 1e-3, 64) == 1e-3


def test_batches_show_every_row_before_any_twice() -> None:
    rows = [Example(tokens=(i, i), labels=(i, i)) for i in range(10)]
    drawn = batches(rows, 5, seed=3)
    seen = [row.tokens[0] for row in next(drawn) + next(drawn)]
    assert sorted(seen) == list(range(10))
    again = batches(rows, 5, seed=3)
    assert [row.tokens[0] for row in next(again) + next(again)] == seen


def test_padding_is_never_learnt() -> None:
    rows = [Example(tokens=(5, 6, 7), labels=(5, 6, 7)), Example(tokens=(8,), labels=(8,))]
    batch = padded(rows, pad=0)
    assert batch["input_ids"][1] == [8, 0, 0]
    assert batch["attention_mask"][1] == [1, 0, 0]
    assert batch["labels"][1] == [8, IGNORED, IGNORED]


def test_packing_fills_rows() -> None:
    rows = [Example(tokens=tuple(range(7)), labels=tuple(range(7))) for _ in range(3)]
    assert [len(row.tokens) for row in packed(rows, 10)] == [10, 10]


def made_setup() -> Setup:
    return Setup(
        base=Base(folder="x"),
        adapter=Adapter(r=4, alpha=8, settings={}),
        training=Training(batch=8, micro_batch=8),
        train=(),
        held_out=(),
    )


def test_journal_survives_a_cut_off_line_and_refuses_another_setup(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = outcome(valley(-2))
    Journal(path, made_setup(), resume=False).add(first)
    with path.open("a") as file:
        file.write('{"trial": {"kind"')
    read = Journal(path, made_setup(), resume=True)
    assert read.known[TRIAL.key].same_numbers(first)
    other = replace(made_setup(), adapter=Adapter(r=8, alpha=8, settings={}))
    with pytest.raises(JournalError, match="another config"):
        Journal(path, other, resume=True)


def test_no_interval_beside_a_cliff() -> None:
    bowl = {1e-3: 3.2, 2e-3: 3.0, 4e-3: 3.3}
    cliff = {1e-3: 3.05, 2e-3: 3.0, 4e-3: 5.0}
    for points, known in ((bowl, True), (cliff, False)):
        best = vertex(points, start=4.0)
        reading = LearningRateReading(best=best, points=points, start=4.0, confidence="high")
        assert (reading.interval is not None) is known
        assert reading.gain == 1.0
        assert reading.advised < best.learning_rate


@pytest.mark.parametrize(
    ("losses", "edge"), [((3.2, 3.0, 3.3), ""), ((3.0, 3.2, 3.3), "lowest"), ((3, 2, 1), "highest")]
)
def test_tells_a_best_rate_at_the_end_of_what_was_tried(
    losses: tuple[float, ...], edge: str
) -> None:
    points = dict(zip((1e-3, 2e-3, 4e-3), losses, strict=True))
    best = vertex(points, start=4.0)
    reading = LearningRateReading(best=best, points=points, start=4.0, confidence="low")

    assert reading.edge == edge


def ranked(gains: dict[int, float], room: float) -> tuple[list[int], int]:
    """Compare ranks whose short runs win so much; return what was run and what is advised."""
    adapter = Adapter(r=16, alpha=32, settings={})
    points = {1e-3: 3.2, 2e-3: 3.0, 4e-3: 3.3}
    found = LearningRateReading(
        best=vertex(points, start=4.0), points=points, start=4.0, confidence="high"
    )
    asked: list[Trial] = []

    def run(trials: list[Trial]) -> list[Outcome]:
        asked.extend(trials)
        return [
            replace(outcome([0.0]), trial=trial, start=4.0, score=4.0 - gains[trial.r])
            for trial in trials
        ]

    reading = compare(run, adapter, found, batch=8, seed=0, room=room)
    rates = {trial.r: trial.learning_rate for trial in asked}
    assert rates[64] == pytest.approx(found.best.learning_rate / 2)
    return [trial.r for trial in asked], reading.recommended


@pytest.mark.parametrize(
    ("gains", "room", "tried", "advised"),
    [
        ({4: 0.7, 16: 0.98, 64: 1.0}, 4, [16, 64, 4], 16),
        ({4: 0.98, 16: 0.99, 64: 1.0}, 4, [16, 64, 4], 4),
        ({4: 0.7, 16: 0.9, 64: 1.0, 256: 1.01}, 4, [16, 64, 256, 4], 64),
        ({4: 0.7, 16: 0.9, 64: 1.0, 256: 1.1}, 3, [16, 64, 256], 256),
        ({4: 0.7, 64: 1.01}, 2, [64, 4], 16),  # its own gain is that of the best short run
    ],
)
def test_a_larger_rank_is_taken_where_it_wins_more_than_is_uncertain(
    gains: dict[int, float], room: int, tried: list[int], advised: int
) -> None:
    assert ranked(gains, room * PRICE) == (tried, advised)
