"""Pictures of a calibration as inline SVG, drawn by matplotlib in the page's own colours."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.ranks import ENOUGH, UNCERTAIN

if TYPE_CHECKING:
    from lora_advisor.calibrate.calibration import Calibration
    from lora_advisor.calibrate.memory import MemoryReading

COLOURS: Final = {"#010203": "var(--ink)", "#040506": "var(--accent)", "#070809": "var(--soft)"}
"""Stand-ins that matplotlib can draw with, and what the page shows in their place."""
INK, ACCENT, SOFT = COLOURS
SIZE: Final = (6.4, 3.2)
_HEAD: Final = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_STAMP: Final = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def curve(found: Calibration) -> str:
    """Draw the short runs' held-out loss against the rate, with the interval."""
    figure, axes = _axes("learning rate", "held-out loss (nats)")
    reading = found.learning_rate
    rates = sorted(reading.points)
    if reading.interval is not None:
        axes.axvspan(*reading.interval, color=SOFT, alpha=0.35, lw=0)
    axes.axvline(reading.advised, color=ACCENT, lw=1.5)
    axes.plot(rates, [reading.points[rate] for rate in rates], "o-", color=INK, ms=5)
    axes.axhline(reading.start, color=INK, lw=0.8, ls=":")
    axes.set_xscale("log")
    _round_ticks(axes, rates)
    return _svg(figure)


def range_curve(found: Calibration) -> str:
    """Draw the range test: the smoothed loss less the untrained adapter's."""
    figure, axes = _axes("learning rate", "loss less untrained (nats)")
    axes.plot(found.range.learning_rates, found.range.smoothed, "-", color=INK)
    axes.axhline(0, color=INK, lw=0.8, ls=":")
    axes.axvline(found.range.lowest_at, color=SOFT, lw=1.5)
    axes.axvline(found.range.centre, color=ACCENT, lw=1.5)
    axes.set_ylim(top=max(2 * found.range.gain, 0.2), bottom=-1.4 * found.range.gain)
    axes.set_xscale("log")
    return _svg(figure)


def ranks(found: Calibration) -> str:
    """Draw each rank's share of the largest rank's gain."""
    if found.rank is None:
        return ""
    figure, axes = _axes("rank", "share of the largest rank's gain (%)")
    names = [str(r) for r in found.rank.shares]
    colours = [ACCENT if r == found.rank.recommended else SOFT for r in found.rank.shares]
    heights = [100 * share for share in found.rank.shares.values()]
    axes.bar(names, heights, color=colours, width=0.5, yerr=100 * UNCERTAIN, ecolor=INK, capsize=4)
    axes.axhline(100 * ENOUGH, color=INK, lw=0.8, ls=":")
    return _svg(figure)


def memory(reading: MemoryReading) -> str:
    """Draw what one training step needs."""
    figure, axes = _axes("MiB", "")
    parts = {"kept": reading.kept, "at peak": reading.peak - reading.kept}
    left = 0.0
    for colour, (name, size) in zip((SOFT, ACCENT), parts.items(), strict=True):
        axes.barh([""], [size / 2**20], left=left, color=colour, height=0.4, label=name)
        left += size / 2**20
    axes.legend(frameon=False, labelcolor=INK, loc="upper right")
    axes.set_ylim(-0.5, 0.8)
    return _svg(figure)


def _axes(x: str, y: str) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["svg.hashsalt"] = "lora-advisor"
    mpl.rcParams["font.family"] = "sans-serif"
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.tick_params(colors=INK, which="both")
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(INK)
    return figure, axes


def _round_ticks(axes: Any, rates: list[float]) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    axes.set_xticks(rates, [f"{rate:.1e}" for rate in rates])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _svg(figure: Any) -> str:
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    text = _STAMP.sub("", _HEAD.sub("", target.getvalue()))
    for stand_in, shown in COLOURS.items():
        text = text.replace(stand_in, shown)
    return text
