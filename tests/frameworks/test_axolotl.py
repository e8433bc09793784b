from __future__ import annotations

import pytest
import yaml

from lora_advisor import frameworks
from lora_advisor.frameworks.schemas import keys
from lora_advisor.recipe import UNKNOWN, Origin
from lora_advisor.source import parse
from tests.frameworks.corpus import files
from tests.frameworks.reading import framework, recipe, spanned

BASE = """\
base_model: org/base
sequence_len: 2048
datasets:
  - path: org/data
    type: alpaca
"""
QLORA = f"""{BASE}\
adapter: qlora
load_in_4bit: true
lora_r: 32
lora_alpha: "16"
lora_target_linear: true
learning_rate: 2e-4
bf16: true
gradient_checkpointing: true
val_set_size: 0.05
num_epochs: 2
evals_per_epoch: 4
saves_per_epoch: 1
"""


def test_written_values_with_their_keys_and_places() -> None:
    found = recipe(QLORA)
    assert found.framework == "axolotl"
    rate = found["train.learning_rate"]
    assert (rate.value, rate.fits, rate.origin) == (2e-4, True, Origin.WRITTEN)
    assert (rate.key, spanned(rate.key_at), spanned(rate.value_at)) == (
        "learning_rate",
        "learning_rate",
        "2e-4",
    )
    assert (found["lora.lora_alpha"].value, found["lora.lora_alpha"].fits) == (16, True)
    switch = found["lora.enabled"]
    assert (switch.value, switch.key, spanned(switch.value_at)) == (True, "adapter", "qlora")


def test_defaults_are_axolotls_own() -> None:
    found = recipe(BASE + "adapter: lora\nlearning_rate: 2e-4\n")
    expected: dict[str, object] = {
        "lora.r": None,
        "lora.lora_alpha": None,
        "lora.target_modules": [],
        "train.per_device_train_batch_size": 1,
        "train.per_device_eval_batch_size": 1,
        "train.num_train_epochs": 1.0,
        "train.lr_scheduler_type": "cosine",
        "train.save_strategy": "epoch",
        "train.save_total_limit": 4,
        "quant.bnb_4bit_quant_type": "nf4",
        "model.use_cache": False,
    }
    for field, value in expected.items():
        assert (found[field].value, found[field].origin) == (value, Origin.FRAMEWORK), field
    assert found["train.per_device_train_batch_size"].key == "micro_batch_size"
    assert found["train.weight_decay"].origin is Origin.LIBRARY


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        ("", False),
        ("lora_r: 8\n", False),
        ("num_epochs: 3\n", True),
        ("micro_batch_size: 2\n", True),
    ],
)
def test_an_excerpt_tells_nothing_of_the_training(lines: str, known: bool) -> None:
    found = recipe(f"{BASE}adapter: lora\n{lines}")
    assert (found["train.enabled"].value is True) is known
    assert (found["train.gradient_accumulation_steps"].value == 1) is known


@pytest.mark.parametrize(
    "key", ["sequence_len", "micro_batch_size", "num_epochs", "lr_scheduler", "optimizer"]
)
def test_defaults_equal_those_of_the_schema(key: str) -> None:
    found = recipe("base_model: org/base\nadapter: lora\nlearning_rate: 2e-4\n")
    defaults = {value.key: value.value for value in found.values.values()}
    assert defaults[key] == keys("axolotl", "AxolotlInputConfig")[key].default


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("", False),
        ("adapter:\n", False),
        ("adapter: lora\n", True),
        ("adapter: llama-adapter\n", False),
        ("adapter: mora\n", UNKNOWN),
        ("adapter: ${ADAPTER}\n", UNKNOWN),
    ],
)
def test_the_adapter_switch(text: str, enabled: object) -> None:
    assert recipe(f"{BASE}lora_r: 8\n{text}")["lora.enabled"].value is enabled


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("adapter: qlora\nload_in_4bit: true\n", "bitsandbytes"),
        ("adapter: lora\nload_in_8bit: true\n", "bitsandbytes"),
        ("adapter: lora\nload_in_4bit: true\n", None),
        ("adapter: qlora\nload_in_8bit: true\n", None),
        ("adapter: lora\ngptq: true\n", "gptq"),
        ("adapter: lora\nmodel_quantization_config: Mxfp4Config\n", "mxfp4"),
        ("adapter: mora\nload_in_4bit: true\n", UNKNOWN),
    ],
)
def test_only_two_pairs_of_adapter_and_bits_quantise(text: str, method: object) -> None:
    assert recipe(BASE + text)["quant.method"].value == method


@pytest.mark.parametrize(
    ("text", "accumulation"),
    [
        ("batch_size: 64\nmicro_batch_size: 4\n", 16),
        ("batch_size: 10\nmicro_batch_size: 4\n", 2),
        ("micro_batch_size: 4\n", 1),
        ("gradient_accumulation_steps: 8\nmicro_batch_size: 4\n", 8),
    ],
)
def test_the_total_batch_is_divided_into_accumulated_ones(text: str, accumulation: int) -> None:
    assert recipe(BASE + text)["train.gradient_accumulation_steps"].value == accumulation


def test_lora_target_linear_is_every_linear_layer() -> None:
    value = recipe(QLORA)["lora.target_modules"]
    assert (value.value, value.key) == ("all-linear", "lora_target_linear")
    more = recipe(BASE + "lora_target_linear: true\nlora_target_modules: [embed_tokens]\n")
    assert more["lora.target_modules"].value is UNKNOWN


@pytest.mark.parametrize(
    ("text", "initialisation"),
    [
        ("", True),
        ("peft_init_lora_weights: false\n", True),
        ("peft_init_lora_weights: pissa\n", "pissa"),
        ("peft: {loftq_config: {loftq_bits: 4}}\n", "loftq"),
        ("peft: {loftq_config: {loftq_bits: 4}}\npeft_init_lora_weights: gaussian\n", "gaussian"),
    ],
)
def test_initialisation(text: str, initialisation: object) -> None:
    assert recipe(BASE + text)["lora.init_lora_weights"].value == initialisation


@pytest.mark.parametrize(
    ("text", "bf16", "fp16", "dtype"),
    [
        ("", UNKNOWN, UNKNOWN, UNKNOWN),
        ("bf16: auto\nfp16: false\n", UNKNOWN, False, UNKNOWN),
        ("bf16: auto\nfp16:\n", UNKNOWN, UNKNOWN, UNKNOWN),
        ("bf16:\n", False, False, "float32"),
        ("bf16: auto\nfp16: true\n", False, True, "float16"),
        ("bf16: true\nfp16: true\n", True, False, "bfloat16"),
        ("bfloat16: true\n", True, False, "bfloat16"),
        ("bf16: false\nload_in_8bit: true\n", False, False, "float16"),
        ("bf16: ${BF16}\n", UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_precision(text: str, bf16: object, fp16: object, dtype: object) -> None:
    found = recipe(BASE + text)
    assert found["train.bf16"].value is bf16
    assert found["train.fp16"].value is fp16
    assert found["model.dtype"].value == dtype


def test_counts_per_epoch_become_shares_of_the_run() -> None:
    found = recipe(QLORA)
    assert (found["train.eval_steps"].value, found["train.eval_strategy"].value) == (1 / 8, "steps")
    assert (found["train.save_steps"].value, found["train.save_steps"].key) == (
        0.5,
        "saves_per_epoch",
    )
    once = recipe(QLORA.replace("num_epochs: 2", "num_epochs: 1"))
    assert once["train.save_strategy"].value == "epoch"


def test_empty_steps_leave_the_strategy_alone() -> None:
    assert recipe(BASE + "save_steps:\n")["train.save_strategy"].value == "epoch"


def test_nothing_is_evaluated_where_nothing_is_held_out() -> None:
    found = recipe(f"{BASE}eval_strategy: epoch\n")["train.eval_strategy"]
    assert (found.value, spanned(found.value_at)) == ("no", "epoch")
    listed = recipe(BASE + "eval_strategy: epoch\ntest_datasets: [{path: org/test}]\n")
    assert listed["train.eval_strategy"].value == "epoch"
    assert listed["data.eval_dataset"].value == "org/test"
    unknown = recipe(BASE + "eval_strategy: epoch\nval_set_size: ${SHARE}\n")
    assert unknown["train.eval_strategy"].value is UNKNOWN


@pytest.mark.parametrize(
    ("steps", "keeps"),
    [("save_steps: 100\neval_steps: 50\n", True), ("save_steps: 100\neval_steps: 30\n", False)],
)
def test_the_best_model_is_kept_only_where_the_steps_allow_it(steps: str, keeps: bool) -> None:
    text = f"{BASE}load_best_model_at_end: true\nval_set_size: 0.1\n{steps}"
    assert recipe(text)["train.load_best_model_at_end"].value is keeps


def test_defaults_that_need_the_data_or_the_gpu_are_unknown_with_their_reason() -> None:
    found = recipe(QLORA)
    assert found["train.warmup_steps"].value is UNKNOWN
    assert "3 %" in found["train.warmup_steps"].why
    assert found["train.dataloader_num_workers"].why == "one per GPU"
    assert recipe(QLORA + "tf32: auto\n")["train.tf32"].why == "the GPU decides"
    assert recipe(QLORA + "warmup_ratio: 0.1\n")["train.warmup_steps"].value == 0


@pytest.mark.parametrize(
    ("text", "method", "beta"),
    [
        ("", "sft", UNKNOWN),
        ("rl: dpo\n", "dpo", 0.1),
        ("rl: dpo\nrl_beta: 0.3\ntrl: {beta: 0.2}\norpo_alpha: 1\n", "dpo", 0.2),
        ("rl: gdpo\n", "grpo", 0.0),
        ("reward_model: true\n", "reward", UNKNOWN),
        ("pretraining_dataset: [{path: org/text}]\n", "pretrain", UNKNOWN),
    ],
)
def test_method_and_beta(text: str, method: str, beta: object) -> None:
    found = recipe(BASE + text)
    assert (found["train.method"].value, found["train.beta"].value) == (method, beta)


def test_old_spellings_are_read() -> None:
    found = recipe(BASE + "flash_attention: true\nevaluation_strategy: steps\nval_set_size: 1\n")
    attention = found["model.attn_implementation"]
    assert (attention.value, attention.key) == ("flash_attention_2", "flash_attention")
    assert found["train.eval_strategy"].value == "steps"


def test_sharding() -> None:
    found = recipe(
        f"{BASE}fsdp: [full_shard, auto_wrap]\n"
        "fsdp_config: {fsdp_offload_params: true, fsdp_version: 2}\n"
    )
    assert found["run.fsdp"].value is True
    assert found["run.offload"].value is True
    assert found["run.fsdp_version"].value == 2
    assert found["run.fsdp_config"].value == {"offload_params": True, "fsdp_version": 2}
    listed = recipe(f"{BASE}fsdp: [full_shard]\n")["run.fsdp_version"]
    assert (listed.value, listed.written) == (1, False)
    empty = recipe(f"{BASE}fsdp:\nfsdp_config:\ndeepspeed:\n")
    assert empty["run.fsdp_version"].value is UNKNOWN
    for field in ("run.fsdp", "run.deepspeed", "run.zero_stage"):
        assert (empty[field].value, empty[field].written) == (UNKNOWN, False), field
    inline = recipe(f"{BASE}deepspeed: {{zero_optimization: {{stage: 3}}}}\n")
    assert inline["run.zero_stage"].value == 3


def test_an_adapter_that_is_loaded_brings_its_own_config() -> None:
    found = recipe(f"{BASE}adapter: lora\nlora_model_dir: ./out\nlora_r: 16\n")
    assert found["lora.r"].value == 16
    assert found["lora.lora_alpha"].value is UNKNOWN
    assert "lora_model_dir" in found["lora.lora_alpha"].why


def test_a_null_means_not_set() -> None:
    found = recipe(
        f"{BASE}lora_dropout:\neval_strategy: steps\nevaluation_strategy:\nval_set_size: 1\n"
    )
    assert (found["lora.lora_dropout"].value, found["lora.lora_dropout"].origin) == (
        0.0,
        Origin.LIBRARY,
    )
    assert found["train.eval_strategy"].value == "steps"


def test_a_value_of_another_type_does_not_fit() -> None:
    assert recipe(BASE + "lora_r: sixteen\n")["lora.r"].fits is False
    assert (
        recipe(BASE + "eval_strategy: no\nval_set_size: 1\n")["train.eval_strategy"].fits is False
    )


@pytest.mark.parametrize(
    "text",
    [
        "base_model: org/base\nlora_r: 8\nbatch_size: 4\n",
        "base_model: org/base\ntask: llm-sft\nsequence_len: 10\n",
        "base_model: org/base\nmodels: [a, b]\nmerge_method: ties\n",
        "adapter: lora\nsequence_len: 512\n",
    ],
)
def test_other_flat_files_are_not_taken_for_axolotl(text: str) -> None:
    assert framework(text) != "axolotl"


def test_every_collected_file_is_recognised_and_read() -> None:
    for path in files("axolotl"):
        document = parse(path.read_bytes(), path.name)
        (found,) = frameworks.read(document)
        assert found.framework == "axolotl", path.name
        adapter = yaml.safe_load(document.text)["adapter"]
        assert found["lora.enabled"].value is (adapter in ("lora", "qlora")), path.name
        # Only the mapping of tokens that early releases took does not fit today's list.
        misfits = {field for field, value in found.values.items() if not value.fits}
        assert misfits <= {"data.new_tokens"}, path.name
