"""The learning rate's law holds the bar on the published sweep."""

from __future__ import annotations

import statistics

from static_exam import MEAN_BAR, WORST_BAR, curves, flat, losses_of, ours


def test_the_law_beats_a_flat_rate_and_the_bar() -> None:
    sweep = curves()
    assert len(sweep) == 126
    near = losses_of(ours, sweep)[0]
    even = losses_of(flat(3e-4), sweep)[0]
    assert statistics.mean(near) <= MEAN_BAR
    assert max(near) <= WORST_BAR
    assert statistics.mean(near) < statistics.mean(even)
    assert max(near) < max(even)
