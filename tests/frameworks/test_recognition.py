from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks
from lora_advisor.recipe import FIELDS, UNKNOWN
from lora_advisor.source import parse
from lora_advisor.source.errors import SourceError
from tests.frameworks.reading import framework, recipe

if TYPE_CHECKING:
    from lora_advisor.frameworks.interface import Framework

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FOLDERS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) if CORPUS.is_dir() else []
NAMES = {
    "alignment-handbook": {"trl"},
    "open-r1": {"trl"},
    "trl-cli": {"trl"},
    "oumi": {"oumi", "oumi-other"},
    "peft-adapter-config": {"peft", "peft-other", "peft-benchmark"},
    "llamafactory": {"llamafactory", "llamafactory-v1"},
    "verl": {"verl", "verl-sft"},
    "ms-swift": {"ms-swift", "ms-swift-megatron"},
}
NO_CONFIGS = {
    "__beaker_configs__": "a job for a cluster, likewise",
    "fireworks_deploy.yaml": "a deployment",
    "awq_quantization_config.yaml": "a quantisation without training",
    "environment.yml": "a conda environment",
    "s2s_duplex": "full training of a speech model; nothing in it names NeMo",
    "__conf__salm.yaml": "full training of a speech model; nothing in it names NeMo",
    "__benchmark__config__tuner.json": "a list of experiments of a benchmark script",
    "__fsdp2.json": "an FSDP block for ms-swift's command line",
}
"""Files of the corpus that are no training config, and what they are."""

SIGNS = {
    "torchtune": "model: {_component_: torchtune.models.llama3.lora_llama3_8b}\n",
    "nemo-automodel": "recipe: TrainFinetuneRecipeForNextTokenPrediction\npeft: {dim: 8}\n",
    "accelerate": "compute_environment: LOCAL_MACHINE\n",
    "ai-toolkit": "job: extension\nconfig: {process: [{network: {linear: 16}}]}\n",
    "autotrain": "task: llm-sft\nbase_model: a/b\nbackend: local\nproject_name: x\n",
    "ludwig": "model_type: llm\ninput_features: []\noutput_features: []\nadapter: {type: lora}\n",
    "litgpt": "checkpoint_dir: x\nlora_r: 8\nlora_alpha: 16\n",
    "verl": "actor_rollout_ref: {model: {path: x, lora_rank: 8}}\n",
    "verl-sft": "model: {partial_pretrain: x, lora_rank: 8}\ntrainer: {total_epochs: 1}\n",
    "fms-hf-tuning": "model_name_or_path: x\npeft_method: lora\ntraining_data_path: d\nr: 8\n",
    "h2o-llmstudio": "llm_backbone: x\nproblem_type: y\ntraining: {lora: true, lora_r: 4}\n",
    "ms-swift": "model: a/b\ntuner_type: lora\nlora_rank: 8\nlora_alpha: 32\n",
    "mlx-lm": "model: a/b\nlora_parameters: {rank: 8, scale: 20.0, dropout: 0.0}\n",
    "unsloth-studio": (
        "training: {train_on_completions: true}\nlora: {lora_r: 16, lora_alpha: 16}\n"
    ),
    "oumi": "training: {trainer_type: TRL_SFT}\npeft: {lora_r: 8, lora_alpha: 16}\n",
    "nemo": "model: {peft: {peft_scheme: lora, lora_tuning: {adapter_dim: 8, alpha: 16}}}\n",
    "open-instruct": "use_lora: true\nwith_tracking: true\nlora_rank: 8\nlora_alpha: 16\n",
    "llm-foundry": "model: {name: hf_causal_lm, peft_config: {r: 8, lora_alpha: 16}}\n"
    "train_loader: {}\n",
    "chatglm-finetune": "data_config: {}\ntraining_args: {}\n"
    "peft_config: {peft_type: LORA, r: 8, lora_alpha: 16}\n",
}
LATER_ELSEWHERE = {
    "kohya": ("network_module = 'networks.lora'\nnetwork_dim = 8\n", "c.toml"),
    "prime-rl": ("[ckpt]\n[model.lora]\nrank = 8\nalpha = 16\n", "c.toml"),
    "onetrainer": ('{"training_method": "LORA", "lora_rank": 16, "lora_alpha": 1.0}', "c.json"),
    "deepspeed": ('{"zero_optimization": {"stage": 2}}', "c.json"),
    "mlx-lm": ('{"fine_tune_type": "lora", "lora_parameters": {"rank": 8}}', "adapter_config.json"),
}


@pytest.mark.parametrize(("name", "text"), SIGNS.items())
def test_signs(name: str, text: str) -> None:
    assert framework(text) == name


@pytest.mark.parametrize(("name", "text", "path"), [(k, *v) for k, v in LATER_ELSEWHERE.items()])
def test_signs_in_other_syntaxes(name: str, text: str, path: str) -> None:
    assert framework(text, path) == name


@pytest.mark.parametrize("text", SIGNS.values())
def test_a_format_that_is_not_read_yet_yields_no_value(text: str) -> None:
    found = recipe(text)
    known = frameworks.by_name(found.framework)
    assert known is not None
    if not known.keys:
        assert known.on_unknown == "unchecked"
        assert all(found[field].value is UNKNOWN for field in FIELDS)
        assert found.evidence


def test_sections_with_the_names_of_a_framework_are_not_enough() -> None:
    studio = "training: {learning_rate: 0.1}\nlora: {lora_r: 16, lora_alpha: 16}\n"
    assert framework(studio) == "generic"
    prime = "[model.lora]\nr = 8\nalpha = 16\n"
    assert framework(prime, "c.toml") == "generic"


def test_a_rank_of_lora_among_keys_of_a_training_is_enough() -> None:
    assert framework("lora_rank: 16\ntrain_batch_size: 4\nmax_train_steps: 300\n") == "generic"


def test_oumi_is_known_by_its_sections_without_a_trainer() -> None:
    assert framework("model: {model_name: x}\ntraining: {use_peft: true}\npeft: {lora_r: 8}\n") == (
        "oumi"
    )


def test_names_and_ranks_are_unique() -> None:
    names = [found.name for found in frameworks.frameworks()]
    ranks = [found.rank for found in frameworks.frameworks()]
    assert len(set(names)) == len(names)
    assert len(set(ranks)) == len(ranks)
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("found", frameworks.frameworks(), ids=lambda found: found.name)
def test_every_key_feeds_a_field_that_exists(found: Framework) -> None:
    fields = {getattr(target, "field", target) for target in found.keys.values()}
    assert fields <= set(FIELDS)
    assert set(found.defaults) <= set(FIELDS)


@pytest.mark.skipif(not FOLDERS, reason="the shared corpus is not beside the checkout")
@pytest.mark.parametrize("folder", FOLDERS)
def test_corpus(folder: str) -> None:
    """Every config of a framework is taken for that framework's, and nothing crashes."""
    found: Counter[str] = Counter()
    for path in sorted((CORPUS / folder).iterdir()):
        name = _recognised(path)
        expected = NAMES.get(folder, {folder})
        if name is None or (not name and any(part in path.name for part in NO_CONFIGS)):
            continue
        found[name if name in expected else f"{path.name}: {name or 'none'}"] += 1
    assert set(found) <= NAMES.get(folder, {folder})


def _recognised(path: Path) -> str | None:
    """Return the format of a file, empty for none; None if the file cannot be read at all."""
    try:
        document = parse(path.read_bytes(), path.name)
    except SourceError:
        return None
    recipes = frameworks.read(document)
    assert all(set(one.values) == set(FIELDS) for one in recipes)
    return recipes[0].framework if recipes else ""


@pytest.mark.skipif(not FOLDERS, reason="the shared corpus is not beside the checkout")
def test_nearly_every_file_of_the_corpus_is_of_its_folders_format() -> None:
    names = [(folder, _recognised(p)) for folder in FOLDERS for p in (CORPUS / folder).iterdir()]
    right = [name in NAMES.get(folder, {folder}) for folder, name in names]
    assert sum(right) >= 0.98 * len(right)


@pytest.mark.skipif(not FOLDERS, reason="the shared corpus is not beside the checkout")
def test_few_files_of_the_corpus_cannot_be_read() -> None:
    unread = [path.name for path in CORPUS.glob("*/*") if _recognised(path) is None]
    assert unread == ["ostris-ai-toolkit__config__examples__train_lora_omnigen2_24gb.yaml"]
