"""A calibration as one page that needs nothing beside itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lora_advisor.calibrate.advice import CONSTANTS
from lora_advisor.calibrate.ranks import UNCERTAIN
from lora_advisor.reports import _plots
from lora_advisor.reports._calibration import NOT_VARIED, shown

if TYPE_CHECKING:
    from lora_advisor.reports._calibration import Told

TEMPLATES: Final = Path(__file__).parent / "templates"


def as_page(told: Told) -> str:
    """Render the page; pictures are inline SVG in the page's colours, light or dark."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    plots = {name: Markup(svg) if svg else "" for name, svg in _pictures(told).items()}  # noqa: S704 - drawn here
    page: str = environment.get_template("calibration.html.j2").render(
        told=told,
        plots=plots,
        shown=shown,
        not_varied=NOT_VARIED,
        constants=CONSTANTS,
        uncertain=round(100 * UNCERTAIN),
    )
    return page


def _pictures(told: Told) -> dict[str, str]:
    return {
        "curve": _plots.curve(told.found),
        "range_curve": _plots.range_curve(told.found),
        "ranks": _plots.ranks(told.found) if told.found.rank else "",
        "memory": _plots.memory(told.memory) if told.memory else "",
    }
