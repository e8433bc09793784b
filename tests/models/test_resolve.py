"""Resolution on small tables: the traps of PEFT's matching, one by one."""

from __future__ import annotations

import pytest

from lora_advisor.models.adapter import AdapterConfig, InjectionError
from lora_advisor.models.lookup import by_id
from lora_advisor.models.resolve import Resolution, resolve
from lora_advisor.models.table import Module, ModuleTable

LINEAR = (("weight", (8, 4)),)


def table(*modules: Module, model_type: str = "llama", output: str | None = None) -> ModuleTable:
    return ModuleTable(
        modules=(Module(name="", kind="", class_name="Model"), *modules),
        model_type=model_type,
        auto_class="AutoModelForCausalLM",
        source="test",
        output_embedding=output,
        shared_modules={},
        shared_parameters={},
    )


def linear(name: str) -> Module:
    return Module(name=name, kind="linear", class_name="Linear", parameters=LINEAR)


def norm(name: str) -> Module:
    return Module(name=name, kind="", class_name="RMSNorm", parameters=(("weight", (4,)),))


LAYERS = [linear(f"model.layers.{n}.attn.{p}_proj") for n in range(3) for p in "qv"]
SMALL = table(*LAYERS, norm("model.norm"), linear("lm_head"), output="lm_head")


def names(resolution: Resolution) -> list[str]:
    return [item.name for item in resolution.modules]


def test_a_name_matches_only_after_a_dot() -> None:
    odd = table(linear("a.up_proj"), linear("a.gate_up_proj"))
    assert names(resolve(AdapterConfig(target_modules=("up_proj",)), odd)) == ["a.up_proj"]


def test_text_must_fit_the_whole_name() -> None:
    with pytest.raises(InjectionError) as caught:
        resolve(AdapterConfig(target_modules="q_proj"), SMALL)
    assert caught.value.kind == "NoMatchingPeftModuleError"
    found = resolve(AdapterConfig(target_modules=r".*\.q_proj"), SMALL)
    assert len(found.modules) == 3


def test_all_linear_leaves_out_the_output_head() -> None:
    found = resolve(AdapterConfig(target_modules="all-linear"), SMALL)
    assert "lm_head" not in names(found)
    assert len(found.modules) == 6


def test_a_full_name_is_adapted_whatever_layers_are_chosen() -> None:
    targets = ("model.layers.2.attn.q_proj", "v_proj")
    found = resolve(AdapterConfig(target_modules=targets, layers_to_transform=(0,)), SMALL)
    assert names(found) == ["model.layers.0.attn.v_proj", "model.layers.2.attn.q_proj"]


def test_sizes_count_rank_times_both_sides_and_patterns() -> None:
    config = AdapterConfig(
        r=2, lora_alpha=4, target_modules=("q_proj",), rank_pattern={"q_proj": 3}
    )
    found = resolve(config, SMALL)
    assert [item.parameters for item in found.modules] == [3 * (8 + 4)] * 3
    assert {item.scaling for item in found.modules} == {4 / 3}


def test_a_module_to_save_matches_without_a_dot_and_never_twice() -> None:
    heads = table(linear("attn.q_proj"), linear("pre_classifier"), linear("classifier"))
    config = AdapterConfig(target_modules=("q_proj",), modules_to_save=("classifier",))
    assert list(resolve(config, heads).saved) == ["pre_classifier", "classifier"]
    with pytest.raises(InjectionError) as caught:
        resolve(AdapterConfig(target_modules="all-linear", task_type="SEQ_CLS"), heads)
    assert caught.value.kind == "TypeError"


def test_a_norm_is_refused() -> None:
    with pytest.raises(InjectionError) as caught:
        resolve(AdapterConfig(target_modules=("norm",)), SMALL)
    assert caught.value.kind == "ValueError"


def test_missing_targets_are_known_for_some_types_alone() -> None:
    assert len(resolve(AdapterConfig(), SMALL).modules) == 6
    with pytest.raises(InjectionError):
        resolve(AdapterConfig(), table(*LAYERS, model_type="phi3"))


def test_the_largest_model_is_resolved() -> None:
    model = by_id("meta-llama/Meta-Llama-3.1-405B")
    assert model is not None
    largest = model.table()
    assert largest is not None
    assert largest.parameter_count == 405_853_388_800
    found = resolve(AdapterConfig(r=16, target_modules="all-linear"), largest)
    assert len(found.modules) == 7 * 126


def test_a_parameter_of_a_layer_that_mamba_refuses_is_refused_as_well() -> None:
    mamba = table(linear("backbone.layers.0.mixer.out_proj"), model_type="mamba")
    with pytest.raises(InjectionError, match="out_proj"):
        resolve(AdapterConfig(target_modules=(), target_parameters=("out_proj.weight",)), mamba)
