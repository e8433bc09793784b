"""Config files among the scripts that read them: keys and numbers that are the project's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lora_advisor import requirements
from lora_advisor.cli import cli

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


def codes(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    """Check a folder; return the codes of its errors and warnings."""
    monkeypatch.chdir(folder)
    told = CliRunner().invoke(
        cli, ["check", ".", "--isolated", "--output-format", "json", *arguments]
    )
    found = json.loads(told.stdout)["findings"]
    return sorted(finding["code"] for finding in found if finding["severity"] != "info")


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
        ("from omegaconf import OmegaConf\n", []),
        ("class Training(BaseModel):\n    learning_rate: float\n", []),
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


def notebook(source: str, gpu: str = "T4") -> str:
    """Return a notebook of Colab with one cell of text and one of code."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": source},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
         "source": "from trl import SFTConfig\nfrom peft import LoraConfig\n"
                   "args = SFTConfig('out', bf16=True, learning_rate=2e-4, max_length=1024)"},
    ]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {"colab": {"gpuType": gpu}}, "nbformat": 4})


@pytest.mark.parametrize(
    ("text", "expected"), [("Trains on Colab.", ["LA455"]), ("Trained on an A10G.", [])]
)
def test_a_notebook_that_names_another_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str]
) -> None:
    (tmp_path / "train.ipynb").write_text(notebook(text))
    assert codes(tmp_path, monkeypatch) == expected


def test_keys_that_no_run_came_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = "reserved_roles: []\ntoken_num_factor: 1.3\nserving_backend: vllm\n"
    (tmp_path / "sft.yaml").write_text(FORK.replace("eval_dataset_size: 0.1\n", strange))
    assert "LA003" not in codes(tmp_path, monkeypatch)


KOHYA = "accelerate launch train_network.py --network_module networks.lora --network_dim 16"


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


def test_a_trl_script_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "python ../trl/examples/scripts/sft.py --model_name Qwen/Qwen2.5-0.5B --use_peft"
    (tmp_path / "train.sh").write_text(
        f"{command} --dataset_name trl-lib/Capybara --lora_r 16 --learning_rate 2e-4\n"
    )
    assert codes(tmp_path, monkeypatch) == []


TOWER = """\
model_name_or_path: Qwen/Qwen2.5-VL-7B-Instruct
dataset_name: trl-lib/Capybara
use_peft: true
learning_rate: 2.0e-4
bf16: true
lora_target_modules: [down_proj, up_proj]
"""


def test_one_finding_for_all_targets_in_a_tower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sft.yaml").write_text(TOWER)
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(cli, ["check", ".", "--isolated", "--output-format", "concise"])
    assert told.stdout.count("LA362") == 1
    assert "`down_proj`, `up_proj` are layers" in told.stdout


SCRIPT = """\
import argparse
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="google/flan-t5-base")
args = parser.parse_args()
model = AutoModelForCausalLM.from_pretrained(MODEL)
config = LoraConfig(r=8, lora_alpha=16, target_modules=["query_key_value"])
model = get_peft_model(model, config)
"""


@pytest.mark.parametrize(
    ("model", "severity"), [("args.model", "warning"), ('"google/flan-t5-base"', "error")]
)
def test_a_model_that_is_an_options_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, severity: str
) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.replace("MODEL", model))
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(cli, ["check", ".", "--isolated", "--output-format", "concise"])
    assert f"{severity}[LA350]" in told.stdout


@pytest.mark.parametrize(
    ("release", "severity"), [((), "warning"), (("--target", "transformers=5.2.0"), "error")]
)
def test_a_head_that_a_release_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: tuple[str, ...], severity: str
) -> None:
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "modules_to_save": ["embed_out"]}
    more = {"base_model_name_or_path": "EleutherAI/pythia-410m"}
    targets = {"target_modules": ["query_key_value"], "task_type": "CAUSAL_LM"}
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, **more, **targets}))
    monkeypatch.chdir(tmp_path)
    arguments = ["check", ".", "--isolated", "--output-format", "concise", *release]
    assert f"{severity}[LA356]" in CliRunner().invoke(cli, arguments).stdout


QUIET = {
    "inference.py": """\
from unsloth import FastLanguageModel
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen3-8B", load_in_4bit=True)
model.load_lora("saved")
""",
    "swift_tuner.py": """\
from swift import LoraConfig, Swift
model = Swift.prepare_model(model, LoraConfig(r=8, lora_alpha=32, lora_dtype="AUTO"))
""",
    "no_metrics.py": """\
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments
from peft import LoraConfig, get_peft_model
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"]))
args = TrainingArguments("out", learning_rate=2e-4, bf16=True, eval_strategy="epoch")
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
trainer = Trainer(model=model, args=args, train_dataset=a, eval_dataset=b, data_collator=collator,
                  compute_metrics=None)
""",
    "workers.py": """\
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification
actor_class = AutoModelForCausalLM
actor = get_peft_model(actor_class(config), LoraConfig(r=8, lora_alpha=16,
    target_modules="all-linear", task_type=TaskType.CAUSAL_LM))
reward = AutoModelForTokenClassification.from_pretrained(path)
""",
    "built_on_peft.py": """\
from peft import prepare_model_for_kbit_training
from ipex_llm.transformers.qlora import get_peft_model,\\
    LoraConfig
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj"],
                                         task_type="CAUSAL_LM", training_mode="qlora"))
""",
    "plugin.yaml": """\
base_model: Qwen/Qwen3-8B
plugins: [axolotl.integrations.my_offload.MyPlugin]
my_offload: true
adapter: lora
lora_r: 8
lora_alpha: 16
lora_target_linear: true
datasets: [{path: tatsu-lab/alpaca, type: alpaca}]
micro_batch_size: 2
learning_rate: 0.0002
""",
    "critic.yaml": "model:\n  lora_rank: 0\n  lora_alpha: 16\n  target_modules: all-linear\n",
}


@pytest.mark.parametrize("name", QUIET)
def test_what_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).write_text(QUIET[name])
    assert codes(tmp_path, monkeypatch) == []


def test_a_script_that_another_command_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = """\
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen3-8B", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
SFTTrainer(model=model, args=SFTConfig(output_dir="out", learning_rate=2e-4)).train()
"""
    (tmp_path / "train_unsloth.py").write_text(training)
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
    training = """\
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen3-8B", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
SFTTrainer(model=model, args=SFTConfig(output_dir="out", learning_rate=2e-4)).train()
"""
    for name in ("train_unsloth.py", "train_other.py"):
        (tmp_path / name).write_text(training)
    deepspeed = "distributed_type: DEEPSPEED\ndeepspeed_config: {zero_stage: 3}\n"
    (tmp_path / "zero3.yaml").write_text(f"{deepspeed}num_processes: 2\nmixed_precision: bf16\n")
    assert "LA907" not in codes(tmp_path, monkeypatch)


def test_packing_with_the_length_of_an_older_trainer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "from trl import SFTTrainer\nSFTTrainer(model=model, packing=True, max_seq_length=None)"
    )
    (tmp_path / "train.py").write_text(script)
    assert "LA705" not in codes(tmp_path, monkeypatch)


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
    monkeypatch.chdir(tmp_path)
    arguments = ["check", ".", "--isolated", "--output-format", "json"]
    told = json.loads(CliRunner().invoke(cli, arguments).stdout)
    assert [file["evidence"] for file in told["files"]] == ["runs train.py"]


def test_plugins_are_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = "--model Qwen/Qwen2.5-7B --tuner_type lora --external_plugins plugin.py"
    (tmp_path / "run.sh").write_text(f"swift sft {flags} --lora_rank 8 --lora_alpha 16\n")
    monkeypatch.chdir(tmp_path)
    arguments = ["check", ".", "--isolated", "--output-format", "json"]
    told = json.loads(CliRunner().invoke(cli, arguments).stdout)
    assert [file["framework"] for file in told["files"]] == ["ms-swift"]


PADDED = """\
from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling
from peft import LoraConfig, get_peft_model
model = AutoModelForCausalLM.from_pretrained("MODEL")
if tokenizer.pad_token is None:
    # no padding token
    tokenizer.pad_token = tokenizer.eos_token
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"]))
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
"""


@pytest.mark.parametrize(
    ("model", "expected"), [("mistralai/Mistral-7B-v0.1", True), ("Qwen/Qwen2.5-7B", False)]
)
def test_a_padding_token_that_is_set_if_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, *, expected: bool
) -> None:
    (tmp_path / "train.py").write_text(PADDED.replace("MODEL", model))
    assert ("LA730" in codes(tmp_path, monkeypatch)) is expected


def test_requirements_of_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """\
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B", dtype="bfloat16")
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"]))
"""
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "requirements-npu.txt").write_text("transformers==4.52.4\n")
    assert "LA089" in codes(tmp_path, monkeypatch)
    (tmp_path / "requirements.txt").write_text("torch\ntransformers\n")
    requirements._of_folder.cache_clear()
    assert "LA089" not in codes(tmp_path, monkeypatch)


def test_unit_tests_are_no_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import pytest\nfrom peft import LoraConfig\nwith pytest.raises(ValueError):\n"
    (tmp_path / "test_lora.py").write_text(f"{script}    LoraConfig(r=0)\n")
    assert codes(tmp_path, monkeypatch) == []
    monkeypatch.chdir(tmp_path)
    arguments = ["check", "test_lora.py", "--isolated", "--output-format", "concise"]
    assert "LA101" in CliRunner().invoke(cli, arguments).stdout


def test_unsloth_behind_a_module_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """\
from common import load
from trl import SFTConfig, SFTTrainer
model, tokenizer = load("unsloth/Qwen3-8B")
model = loader.get_peft_model(model, r=16, lora_alpha=16, use_gradient_checkpointing="unsloth")
args = SFTConfig(output_dir="out", max_seq_length=2048, learning_rate=2e-4)
trainer = SFTTrainer(model=model, tokenizer=tokenizer, args=args)
"""
    (tmp_path / "train.py").write_text(script)
    assert codes(tmp_path, monkeypatch, "--target", "trl=0.22.0") == []


def test_what_mlx_wrote_beside_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {"lora_parameters": {"rank": 8, "scale": 20.0, "dropout": 0.0}, "num_layers": 8}
    more = {"adapter_type": "lora", "target_modules": ["q_proj"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps({**written, **more}))
    assert codes(tmp_path, monkeypatch) == []


@pytest.mark.parametrize(("more", "told"), [("", True), (", peft_config=config.lora", False)])
def test_an_adapter_that_is_loaded_after_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, *, told: bool
) -> None:
    script = f"""\
from peft import PeftModel
from trl import SFTTrainer
def train():
    trainer = SFTTrainer(model="Qwen/Qwen2.5-0.5B", train_dataset=data{more})
    trainer.train()
def load():
    return PeftModel.from_pretrained(base, "out")
"""
    (tmp_path / "train.py").write_text(script)
    assert ("LA150" in codes(tmp_path, monkeypatch)) is told
