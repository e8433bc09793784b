"""F-strings as Python 3.12 reads them, on any Python."""

from __future__ import annotations

import ast

import pytest

from lora_advisor.source.python_fstrings import with_plain_fields

NEW = [
    'print(f"MLflow: {os.environ.get("URI", None)}")',
    'text = f"<think>\\n{row["thinking"]}\\n</think> {row["content"]!r:>{width}}"',
    'x = f"{f"{f"{1}"}"}"',
    "x = f'{', '.join(names)} # {count}'",
    'x = f"{{kept}} {data["a"]["b"]}"; y = "{not}"',
    'x = f"{d["{"]}" + rf"{d["}"]}"',
]


@pytest.mark.parametrize("program", NEW)
def test_every_release_reads_it(program: str) -> None:
    plain = with_plain_fields(program)
    assert len(plain) == len(program)
    ast.parse(plain)


@pytest.mark.parametrize(
    "program",
    [
        "x = f\"{a} {b['c']} {{}}\"",
        "# it's a comment\nx = 'plain \"{text}\"'",
        'x = f"""{a["b"]}\n"""  # triple',
        'x = "unfinished',
        'x = f"{unfinished',
        "x = {'f': 1}",
    ],
)
def test_the_rest_stays(program: str) -> None:
    assert with_plain_fields(program) == program


def test_values_around_it_are_read() -> None:
    program = f"{NEW[0]}\nLoraConfig(r=8)\n"
    plain = with_plain_fields(program)
    assert plain.index("LoraConfig(r=8)") == program.index("LoraConfig(r=8)")
    assert "os.environ" not in plain
