from __future__ import annotations

import pytest

from lora_advisor.recipe import UNKNOWN, Origin
from tests.frameworks.reading import framework, recipe, spanned

SFT = """\
model_name_or_path: org/base
dtype: bfloat16
use_peft: true
load_in_4bit: true
lora_r: "32"
lora_target_modules: [q_proj, v_proj]
learning_rate: 2e-4
packing: true
lr_scheduler_kwargs:
  min_lr: 1e-6
"""
BASE = "model_name_or_path: org/base\nuse_peft: true\n"


def test_text_is_cast_at_the_top_level_only() -> None:
    found = recipe(SFT)
    assert found.framework == "trl"
    assert (found["lora.r"].value, found["lora.r"].fits) == (32, True)
    assert found["train.learning_rate"].value == 2e-4
    assert spanned(found["train.learning_rate"].value_at) == "2e-4"
    assert found["train.lr_scheduler_kwargs"].value == {"min_lr": "1e-6"}


def test_numbers_and_nulls_are_left_as_pyyaml_reads_them() -> None:
    found = recipe(BASE + "lora_r: 16.0\nlora_alpha: null\n")
    assert (found["lora.r"].value, found["lora.r"].fits) == (16.0, False)
    assert found["lora.lora_alpha"].value is None
    assert found["lora.lora_alpha"].written


def test_defaults_of_model_config() -> None:
    found = recipe(SFT)
    for field, value in {
        "lora.lora_alpha": 32,
        "lora.lora_dropout": 0.05,
        "lora.task_type": "CAUSAL_LM",
        "quant.bnb_4bit_quant_type": "nf4",
        "train.gradient_checkpointing": True,
        "train.logging_steps": 10,
        "train.bf16": True,
    }.items():
        assert (found[field].value, found[field].origin) == (value, Origin.FRAMEWORK), field
    assert found["train.weight_decay"].origin is Origin.LIBRARY


def test_lora_is_off_unless_asked_for() -> None:
    found = recipe("model_name_or_path: a/b\ndataset_name: d\nlora_r: 16\n")
    assert (found["lora.enabled"].value, found["lora.enabled"].key) == (False, "use_peft")


def test_a_list_of_one_name_becomes_text() -> None:
    value = recipe(BASE + "lora_target_modules: [all-linear]\n")["lora.target_modules"]
    assert (value.value, value.origin) == ("all-linear", Origin.WRITTEN)
    assert spanned(value.value_at) == "[all-linear]"


@pytest.mark.parametrize(
    ("line", "expected"), [("fp16: true", False), ("bf16: null", True), ("bf16: false", False)]
)
def test_bf16_unless_fp16(line: str, expected: object) -> None:
    assert recipe(f"{BASE}{line}\n")["train.bf16"].value is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [("activation_checkpointing: false", False), ("gradient_checkpointing: null", False)],
)
def test_checkpointing_by_either_name(line: str, expected: object) -> None:
    assert recipe(f"{BASE}{line}\n")["train.gradient_checkpointing"].value is expected


def test_four_bits_compute_in_the_models_dtype() -> None:
    found = recipe(SFT)
    assert found["quant.method"].value == "bitsandbytes"
    assert found["quant.bnb_4bit_compute_dtype"].value == "bfloat16"
    assert found["quant.bnb_4bit_compute_dtype"].key == "dtype"
    plain = recipe(f"{BASE}load_in_4bit: true\n")["quant.bnb_4bit_compute_dtype"]
    assert (plain.value, plain.origin) == ("float32", Origin.FRAMEWORK)


@pytest.mark.parametrize(
    ("lines", "path", "method"),
    [
        ("packing: false", "config.yaml", "sft"),
        ("num_generations: 8", "config.yaml", "grpo"),
        ("reward_funcs: [a]\nrloo_k: 2", "config.yaml", "rloo"),
        ("beta: 0.1\nloss_type: sigmoid", "config.yaml", "dpo"),
        ("desirable_weight: 1.0", "config.yaml", "kto"),
        ("center_rewards_coefficient: 0.01", "config.yaml", "reward"),
        ("beta: 0.1", "recipes/zephyr/dpo/config_qlora.yaml", "dpo"),
        ("beta: 0.1", "recipes/orpo_full.yaml", "orpo"),
        ("packing: false", "recipes/dpo/config.yaml", "sft"),
    ],
)
def test_the_command_is_told_by_arguments_or_the_path(lines: str, path: str, method: str) -> None:
    assert recipe(f"{BASE}{lines}\n", path)["train.method"].value == method


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("beta: 0.1\nmax_length: 512", "config.yaml"),
        ("", "recipes/sft-then-dpo.yaml"),
        ("packing: true\nnum_generations: 8", "config.yaml"),
        ("", "softdpo/config.yaml"),
    ],
)
def test_defaults_of_an_unknown_command_are_unknown(lines: str, path: str) -> None:
    found = recipe(f"{BASE}{lines}\n", path)
    assert found["train.method"].value is UNKNOWN
    assert found["train.learning_rate"].value is UNKNOWN
    assert "TRL command" in found["train.learning_rate"].why


def test_a_loss_that_is_no_text_tells_nothing() -> None:
    assert recipe(f"{BASE}beta: 0.1\nloss_type: [{{a: 1}}]\n")["train.method"].value is UNKNOWN


def test_defaults_of_a_known_command() -> None:
    sft = recipe(f"{BASE}packing: true\n")
    assert sft["train.learning_rate"].value == 2e-5
    assert sft["data.max_length"].value == 1024
    dpo = recipe(f"{BASE}beta: 0.1\nloss_type: [sigmoid]\n")
    assert dpo["train.learning_rate"].value == 1e-6
    assert dpo["train.learning_rate"].origin is Origin.FRAMEWORK


def test_what_grpo_and_rloo_do_not_share_needs_a_surer_sign() -> None:
    shared = recipe(f"{BASE}reward_funcs: [accuracy]\n")
    assert shared["train.num_generations"].value is UNKNOWN
    sure = recipe(f"{BASE}reward_funcs: [accuracy]\nscale_rewards: group\n")
    assert sure["train.num_generations"].value == 8


def test_old_names_are_read_too() -> None:
    found = recipe(
        f"{BASE}torch_dtype: auto\nmax_seq_length: 2048\nevaluation_strategy: steps\n"
        "use_flash_attention_2: true\nwarmup_ratio: 0.1\n"
    )
    assert found["model.dtype"].value == "auto"
    assert (found["data.max_length"].value, found["data.max_length"].key) == (
        2048,
        "max_seq_length",
    )
    assert found["train.eval_strategy"].value == "steps"
    assert found["model.attn_implementation"].value == "flash_attention_2"
    assert found["train.warmup_ratio"].value == 0.1


@pytest.mark.parametrize(
    "text",
    [
        "model_name_or_path: a/b\nlora_r: 16\nlora_alpha: 32\nmy_flag: 1\ndataset_name: d\n",
        "model_name: a/b\nuse_peft: true\nlora_r: 16\nlora_alpha: 32\n",
        "model_name_or_path: a/b\nlora_r: 16\nlora_alpha: 32\n",
    ],
)
def test_flat_files_of_other_scripts_are_not_trls(text: str) -> None:
    assert framework(text) == "generic"


def test_a_misspelt_key_leaves_the_file_trls() -> None:
    text = "model_name_or_path: a/b\ndataset_name: d\nlearning_rat: 1e-4\n"
    assert framework(text) == "trl"


def test_what_is_handed_on_to_accelerate_leaves_the_file_trls() -> None:
    text = "model_name_or_path: a/b\ndataset_name: d\naccelerate_config: zero2\nnum_processes: 4\n"
    assert framework(text) == "trl"


def test_full_fine_tuning_of_the_example_scripts_is_not_trls() -> None:
    assert framework("model_name_or_path: a/b\ndataset_name: d\nblock_size: 512\n") == ""


def test_placeholders_are_unknown() -> None:
    value = recipe(f"{BASE}lora_r: ${{RANK}}\n")["lora.r"]
    assert value.value is UNKNOWN
    assert value.written


def test_fsdp_and_deepspeed() -> None:
    found = recipe(f"{BASE}fsdp: full_shard auto_wrap\nfsdp_config: {{version: 2}}\n")
    assert found["run.fsdp"].value is True
    assert found["run.fsdp_version"].value == 2
    assert recipe(f"{BASE}fsdp: ''\n")["run.fsdp"].value is False
    inline = recipe(f"{BASE}deepspeed: {{zero_optimization: {{stage: 3}}}}\n")
    assert inline["run.zero_stage"].value == 3
