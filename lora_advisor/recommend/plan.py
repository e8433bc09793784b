"""Advice in the making: each value decided in turn, by what was decided before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from lora_advisor.laws import Law
    from lora_advisor.recommend.situation import Situation

Verdict = Literal["set", "keep", "change", "add"]


@record
class Advice:
    """One advised value with its reason.

    ``verdict`` is ``set`` where there is no config; else ``keep`` (what the config has is as good
    as far as anybody knows), ``change``, or ``add`` (the config leaves it to an unfit default).
    ``figure`` holds the numbers of this case, ``current`` what the config has.
    """

    field: str
    key: str
    value: object
    verdict: Verdict
    figure: str
    law: Law
    current: object = None


class Plan:
    """The values decided so far, and the advice they stand in."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.values: dict[str, object] = {}
        self.advice: list[Advice] = []
        self.notes: list[str] = []

    def decide(
        self,
        field: str,
        value: object,
        law: Law,
        figure: str,
        good: Callable[[object], bool] | None = None,
    ) -> None:
        """Advise a value, or leave the config's own where ``good`` finds no fault with it."""
        current = self.situation.current(field)
        fine = current is not None and (
            current.value == value or (good is not None and _holds(good, current.value))
        )
        verdict: Verdict = "set"
        if self.situation.recipe is not None:
            verdict = "keep" if fine else "change" if current and current.written else "add"
        kept = current.value if current is not None and fine else value
        self.values[field] = kept
        self.advice.append(
            Advice(
                field=field,
                key=current.key if current is not None else field,
                value=kept,
                verdict=verdict,
                figure=figure,
                law=law,
                current=current.value if current is not None else None,
            )
        )

    def number(self, field: str, otherwise: float) -> float:
        """Return a decided number, or what the config has, or else ``otherwise``."""
        value = self.values.get(field)
        if value is None and (current := self.situation.current(field)) is not None:
            value = current.value
        usable = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if usable else otherwise  # type: ignore[arg-type]

    def whole(self, field: str, otherwise: int) -> int:
        """Return a decided whole number."""
        return int(self.number(field, otherwise))


def _holds(good: Callable[[object], bool], value: object) -> bool:
    try:
        return good(value)
    except (TypeError, OverflowError):
        return False


def within(advised: float, factor: float, above: float | None = None) -> Callable[[object], bool]:
    """Return a test: is a number within a factor of the advised one (``above``: on that side)?"""
    highest = advised * (above or factor)

    def test(value: object) -> bool:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and advised / factor <= value <= highest  # type: ignore[operator]

    return test


def between(low: float, high: float) -> Callable[[object], bool]:
    """Return a test: is a number in a range, its ends included?"""

    def test(value: object) -> bool:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and low <= value <= high  # type: ignore[operator]

    return test
