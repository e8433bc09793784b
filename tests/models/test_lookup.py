"""Where a base model is found: a folder, a folder the config names, the cache, the catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor.models.locate import ModelError, known, model_in
from lora_advisor.models.lookup import Lookup, by_id
from lora_advisor.models.tasks import table_for

if TYPE_CHECKING:
    from pathlib import Path


def folder(path: Path, **config: object) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return path


def leaves(model_id: str) -> set[str]:
    model = by_id(model_id)
    assert model is not None
    table = model.table()
    assert table is not None
    return {module.leaf for module in table.modules if module.kind == "linear"}


@pytest.mark.parametrize(
    ("name", "layer", "sized"),
    [
        ("Qwen/Qwen3-8B", "q_proj", True),
        ("qwen/qwen3-8b", "q_proj", True),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "q_proj", True),
        ("meta-llama/Llama-3.1-8B-Instruct", "q_proj", True),
        ("mistralai/Mistral-7B-v0.1", "q_proj", True),
        ("unsloth/mistral-7b-instruct-v0.3-bnb-4bit", "q_proj", True),
        ("unsloth/Qwen3-14B", "q_proj", True),
        ("mistralai/Mistral-Nemo-Base-2407", "q_proj", False),
        ("unsloth/SmolLM3-3B", "q_proj", False),
        ("xlm-roberta-base", "query", False),
        ("THUDM/chatglm2-6b", "query_key_value", False),
        ("google/flan-t5-xl", "wi_0", False),
        ("google-t5/t5-base", "wi", False),
        ("facebook/opt-350m", "fc1", False),
    ],
)
def test_published_models_are_found_by_id(name: str, layer: str, sized: bool) -> None:
    model = by_id(name)
    table = model.table() if model is not None else None
    assert table is not None
    assert table.sized is sized
    assert layer in leaves(name)


PUBLISHED = {
    "meta-llama/Llama-3.2-3B-Instruct": 3_212_749_824,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "Qwen/Qwen2.5-14B": 14_770_033_664,
    "google/gemma-2-9b-it": 9_241_705_984,
    "HuggingFaceTB/SmolLM2-135M": 134_515_008,
    "microsoft/phi-4": 14_659_507_200,
    "EleutherAI/pythia-1b": 1_011_781_632,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1_100_048_384,
}
"""Parameters as the models' pages on the Hub count them."""


GEMMA4 = {
    "google/gemma-4-E2B-it": 5_104_297_504,
    "unsloth/gemma-4-E4B-it": 7_941_100_832,
    "google/gemma-4-26B-A4B-it": 25_805_933_872,
    "google/gemma-4-31B": 31_273_086_512,
}
"""With their image and audio towers."""


@pytest.mark.parametrize(("name", "parameters"), (PUBLISHED | GEMMA4).items())
def test_published_sizes_give_the_published_number_of_parameters(
    name: str, parameters: int
) -> None:
    model = by_id(name)
    assert model is not None
    table = model.table()
    assert table is not None
    seeing = "AutoModelForImageTextToText" if name in GEMMA4 else "AutoModelForCausalLM"
    assert table.auto_class == seeing
    assert table.parameter_count == parameters


SIZES = {
    "lfm2": {"hidden_size": 64, "block_ff_dim": 96, "block_multiple_of": 32},
    "lfm2_moe": {"num_hidden_layers": 2, "layer_types": ["conv", "full_attention"]},
    "gpt_neo": {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
    "jamba": {"mamba_dt_rank": 16},
    "mamba": {"time_step_rank": 16},
    "ernie4_5_moe": {},
    "deit": {"architectures": ["DeiTForImageClassification"]},
    "wav2vec2": {"architectures": ["Wav2Vec2ForCTC"]},
    "hubert": {"architectures": ["HubertForCTC"]},
    "nemotron": {"num_key_value_heads": 2, "head_dim": 16},
    "granitemoeshared": {},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1},
}


@pytest.mark.parametrize(("kind", "fields"), SIZES.items())
def test_a_type_is_sized_without_torch(kind: str, fields: dict[str, object]) -> None:
    table = known({"model_type": kind, **fields}, "test").table()
    assert table is not None
    assert table.sized


@pytest.mark.parametrize("name", ["unsloth/Phi-3-mini-4k-instruct", "unsloth/phi-4"])
def test_copies_in_another_architecture_are_not_taken_for_the_original(name: str) -> None:
    assert by_id(name) is None


@pytest.mark.parametrize(
    ("architecture", "auto_class"),
    [
        ("MistralForCausalLM", "AutoModelForCausalLM"),
        ("MistralForSequenceClassification", "AutoModelForSequenceClassification"),
    ],
)
def test_a_configs_architecture_says_which_head_it_has(architecture: str, auto_class: str) -> None:
    config = {"model_type": "mistral", "architectures": [architecture], "num_hidden_layers": 3}
    table = known(config, "test").table()
    assert table is not None
    assert table.auto_class == auto_class


@pytest.mark.parametrize("name", ["me/Qwen3-8B-my-tune", "someone/llama", "", "Qwen3-8B"])
def test_other_peoples_models_are_not_guessed(name: str) -> None:
    assert by_id(name) is None


def test_a_config_of_another_size_is_sized_by_its_type() -> None:
    model = known({"model_type": "qwen3", "hidden_size": 96, "num_hidden_layers": 3}, "test")
    table = model.table()
    assert table is not None
    assert table.sized
    assert sum(module.name.endswith(".q_proj") for module in table.modules) == 3


def test_a_field_that_is_not_written_is_transformers_default() -> None:
    """T5 has one or two input projections, as ``feed_forward_proj`` says; one by default."""
    table = known({"model_type": "t5"}, "test").table()
    assert table is not None
    names = {module.name.rpartition(".")[2] for module in table.modules}
    assert "wi" in names
    assert "wi_0" not in names


def test_a_fine_tune_with_the_same_shape_is_sized() -> None:
    base = by_id("Qwen/Qwen3-8B")
    assert base is not None
    tuned = {**base.config, "pad_token_id": 7, "torch_dtype": "float16", "unsloth_fixed": True}
    assert known(tuned, "test").sized


def test_the_told_folder_comes_first(tmp_path: Path) -> None:
    told = folder(tmp_path / "told", model_type="gpt2")
    model = Lookup(given=told).model("Qwen/Qwen3-8B")
    assert model is not None
    assert model.model_type == "gpt2"


def test_a_named_folder_lies_beside_the_config(tmp_path: Path) -> None:
    folder(tmp_path / "base", model_type="qwen2")
    model = Lookup(near=tmp_path).model("base")
    assert model is not None
    assert model.model_type == "qwen2"
    assert Lookup(near=tmp_path / "base").model("../base") is None


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "x/" * 3000, "~", "/dev/null", "http://x/y"])
def test_a_name_no_folder_can_have_finds_nothing(name: str, tmp_path: Path) -> None:
    assert Lookup(near=tmp_path).model(name) is None


def test_the_local_cache_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    home = tmp_path / "models--me--mine"
    folder(home / "snapshots" / "abc1", model_type="gpt2")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc1\n", encoding="utf-8")
    model = Lookup().model("me/mine")
    assert model is not None
    assert model.model_type == "gpt2"


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "[" * 100_000])
def test_a_broken_config_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        model_in(tmp_path)


def test_a_weight_index_names_the_layers_of_remote_code(tmp_path: Path) -> None:
    base = folder(tmp_path / "base", model_type="somebodys")
    weights = {"blocks.0.attn.wqkv.weight": "a", "blocks.0.norm.weight": "a"}
    index = {"weight_map": weights}
    (base / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    model = model_in(base)
    assert model is not None
    table = model.table()
    assert table is not None
    assert "blocks.0.attn.wqkv" in table.by_name
    assert not table.complete


def test_fields_of_a_nested_config_at_the_top_are_not_passed_over() -> None:
    flat = {"model_type": "gemma3", "hidden_size": 256, "num_hidden_layers": 2}
    table = known(flat, "test").table("AutoModelForImageTextToText")
    assert table is None or not table.sized


def test_a_layer_that_differs_once_is_no_period() -> None:
    config = {"model_type": "t5", "d_model": 64, "num_heads": 2, "num_layers": 10, "d_kv": 32}
    table = known({**config, "feed_forward_proj": "relu"}, "test").table("AutoModelForSeq2SeqLM")
    assert table is not None
    biases = [m.name for m in table.modules if m.leaf == "relative_attention_bias"]
    assert biases == [
        f"{part}.block.0.layer.0.SelfAttention.relative_attention_bias"
        for part in ("encoder", "decoder")
    ]


def test_the_name_of_a_family_says_nothing_of_sizes() -> None:
    model = by_id("google/flan-t5-xl")
    assert model is not None
    table = model.table()
    assert table is not None
    assert not table.sized


def test_a_size_that_no_template_was_learned_with_is_not_guessed() -> None:
    fields = {"num_local_experts": 768, "hidden_size": 2560}  # "num_experts" elsewhere
    table = known({"model_type": "kolibri1", **fields}, "here").table()
    assert table is None or not table.sized


@pytest.mark.parametrize(("stated", "width"), [({}, 8192), ({"head_dim": 128}, 4096)])
def test_a_size_that_a_config_derives_may_be_stated(stated: dict[str, int], width: int) -> None:
    table = known({"model_type": "cohere2", "num_attention_heads": 32, **stated}, "here").table()
    assert table is not None
    query = next(module for module in table.modules if module.leaf == "q_proj")
    assert query.shape("weight") == (width, 8192)


@pytest.mark.parametrize(
    ("architecture", "auto_class"),
    [
        ("MistralForCausalLM", "AutoModelForCausalLM"),
        ("MistralModel", "MistralModel"),
        ("MistralForTokenClassification", None),
    ],
)
def test_the_class_a_model_was_saved_from_says_how_it_is_loaded(
    architecture: str, auto_class: str | None
) -> None:
    config = {"model_type": "mistral", "architectures": [architecture], "vocab_size": 32768}
    table = known(config, "test").table()
    assert table is not None
    assert (table.auto_class if table.sized else None) == auto_class


@pytest.mark.parametrize(("kind", "learns"), [("gpt2", True), ("llama", False)])
def test_positions_count_where_they_are_learned(kind: str, learns: bool) -> None:
    model_id = {"gpt2": "openai-community/gpt2", "llama": "meta-llama/Meta-Llama-3-8B"}[kind]
    entry = by_id(model_id)
    assert entry is not None
    field = "n_positions" if learns else "max_position_embeddings"
    one, other = (known({**entry.config, field: size}, "test").table() for size in (1024, 2048))
    assert one is not None
    assert other is not None
    assert (one.parameter_count != other.parameter_count) is learns


def test_a_text_config_that_stands_at_the_top_is_read_as_the_library_does() -> None:
    sizes = {"hidden_size": 1024, "num_hidden_layers": 2, "num_attention_heads": 8}
    text = {**sizes, "num_key_value_heads": 2, "intermediate_size": 512, "vocab_size": 1000}
    vision = {"model_type": "qwen2_vl", "depth": 2, "hidden_size": 1024}
    common = {"model_type": "qwen2_vl", "vision_config": vision}
    flat, nested = (
        known({**common, **part}, "test").table() for part in (text, {"text_config": text})
    )
    assert flat is not None
    assert nested is not None
    assert flat.sized
    assert flat.parameter_count == nested.parameter_count


@pytest.mark.parametrize(
    ("task", "auto_class"),
    [
        ("SEQ_CLS", "AutoModelForSequenceClassification"),
        ("FEATURE_EXTRACTION", "AutoModel"),
        ("CAUSAL_LM", "AutoModelForCausalLM"),
        (None, "MistralModel"),
    ],
)
def test_a_task_chooses_the_class(task: str | None, auto_class: str) -> None:
    model = by_id("intfloat/e5-mistral-7b-instruct")
    assert model is not None
    table = table_for(task, None, model.table)
    assert table is not None
    assert table.auto_class == auto_class


def test_a_text_model_that_names_the_class_with_images_is_loaded_by_its_own() -> None:
    raw = {"model_type": "qwen3_5_moe_text", "num_hidden_layers": 4}
    table = known({**raw, "architectures": ["Qwen3_5MoeForConditionalGeneration"]}, "test").table()
    assert table is not None
    assert table.auto_class == "AutoModelForCausalLM"
