"""Resolution against PEFT's own answers: the recorded pairs, and every error type among them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
PAIRS = SHARED / "truth" / "pairs.jsonl"


def benchmark() -> ModuleType:
    name = "truth"
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / "truth.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def pairs() -> list[dict[str, Any]]:
    if not PAIRS.is_file():
        return []
    return [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not PAIRS.is_file(), reason="the recorded answers of PEFT are not at hand")
def test_recorded_answers_are_all_equal() -> None:
    truth = benchmark()
    differing = [truth.compare(pair, SHARED / "models") for pair in pairs()]
    assert [text for text in differing if text] == []


@pytest.mark.skipif(not PAIRS.is_file(), reason="the recorded answers of PEFT are not at hand")
def test_a_wrong_answer_is_told() -> None:
    truth = benchmark()
    pair = next(pair for pair in pairs() if pair["answer"]["status"] == "ok")
    wrong = {**pair, "answer": {**pair["answer"], "trainable_params": 1}}
    assert "trainable_params" in (truth.compare(wrong, SHARED / "models") or "")
