"""lora-advisor: checks and explains LoRA fine-tuning configs of any format."""

from __future__ import annotations
