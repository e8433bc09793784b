"""Build hook: write down once what every run would find out again.

Hundreds of YAML cards cost seconds at every start, the index two milliseconds. Its texts are lines
of a file of their own, each read with the first finding of its rule. The lists of formats and facts
say which module to import for which.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent.parent


class IndexHook(BuildHookInterface):  # type: ignore[misc]
    """Add ``lora_advisor/index`` to a wheel; a checkout reads the cards themselves."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the index beside the build and have the wheel take it up."""
        if self.target_name != "wheel" or version == "editable":
            return
        sys.path.insert(0, str(ROOT))
        from lora_advisor import facts, frameworks, stored  # noqa: PLC0415
        from lora_advisor.cards import Card  # noqa: PLC0415
        from lora_advisor.rules import index, read_card  # noqa: PLC0415

        for path in sorted((ROOT / "rules").glob("*/*.yaml")):
            Card.model_validate(read_card(path))
        folder = Path(self.directory) / "index"
        folder.mkdir(parents=True, exist_ok=True)
        found = {"formats": frameworks.modules(), "facts": facts.modules()}
        content = index(ROOT / "rules")
        words, places = stored.lines(content.pop("words"))
        (folder / "words.jsonl").write_bytes(words)
        for part, entries in {**content, **found, "places": places}.items():
            text = json.dumps(entries, separators=(",", ":"))
            (folder / f"{part}.json").write_text(text, "utf-8")
        build_data["force_include"][str(folder)] = "lora_advisor/index"
