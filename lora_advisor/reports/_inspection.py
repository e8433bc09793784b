"""An inspected model as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.models.memory import FAILS, FITS
from lora_advisor.models.memory_setup import GIB
from lora_advisor.pattern import pattern
from lora_advisor.reports._text import cells, cut, harmless, painter, plural, wrap
from lora_advisor.reports.json import VERSION, dumped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lora_advisor.inspect import Inspection
    from lora_advisor.models.folding import Node
    from lora_advisor.models.memory_changes import Change
    from lora_advisor.models.memory_setup import Part
    from lora_advisor.reports import Options
    from lora_advisor.reports._text import Paint

_BAR: Final = 14
_RANGE: Final = pattern(r"\d+(-\d+)?")
_LEFT_SHOWN: Final = 12
_CHANGES_SHOWN: Final = 6
_WIDE_ENOUGH: Final = 72
_COLOURS: Final = {FITS: "green", FAILS: "red"}
MARKS: Final = {"lora": "●", "full": "■", "": " "}
FILE_BYTES: Final = 4
INCOMPLETE: Final = "Without activations and logits: the batch on a GPU or its length is not known."


def as_text(found: Inspection, options: Options) -> str:
    """Write totals, targets, the tree, what is left out, and the memory with what frees it."""
    paint = painter(colour=options.colour)
    lines = list(_head(found, options, paint))
    sections = (
        ("Targets", _targets(found, options, paint)),
        ("Model", _tree(found, options, paint)),
        ("Not adapted", _left(found, options)),
        (_memory_title(found, paint), _memory(found, options, paint)),
        ("What frees memory", _changes(found, options)),
    )
    for title, rows in sections:
        shown = list(rows)
        if shown:
            lines += ["", paint(title, bold=True), *shown]
    return "\n".join(lines) + "\n"


def _head(found: Inspection, options: Options, paint: Paint) -> Iterator[str]:
    subject = found.subject
    table = subject.table
    version = f", transformers {table.transformers}" if table.transformers else ""
    told = f"{subject.title} ({table.model_type}, {table.auto_class}{version})"
    yield wrap(harmless(paint(told, bold=True)), options.width, "", "  ")
    if harmless(table.source) not in told:
        yield wrap(harmless(f"Modules from {table.source}"), options.width, "", "  ")
    yield wrap(totals(found), options.width, "", "  ")
    if found.note:
        kind = f"PEFT refuses this: {found.error_type}: " if found.error_type else "Not resolved: "
        yield wrap(harmless(paint(kind, fg="red") + found.note), options.width, "", "  ")
    if subject.assumed:
        yield wrap(f"Assumed: {', '.join(subject.assumed)}.", options.width, "", "  ")


def totals(found: Inspection) -> str:
    """Say in one line how large the model is and what of it is trained."""
    table, resolution = found.subject.table, found.resolution
    base = f"{short(table.parameter_count)} parameters" if table.sized else "sizes not known"
    if resolution is None:
        return base
    if not table.sized:
        return base
    count = len(resolution.modules) + len(resolution.parameters)
    whole = f", {plural(len(resolution.saved), 'module')} in full" if resolution.saved else ""
    told = f"{base}; adapters on {plural(count, 'module')}{whole}"
    share = 100 * resolution.trainable / table.parameter_count
    size = resolution.trainable * FILE_BYTES / 10**6
    return f"{told}; {short(resolution.trainable)} trained ({share:.2g} %), file {size:,.0f} MB"


def short(count: int) -> str:
    """Write a number of parameters with three digits: ``40.4 M``."""
    for limit, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return str(count)


def _targets(found: Inspection, options: Options, paint: Paint) -> Iterator[str]:
    width = min(max((cells(t.entry) for t in found.targets), default=0), 40)
    for target in found.targets:
        name = cut(harmless(target.entry), width)
        counted = f"{target.modules:>5} " if found.subject.table.sized else ""
        first = f"  {name}{' ' * (width - cells(name))}  {counted}"
        if target.modules and not counted:
            yield f"{first}names modules"
        elif target.modules:
            told = "module" if target.modules == 1 else "modules"
            if target.adapted != target.modules and found.resolution is not None:
                told += f", {target.adapted} adapted"
            yield wrap(told, options.width, first)
        else:
            near = f"; nearest is {target.nearest}" if target.nearest else ""
            told = f"{'modules: ' if counted else ''}adapts nothing{near}"
            yield wrap(paint(told, fg="red"), options.width, first)


def _tree(found: Inspection, options: Options, paint: Paint) -> Iterator[str]:
    sized = found.subject.table.sized
    for child in found.tree.children:
        for node, name, depth in _walk(child, 1, "", sized=sized):
            mark = paint(MARKS[node.how], fg="green") if node.how else " "
            yield _row(node, f"{'  ' * depth}{mark} {name}", _columns(node, options, sized=sized))
    yield f"  {paint(MARKS['lora'], fg='green')} adapter   {MARKS['full']} trained in full"


def _walk(node: Node, depth: int, before: str, *, sized: bool) -> Iterator[tuple[Node, str, int]]:
    """Yield a node and what is below it; a chain of single children is one entry."""
    inner = [child for child in node.children if child.parameters or child.adapted]
    if not node.parameters and not node.adapted:
        return
    if len(inner) == 1 and not node.shape and node.count == 1 and not node.how:
        yield from _walk(inner[0], depth, f"{before}{node.name}.", sized=sized)
        return
    yield node, before + label(node, sized=sized), depth
    for child in inner:
        yield from _walk(child, depth + 1, "", sized=sized)


def label(node: Node, *, sized: bool) -> str:
    """Name a node with the number of its kind, without numbers where the model's are not known."""
    if node.count == 1:
        return node.name
    return f"{node.name} (×{node.count})" if sized else _RANGE.sub("*", node.name)


def _columns(node: Node, options: Options, *, sized: bool) -> tuple[int, str]:
    """Return the width of the names' column, and what stands right of it."""
    wide = options.width >= _WIDE_ENOUGH
    shape = "×".join(str(side) for side in node.shape) if sized else node.class_name
    size = short(node.parameters * node.count) if sized and node.parameters else ""
    middle = f"{shape:>14} {size:>7}" if wide else f"{size:>7}"
    return (36 if wide else 30), f"{middle}  {trained(node, sized=sized)}".rstrip()


def _row(node: Node, left: str, columns: tuple[int, str]) -> str:
    room, rest = columns
    hidden = cells(left) if not node.how else cells(_plain(left))
    return f"{left}{' ' * max(room - hidden, 1)}{rest}".rstrip()


def _plain(text: str) -> str:
    """Return a text without colours, to count its cells."""
    from click import unstyle  # a coloured report has it loaded

    return unstyle(text)


def trained(node: Node, *, sized: bool) -> str:
    """Say what is trained on a module: the adapter's rank, scaling and parameters, or all of it."""
    if not sized:
        return {"lora": f"r {node.rank}, ×{node.scaling:.3g}", "full": "all"}.get(node.how, "")
    if node.how == "lora":
        return f"r {node.rank}, ×{node.scaling:.3g}, +{short(node.trained)}"
    if node.how == "full":
        return f"all {short(node.trained)}"
    if node.trained and node.count > 1:
        return f"+{short(node.trained * node.count)} in {node.adapted * node.count}"
    return ""


def _left(found: Inspection, options: Options) -> Iterator[str]:
    for item in found.left[:_LEFT_SHOWN]:
        part = f"{item.modules} of {item.of}" if item.modules < item.of else str(item.of)
        counted = f"{part}, {short(item.parameters)}: " if found.subject.table.sized else ""
        yield wrap(f"{counted}{item.why}", options.width, f"  {item.name:<20} ")
    if len(found.left) > _LEFT_SHOWN:
        yield f"  and {len(found.left) - _LEFT_SHOWN} more names"


def _memory_title(found: Inspection, paint: Paint) -> str:
    if found.memory is None:
        return "Memory"
    low, high = found.memory.low / GIB, found.memory.high / GIB
    told = f"Memory on one GPU: {low:.1f} to {high:.1f} GiB"
    if found.gpu is None:
        return told
    name = f"{found.gpu.name}"
    answer = paint(found.verdict, fg=_COLOURS.get(found.verdict, "yellow"), bold=True)
    return f"{told}; {name}: {answer}"


def _memory(found: Inspection, options: Options, paint: Paint) -> Iterator[str]:
    if found.memory is None:
        if found.subject.note:
            yield wrap(harmless(f"Not estimated: {found.subject.note}."), options.width, "  ")
        return
    if not found.memory.complete:
        yield wrap(INCOMPLETE, options.width, "  ")
    largest = max(part.high for part in found.memory.parts)
    for part in found.memory.parts:
        if part.high:
            yield _bar(part, largest, options, paint)


def _bar(part: Part, largest: int, options: Options, paint: Paint) -> str:
    full = round(_BAR * part.low / largest)
    maybe = round(_BAR * part.high / largest) - full
    bar = paint("█" * full, fg="cyan") + "░" * maybe + " " * (_BAR - full - maybe)
    first = f"  {part.name:<16} {range_of(part):>12} {bar} "
    if options.width < _WIDE_ENOUGH:
        return first.rstrip()
    told = f"{part.formula} [{part.source}]" if options.verbose else part.formula
    return first + wrap(told, options.width, " " * 47).lstrip()


def range_of(part: Part) -> str:
    """Write a part's range in GiB, one number where both ends are the same."""
    low, high = f"{part.low / GIB:.2f}", f"{part.high / GIB:.2f}"
    return low if low == high else f"{low}-{high}"


def _changes(found: Inspection, options: Options) -> Iterator[str]:
    for change in found.changes[:_CHANGES_SHOWN]:
        first = f"  -{change.frees / GIB:>5.1f} GiB  "
        told = f"{key_of(change, found)}: {value_of(change.value)} ({change.title})"
        if found.gpu is not None and found.verdict != FITS:
            told += _then(change, found)
        yield wrap(told, options.width, first)


def _then(change: Change, found: Inspection) -> str:
    memory = found.gpu.memory if found.gpu is not None else 0
    return "; then it fits" if change.then.complete and change.then.high <= memory else ""


def key_of(change: Change, found: Inspection) -> str:
    """Return the key of a change as the user's format spells it."""
    return found.subject.keys.get(change.field) or change.field.partition(".")[2]


def value_of(value: object) -> str:
    """Write a value as YAML does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_json(inspections: Iterable[Inspection]) -> str:
    """Write inspections as one JSON object; bytes are bytes, names are PEFT's."""
    return dumped({"version": VERSION, "inspections": [plain(item) for item in inspections]})


def plain(found: Inspection) -> dict[str, Any]:
    """Return an inspection as plain data; without the model's sizes nothing is counted."""
    table = found.subject.table
    resolution = found.resolution if table.sized else None
    return {
        "title": found.subject.title,
        "model": {
            "type": table.model_type,
            "auto_class": table.auto_class,
            "source": table.source,
            "transformers": table.transformers,
            "sized": table.sized,
            "parameters": table.parameter_count if table.sized else None,
        },
        "status": found.status,
        "error_type": found.error_type or None,
        "note": found.note or None,
        "assumed": list(found.subject.assumed),
        "modules": _items(resolution.modules) if resolution is not None else [],
        "parameters": _items(resolution.parameters) if resolution is not None else [],
        "saved": dict(resolution.saved) if resolution is not None else {},
        "trainable": resolution.trainable if resolution is not None else None,
        "adapter_bytes": resolution.trainable * FILE_BYTES if resolution is not None else None,
        "targets": _items(found.targets) if table.sized else [],
        "left": _items(found.left) if table.sized else [],
        "memory": _memory_json(found),
    }


def _items(items: Iterable[Any]) -> list[dict[str, Any]]:
    return [_fields(item) for item in items]


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def _memory_json(found: Inspection) -> dict[str, Any] | None:
    if found.memory is None:
        return None
    return {
        "low": found.memory.low,
        "high": found.memory.high,
        "complete": found.memory.complete,
        "gpu": int(found.gpu.memory) if found.gpu is not None else None,
        "verdict": found.verdict or None,
        "parts": [_fields(part) for part in found.memory.parts],
        "changes": [
            {
                "field": change.field,
                "key": key_of(change, found),
                "value": change.value,
                "title": change.title,
                "frees": change.frees,
                "low": change.then.low,
                "high": change.then.high,
            }
            for change in found.changes
        ],
    }
