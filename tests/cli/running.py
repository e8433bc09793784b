"""The command run inside this process and in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from lora_advisor.cli import cli

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[2]
GOOD = """\
base_model: Qwen/Qwen3-8B
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
sequence_len: 2048
micro_batch_size: 2
gradient_accumulation_steps: 4
learning_rate: 2e-4
bf16: true
"""
BAD = GOOD.replace("lora_r: 16", "lora_r: 0")
"""A config with exactly one error, LA101 rank-below-one."""


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, **options)


def report(*arguments: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run(*arguments, "--output-format", "json").stdout)
    return data


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lora_advisor", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, **options
    )
