"""Write ``rules/rule.schema.json`` from the model that validates the cards."""

from __future__ import annotations

import json
from pathlib import Path

from lora_advisor.cards import schema

TARGET = Path(__file__).parent.parent / "rules" / "rule.schema.json"

if __name__ == "__main__":
    TARGET.write_text(json.dumps(schema(), indent=2) + "\n", "utf-8")
