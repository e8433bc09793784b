from __future__ import annotations

import json

import pytest

from lora_advisor.recipe import FIELDS, UNKNOWN, Origin
from tests.frameworks.reading import framework, recipe, spanned

ADAPTER = """{
  "base_model_name_or_path": "org/base",
  "peft_type": "LORA",
  "r": 16,
  "lora_alpha": 32,
  "target_modules": ["q_proj", "v_proj"],
  "modules_to_save": null,
  "rank_pattern": {"q_proj": 8},
  "learning_rate": 1e-4
}"""


def test_written_fields_have_their_places() -> None:
    found = recipe(ADAPTER, "adapter_config.json")
    assert found.framework == "peft"
    assert found["lora.r"].value == 16
    assert found["lora.r"].origin is Origin.WRITTEN
    assert spanned(found["lora.r"].key_at) == '"r"'
    assert spanned(found["lora.r"].value_at) == "16"
    assert found["lora.target_modules"].value == ["q_proj", "v_proj"]
    assert found["lora.rank_pattern"].value == {"q_proj": 8}
    assert found["model.name_or_path"].value == "org/base"


def test_null_is_written_and_means_not_set() -> None:
    value = recipe(ADAPTER, "adapter_config.json")["lora.modules_to_save"]
    assert value.value is None
    assert value.written


def test_missing_fields_have_the_defaults_of_peft() -> None:
    value = recipe(ADAPTER, "adapter_config.json")["lora.lora_dropout"]
    assert (value.value, value.origin, value.key) == (0.0, Origin.LIBRARY, "lora_dropout")


def test_the_adapter_is_lora_and_nothing_is_known_of_its_training() -> None:
    found = recipe(ADAPTER, "adapter_config.json")
    assert found["lora.enabled"].value is True
    for field in FIELDS:
        if field.partition(".")[0] in ("train", "quant", "data", "run"):
            assert found[field].value is UNKNOWN, field


@pytest.mark.parametrize("kind", ["ADALORA", "VERA", "LOKR", "IA3", "lora"])
def test_other_methods_feed_no_field_of_lora(kind: str) -> None:
    found = recipe(json.dumps({"peft_type": kind, "r": 8, "lora_alpha": 0}), "adapter_config.json")
    assert found.framework == "peft-other"
    assert found["lora.peft_type"].value == kind
    assert found["lora.enabled"].value is False
    assert found["lora.r"].value is UNKNOWN
    assert found["lora.lora_alpha"].value is UNKNOWN
    assert {key.name: key.field for key in found.keys}["r"] is None


def test_an_adapter_of_mlx_is_none_of_pefts() -> None:
    text = '{"fine_tune_type": "lora", "lora_parameters": {"rank": 8, "scale": 20.0}}'
    assert framework(text, "adapter_config.json") == "mlx-lm"


def test_training_parameters_of_pefts_comparison_are_no_adapter() -> None:
    text = '{"max_seq_length": 768, "batch_size": 4, "optimizer_kwargs": {"lr": 1e-4}}'
    assert framework(text, "training_params.json") == "peft-benchmark"


def test_a_value_of_another_type_is_shown_but_fits_not() -> None:
    value = recipe('{"peft_type": "LORA", "r": "16"}', "adapter_config.json")["lora.r"]
    assert (value.value, value.fits) == ("16", False)
