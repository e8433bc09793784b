"""What older releases of PEFT do otherwise, on one small table; each was seen by running them."""

from __future__ import annotations

from typing import Any

import pytest

from lora_advisor.models.adapter import AdapterConfig, InjectionError
from lora_advisor.models.resolve import resolve
from lora_advisor.models.table import Module, ModuleTable
from lora_advisor.record import replace

WEIGHT = (("weight", (8, 4)),)


def linear(name: str) -> Module:
    return Module(name=name, kind="linear", class_name="Linear", parameters=WEIGHT)


MODULES = (
    Module(name="", kind="", class_name="Model"),
    *(linear(f"layers.{n}.mlp.experts.{e}.up") for n in range(2) for e in range(2)),
    *(linear(f"layers.{n}.q_proj") for n in range(2)),
    Module(name="norm", kind="", class_name="RMSNorm", parameters=(("weight", (4,)),)),
    linear("lm_head"),
)
TABLE = ModuleTable(
    modules=MODULES,
    model_type="qwen3",
    auto_class="AutoModelForCausalLM",
    source="test",
    output_embedding="lm_head",
    shared_modules={},
    shared_parameters={},
)


def adapted(release: str, **fields: Any) -> set[str]:
    found = resolve(AdapterConfig(**fields), TABLE, peft=release)
    return {item.name for item in (*found.modules, *found.parameters)}


def refused(release: str, **fields: Any) -> str:
    with pytest.raises(InjectionError) as caught:
        resolve(AdapterConfig(**fields), TABLE, peft=release)
    return caught.value.kind


def test_a_match_of_nothing_has_its_own_error_since_0_21() -> None:
    assert refused("0.21.2", target_modules=("nothing",)) == "NoMatchingPeftModuleError"
    assert refused("0.19.0", target_modules=("nothing",)) == "ValueError"


def test_the_last_number_of_a_name_was_its_layer_before_0_21() -> None:
    up = {f"layers.0.mlp.experts.{e}.up" for e in range(2)}
    fields = {"target_modules": ("up",), "layers_to_transform": (0,)}
    assert adapted("0.15.2", **fields) == {f"layers.{n}.mlp.experts.0.up" for n in range(2)}
    pattern = {**fields, "layers_pattern": "layers"}
    assert adapted("0.21.2", **pattern) == up
    assert refused("0.19.0", **pattern) == "ValueError"  # nothing comes before "layers"


@pytest.mark.parametrize(
    ("release", "field", "value"),
    [
        ("0.13.2", "exclude_modules", ("up",)),
        ("0.13.2", "lora_bias", True),
        ("0.13.2", "trainable_token_indices", (1,)),
        ("0.15.2", "target_parameters", ("up.weight",)),
        ("0.17.1", "ensure_weight_tying", True),
    ],
)
def test_a_later_field_is_refused(release: str, field: str, value: Any) -> None:
    assert refused(release, target_modules=("q_proj",), **{field: value}) == "TypeError"


def test_a_saved_module_was_left_out_by_the_end_of_its_name_before_0_16() -> None:
    fields = {"target_modules": ("q_proj", "lm_head"), "modules_to_save": ("head",)}
    assert adapted("0.15.2", **fields) == {"layers.0.q_proj", "layers.1.q_proj"}
    assert refused("0.17.1", **fields) == "TypeError"


def test_one_pattern_gave_rank_and_alpha_in_0_13() -> None:
    fields: dict[str, Any] = {
        "target_modules": ("q_proj",),
        "rank_pattern": {"0.q_proj": 4},
        "alpha_pattern": {"q_proj": 16},
    }
    for release, scaling in (("0.13.2", 8 / 4), ("0.15.2", 16 / 4)):
        found = resolve(AdapterConfig(**fields), TABLE, peft=release).modules
        assert (found[0].rank, found[0].scaling) == (4, scaling)


def test_a_head_could_have_an_adapter_before_0_16() -> None:
    fields: dict[str, Any] = {"target_modules": ("q_proj", "score"), "task_type": "SEQ_CLS"}
    table = replace(TABLE, modules=(*MODULES[:-1], linear("score")))
    with pytest.raises(InjectionError) as caught:
        resolve(AdapterConfig(**fields), table, peft="0.15.2")
    assert caught.value.kind == "TypeError"  # adapted already when it is to be saved
    found = resolve(AdapterConfig(**fields), table, peft="0.16.0")
    assert {item.name for item in found.modules} == {"layers.0.q_proj", "layers.1.q_proj"}
    assert set(found.saved) == {"score"}


@pytest.mark.parametrize(("release", "biases"), [("0.19.0", 3 + 5 + 7), ("0.21.2", 3)])
def test_all_biases_were_found_anywhere_in_a_name_before_0_21(release: str, biases: int) -> None:
    own = (*WEIGHT, ("bias", (3,)), ("up_bias", (5,)))
    relative = Module(
        name="relative_bias", kind="embedding", class_name="E", parameters=(("weight", (7,)),)
    )
    layer = Module(name="side", kind="linear", class_name="Linear", parameters=own)
    table = replace(TABLE, modules=(*MODULES, layer, relative))
    config = AdapterConfig(target_modules=("q_proj",), bias="all")
    assert resolve(config, table, peft=release).biases == biases


def test_groups_of_a_convolution_were_not_known_before_0_16() -> None:
    conv = Module(
        name="conv",
        kind="conv2d",
        class_name="Conv2d",
        parameters=(("weight", (32, 1, 3, 3)),),
        groups=32,
    )
    table = replace(TABLE, modules=(*MODULES, conv))
    config = AdapterConfig(target_modules=("conv",), r=8)
    assert resolve(config, table, peft="0.15.2").trainable == 8 * 32 * 9 + 32 * 8
    with pytest.raises(InjectionError):
        resolve(config, table, peft="0.16.0")


def test_only_a_saved_embedding_was_tied_in_0_18() -> None:
    embedding = Module(
        name="embed_tokens", kind="embedding", class_name="Embedding", parameters=WEIGHT
    )
    table = replace(
        TABLE,
        modules=(*MODULES, embedding),
        input_embedding="embed_tokens",
        tied_modules=("lm_head",),
        tie_word_embeddings=True,
    )
    targets: dict[str, Any] = {"target_modules": ("embed_tokens",), "ensure_weight_tying": True}
    for release, names in (
        ("0.18.1", {"embed_tokens"}),
        ("0.19.0", {"embed_tokens", "lm_head"}),
    ):
        found = resolve(AdapterConfig(**targets), table, peft=release)
        assert {item.name for item in found.modules} == names
    saved = {**targets, "target_modules": ("q_proj",), "modules_to_save": ("lm_head",)}
    with pytest.raises(InjectionError) as caught:
        resolve(AdapterConfig(**saved), table, peft="0.18.1")
    assert caught.value.kind == "AttributeError"
    assert set(resolve(AdapterConfig(**saved), table, peft="0.19.0").saved) == {
        "embed_tokens",
        "lm_head",
    }


def test_a_linear_layer_turns_fan_in_fan_out_off_for_parameters_after_it() -> None:
    fields: dict[str, Any] = {"target_parameters": ("norm.scale",), "fan_in_fan_out": True}
    norm = Module(name="norm", kind="", class_name="N", parameters=(("scale", (8, 4)),))
    table = replace(TABLE, modules=(*MODULES[:-2], norm))
    assert adapted_in(table, target_modules=("q_proj",), **fields) > {"norm.scale"}
    with pytest.raises(InjectionError):
        adapted_in(table, target_modules=(), **fields)


def adapted_in(table: ModuleTable, **fields: Any) -> set[str]:
    found = resolve(AdapterConfig(**fields), table)
    return {item.name for item in (*found.modules, *found.parameters)}


def test_kinds_of_layers_came_one_by_one() -> None:
    shape = (("weight", (8, 4, 3)),)
    conv = Module(name="conv", kind="conv1d", class_name="Conv1d", parameters=shape)
    table = replace(TABLE, modules=(*MODULES, conv))
    config = AdapterConfig(target_modules=("conv",))
    assert len(resolve(config, table, peft="0.15.2").modules) == 1
    with pytest.raises(InjectionError):
        resolve(config, table, peft="0.14.0")


@pytest.mark.parametrize("release", ["0.17.1", "0.18.1", "0.19.0", "0.21.2"])
def test_parameters_need_no_default_targets(release: str) -> None:
    other = replace(TABLE, model_type="nobody")
    found = resolve(AdapterConfig(target_parameters=("q_proj.weight",)), other, peft=release)
    assert len(found.parameters) == 2
