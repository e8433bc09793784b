"""What ``recommend --to`` writes, put to the libraries that are to read and run it."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING, Any

import pytest

from lora_advisor.convert import convert_values, writers
from lora_advisor.models.lookup import Lookup
from lora_advisor.recommend import recommend
from lora_advisor.recommend.ask import Question, situation

pytest.importorskip("peft", reason="proofs need the extra 'proofs'")
pytest.importorskip("trl", reason="proofs need the extra 'proofs'")

import torch
import trl
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.filterwarnings("default")]

CONFIGS = {
    "sft": trl.SFTConfig,
    "dpo": trl.DPOConfig,
    "kto": trl.KTOConfig,
    "grpo": trl.GRPOConfig,
    "reward": trl.RewardConfig,
}


def values(method: str, **others: object) -> dict[str, object]:
    question = Question(model="Qwen/Qwen2.5-0.5B", method=method, gpu="24GB", examples=2000)
    return {**recommend(situation(question, None, Lookup())).values, **others}


@pytest.mark.parametrize("method", sorted(CONFIGS))
def test_trl_takes_every_key(method: str, tmp_path: Path) -> None:
    made = convert_values(values(method, **{"train.bf16": False}), writers()["trl"])
    path = tmp_path / made.file
    path.write_text(made.text + "use_cpu: true\n", encoding="utf-8")
    scripts: Any = trl.ScriptArguments
    if method == "grpo":
        from trl.scripts import grpo

        scripts = grpo.GRPOScriptArguments
    from trl.scripts.utils import DatasetMixtureConfig

    parser = trl.TrlParser((scripts, CONFIGS[method], trl.ModelConfig, DatasetMixtureConfig))
    _, arguments, model, _ = parser.parse_args_and_config(["--config", str(path)])
    assert model.use_peft is True
    assert model.lora_alpha == 32
    assert 1e-7 < arguments.learning_rate < 1e-2


def tiny(folder: Path) -> None:
    """Save a random Llama and a tokenizer of words."""
    words = ["<pad>", "</s>", *(f"w{number}" for number in range(62))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="</s>"
    )
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)


@pytest.mark.parametrize("method", ["sft", "classification"])
def test_the_script_trains(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter learns something: its B matrices are no longer zero."""
    tiny(tmp_path / "base")
    rows = [{"text": f"w{n} w{n + 1} w3", "label": n % 2} for n in range(16)]
    data = tmp_path / "train.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    own = {
        "model.name_or_path": str(tmp_path / "base"),
        "model.dtype": "float32",
        "train.bf16": False,
        "train.max_steps": 2,
        "train.optim": "adamw_torch",
        "run.output_dir": str(tmp_path / "out"),
    }
    made = convert_values(values(method, **own), writers()["peft"], dataset=str(data))
    script = tmp_path / made.file
    script.write_text(made.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    model = runpy.run_path(str(script))["model"]
    learnt = [weight for name, weight in model.named_parameters() if "lora_B" in name]
    assert learnt
    assert all(weight.abs().sum() > 0 for weight in learnt)
