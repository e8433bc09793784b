"""What several tests need of the rule cards: reading, and checking one example."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lora_advisor import gpus, source
from lora_advisor.cards import Card, Example
from lora_advisor.checking import check_documents
from lora_advisor.rules import read_card
from lora_advisor.settings import Settings
from lora_advisor.targets import from_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.findings import Report

RULES = Path(__file__).parent.parent / "rules"
FILE_NAMES = {"peft": "adapter_config.json", "deepspeed": "ds_config.json"}


@cache
def cards() -> dict[Path, Card]:
    """Return every card by its file, validated."""
    return {path: Card.model_validate(read_card(path)) for path in sorted(RULES.glob("*/*.yaml"))}


def check_example(example: Example) -> Report:
    """Check an example as its framework's file, together with the files of its launch."""
    described = [path for path in example.with_files if path.endswith("dataset_info.json")]
    if not example.adapter and not described:
        return _check(example, Path())
    with tempfile.TemporaryDirectory() as folder:
        if described:
            return _check(example, write_files(Path(folder), example))
        for home in (Path(folder), Path(folder) / "adapter"):
            write_adapter(home, example.adapter)
        return _check(example, Path(folder))


def write_files(folder: Path, example: Example) -> Path:
    """Write an example's files into a folder: what describes data is read where it lies."""
    for name, text in {"config.yaml": example.text, **example.with_files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def write_adapter(folder: Path, shapes: Mapping[str, list[int]]) -> None:
    """Write a safetensors file that has a header and no weights."""
    folder.mkdir(exist_ok=True)
    raw = json.dumps({name: {"dtype": "F16", "shape": shape} for name, shape in shapes.items()})
    length = len(raw).to_bytes(8, "little")
    (folder / "adapter_model.safetensors").write_bytes(length + raw.encode())


def _check(example: Example, folder: Path) -> Report:
    name = example.file or FILE_NAMES.get(example.framework, "config.yaml")
    texts = {name: example.text, **example.with_files}
    documents = [source.parse(text, str(folder / path)) for path, text in texts.items()]
    targets = from_options(f"{package}={version}" for package, version in example.target.items())
    forced = None if example.with_files else example.framework
    gpu = gpus.find(example.gpu) if example.gpu is not None else None
    settings = Settings(framework=forced, targets=targets, pedantic=True, gpu=gpu)
    return check_documents(documents, settings)
