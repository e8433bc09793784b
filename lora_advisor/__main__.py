"""``python -m lora_advisor``."""

from __future__ import annotations

from lora_advisor.cli import main

if __name__ == "__main__":
    main()
