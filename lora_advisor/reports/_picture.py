"""An inspected model as a picture (SVG), and as one page that needs nothing beside itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.memory import FAILS, FITS
from lora_advisor.models.memory_setup import GIB
from lora_advisor.reports import _inspection
from lora_advisor.reports._text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lora_advisor.inspect import Inspection
    from lora_advisor.models.folding import Node

TEMPLATES: Final = Path(__file__).parent / "templates"
WIDTH: Final = 640
ROW: Final = 25
GAP: Final = 5
INSET: Final = 14
FOOT: Final = 40
_LEGEND: Final = (("lora", "adapter"), ("full", "trained in full"), ("plain", "frozen"))
_MOODS: Final = {FITS: "good", FAILS: "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of the picture: a module, with what is written left and right in it."""

    x: int
    y: int
    width: int
    height: int
    kind: str
    name: str
    note: str


def as_svg(found: Sequence[Inspection]) -> str:
    """Draw the first model that was inspected; colours follow the viewer's light or dark mode."""
    return _svg(found[0], alone=True) + "\n"


def as_html(found: Sequence[Inspection]) -> str:
    """Write every inspection into one page."""
    from markupsafe import Markup

    pages = [{**_page(item), "picture": Markup(_svg(item, alone=False))} for item in found]  # noqa: S704 - made from an escaping template
    page: str = _template("inspection.html.j2").render(pages=pages, short=_inspection.short)
    return page + "\n"


def _template(name: str) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(name)


def _svg(found: Inspection, *, alone: bool) -> str:
    boxes = list(boxes_of(found))
    height = max((box.y + box.height for box in boxes), default=0) + FOOT
    legend = [(mark, GAP + 150 * number) for number, mark in enumerate(_LEGEND)]
    picture: str = _template("_model.svg.j2").render(
        boxes=boxes,
        width=WIDTH,
        height=height,
        legend=legend,
        alone=alone,
        title=f"What is adapted in {harmless(found.subject.title)}",
    )
    return picture


def boxes_of(found: Inspection) -> Iterator[Box]:
    """Lay the folded tree out: a box for every module, inside the box of the one it is in."""
    top = GAP
    sized = found.subject.table.sized
    for child in found.tree.children:
        inner = list(_laid(child, GAP, top, WIDTH - 2 * GAP, sized=sized))
        yield from inner
        top = max((box.y + box.height for box in inner), default=top) + GAP


def _laid(node: Node, x: int, y: int, width: int, *, sized: bool) -> Iterator[Box]:
    if not node.parameters and not node.adapted:
        return
    top = y + ROW + GAP
    below: list[Box] = []
    for child in node.children:
        laid = list(_laid(child, x + INSET, top, width - 2 * INSET, sized=sized))
        below += laid
        top = max((box.y + box.height for box in laid), default=top - GAP) + GAP
    kind = node.how or ("outer" if below else "plain")
    yield Box(
        x=x,
        y=y,
        width=width,
        height=(top - y) if below else ROW,
        kind=kind,
        name=harmless(_inspection.label(node, sized=sized)),
        note=_note(node, sized=sized),
    )
    yield from below


def _note(node: Node, *, sized: bool) -> str:
    size = _inspection.short(node.parameters * node.count) if sized else ""
    return " · ".join(text for text in (size, _inspection.trained(node, sized=sized)) if text)


def _page(found: Inspection) -> dict[str, Any]:
    subject, memory = found.subject, found.memory
    low, high = (memory.low / GIB, memory.high / GIB) if memory is not None else (0.0, 0.0)
    note = (
        f"PEFT refuses this: {found.error_type}: {found.note}" if found.error_type else found.note
    )
    return {
        "head": harmless(subject.title),
        "model": f"{subject.table.model_type}, {subject.table.auto_class}; {subject.table.source}",
        "totals": _inspection.totals(found),
        "note": harmless(note),
        "assumed": ", ".join(subject.assumed),
        "targets": found.targets,
        "left": found.left,
        "range": f"{low:.1f} to {high:.1f} GiB" if memory is not None else "",
        "gpu": found.gpu.name if found.gpu is not None else "",
        "verdict": found.verdict,
        "mood": _MOODS.get(found.verdict, "faint"),
        "memory_note": _memory_note(found),
        "parts": list(_parts(found)),
        "changes": [
            {
                "frees": f"{change.frees / GIB:.1f}",
                "key": _inspection.key_of(change, found),
                "value": _inspection.value_of(change.value),
                "title": change.title,
            }
            for change in found.changes
        ],
    }


def _memory_note(found: Inspection) -> str:
    if found.memory is None:
        return f"Not estimated: {found.subject.note or found.note}."
    return "" if found.memory.complete else _inspection.INCOMPLETE


def _parts(found: Inspection) -> Iterator[dict[str, Any]]:
    parts = [part for part in found.memory.parts if part.high] if found.memory is not None else []
    largest = max((part.high for part in parts), default=1)
    for part in parts:
        yield {
            "name": part.name,
            "range": _inspection.range_of(part),
            "full": round(100 * part.low / largest),
            "maybe": round(100 * (part.high - part.low) / largest),
            "formula": part.formula,
            "source": part.source,
        }
