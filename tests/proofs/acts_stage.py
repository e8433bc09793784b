"""What a card's script does as it stands, where no act of its own is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.proofs import stage

if TYPE_CHECKING:
    from tests.proofs.acts import Attempt


def play(attempt: Attempt) -> stage.Played:
    """Run the script, and return all that it leaves behind."""
    return stage.play(attempt.text)


def play_model(attempt: Attempt) -> Any:
    """Run the script, and return what it calls ``model``."""
    return stage.play(attempt.text).scope["model"]
