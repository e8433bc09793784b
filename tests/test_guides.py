"""What the guides show can be run: their blocks parse, their commands and options exist."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from lora_advisor.cli import cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
GUIDES = sorted([*(ROOT / "docs" / "guides").glob("*.md"), ROOT / "docs" / "settings.md"])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[`\s])(lora-advisor [a-z][^`#\n|&>]*)", re.MULTILINE)
READERS = {"yaml": yaml.safe_load, "toml": tomllib.loads}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_blocks_parse(guide: Path) -> None:
    for language, text in BLOCK.findall(guide.read_text("utf-8")):
        if language in READERS:
            READERS[language](text)
        elif language == "json":
            json.loads(text if text.startswith(("{", "[")) else f"{{{text}}}")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_commands_and_their_options_exist(guide: Path) -> None:
    for line in commands(guide.read_text("utf-8")):
        found, words = resolved(line)
        known = {name for p in found.params for name in (*p.opts, *p.secondary_opts)}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= known | {"--help"}, line


def commands(text: str) -> Iterator[str]:
    for line in COMMAND.findall(text.replace("\\\n", " ")):
        if line.split()[1] in cli.list_commands(click.Context(cli)):
            yield line.strip().rstrip(".,;:)")


def resolved(line: str) -> tuple[click.Command, list[str]]:
    found: click.Command = cli
    words = shlex.split(line)[1:]
    while isinstance(found, click.Group):
        inner = found.get_command(click.Context(found), words[0]) if words else None
        if inner is None:
            break
        found, words = inner, words[1:]
    if isinstance(found, click.Group):  # rule NAME is rule show NAME
        shown = found.get_command(click.Context(found), "show")
        found = shown if shown is not None else found
    return found, words


def test_the_commands_of_the_guides_are_seen() -> None:
    lines = [line for guide in GUIDES for line in commands(guide.read_text("utf-8"))]
    assert {"check", "baseline", "rule", "server", "doctor"} <= {line.split()[1] for line in lines}
