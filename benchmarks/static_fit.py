"""Fits the learning rate's law to a published sweep, and asks it of models it was not fitted on.

Each curve gives its best rate (a parabola in log rate through its lowest run and the two beside
it) and how sharp it is. A straight line in log size and log rank is laid through them, every family
weighing the same, and drawn towards "3e-4 for all": seven families say little about a new one. How
hard it is drawn follows from how far the families lie apart, not from the score. A family then has
a factor of its own, drawn towards 1 by how far its models lie apart.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.parabola import vertex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from static_exam import Curve

FLAT: Final = 3e-4
"""What the line is drawn towards: one rate for every model and rank."""
SPREAD: Final = (math.log(1.5), 0.1, 0.1)
"""How far rate (in logs), exponent of size and exponent of rank may well lie from it."""
PARAMETERS: Final = 8e9
RANK: Final = 32
ROUNDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A curve's best rate in logs, where it was seen, and how sharp it is."""

    family: str
    model: str
    at: tuple[float, float, float]
    best: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The law's constants; ``families`` are factors on the rate."""

    rate: float
    size: float
    rank: float
    families: Mapping[str, float]

    def __call__(self, curve: Curve) -> float:
        """Return the rate for a curve's model and rank."""
        line: float = (curve.parameters / PARAMETERS) ** self.size
        line *= (curve.rank / RANK) ** self.rank
        return self.rate * line * self.families.get(curve.family, 1.0)


def fit(sweep: Sequence[Curve]) -> Fitted:
    """Fit the law."""
    seen = _seen(sweep)
    drawn = 0.01
    for _ in range(ROUNDS):  # the draw follows from the residuals, those from the draw
        line = _line(seen, drawn)
        apart = _apart(_by_family(seen, line))
        drawn = apart / len({one.family for one in seen})
    return Fitted(
        rate=FLAT * math.exp(line[0]),
        size=line[1],
        rank=line[2],
        families=_factors(_by_family(seen, line), apart),
    )


def _seen(sweep: Sequence[Curve]) -> list[Seen]:
    found = [(curve, vertex(curve.losses, math.inf)) for curve in sweep]
    sharp = {id(curve): best.curvature / best.loss for curve, best in found if best.fitted}
    least = statistics.median(sharp.values()) / 2  # a best rate at the sweep's edge says less
    return [
        Seen(
            family=curve.family,
            model=curve.model,
            at=(1.0, math.log(curve.parameters / PARAMETERS), math.log(curve.rank / RANK)),
            best=math.log(best.learning_rate / FLAT),
            weight=sharp.get(id(curve), least),
        )
        for curve, best in found
    ]


def _line(seen: list[Seen], drawn: float) -> list[float]:
    """Solve the weighted, drawn least squares; each family weighs the same."""
    whole: dict[str, float] = defaultdict(float)
    for one in seen:
        whole[one.family] += one.weight
    weights = [one.weight / whole[one.family] / len(whole) for one in seen]
    rows = [
        [
            *(
                sum(w * one.at[i] * one.at[j] for w, one in zip(weights, seen, strict=True))
                + (drawn / SPREAD[i] ** 2 if i == j else 0.0)
                for j in range(3)
            ),
            sum(w * one.at[i] * one.best for w, one in zip(weights, seen, strict=True)),
        ]
        for i in range(3)
    ]
    return _solved(rows)


def _solved(rows: list[list[float]]) -> list[float]:
    """Solve linear equations, the right-hand side last in each row (Gauss and Jordan)."""
    for i, pivot in enumerate(rows):
        pivot[:] = [value / pivot[i] for value in pivot]
        for other in rows:
            if other is not pivot:
                other[:] = [a - other[i] * b for a, b in zip(other, pivot, strict=True)]
    return [row[-1] for row in rows]


def _by_family(seen: list[Seen], line: list[float]) -> dict[str, list[float]]:
    """Return how far each model lies from the line, by family."""
    models: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for one in seen:
        off = one.best - sum(a * b for a, b in zip(line, one.at, strict=True))
        models[one.family, one.model].append((one.weight, off))
    found: dict[str, list[float]] = defaultdict(list)
    for (family, _), offs in models.items():
        found[family].append(sum(w * off for w, off in offs) / sum(w for w, _ in offs))
    return found


def _apart(families: dict[str, list[float]]) -> float:
    """Return the variance of families about the line."""
    return sum(statistics.mean(f) ** 2 for f in families.values()) / (len(families) - 1)


def _factors(families: dict[str, list[float]], apart: float) -> dict[str, float]:
    """Return each family's factor, drawn towards 1 by the scatter of its models."""
    squares = [(x - statistics.mean(f)) ** 2 for f in families.values() for x in f]
    scatter = sum(squares) / (len(squares) - len(families))
    return {
        family: math.exp(statistics.mean(offs) * len(offs) / (len(offs) + scatter / apart))
        for family, offs in families.items()
    }
