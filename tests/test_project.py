"""Scripts and adapters as projects hold them: what is told of each, and what is fine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor import requirements
from tests.folder import codes, concise

if TYPE_CHECKING:
    from pathlib import Path


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
    told = concise(tmp_path, monkeypatch)
    assert told.count("LA362") == 1
    assert "`down_proj`, `up_proj` are layers" in told


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
    told = concise(tmp_path, monkeypatch)
    assert f"{severity}[LA350]" in told


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
    assert f"{severity}[LA356]" in concise(tmp_path, monkeypatch, *release)


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


def test_packing_with_the_length_of_an_older_trainer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "from trl import SFTTrainer\nSFTTrainer(model=model, packing=True, max_seq_length=None)"
    )
    (tmp_path / "train.py").write_text(script)
    assert "LA705" not in codes(tmp_path, monkeypatch)


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
    assert "LA101" in concise(tmp_path, monkeypatch, path="test_lora.py")


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


CHECKOUT = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

SFTTrainer(
    "Qwen/Qwen3-0.6B",
    args=SFTConfig("out", learning_rate=2e-4, bf16=True, {argument}),
    tokenizer=tokenizer,
    train_dataset=data,
    peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
)
"""


@pytest.mark.parametrize("argument", ["max_seq_length=1024", "max_length=1024"])
def test_a_library_s_own_examples_are_of_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "trl"\n')
    (tmp_path / "VERSION").write_text("0.14.0\n")
    (tmp_path / "sft.py").write_text(CHECKOUT.replace("{argument}", argument))
    assert codes(tmp_path, monkeypatch) == []
