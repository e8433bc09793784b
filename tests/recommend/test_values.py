"""Advised values follow from their laws, and a config is left alone where it is as good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, gpus, source
from lora_advisor.laws import laws, subjects
from lora_advisor.laws.rates import family_of, supervised_rate
from lora_advisor.models.lookup import Lookup
from lora_advisor.recommend import Recommendation, recommend
from lora_advisor.recommend.ask import Question, QuestionError, situation
from lora_advisor.recommend.base import find, named_size
from lora_advisor.recommend.dataset import DatasetError, measure

if TYPE_CHECKING:
    from pathlib import Path

LLAMA = "meta-llama/Meta-Llama-3.1-8B"


def advised(text: str = "", **said: object) -> Recommendation:
    recipe = frameworks.read(source.parse(text, "config.yaml"))[0] if text else None
    question = Question(**{"model": LLAMA, **said})  # type: ignore[arg-type]
    return recommend(situation(question, recipe, Lookup()))


def verdicts(found: Recommendation) -> dict[str, str]:
    return {row.field: row.verdict for row in found.advice}


@pytest.mark.parametrize("subject", subjects())
def test_every_law_says_what_it_rests_on(subject: str) -> None:
    for law in laws(subject).values():
        assert law.statement.endswith(".")
        assert law.basis
        assert law.confidence in ("high", "medium", "low")
        assert law.source
        assert all(address.startswith("https://") for address in law.source)


def test_quadrupling_the_rank_halves_the_rate_under_alpha_of_twice_the_rank() -> None:
    """Measured at a constant scaling of 2: the best rate falls as r^-0.51."""
    one = supervised_rate(rank=8, scaling=2, batch=16, parameters=8e9)
    four = supervised_rate(rank=32, scaling=2, batch=16, parameters=8e9)
    assert four / one == pytest.approx(0.5, rel=0.02)


def test_the_rate_moves_with_the_root_of_the_batch() -> None:
    small, large = (supervised_rate(rank=16, scaling=1, batch=b) for b in (8, 32))
    assert large / small == pytest.approx(2)


def test_smaller_models_stand_more() -> None:
    rates = [
        supervised_rate(rank=32, scaling=1, batch=16, parameters=size) for size in (1e9, 8e9, 7e10)
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < 3e-3


def test_rank_follows_the_tokens() -> None:
    few = advised(tokens=1e6).values["lora.r"]
    many = advised(tokens=3e8).values["lora.r"]
    assert (few, many) == (8, 128)


def test_rank_leaves_room_for_the_base() -> None:
    """Experts of 30B multiply the adapter: 62 million parameters for each unit of rank."""
    found = advised(model="Qwen/Qwen3-30B-A3B", gpu="24GB", tokens=1e10)
    assert found.values["lora.r"] in range(1, 9)


def test_a_large_base_is_loaded_in_four_bits_only_where_it_must() -> None:
    assert advised(gpu="24GB", tokens=1e6).values["quant.load_in_4bit"] is False
    assert advised(gpu="16GB").values["quant.load_in_4bit"] is True


def test_what_does_not_fit_is_said() -> None:
    found = advised(model="meta-llama/Meta-Llama-3.1-70B", gpu="24GB")
    assert "does not fit" in found.notes[0]


def test_an_old_gpu_computes_in_float16() -> None:
    values = advised(gpu="T4", model="Qwen/Qwen2.5-0.5B").values
    assert (values["train.fp16"], values["train.bf16"]) == (True, False)


def test_batch_is_split_over_devices() -> None:
    values = advised(devices=4, gpu="80GB").values
    parts = ("train.per_device_train_batch_size", "train.gradient_accumulation_steps")
    micro, accumulation = (values[name] for name in parts)
    assert micro * accumulation * 4 == 16  # type: ignore[operator]


def test_kto_keeps_several_examples_on_a_device() -> None:
    assert advised(method="kto", gpu="80GB").values["train.per_device_train_batch_size"] >= 4  # type: ignore[operator]


def test_grpo_steps_hold_whole_groups() -> None:
    values = advised(method="grpo", gpu="80GB").values
    step = (
        values["train.per_device_train_batch_size"] * values["train.gradient_accumulation_steps"]  # type: ignore[operator]
    )
    assert step % values["train.num_generations"] == 0


CONFIG = """\
base_model: meta-llama/Meta-Llama-3.1-8B
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
datasets: [{path: train.jsonl, type: chat_template}]
sequence_len: 2048
micro_batch_size: 2
gradient_accumulation_steps: 8
num_epochs: 2
learning_rate: RATE
bf16: true
gradient_checkpointing: true
warmup_ratio: 0.05
"""


def test_a_sound_config_is_left_alone() -> None:
    found = verdicts(advised(CONFIG.replace("RATE", "2.0e-4")))
    assert set(found.values()) == {"keep"}


def test_a_rate_of_full_tuning_is_changed_for_the_configs_own_alpha() -> None:
    found = advised(CONFIG.replace("RATE", "1.0e-5"))
    row = next(row for row in found.advice if row.field == "train.learning_rate")
    assert (row.verdict, row.key, row.current) == ("change", "learning_rate", 1e-5)
    assert 5e-5 < row.value < 4e-4  # type: ignore[operator]
    assert "scaling 2" in row.figure


def test_outside_of_the_sweep_is_said() -> None:
    dora = CONFIG.replace("RATE", "2.0e-4") + "peft_use_dora: true\n"
    assert any("dora" in told for told in advised(dora).outside)
    assert any(
        "0.5B" in t or "M parameters" in t for t in advised(model="Qwen/Qwen2.5-0.5B").outside
    )


def test_towers_and_routers_stay_frozen_knowingly() -> None:
    base = find("google/gemma-3-27b-it", Lookup())
    assert isinstance(base.targets, str)
    assert base.targets.startswith(r"model\.language_model")
    assert "towers" in base.notes[0]


def test_size_from_a_name() -> None:
    assert named_size("Qwen/Qwen3-14B-Base") == 14e9
    assert named_size("HuggingFaceTB/SmolLM2-135M") == 135e6
    assert named_size("mistralai/Mixtral-8x7B-v0.1") is None
    assert named_size("org/model") is None


def test_nothing_is_advised_without_a_model() -> None:
    with pytest.raises(QuestionError, match="--model"):
        situation(Question(), None, Lookup())


def test_unknown_gpu_names_the_known() -> None:
    with pytest.raises(gpus.GpuError, match="A100-40GB, A100-80GB"):
        gpus.find("a100")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Tesla V100-SXM2-32GB", "V100-32GB"),
        ("NVIDIA GeForce RTX 3090 24GB", "RTX 3090"),
        ("4090", "RTX 4090"),
        ("GeForce GTX 1660 Ti", "GTX 1660 Ti"),
    ],
)
def test_a_gpu_is_known_by_the_name_that_the_driver_gives(said: str, meant: str) -> None:
    assert gpus.find(said).name == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [("V100", "V100-32GB"), ("Tesla V100", "V100-32GB"), ("3080", "RTX 3080-12GB"), ("T4", "T4")],
)
def test_of_sizes_that_share_a_name_a_check_goes_by_the_largest(said: str, meant: str) -> None:
    assert gpus.roomiest(said).name == meant


@pytest.mark.parametrize("said", ["GTX", "RTX", "tesla"])
def test_a_check_knows_no_gpu_by_the_beginning_of_a_name(said: str) -> None:
    with pytest.raises(gpus.GpuError, match="no known GPU"):
        gpus.roomiest(said)


def test_examples_are_measured(tmp_path: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": "x" * 400},
                {"role": "assistant", "content": "y" * 80},
            ]
        }
    ] * 10
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = measure(path)
    assert found.examples == 10
    assert found.completion == pytest.approx(200)
    assert found.at_share(0.99) >= 120


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"a": 1}\n{"a":\n', r"a\.jsonl:2: is no JSON"),
        ("a.json", "{}", "list of examples"),
        ("a.jsonl", "", "no examples"),
        ("a.txt", "x", "--examples"),
    ],
)
def test_bad_data_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        measure(tmp_path / name)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("meta-llama/Meta-Llama-3.1-8B", "Llama-3"),
        ("codellama/CodeLlama-34b-Instruct-hf", None),  # the same architecture, another vocabulary
        ("Qwen/Qwen3-VL-8B-Instruct", "Qwen3"),
        ("Qwen/Qwen3.5-27B", "Qwen3.5"),
        ("Qwen/Qwen2.5-0.5B", None),
    ],
)
def test_families_of_the_sweep(model: str, named: str | None) -> None:
    base = find(model, Lookup())
    assert family_of(base.model_type, base.config) == named
    told = any("not in the sweep" in line for line in advised(model=model).outside)
    assert told is (named is None)
