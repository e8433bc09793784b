"""Build hook: write down once what every run would find out again.

Hundreds of YAML cards cost seconds at every start, the index two milliseconds. The cards are lines
of one file, each read with the first finding of its rule; as files of their own they took three
times the room in a wheel. The lists of formats and facts say which module to import for which.
"""

from __future__ import annotations

import json
import shutil
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
        from lora_advisor import facts, frameworks, stored
        from lora_advisor.cards import Card
        from lora_advisor.rules import cards_of, index, read_card

        for path in sorted((ROOT / "rules").glob("*/*.yaml")):
            Card.model_validate(read_card(path))
        folder = Path(self.directory) / "index"
        folder.mkdir(parents=True, exist_ok=True)
        found = {"formats": frameworks.modules(), "facts": facts.modules()}
        content = index(ROOT / "rules")
        del content["words"]
        ordered = sorted(cards_of(ROOT / "rules"), key=lambda card: str(card["id"]))
        cards, places = stored.lines({card["id"]: card for card in ordered})
        (folder / "cards.jsonl").write_bytes(cards)
        for part, entries in {**content, **found, "places": places}.items():
            text = json.dumps(entries, separators=(",", ":"))
            (folder / f"{part}.json").write_text(text, "utf-8")
        build_data["force_include"][str(folder)] = "lora_advisor/index"

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """Take the index away again: what is left beside the wheel is no distribution."""
        if self.target_name == "wheel" and version != "editable":
            shutil.rmtree(Path(self.directory) / "index", ignore_errors=True)
