"""Random LoRA configs on random models: our resolution beside PEFT's own, a sample of the whole.

``LORA_ADVISOR_PEFT`` may name folders of older releases, as ``0.15.2=FOLDER:0.17.1=FOLDER``; those
before 0.18 need an environment with transformers 4.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lora_advisor.models import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

ROOT = Path(__file__).resolve().parents[2]
KINDS = [
    "llama",
    "qwen2",
    "gemma2",
    "phi3",
    "gpt2",
    "bert",
    "mixtral",
    "qwen3_moe",
    "qwen2_vl",
    "t5",
    "falcon_mamba",
    "falcon",
    "lfm2",
]
OLDER = [item.split("=") for item in os.environ.get("LORA_ADVISOR_PEFT", "").split(":") if item]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Write the configs of a few published models where the differential looks for them."""
    entries = [entry for kind in KINDS for entry in catalogue.models(kind)[:2]]
    for entry in entries:
        folder = tmp_path / str(entry["id"]).replace("/", "__")
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(entry["config"]), encoding="utf-8")
    assert len(entries) >= len(KINDS)
    return tmp_path


def said(models: Path, *options: str) -> Sequence[str]:
    script = ROOT / "benchmarks" / "differential.py"
    ran = subprocess.run(
        [sys.executable, str(script), "--models", str(models), *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
    return ran.stdout.splitlines()


def equal(lines: Sequence[str]) -> int:
    """Return how many pairs were equal, by the last line's counts."""
    counts = lines[-1].partition(": ")[2].partition(";")[0].split(", ")
    return next(int(text.split()[0]) for text in counts if text.endswith("equal"))


@pytest.mark.skipif(version("peft") < "0.21", reason="the newest rules are those of PEFT 0.21")
def test_the_installed_peft_adapts_what_is_said(models: Path) -> None:
    lines = said(models, "--pairs", "40", "--seed", "sample", "--resized", "0.5")
    assert equal(lines) >= 20


@pytest.mark.parametrize(("release", "folder"), OLDER)
def test_an_older_peft_adapts_what_is_said(models: Path, release: str, folder: str) -> None:
    older = ("--peft", release, "--at", folder)
    lines = said(models, "--pairs", "40", "--seed", release, "--resized", "1", *older)
    assert equal(lines) >= 20
