"""The lowest point of a loss over the logarithm of the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERATED: Final = 0.01
"""Share of the gain that a rate inside the interval costs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """The best rate, its loss, and the rates between which little is lost.

    ``fitted`` is false where the points do not bend upwards: then the rate is the best one tried
    and there is no interval.
    """

    learning_rate: float
    loss: float
    low: float | None
    high: float | None
    fitted: bool
    curvature: float = 0.0


def vertex(points: Mapping[float, float], start: float) -> Vertex:
    """Fit the best point and its two neighbours; ``start`` is the loss before training."""
    rates = sorted(points)
    best = min(rates, key=points.__getitem__)
    place = rates.index(best)
    tried = Vertex(learning_rate=best, loss=points[best], low=None, high=None, fitted=False)
    if place in (0, len(rates) - 1):
        return tried
    three = rates[place - 1 : place + 2]
    bend, at, lowest = _through([(math.log(rate), points[rate]) for rate in three])
    if not math.isfinite(bend) or bend <= 0:
        return tried
    half = math.sqrt(TOLERATED * max(start - lowest, 0.0) / bend)
    return Vertex(
        learning_rate=math.exp(at),
        loss=lowest,
        low=math.exp(at - half),
        high=math.exp(at + half),
        fitted=True,
        curvature=bend,
    )


def _through(points: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Return curvature, place and height of the vertex of the parabola through three points."""
    (x0, y0), (x1, y1), (x2, y2) = points
    left = (y1 - y0) / (x1 - x0)
    right = (y2 - y1) / (x2 - x1)
    bend = (right - left) / (x2 - x0)
    if not math.isfinite(bend) or bend <= 0:
        return bend, x1, y1
    slope = left + bend * (x1 - x0)
    at = x1 - slope / (2 * bend)
    return bend, at, y1 - slope**2 / (4 * bend)
