from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "peft", "pydantic", "jinja2", "rich")
CLEAN = """\
base_model: Qwen/Qwen3-8B
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
sequence_len: 2048
micro_batch_size: 2
gradient_accumulation_steps: 8
num_epochs: 2
learning_rate: 2e-4
warmup_ratio: 0.05
bf16: true
gradient_checkpointing: true
sample_packing: true
flash_attention: true
"""
REPORT = """
import os, sys
sys.argv = ["lora-advisor", *{arguments!r}]
os._exit = sys.exit  # what was imported is told first
from lora_advisor.cli import main
try:
    main()
except SystemExit as end:
    print("exit", end.code, file=sys.stderr)
print(*sorted(sys.modules), file=sys.stderr)
"""


def imported(folder: Path, *arguments: str) -> tuple[str, set[str]]:
    """Run the command in an own process; return its output and the modules it imported."""
    result = subprocess.run(
        [sys.executable, "-c", REPORT.format(arguments=list(arguments))],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "exit 0" in result.stderr, result.stdout + result.stderr
    return result.stdout, set(result.stderr.split())


@pytest.mark.parametrize("form", ["full", "concise", "json", "sarif", "github"])
def test_a_clean_check_imports_nothing_heavy(tmp_path: Path, form: str) -> None:
    (tmp_path / "config.yaml").write_text(CLEAN)
    output, modules = imported(tmp_path, "check", "config.yaml", "--output-format", form)
    assert not modules & set(HEAVY)
    if form == "full":
        assert output.startswith("No problems found in 1 config."), output


def test_help_imports_neither_rules_nor_formats(tmp_path: Path) -> None:
    _, modules = imported(tmp_path, "check", "--help")
    assert not modules & {*HEAVY, "yaml", "lora_advisor.rules", "lora_advisor.frameworks"}
