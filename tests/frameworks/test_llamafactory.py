from __future__ import annotations

import pytest
import yaml

from lora_advisor import frameworks
from lora_advisor.frameworks.schemas import keys
from lora_advisor.recipe import UNKNOWN, Origin
from lora_advisor.source import parse
from tests.frameworks.corpus import files
from tests.frameworks.reading import framework, recipe, spanned

BASE = "model_name_or_path: org/base\ncutoff_len: 1024\ndo_train: true\n"
V1 = """\
model: org/base
peft_config:
  name: lora
  r: 16
train_dataset: data.yaml
"""


def test_written_values_with_their_keys_and_places() -> None:
    found = recipe(BASE + "lora_rank: 16\nlora_target: q_proj, v_proj\nlearning_rate: 2e-4\n")
    assert found.framework == "llamafactory"
    rank = found["lora.r"]
    assert (rank.value, rank.key, spanned(rank.value_at)) == (16, "lora_rank", "16")
    assert found["lora.target_modules"].value == ["q_proj", "v_proj"]
    assert found["train.learning_rate"].value == 2e-4


def test_text_is_not_cast() -> None:
    found = recipe(BASE + 'learning_rate: "2e-4"\n')["train.learning_rate"]
    assert (found.value, found.fits) == ("2e-4", False)


@pytest.mark.parametrize(
    ("field", "key", "owner"),
    [
        ("lora.r", "lora_rank", "FinetuningArguments"),
        ("lora.lora_dropout", "lora_dropout", "FinetuningArguments"),
        ("lora.loraplus_lr_embedding", "loraplus_lr_embedding", "FinetuningArguments"),
        ("train.method", "stage", "FinetuningArguments"),
        ("quant.bnb_4bit_quant_type", "quantization_type", "ModelArguments"),
        ("quant.bnb_4bit_use_double_quant", "double_quantization", "ModelArguments"),
        ("data.eval_split", "val_size", "DataArguments"),
        ("data.max_length", "cutoff_len", "DataArguments"),
        ("model.trust_remote_code", "trust_remote_code", "ModelArguments"),
    ],
)
def test_defaults_equal_those_of_the_dataclasses(field: str, key: str, owner: str) -> None:
    found = recipe("model_name_or_path: org/base\nfinetuning_type: lora\n")[field]
    assert (found.value, found.key) == (keys("llamafactory", owner)[key].default, key)


@pytest.mark.parametrize(
    ("text", "alpha"),
    [
        ("", 16),
        ("lora_rank: 32\n", 64),
        ("lora_rank: 32\nlora_alpha: 0\n", 64),
        ("lora_rank: 32\nlora_alpha: null\n", 64),
        ("lora_rank: 32\nlora_alpha: 8\n", 8),
        ("lora_rank: ${RANK}\n", UNKNOWN),
    ],
)
def test_alpha_is_twice_the_rank_unless_set(text: str, alpha: object) -> None:
    assert recipe(BASE + text)["lora.lora_alpha"].value == alpha


@pytest.mark.parametrize(
    ("text", "lora", "train"),
    [
        ("do_train: true\n", True, True),
        ("do_train: true\nfinetuning_type: full\n", False, True),
        ("do_train: true\nfinetuning_type: oft\n", False, True),
        ("do_train: false\n", False, False),
        ("do_predict: true\nfinetuning_type: lora\n", False, False),
        ("adapter_name_or_path: out\nexport_dir: merged\n", False, False),
        ("do_train: ${TRAIN}\n", UNKNOWN, UNKNOWN),
        ("do_train: ${TRAIN}\nfinetuning_type: full\n", False, UNKNOWN),
    ],
)
def test_what_is_trained(text: str, lora: object, train: object) -> None:
    found = recipe("model_name_or_path: org/base\ncutoff_len: 1024\n" + text)
    assert found["lora.enabled"].value is lora
    assert found["train.enabled"].value is train


@pytest.mark.parametrize(
    ("text", "method", "beta"),
    [
        ("", "sft", None),
        ("stage: pt\n", "pretrain", None),
        ("stage: rm\n", "reward", None),
        ("stage: dpo\n", "dpo", 0.1),
        ("stage: dpo\npref_loss: orpo\npref_beta: 0.2\n", "orpo", 0.2),
        ("stage: dpo\npref_loss: hinge\n", "dpo", 0.1),
        ("stage: kto\n", "kto", 0.1),
    ],
)
def test_method(text: str, method: str, beta: object) -> None:
    found = recipe(BASE + text)
    assert (found["train.method"].value, found["train.beta"].value) == (method, beta)


@pytest.mark.parametrize(
    ("text", "method", "four", "eight"),
    [
        ("", None, False, False),
        ("quantization_bit: 4\n", "bitsandbytes", True, False),
        ("quantization_bit: 8\nquantization_method: bnb\n", "bitsandbytes", False, True),
        ("quantization_bit: 4\nquantization_method: hqq\n", "hqq", False, False),
        ("quantization_method: hqq\n", None, False, False),
        ("quantization_bit: ${BITS}\n", "bitsandbytes", UNKNOWN, UNKNOWN),
    ],
)
def test_quantisation(text: str, method: object, four: object, eight: object) -> None:
    found = recipe(BASE + text)
    assert found["quant.method"].value == method
    assert (found["quant.load_in_4bit"].value, found["quant.load_in_8bit"].value) == (four, eight)


def test_it_computes_in_what_it_trains_in() -> None:
    found = recipe(BASE + "quantization_bit: 4\nbf16: true\n")
    assert found["quant.bnb_4bit_compute_dtype"].value == "bfloat16"
    assert found["quant.bnb_4bit_quant_storage"].value == "bfloat16"
    assert recipe(BASE + "pure_bf16: true\n")["model.dtype"].value == "bfloat16"
    assert recipe(BASE)["model.dtype"].value is UNKNOWN


@pytest.mark.parametrize(
    ("text", "on", "kwargs"),
    [
        ("", True, {"use_reentrant": True}),
        ("gradient_checkpointing: false\n", True, {"use_reentrant": True}),
        ("use_reentrant_gc: false\n", True, {"use_reentrant": False}),
        ("disable_gradient_checkpointing: true\n", False, None),
    ],
)
def test_checkpointing_is_on_unless_disabled(text: str, on: bool, kwargs: object) -> None:
    found = recipe(BASE + text)
    assert found["train.gradient_checkpointing"].value is on
    assert found["train.gradient_checkpointing_kwargs"].value == kwargs


@pytest.mark.parametrize(
    ("text", "initialisation"),
    [
        ("", True),
        ("pissa_init: true\n", "pissa_niter_16"),
        ("pissa_init: true\npissa_iter: -1\n", "pissa"),
        ("pissa_init: ${PISSA}\n", UNKNOWN),
    ],
)
def test_initialisation(text: str, initialisation: object) -> None:
    assert recipe(BASE + text)["lora.init_lora_weights"].value == initialisation


@pytest.mark.parametrize(
    ("text", "packing"),
    [("", False), ("stage: pt\n", True), ("neat_packing: true\n", True), ("packing: true\n", True)],
)
def test_packing(text: str, packing: bool) -> None:
    assert recipe(BASE + text)["data.packing"].value is packing


@pytest.mark.parametrize(
    ("text", "attention"),
    [("fa2", "flash_attention_2"), ("disabled", "eager"), ("auto", None), ("sdpa", "sdpa")],
)
def test_attention(text: str, attention: object) -> None:
    found = recipe(f"{BASE}flash_attn: {text}\n")["model.attn_implementation"]
    assert (found.value, found.key) == (attention, "flash_attn")


def test_an_adapter_that_is_trained_on_brings_its_own_config() -> None:
    resumed = recipe(BASE + "adapter_name_or_path: a, b\nlora_rank: 4\n")
    assert resumed["model.adapter"].value == ["a", "b"]
    assert resumed["lora.r"].value == 4
    assert resumed["lora.lora_dropout"].value is UNKNOWN
    new = recipe(BASE + "adapter_name_or_path: a\ncreate_new_adapter: true\n")
    assert new["lora.lora_dropout"].value == 0.0


def test_v1_blocks_and_their_defaults() -> None:
    found = recipe(V1)
    assert found.framework == "llamafactory-v1"
    assert (found["lora.r"].value, found["lora.r"].key) == (16, "peft_config.r")
    assert found["lora.enabled"].value is True
    for field, value in {
        "lora.lora_alpha": 16,
        "lora.lora_dropout": 0.05,
        "lora.target_modules": "all-linear",
        "train.learning_rate": 1e-4,
        "train.per_device_train_batch_size": 1,
        "train.gradient_accumulation_steps": 1,
        "data.max_length": 2048,
    }.items():
        assert (found[field].value, found[field].origin) == (value, Origin.FRAMEWORK), field
    assert found["train.method"].value is UNKNOWN
    assert found["quant.method"].value is None


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("  target_modules: q_proj,v_proj\n", "lora.target_modules", ["q_proj,v_proj"]),
        ("  export_dir: merged\n", "train.enabled", False),
        ("  adapter_name_or_path: out\n", "lora.lora_alpha", UNKNOWN),
        ("quant_config: {name: bnb}\n", "quant.load_in_4bit", True),
        ("quant_config: {name: auto}\n", "quant.method", None),
        ("dist_config: {name: fsdp2}\n", "run.fsdp_version", 2),
        ("global_batch_size: 64\n", "train.gradient_accumulation_steps", UNKNOWN),
        ("max_steps: null\n", "train.max_steps", -1),
    ],
)
def test_v1_settings(text: str, field: str, value: object) -> None:
    lines = V1.replace("train_dataset", f"{text}train_dataset")
    assert recipe(lines)[field].value == value


@pytest.mark.parametrize(
    "text",
    [
        "model_name_or_path: org/base\nuse_peft: true\nlora_r: 8\n",
        "model_name_or_path: org/base\ntemplate: chatml\n",
        "model: org/base\ntrain: true\niters: 100\nnum_layers: 4\n",
    ],
)
def test_other_flat_files_are_not_taken_for_it(text: str) -> None:
    assert not framework(text).startswith("llamafactory")


def test_every_collected_file_is_recognised_and_read() -> None:
    for path in files("llamafactory"):
        document = parse(path.read_bytes(), path.name)
        (found,) = frameworks.read(document)
        written = yaml.safe_load(document.text)
        v1 = "model_name_or_path" not in written
        assert found.framework == ("llamafactory-v1" if v1 else "llamafactory"), path.name
        assert not [field for field, value in found.values.items() if not value.fits], path.name
        if not v1:
            trains = bool(written.get("do_train"))
            lora = written.get("finetuning_type", "lora") == "lora"
            assert found["train.enabled"].value is trains, path.name
            assert found["lora.enabled"].value is (trains and lora), path.name
