"""One trial after the other in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from lora_advisor.calibrate.setup import Setup
    from lora_advisor.calibrate.trials import Outcome, Trial
    from lora_advisor.calibrate.workbench import Workbench


class Serial:
    """Loads the base with the first trial and keeps it."""

    def __init__(self, setup: Setup, tick: Callable[[], None]) -> None:
        self._setup = setup
        self._tick = tick
        self._bench: Workbench | None = None

    def map(self, trials: list[Trial]) -> Iterator[Outcome]:
        """Yield outcomes one by one."""
        from lora_advisor.calibrate.running import run
        from lora_advisor.calibrate.workbench import Workbench

        for trial in trials:
            self._bench = self._bench or Workbench(self._setup)
            yield run(self._bench, trial, self._tick)

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the base go."""
        self._bench = None


def make(setup: Setup, tick: Callable[[], None] = lambda: None, **_: Any) -> Serial:
    """Make the engine; ``tick`` is called after every optimizer step."""
    return Serial(setup, tick)
