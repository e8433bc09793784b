"""The learning rate's law holds the bar on the published sweep."""

from __future__ import annotations

import statistics

import pytest
from static_exam import MEAN_BAR, WORST_BAR, curves, flat, left_out, losses_of, ours
from static_fit import fit

from lora_advisor.laws import law


def test_the_law_beats_a_flat_rate_and_the_bar() -> None:
    sweep = curves()
    assert len(sweep) == 126
    near = losses_of(ours, sweep)[0]
    even = losses_of(flat(3e-4), sweep)[0]
    assert statistics.mean(near) <= MEAN_BAR
    assert max(near) <= WORST_BAR
    assert statistics.mean(near) < statistics.mean(even)
    assert max(near) < max(even)


@pytest.mark.parametrize("kept_back", ["family", "model"])
def test_the_fit_beats_a_flat_rate_on_what_it_was_not_fitted_on(kept_back: str) -> None:
    found = left_out(curves(), lambda curve: str(getattr(curve, kept_back))).values()
    near = [loss for _, own, _ in found for loss in own[0]]
    even = [loss for _, _, flat_rate in found for loss in flat_rate[0]]
    assert statistics.mean(near) <= MEAN_BAR
    assert max(near) <= WORST_BAR
    assert statistics.mean(near) < statistics.mean(even)
    assert max(near) <= max(even)


def test_the_law_is_the_fit() -> None:
    fitted, figures = fit(curves()), law("learning_rate.supervised").figures
    assert figures["rate"] == pytest.approx(fitted.rate, rel=0.02)
    assert figures["size_exponent"] == pytest.approx(fitted.size, abs=0.01)
    assert figures["rank_exponent"] == pytest.approx(fitted.rank, abs=0.01)
    factors = {name: family["factor"] for name, family in figures["families"].items()}
    assert factors == pytest.approx(fitted.families, abs=0.01)
