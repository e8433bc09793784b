"""Keys and numbers that are the project's own: what its scripts read of a config."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.folder import codes

if TYPE_CHECKING:
    from pathlib import Path

TRL = """\
model_name_or_path: Qwen/Qwen2.5-0.5B
dataset_name: trl-lib/Capybara
use_peft: true
max_seq_length: 1024
learning_rate: 2.0e-4
"""
OWN_ARGUMENTS = """\
from dataclasses import dataclass
from trl import ModelConfig, SFTConfig, TrlParser

@dataclass
class ScriptArguments:
    max_seq_length: int = 2048

parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig))
"""
HOME_MADE = """\
lora: {r: 16, lora_alpha: 32, target_modules: [q_proj, v_proj]}
training:
  learning_rate: 2e-4
"""


@pytest.mark.parametrize(("script", "expected"), [("", ["LA004"]), (OWN_ARGUMENTS, [])])
def test_an_argument_of_the_projects_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: list[str]
) -> None:
    (tmp_path / "recipe.yaml").write_text(TRL)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(script)
    assert codes(tmp_path, monkeypatch, "--target", "trl=0.21.0") == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("config = yaml.safe_load(file)\n", ["LA008"]),
        ("import yaml\nrate = float(config['training']['learning_rate'])\n", []),
        ("c = __import__('yaml').safe_load(f)\nrate = float(c.get('learning_rate', 1e-4))\n", []),
        ("import yaml\nCASTS = [('training', 'learning_rate', float)]\n", []),
        ("from omegaconf import OmegaConf\n", []),
        ("class Training(BaseModel):\n    learning_rate: float\n", []),
        ("class Training(BaseSettings):\n    learning_rate: float\n", []),
        ("class Server(BaseModel):\n    port: int\n", ["LA008"]),
    ],
)
def test_a_script_that_makes_numbers_of_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: list[str]
) -> None:
    (tmp_path / "config.yaml").write_text(HOME_MADE)
    (tmp_path / "train.py").write_text(script)
    assert codes(tmp_path, monkeypatch) == expected


def test_records_of_runs_are_no_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "wandb" / "run-20260408_061243-puzg80zb" / "files"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("lora_r: {value: 8}\nlora_alpha: {value: 0}\n")
    compiled = tmp_path / "unsloth_compiled_cache"
    compiled.mkdir()
    (compiled / "trainer.py").write_text("from peft import LoraConfig\nLoraConfig(r=0)\n")
    assert codes(tmp_path, monkeypatch) == []


def test_a_record_that_ms_swift_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"model": "Qwen/Qwen2.5-7B", "tuner_type": "lora", "evaluation_strategy": "steps"}
    (tmp_path / "args.json").write_text(json.dumps({**record, "swift_version": "4.1.1"}))
    assert "LA004" not in codes(tmp_path, monkeypatch)


FORK = """\
model_name_or_path: meta-llama/Meta-Llama-3-8B
stage: sft
do_train: true
finetuning_type: lora
lora_target: all
template: llama3
eval_dataset_size: 0.1
eval_strategy: steps
"""


@pytest.mark.parametrize(("script", "told"), [("", True), ("class Own:\n    ", False)])
def test_a_fork_with_arguments_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: bool
) -> None:
    field = 'eval_dataset_size: float = field(default=0.1, metadata={"help": ""})\n'
    (tmp_path / "sft.yaml").write_text(FORK)
    (tmp_path / "arguments.py").write_text(script + field if script else "")
    found = codes(tmp_path, monkeypatch)
    assert ("LA612" in found) is told
    assert ("LA003" in found) is told


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("", True),
        ('class Own:\n    stage: Literal["sft", "cls"] = field(metadata={"help": ""})\n', False),
        ('parser.add_argument("--stage", choices=["sft", "cls"])\n', False),
        ('settings = {"stage": "cls"}\n', True),
    ],
)
def test_a_fork_with_words_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: bool
) -> None:
    (tmp_path / "cls.yaml").write_text(FORK.replace("stage: sft", "stage: cls"))
    (tmp_path / "arguments.py").write_text(script)
    assert ("LA018" in codes(tmp_path, monkeypatch)) is told


TORCHTUNE = """\
model: {_component_: torchtune.models.qwen3.lora_qwen3_8b_base, lora_attn_modules: [q_proj],
        lora_rank: 8, lora_alpha: 16}
optimizer: {_component_: torch.optim.AdamW, lr: 2e-4}
batch_size: 2
epochs: 1
reward_mode: strict
"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", ["LA003"]),
        ("def main(cfg: DictConfig):\n    mode = cfg.get('reward_mode', 'loose')\n", []),
        ("def main(cfg: DictConfig):\n    mode = cfg.reward_mode\n", []),
        ("mode = settings.reward_mode\n", ["LA003"]),
    ],
)
def test_what_a_recipe_of_the_projects_own_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: list[str]
) -> None:
    (tmp_path / "grpo.yaml").write_text(TORCHTUNE)
    (tmp_path / "grpo.py").write_text(script)
    assert codes(tmp_path, monkeypatch) == expected


def test_keys_that_no_run_came_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = "reserved_roles: []\ntoken_num_factor: 1.3\nserving_backend: vllm\n"
    (tmp_path / "sft.yaml").write_text(FORK.replace("eval_dataset_size: 0.1\n", strange))
    assert "LA003" not in codes(tmp_path, monkeypatch)


FACTORY = """\
model_name_or_path: Qwen/Qwen3-8B
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: mine
template: qwen3
output_dir: out
learning_rate: 1.0e-4
warmup_ratio: 0.1
bf16: true
"""


@pytest.mark.parametrize(
    ("text", "requirements", "expected"),
    [
        (FACTORY, "transformers>=4.40\n", []),
        (FACTORY, "transformers>=5.16\n", ["LA004"]),
        (TRL + "warmup_ratio: 0.1\n", "trl==0.19.0\ntransformers>=4.40\n", []),
        (TRL + "warmup_ratio: 0.1\n", "trl==0.19.0\ntransformers==5.16.0\n", ["LA004"]),
    ],
)
def test_a_lower_bound_leaves_the_rest_to_the_framework(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    requirements: str,
    expected: list[str],
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "requirements.txt").write_text(requirements)
    assert codes(tmp_path, monkeypatch) == expected
