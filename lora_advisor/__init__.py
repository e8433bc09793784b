"""lora-advisor: checks and explains LoRA fine-tuning configs of any format."""

from __future__ import annotations

__version__ = "0.1.0"
