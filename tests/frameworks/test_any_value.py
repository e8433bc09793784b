"""Whatever stands under a key, a recipe comes of it: a config never ends in a traceback."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_advisor import frameworks
from lora_advisor.recipe import FIELDS
from lora_advisor.source import parse

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.floats(0, 2, allow_nan=False),
    st.sampled_from(
        ["", "auto", "no", "all", "lora", "qlora", "dpo", "bnb", "x,y", "${X}", "1e-4"]
    ),
)
_VALUES = st.one_of(
    _SCALARS,
    st.lists(_SCALARS, max_size=2),
    st.dictionaries(st.sampled_from(["name", "path", "stage", "version"]), _SCALARS, max_size=2),
)
_UNMAPPED = {
    "axolotl": "reward_model pretraining_dataset evals_per_epoch saves_per_epoch model_type "
    "flash_attention lora_target_linear bfloat16 float16 gptq early_stopping_patience "
    "model_quantization_config activation_offloading nf4_backend peft",
    "llamafactory": "pissa_init pissa_iter neat_packing use_reentrant_gc export_dir pure_bf16 "
    "gradient_checkpointing create_new_adapter",
    "llamafactory-v1": "quant_config dist_config peft_config",
    "mlx-lm": "lr_schedule lr_schedule.name lr_schedule.arguments lora_parameters.alpha use_dora",
    "torchtune": "model model.apply_lora_to_mlp loss._component_ optimizer.fused teacher_model",
    "ms-swift": "task_type rope_scaling max_epochs teacher_model model_type ENV",
    "litgpt": "precision quantize optimizer",
    "autotrain": "task",
    "unsloth-studio": "lora.use_loftq",
    "kohya": "epoch",
}


@pytest.mark.parametrize("name", _UNMAPPED)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_value_is_read(name: str, data: st.DataObject) -> None:
    framework = frameworks.by_name(name)
    assert framework is not None
    keys = sorted({*framework.keys, *_UNMAPPED[name].split()})
    chosen = data.draw(st.dictionaries(st.sampled_from(keys), _VALUES, min_size=1, max_size=12))
    config: dict[str, object] = {}
    for path, value in chosen.items():
        block, _, leaf = path.partition(".")
        if leaf and isinstance(config.setdefault(block, {}), dict):
            config[block] = {**dict(config[block]), leaf: value}  # type: ignore[call-overload]
        elif not leaf:
            config[block] = value
    (found,) = frameworks.read(parse(json.dumps(config), "config.yaml"), framework)
    assert set(found.values) == set(FIELDS)
