"""Text to tree: YAML, JSON and TOML with the place of every key and value."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

from lora_advisor.pattern import pattern
from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_BYTES
from lora_advisor.source.position import position
from lora_advisor.source.tree import Document

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIXES: Final = {
    ".bash": "shell",
    ".ipynb": "notebook",
    ".job": "shell",
    ".json": "json",
    ".py": "python",
    ".sbatch": "shell",
    ".sh": "shell",
    ".slurm": "shell",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_NOT_TEXT: Final = pattern("[\0\ud800-\udfff]")


def parse(data: bytes | str, path: str, format: str | None = None) -> Document:  # noqa: A002
    """Read a config; :class:`SourceError` says where and what was expected.

    The syntax is told by the suffix, else by the first character.
    """
    text = decode(data, path)
    syntax = format or format_of(path, text)
    if not text or text.isspace():
        return Document(path=path, text=text, format=syntax, roots=())
    return _reader(syntax)(text, path)


def _reader(syntax: str) -> Callable[[str, str], Document]:
    """Import the reader of one syntax only, to keep the start of a run cheap."""
    if syntax == "json":
        from lora_advisor.source.json import parse_json

        return parse_json
    if syntax == "toml":
        from lora_advisor.source.toml import parse_toml

        return parse_toml
    if syntax == "python":
        from lora_advisor.source.python import parse_python

        return parse_python
    if syntax == "shell":
        from lora_advisor.source.shell import parse_shell

        return parse_shell
    if syntax == "notebook":
        from lora_advisor.source.notebook import parse_notebook

        return parse_notebook
    from lora_advisor.source.yaml import parse_yaml

    return parse_yaml


def format_of(path: str, text: str) -> str:
    """Tell the syntax of a file: ``yaml``, ``json`` or ``toml``."""
    for suffix, syntax in SUFFIXES.items():
        if path.lower().endswith(suffix):
            return syntax
    return "json" if text.lstrip()[:1] in ("{", "[") else "yaml"


def decode(data: bytes | str, path: str) -> str:
    """Decode UTF-8, or UTF-16 with its byte order mark; refuse what is not text."""
    if len(data) > MAX_BYTES:
        raise SourceError(f"larger than {MAX_BYTES // 1_000_000} MB, so not read as a config", path)
    text = data if isinstance(data, str) else _decoded(data, path)
    text = text.lstrip("\ufeff")
    unreadable = _NOT_TEXT.search(text)
    if unreadable is not None:
        raise SourceError("binary data, not text", path, *position(text, unreadable.start()))
    return text


def _decoded(data: bytes, path: str) -> str:
    utf16 = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        return data.decode("utf-16" if utf16 else "utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(error.encoding, "ignore").lstrip("\ufeff")
        name = "UTF-16" if utf16 else "UTF-8"
        message = f"not {name} text (byte 0x{data[error.start]:02x})"
        raise SourceError(message, path, *position(before, len(before))) from None
