"""The floors of the package: as tools hold them, as the page tells them, as the tree has them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
LONGEST = 400
"""Lines of a file, as CONTRIBUTING.md asks for."""
WITHOUT_FLOOR = {"__init__", "__main__", "__pycache__", "templates"}


def floors() -> list[set[str]]:
    """Return the modules of each floor that import-linter holds, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (contract,) = settings["contracts"]
    prefix = f"{settings['root_package']}."
    return [
        {name.strip().removeprefix(prefix) for name in layer.split("|")}
        for layer in contract["layers"]
    ]


def test_the_page_tells_the_floors() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", page, re.MULTILINE)
    told = [set(re.findall(r"`(\w+)/?`", modules)) for _, modules in rows]
    assert told == floors()
    assert [int(number) for number, _ in rows] == [*range(len(rows))][::-1]


def test_every_module_has_a_floor() -> None:
    package = ROOT / "lora_advisor"
    there = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert there - WITHOUT_FLOOR == set().union(*floors())


@pytest.mark.parametrize("folder", ["benchmarks", "lora_advisor", "scripts", "tests"])
def test_no_file_is_too_long_to_be_read_at_once(folder: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert not {name: length for name, length in lengths.items() if length > LONGEST}
