"""``schema``: the JSON Schema of a config format."""

from __future__ import annotations

import json
from typing import Final

import click

from lora_advisor.cli import _completing
from lora_advisor.cli._errors import CannotRunError, close_names

EXAMPLES: Final = """\b
Examples:
  lora-advisor schema                     the formats that have one
  lora-advisor schema axolotl > axolotl.schema.json

\b
In the first line of a YAML file, for yaml-language-server:
  # yaml-language-server: $schema=axolotl.schema.json
"""


@click.command("schema", epilog=EXAMPLES)
@click.argument("framework", required=False, shell_complete=_completing.schemas)
def command(framework: str | None) -> None:
    """Write a format's JSON Schema, for completion and hover in editors."""
    from lora_advisor.console import write
    from lora_advisor.frameworks import frameworks
    from lora_advisor.frameworks.json_schema import has_schema, json_schema

    known = {item.name: item for item in frameworks() if has_schema(item)}
    if framework is None:
        width = max(map(len, known))
        write("".join(f"{name:<{width}}  {item.title}\n" for name, item in known.items()))
    elif framework in known:
        write(json.dumps(json_schema(known[framework]), indent=2) + "\n")
    else:
        close = close_names(framework, known)
        raise CannotRunError(f"no key list is known for {framework!r}{close}")
