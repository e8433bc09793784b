"""Layers that got other names in the course of transformers 5 are not judged for older releases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor import source
from lora_advisor.facts import Facts
from lora_advisor.frameworks import read
from lora_advisor.models.lookup import Lookup
from lora_advisor.recipe import UNKNOWN
from lora_advisor.targets import from_options

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageClassification
model = AutoModelForImageClassification.from_pretrained("own/vit", num_labels=2)
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=16, target_modules=["query", "value"]))
"""
VIT = {
    "model_type": "vit",
    "architectures": ["ViTForImageClassification"],
    "hidden_size": 768,
    "num_hidden_layers": 12,
}


@pytest.mark.parametrize(
    ("pins", "matches"), [((), False), (("transformers=4.39.3",), UNKNOWN)], ids=["now", "before"]
)
def test_image_models(tmp_path: Path, pins: tuple[str, ...], matches: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps(VIT), encoding="utf-8")
    (recipe,) = read(source.parse(SCRIPT, "train.py"))
    facts = Facts(recipe, from_options(pins), modules=Lookup(given=tmp_path))
    assert facts.get("lora.targets_match") is matches
