from __future__ import annotations

import pytest

from lora_advisor.recipe import FIELDS, UNKNOWN, Origin
from tests.frameworks.reading import framework, recipe, spanned

SECTIONS = """\
model:
  name: org/base
  load_in_4bit: true
lora:
  rank: 16
  alpha: 32
  dropout: 0.05
  target_modules: [q_proj, v_proj]
training:
  lr: 0.0002
  batch_size: 4
  grad_accum: 8
  epochs: 3
"""
LORA = "lora: {r: 16, lora_alpha: 32}\n"


def test_sections_and_their_places() -> None:
    found = recipe(SECTIONS)
    assert found.framework == "generic"
    assert {field: found[field].value for field in FIELDS if found[field].written} == {
        "model.name_or_path": "org/base",
        "quant.load_in_4bit": True,
        "lora.r": 16,
        "lora.lora_alpha": 32,
        "lora.lora_dropout": 0.05,
        "lora.target_modules": ["q_proj", "v_proj"],
        "lora.enabled": True,
        "train.enabled": True,
        "train.learning_rate": 0.0002,
        "train.gradient_accumulation_steps": 8,
        "train.num_train_epochs": 3,
    }
    assert found["lora.r"].key == "lora.rank"
    assert spanned(found["lora.r"].key_at) == "rank"


@pytest.mark.parametrize("section", ["", "model:\n  "])
def test_a_switch_that_names_lora_stands_for_a_rank(section: str) -> None:
    text = f"{section}use_lora: true\n{section and '  '}lora_target_modules: [q_proj, v_proj]\n"
    assert recipe(text).framework == "generic"


@pytest.mark.parametrize(
    ("beside", "rate"), [("", 3e-4), ("sft: {learning_rate: 0.00002}\n", UNKNOWN)]
)
def test_a_rate_beside_the_rank_is_the_adapter_s(beside: str, rate: object) -> None:
    found = recipe(f"{beside}lora: {{r: 16, lora_alpha: 32, learning_rate: 0.0003}}\n")
    assert found["train.learning_rate"].value == rate


def test_a_script_around_mlx_has_its_own_targets() -> None:
    text = f"{SECTIONS}  iters: 600\n  steps_per_report: 10\n"
    assert recipe(text)["lora.target_modules"].value is UNKNOWN


def test_no_default_is_known() -> None:
    found = recipe(SECTIONS)
    assert found["lora.bias"].value is UNKNOWN
    assert found["train.weight_decay"].value is UNKNOWN
    beside_targets = {"lora.target_parameters", "lora.exclude_modules"}
    unwritten = [found[field] for field in FIELDS if field not in beside_targets]
    assert all(value.written or value.value is UNKNOWN for value in unwritten)


def test_a_batch_that_may_be_of_all_devices_is_not_read() -> None:
    assert recipe(SECTIONS)["train.per_device_train_batch_size"].value is UNKNOWN
    text = f"{LORA}training: {{micro_batch_size: 2, train_batch_size: 64}}\n"
    assert recipe(text)["train.per_device_train_batch_size"].value == 2


def test_a_width_in_bits() -> None:
    assert recipe(f"{LORA}quantization: {{bits: 4}}\n")["quant.bits"].value == 4


def test_flat_keys_and_other_syntaxes() -> None:
    json = recipe(
        '{"lora_r": 8, "lora_alpha": 16, "learning_rate": 2e-4, "model": "a/b"}', "c.json"
    )
    assert json["train.learning_rate"].value == 2e-4
    assert json["model.name_or_path"].value == "a/b"
    toml = recipe("lr = 2e-4\n[lora]\nr = 8\nalpha = 16\n", "c.toml")
    assert (toml["lora.r"].value, toml["train.learning_rate"].value) == (8, 2e-4)


def test_pyyaml_leaves_a_number_without_a_dot_as_text() -> None:
    value = recipe(f"{LORA}learning_rate: 2e-4\n")["train.learning_rate"]
    assert (value.value, value.fits) == ("2e-4", False)


@pytest.mark.parametrize("more", ["defaults: [base]", "out: ${oc.env:OUT}"])
def test_omegaconf_reads_it_as_a_number(more: str) -> None:
    value = recipe(f"{LORA}learning_rate: 2e-4\n{more}\n")["train.learning_rate"]
    assert (value.value, value.fits, value.origin) == (2e-4, True, Origin.WRITTEN)


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [
        ("lora: {r: [8, 16], alpha: 16}", "lora.r", "not one value"),
        ("lora: {r: 8, target_modules: [[q_proj], [v_proj]]}", "lora.target_modules", "one value"),
        (f"{LORA}lora_r: 8", "lora.r", "twice"),
        (f"{LORA}data: {{max_length: 1}}\nmax_seq_length: 2", "data.max_length", "twice"),
        ("lora: {enabled: false, r: 8, alpha: 16}", "lora.r", "switched off"),
        (f"{LORA}quantization: {{enabled: no, load_in_4bit: true}}", "quant.load_in_4bit", "off"),
        ("lora: {r: 8, alpha: 16, peft_type: LOKR}", "lora.r", "another type"),
        ("lora: {r: 8, target_modules: 'q_proj,v_proj'}", "lora.target_modules", "split"),
        ("lora: {r: 8, target_modules: q_proj}", "lora.target_modules", "split"),
        (f"{LORA}is_quantized: false\nload_in_4bit: true", "quant.load_in_4bit", "switched off"),
        (f"{LORA}bf16: auto", "train.bf16", "the script decides"),
        ("lora: {r: '${RANK}', alpha: 16}", "lora.r", "later"),
    ],
)
def test_what_is_not_plain_is_unknown(text: str, field: str, why: str) -> None:
    value = recipe(f"{text}\n")[field]
    assert value.value is UNKNOWN
    assert value.written
    assert why in value.why


@pytest.mark.parametrize("targets", ["all-linear", r".*\.(q|v)_proj"])
def test_text_with_one_meaning_is_read(targets: str) -> None:
    found = recipe(f"lora: {{r: 8, target_modules: '{targets}'}}\n")
    assert found["lora.target_modules"].value == targets


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", True),
        ("finetuning_type: lora", True),
        ("method: full", UNKNOWN),
        ("use_lora: false", False),
        ("dataset: {type: json}", True),
        ("wandb: {enabled: false}", True),
        ("is_peft: false", UNKNOWN),
        ("merge_lora: false", True),
    ],
)
def test_the_switch(more: str, expected: object) -> None:
    assert recipe(f"{LORA}{more}\n")["lora.enabled"].value == expected


def test_what_wandb_saves() -> None:
    found = recipe(
        "learning_rate: {desc: null, value: 0.0002}\n"
        "peft_config:\n  value:\n    default: {r: 8, lora_alpha: 16, peft_type: LORA}\n"
    )
    assert (found["lora.r"].value, found["train.learning_rate"].value) == (8, 0.0002)
    assert found["train.learning_rate"].key == "learning_rate.value"


@pytest.mark.parametrize(
    "text",
    [
        "max_lora_rank: 64\nenable_lora: true\n",
        "alpha: 0.5\nrank: 3\n",
        "services: {web: {image: x}}\n",
        "model: {r: 16, alpha: 3}\n",
        "- lora_r\n",
        "training: {learning_rate: 0.1}\n",
    ],
)
def test_files_without_lora_are_in_no_format(text: str) -> None:
    assert framework(text) == ""


def test_profiles_are_recognised_but_none_of_them_is_taken() -> None:
    text = "profiles:\n  a:\n    lora: {r: 8, alpha: 16}\n  b:\n    lora: {r: 64, alpha: 16}\n"
    found = recipe(text)
    assert found["lora.r"].value is UNKNOWN
    assert not found["lora.r"].written


@pytest.mark.parametrize(
    ("targets", "expected"), [("[q_proj, v_proj]", None), ("all-linear", UNKNOWN)]
)
def test_a_list_of_targets_says_all_of_where_the_adapter_goes(
    targets: str, expected: object
) -> None:
    found = recipe(f"{LORA}target_modules: {targets}\n")
    assert found["lora.exclude_modules"].value is expected
    assert found["lora.target_parameters"].value is expected
