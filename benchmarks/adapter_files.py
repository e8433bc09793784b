"""Writes the adapter a case describes: its config, and tensors that have a shape but no data."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ADAPTER_KEYS = re.compile(
    r"(?:adapter_name_or_path|lora_model_dir|adapter_path|adapters)\s*[:= ]\s*[\"']?([\w./-]+)"
)
BYTES_PER_HALF = 2


def write_adapter(folder: Path, config: str, text: str, adapter: Mapping[str, Any]) -> None:
    """Write the adapter where the config looks for it, else into ``adapter/``."""
    home = folder / adapter_folder(config, text)
    if not home.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{home}: lies outside the case's folder")
    home.mkdir(parents=True, exist_ok=True)
    values = {key: value for key, value in adapter.items() if key != "tensors"}
    beside = home / "adapter_config.json"
    if not beside.exists():
        beside.write_text(json.dumps({"peft_type": "LORA", **values}, indent=2), encoding="utf-8")
    if tensors := adapter.get("tensors"):
        write_tensors(home / "adapter_model.safetensors", tensors)


def adapter_folder(config: str, text: str) -> str:
    """Find the relative folder in which the config at this path expects the adapter."""
    if config.endswith("adapter_config.json"):
        return str(Path(config).parent)
    found = ADAPTER_KEYS.search(text)
    return found[1] if found and not found[1].startswith("/") else "adapter"


def write_tensors(path: Path, shapes: Mapping[str, list[int]]) -> None:
    """Write a safetensors file of 16-bit tensors as a hole: real header, no blocks on the disk."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + math.prod(shape) * BYTES_PER_HALF
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        file.truncate(8 + len(raw) + end)
