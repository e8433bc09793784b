"""Ways to carry trials out: each maps trials to outcomes, in order, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from lora_advisor.calibrate.trials import Outcome, Trial

if TYPE_CHECKING:
    from typing_extensions import Self

Run = Callable[[list[Trial]], list[Outcome]]
"""What the stages are given: trials in, outcomes out."""


class Engine(Protocol):
    """Carries trials out; a context manager that lets its workers go at the end."""

    def map(self, trials: list[Trial]) -> Iterator[Outcome]:
        """Yield each trial's outcome, in order, as soon as it is there."""
        ...

    def __enter__(self) -> Self:
        """Return the engine."""
        ...

    def __exit__(self, *_: object) -> None:
        """Let the workers go."""
        ...


def names() -> Iterable[str]:
    """Name the engines."""
    return ("serial", "process", "ray")


def engine(name: str, setup: Any, **options: Any) -> Engine:
    """Make an engine by its name; its module is imported only now."""
    from importlib import import_module

    made: Engine = import_module(f"{__name__}.{name}").make(setup, **options)
    return made
