"""Formats with names and counts of their own: what they say in the vocabulary of PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lora_advisor import frameworks
from lora_advisor.recipe import UNKNOWN
from lora_advisor.source import parse
from tests.frameworks.reading import recipe, spanned

DATA = Path(__file__).parent / "data" / "recipes.yaml"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load(DATA.read_text("utf-8"))

MLX = """\
model: a/b
train: true
iters: 1000
grad_accumulation_steps: 4
lora_parameters: {rank: 16, scale: 2.0, dropout: 0.0}
"""
TUNE = "tune run --nproc_per_node 2 lora_finetune_distributed --config x optimizer.lr=1e-4\n"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not beside the checkout")
@pytest.mark.parametrize("name", EXPECTED)
def test_recipes_read_by_hand(name: str) -> None:
    path = CORPUS / name
    (found,) = frameworks.read(parse(path.read_bytes(), path.name))
    values = {field: found[field].value for field in EXPECTED[name]}
    assert values == {k: UNKNOWN if v == "?" else v for k, v in EXPECTED[name].items()}


def test_mlx_scale_is_the_whole_factor() -> None:
    found = recipe(MLX)
    assert found["lora.lora_alpha"].value == 32
    assert spanned(found["lora.lora_alpha"].value_at) == "2.0"
    assert found["train.max_steps"].value == 250


def test_mlx_schedule_goes_before_the_rate() -> None:
    schedule = "lr_schedule: {name: cosine_decay, warmup: 10, arguments: [2e-5, 900]}\n"
    found = recipe(f"{MLX}learning_rate: 1e-3\n{schedule}")
    assert found["train.learning_rate"].value == 2e-5
    assert found["train.warmup_steps"].value == 10


def test_what_mlx_saved_is_no_training() -> None:
    text = '{"fine_tune_type": "dora", "num_layers": 8, "lora_parameters": {"rank": 8}}'
    found = recipe(text, "adapter_config.json")
    assert (found.framework, found["train.enabled"].value) == ("mlx-lm", False)
    assert found["lora.use_dora"].value is True


@pytest.mark.parametrize("own", ["train_mode: dpo\n", "train_mode: sft\ntrain_type: lora\n"])
def test_the_program_with_the_keys_of_mlx_is_told_apart(own: str) -> None:
    found = recipe(f"{MLX}{own}")
    assert found.framework == "mlx-lm-lora"
    assert found["lora.r"].value is UNKNOWN


def test_overrides_on_a_command_line_know_only_themselves() -> None:
    found = recipe(TUNE, "run.sh")
    assert found.framework == "torchtune"
    assert found["train.learning_rate"].value == 1e-4
    assert found["lora.r"].value is UNKNOWN


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("swift sft --model a/b --torch_dtype float16", {"train.method": "sft", "lora.r": 8}),
        ("torchrun --nnodes 1 $(which swift) sft --model a/b", {"train.method": "sft"}),
        ("torchrun swift rlhf --rlhf_type kto --model a/b", {"train.method": "kto"}),
        ("swift rlhf --model a/b", {"train.method": "dpo", "train.learning_rate": 1e-4}),
        ("swift pt --model a/b --tuner_type full", {"train.learning_rate": 1e-5}),
        ("swift sft --model a/b --target_modules q_proj v_proj", {"train.method": "sft"}),
        ("swift sft c.yaml --lora_rank 4", {"lora.r": 4, "lora.lora_alpha": UNKNOWN}),
        ("swift sft --model_type x --sft_type lora", {"data.max_length": 2048}),
        ("python -m mlx_lm.lora --model a/b --train --num-layers 4", {"lora.lora_alpha": 160.0}),
        ("mlx_lm.lora --config c.yaml --train", {"lora.lora_alpha": UNKNOWN}),
        ("litgpt finetune_lora a/b --train.epochs 2", {"train.num_train_epochs": 2}),
        ("autotrain llm --train --model a/b --peft --lr 2e-4", {"quant.load_in_4bit": True}),
        ("accelerate launch train_network.py --network_module=networks.lora", {"lora.r": 4}),
        (
            "accelerate launch train_dreambooth_lora_flux.py --rank 16",
            {"lora.r": 16, "lora.lora_alpha": 4},
        ),
        (
            "accelerate launch train_dreambooth_lora_sdxl.py --rank 16",
            {"lora.r": 16, "lora.lora_alpha": 16},
        ),
        (
            "python train_lcm_distill_lora_sd_wds.py --lora_rank 32 --mixed_precision=no",
            {"lora.r": 32, "lora.lora_alpha": 64, "train.fp16": False, "train.bf16": False},
        ),
        (
            "python tune.py --lora_r 8 --evaluation_strategy no --bf16 no --save_strategy epoch",
            {"train.eval_strategy": "no", "train.bf16": False, "train.save_strategy": "epoch"},
        ),
        (
            "python train_network.py --network_module=networks.lora --mixed_precision bf16",
            {"train.bf16": True, "train.fp16": False},
        ),
        (
            "swift rlhf --rlhf_type grpo --model a/b --num_generations 8",
            {"train.steps_per_generation": None, "train.generation_batch_size": None},
        ),
    ],
)
def test_commands(command: str, expected: dict[str, object]) -> None:
    found = recipe(f"{command}\n", "run.sh")
    assert {field: found[field].value for field in expected} == expected


def test_a_word_that_ms_swift_expands_is_unknown() -> None:
    text = "model: a/b\ntuner_type: lora\ntarget_modules: [all-linear, all-embedding]\n"
    assert recipe(text)["lora.target_modules"].value is UNKNOWN


def test_kohya_alpha_of_zero_is_the_rank() -> None:
    text = "[a]\nnetwork_module = 'networks.lora'\nnetwork_dim = 16\nnetwork_alpha = 0\n"
    assert recipe(text, "c.toml")["lora.lora_alpha"].value == 16


@pytest.mark.parametrize(("written", "steps"), [('"160"', 160), ('""', UNKNOWN), ("0", UNKNOWN)])
def test_kohyas_window_counts_epochs_unless_it_is_told_steps(written: str, steps: object) -> None:
    text = (
        f'{{"LoRA_type": "Standard", "network_dim": 8, "epoch": 10, "max_train_steps": {written}}}'
    )
    assert recipe(text, "preset.json")["train.max_steps"].value == steps


def test_litgpt_accumulates_up_to_the_global_batch() -> None:
    text = "checkpoint_dir: checkpoints/a/b\nlora_r: 8\ndevices: 2\n"
    found = recipe(f"{text}train: {{global_batch_size: 64, micro_batch_size: 4, epochs: 1}}\n")
    assert found["train.gradient_accumulation_steps"].value == 8
    assert found["model.name_or_path"].value == "a/b"


def test_autotrain_passes_no_more_of_lora_than_its_parameters() -> None:
    text = "task: llm-sft\nbase_model: a/b\nbackend: local\nproject_name: x\nparams: {peft: true}\n"
    found = recipe(text)
    assert found["lora.target_parameters"].value is None
    assert found["lora.modules_to_save"].value is None


def test_autotrain_quantises_only_with_an_adapter() -> None:
    text = "task: llm-sft\nbase_model: a/b\nbackend: local\nproject_name: x\n"
    assert recipe(text)["quant.load_in_4bit"].value is False
    assert recipe(f"{text}params: {{peft: true}}\n")["quant.load_in_4bit"].value is True


@pytest.mark.parametrize(
    ("builder", "adapted", "method"),
    [("qwen3_8b", False, None), ("lora_qwen3_8b", True, None), ("qlora_qwen3_8b", True, "nf4")],
)
def test_builders_of_qwen_are_not_quantised_by_their_letter(
    builder: str, adapted: bool, method: str | None
) -> None:
    found = recipe(f"model: {{_component_: torchtune.models.qwen3.{builder}}}\n")
    assert (found["lora.enabled"].value, found["quant.method"].value) == (adapted, method)
