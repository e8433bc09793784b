"""Commands and launch files: which script they start, and with which flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.folder import codes, report

if TYPE_CHECKING:
    from pathlib import Path

KOHYA = "accelerate launch train_network.py --network_module networks.lora --network_dim 16"
TRAINING = """\
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen3-8B", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
SFTTrainer(model=model, args=SFTConfig(output_dir="out", learning_rate=2e-4)).train()
"""


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("--max_train_epoch 50", []),  # argparse takes it for --max_train_epochs
        ("--max_trian_epochs 50", ["LA001"]),
    ],
)
def test_a_flag_that_is_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, expected: list[str]
) -> None:
    command = f"{KOHYA} --pretrained_model_name_or_path sd.safetensors --output_dir out {flag}\n"
    (tmp_path / "train.sh").write_text(command)
    assert codes(tmp_path, monkeypatch) == expected


@pytest.mark.parametrize("folder", ["../trl/", "", "./"])
def test_a_trl_script_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    script = f"{folder}examples/scripts/sft.py"
    command = f"python {script} --model_name Qwen/Qwen2.5-0.5B --use_peft"
    (tmp_path / "train.sh").write_text(
        f"{command} --dataset_name trl-lib/Capybara --lora_r 16 --learning_rate 2e-4\n"
    )
    assert codes(tmp_path, monkeypatch) == []
    (tmp_path / "train.sh").write_text(f"{command} --dataset_name a/b --peft_lora_r 16\n")
    assert "LA003" in codes(tmp_path, monkeypatch)


def test_a_module_of_two_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.sh").write_text(
        f"{KOHYA} --pretrained_model_name_or_path sd.safetensors --output_dir out\n".replace(
            "networks.lora", "networks.lora x"
        )
    )
    assert "LA077" in codes(tmp_path, monkeypatch)


def test_a_script_that_another_command_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train_unsloth.py").write_text(TRAINING)
    deepspeed = "distributed_type: DEEPSPEED\ndeepspeed_config: {zero_stage: 3}\n"
    (tmp_path / "zero3.yaml").write_text(f"{deepspeed}num_processes: 2\nmixed_precision: bf16\n")
    assert "LA907" not in codes(tmp_path, monkeypatch)  # unsloth runs on one GPU
    (tmp_path / "run.sh").write_text(
        "# LoRA\naccelerate launch --num_processes 2 --config_file zero3.yaml train_unsloth.py\n"
    )
    assert "LA907" in codes(tmp_path, monkeypatch)
    (tmp_path / "run.sh").write_text(
        "# LoRA\naccelerate launch --num_processes 2 --config_file zero3.yaml train_trl.py\n"
    )
    assert "LA907" not in codes(tmp_path, monkeypatch)


def test_a_launch_file_beside_several_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("train_unsloth.py", "train_other.py"):
        (tmp_path / name).write_text(TRAINING)
    deepspeed = "distributed_type: DEEPSPEED\ndeepspeed_config: {zero_stage: 3}\n"
    (tmp_path / "zero3.yaml").write_text(f"{deepspeed}num_processes: 2\nmixed_precision: bf16\n")
    assert "LA907" not in codes(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "command",
    [
        "python -u train.py",
        "accelerate launch --multi_gpu train.py",
        "torchrun --standalone --nproc_per_node 2 train.py",
        '"$PYTHON" -u "$ROOT/train.py"',
        'python train.py "${ARGS[@]}"',
        "srun python -u train.py $EXTRA",
        "torchrun train.py config.yaml",
    ],
)
@pytest.mark.parametrize("name", ["job.sh", "job.slurm", "job.sbatch"])
def test_how_a_job_starts_its_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    (tmp_path / name).write_text(f"#SBATCH --gres=gpu:2\n{command} --lora_r 0 --lora_alpha 16\n")
    told = report(tmp_path, monkeypatch)
    assert [file["evidence"] for file in told["files"]] == ["runs train.py"]


def test_plugins_are_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = "--model Qwen/Qwen2.5-7B --tuner_type lora --external_plugins plugin.py"
    (tmp_path / "run.sh").write_text(f"swift sft {flags} --lora_rank 8 --lora_alpha 16\n")
    told = report(tmp_path, monkeypatch)
    assert [file["framework"] for file in told["files"]] == ["ms-swift"]
