"""Entries and a template make the text of a config."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.convert.writer import GROUPS
from lora_advisor.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import Environment

    from lora_advisor.convert.writer import Entry, Writer

FOLDER: Final = Path(__file__).parent.parent / "templates"
_WIDTH: Final = 100


def text_of(writer: Writer, values: Mapping[str, object]) -> str:
    """Return the config that says these values."""
    method = str(values.get("train.method") or "sft")
    entries = writer.entries(values)
    context = {
        "method": method,
        "file": writer.file_for(method),
        "values": values,
        "remarks": writer.remarks(values),
        "sections": list(sections(entries)),
        "calls": nested(entries),
    }
    return environment().get_template(writer.template).render(context).lstrip("\n")


def sections(entries: Iterable[Entry]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield headings with their keys; a block of several groups stands under the first."""
    listed = list(entries)
    whole = nested(listed)
    heading: dict[str, str] = {}
    for entry in listed:
        heading.setdefault(entry.path.partition(".")[0], GROUPS[entry.group])
    for title in dict.fromkeys(GROUPS.values()):
        block = {name: value for name, value in whole.items() if heading[name] == title}
        if block:
            yield title, block


def nested(entries: Iterable[Entry]) -> dict[str, Any]:
    """Turn dotted paths into mappings in mappings; inside of what is no mapping they are lost."""
    found: dict[str, Any] = {}
    for entry in entries:
        *outer, name = entry.path.split(".")
        place: Any = found
        for part in outer:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[name] = entry.value
    return found


@cache
def environment() -> Environment:
    """Return the templates' environment, with filters that write YAML and Python."""
    from jinja2 import FileSystemLoader, StrictUndefined  # few runs write
    from jinja2.sandbox import SandboxedEnvironment

    made = SandboxedEnvironment(
        loader=FileSystemLoader(FOLDER),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,
    )
    made.filters["yaml"] = as_yaml
    made.filters["python"] = as_python
    return made


def as_yaml(block: Mapping[str, Any]) -> str:
    """Write a mapping as YAML that every reader takes alike: ``2.0e-05``, short lists in a line."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

    def listed(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
        plain = not any(isinstance(item, (dict, list)) for item in items)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=plain)

    Dumper.add_representer(list, listed)
    text: str = yaml.dump(
        dict(block), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text.rstrip("\n")


def as_python(value: object) -> str:
    """Write a value as Python spells it; small numbers as ``2e-4``, text in double quotes."""
    if isinstance(value, float):
        short = show(value)
        return short if short[-1].isdigit() and float(short) == value else repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(as_python(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{as_python(name)}: {as_python(item)}" for name, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return repr(value)
