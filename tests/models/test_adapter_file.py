"""The header of a saved adapter: shapes where it can be read, nothing where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor.models.adapter_file import FILE, shapes
from tests.cards import write_adapter

if TYPE_CHECKING:
    from pathlib import Path


def test_shapes_are_those_of_the_header(tmp_path: Path) -> None:
    write_adapter(tmp_path, {"base_model.model.lm_head.weight": [100, 8]})
    assert shapes(tmp_path) == {"base_model.model.lm_head.weight": (100, 8)}


@pytest.mark.parametrize(
    "content",
    [b"", b"\x02\x00", b"\xff" * 8, b"\x02" + bytes(7) + b"[]", b"\x03" + bytes(7) + b"{,}"],
    ids=["empty", "cut", "endless", "list", "broken"],
)
def test_a_broken_file_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert shapes(tmp_path) == {}


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert shapes(tmp_path) == {}
