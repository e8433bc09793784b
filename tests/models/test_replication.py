"""Layer replication: what the copies of a layer share is trained, and counted, once."""

from __future__ import annotations

from typing import Any

import pytest

from lora_advisor.models.adapter import from_mapping
from lora_advisor.models.locate import known
from lora_advisor.models.resolve import resolve

SMALL = {
    "model_type": "qwen2",
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 2048,
}
LORA: dict[str, Any] = {
    "r": 2,
    "target_modules": ["k_proj", "down_proj"],
    "layer_replication": [[0, 2], [1, 3]],
}


def trainable(**more: Any) -> int:
    table = known(SMALL, "test").table("AutoModelForCausalLM")
    assert table is not None
    return resolve(from_mapping({**LORA, **more}), table).trainable


def test_each_copy_has_adapters_of_its_own() -> None:
    assert trainable() == 4 * 2 * ((512 + 128) + (1024 + 512))


def test_a_bias_that_copies_share_counts_once() -> None:
    assert trainable(bias="lora_only") == trainable() + 3 * 128


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing")
@pytest.mark.parametrize("bias", ["none", "lora_only", "all"])
def test_peft_counts_alike_where_weights_are_real(bias: str) -> None:
    torch = pytest.importorskip("torch")
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(**SMALL)
    with torch.device("cpu"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    adapted = peft.get_peft_model(model, peft.LoraConfig(**LORA, bias=bias))
    assert adapted.get_nb_trainable_parameters()[0] == trainable(bias=bias)
