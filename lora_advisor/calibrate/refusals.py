"""Why a calibration gives no number: each reason has a name, and says what to do."""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "frozen-adapter": "no gradient reaches the adapter",
    "too-little-data": "there are too few examples to measure on",
    "not-a-number": "the loss is not a number",
    "flat-curve": "the loss does not fall at any learning rate",
    "edge-of-range": "the best learning rate lies at the edge of the tested range",
    "no-model": "the base model is not on this machine",
    "no-data": "the dataset is not on this machine or cannot be read",
    "unsupported": "this kind of training cannot be calibrated",
}


class RefusalError(Exception):
    """A calibration that gives no number; ``reason`` is a key of :data:`REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {REASONS[reason]}: {detail}")
