"""Unknown, dated and repeated keys as facts of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, source
from lora_advisor.checking import check
from lora_advisor.facts import (
    config_flags,
    config_keys,
    config_values,
    config_versions,
    train_batch,
    train_images,
)
from lora_advisor.frameworks.known import nearest
from lora_advisor.targets import Targets, from_options

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

KNOWN = ("learning_rate", "lora_r", "lora_alpha", "eval_steps", "load_in_4bit", "text_encoder")
SCRIPT = """
from peft import LoraConfig
from trl import SFTConfig
adapter = LoraConfig(r=8, target_module=["q_proj"])
args = SFTConfig(output_dir="out", evaluation_strategy="steps", max_seq_length=512)
"""


def recipe(text: str, path: str = "config.yaml", framework: str | None = None) -> Recipe:
    forced = frameworks.by_name(framework) if framework else None
    (found, *_) = frameworks.read(source.parse(text, path), forced)
    return found


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("learning-rate", "learning_rate"),
        ("Learning_Rate", "learning_rate"),
        ("learnign_rate", "learning_rate"),
        ("eval_step", "eval_steps"),
        ("lora_b", "lora_r"),
        ("load_4bit", ""),
        ("r", ""),
        ("num_workers", ""),
        ("text_encoder2", ""),
    ],
)
def test_slip_is_two_letters_at_most(written: str, meant: str) -> None:
    assert nearest(written, KNOWN) == meant


def test_arguments_of_calls_in_a_script_are_known() -> None:
    found = recipe(SCRIPT, "train.py")
    assert [key.path for key in config_keys.misspelt_keys(found)] == ["LoraConfig.target_module"]
    removed = {key.path for key in config_versions.removed_arguments(found, Targets())}
    assert removed == {"SFTConfig.evaluation_strategy", "SFTConfig.max_seq_length"}


def test_class_of_the_script_itself_is_left_alone() -> None:
    own = "class SFTConfig: ...\n" + SCRIPT
    assert not config_versions.removed_arguments(recipe(own, "train.py"), Targets())


@pytest.mark.parametrize(
    ("targets", "sure"),
    [
        ((), [False]),
        (("transformers=5.23.0",), [True]),
        (("transformers=4.46.3",), []),
        (("transformers=>=4.46",), [False]),
        (("trl=0.9.6",), []),
    ],
)
def test_removal_is_sure_when_every_release_in_use_lacks_it(
    targets: tuple[str, ...], sure: list[bool]
) -> None:
    text = "model_name_or_path: a\ndataset_name: b\nuse_peft: true\nno_cuda: true\n"
    found = config_versions.removed_arguments(recipe(text, framework="trl"), from_options(targets))
    assert [key.sure for key in found] == sure


def test_merged_and_aliased_keys_are_not_duplicates() -> None:
    text = """
base: &base {r: 8, lora_alpha: 16}
lora: {<<: *base, r: 16, target_modules: [q_proj]}
copy: *base
"""
    assert not config_values.duplicate_keys(recipe(text, framework="generic"))


def test_key_written_twice_names_the_line_that_is_lost() -> None:
    text = "lora:\n  r: 8\n  lora_alpha: 16\n  r: 64\n"
    (found,) = config_values.duplicate_keys(recipe(text, framework="generic"))
    assert (found.path, found.first, found.line, found.same) == ("lora.r", "8", 2, False)


@pytest.mark.parametrize(("value", "codes"), [("1", []), ("0", []), ("2", ["LA007"])])
def test_a_switch_may_be_a_number(value: str, codes: list[str]) -> None:
    """HfArgumentParser, pydantic and argparse take 0 and 1 for false and true."""
    text = f"stage: sft\nfinetuning_type: lora\nmodel_name_or_path: a/b\nbf16: {value}\n"
    found = check(text, "config.yaml").findings
    assert [f.code for f in found if f.code == "LA007"] == codes


KOHYA = "accelerate launch {} --pretrained_model_name_or_path=m --network_module=networks.lora"


@pytest.mark.parametrize(
    ("script", "flags", "strange"),
    [
        ("sdxl_train_network.py", "--lora_network_weights=a", ["lora_network_weights"]),
        ("sdxl_train_network.py", "--network_weights=a --no_half_vae", []),
        ("my_train_network.py", "--lora_network_weights=a", []),
        ("train_network.py", "--ramtorch --swap_rate=2 --cast_gently=1", []),
    ],
)
def test_flags_that_no_script_of_kohya_has(script: str, flags: str, strange: list[str]) -> None:
    found = recipe(f"{KOHYA.format(script)} {flags}", "run.sh")
    keys = config_keys.unknown_keys(found, Targets())
    assert [key.path for key in keys] == strange
    assert all(key.outcome == "raises" and key.certain for key in keys)


@pytest.mark.parametrize(
    ("script", "flags", "left"),
    [
        ("train_network.py", "--resolution=768, 768", ["resolution"]),
        ("train_network.py", '--resolution="768, 768" --seed 1 2>&1 | tee log', []),
        (
            "train_network.py",
            "--xformers True --cache_latents=false",
            ["xformers", "cache_latents"],
        ),
        ("train_network.py", "--xformers $MORE --seed 1 $MORE --sdpa \\ ", []),
        ("train_network.py", "--optimizer_args a=1 b=2 --text_encoder_lr 1 2", []),
        ("my_train_network.py", "--resolution=768, 768", []),
    ],
)
def test_words_left_over_behind_flags_of_kohya(script: str, flags: str, left: list[str]) -> None:
    found = recipe(f"{KOHYA.format(script)} {flags}", "run.sh")
    assert [item.path for item in config_flags.left_over(found)] == left


@pytest.mark.parametrize(
    ("program", "flags", "left"),
    [
        ("llamafactory-cli train", "--lora_target q_proj, v_proj", ["lora_target"]),
        ("llamafactory-cli train", "--lora_target q_proj,v_proj --bf16 true", []),
        ("llamafactory-cli train", "--report_to wandb tensorboard", []),
        ("python src/train_bash.py", "--dataset a b", ["dataset"]),
        ("python my_train.py", "--dataset a b", []),
        ("trl sft", "--use_peft --lora_target_modules q_proj v_proj", []),
        ("trl sft", "--use_peft --dataset_name a b", ["dataset_name"]),
    ],
)
def test_words_left_over_behind_flags_of_a_parser(
    program: str, flags: str, left: list[str]
) -> None:
    base = f"{program} --stage sft --model_name_or_path m --finetuning_type lora"
    found = recipe(f"{base if 'trl' not in program else program} {flags}", "run.sh")
    assert [item.path for item in config_flags.left_over(found)] == left


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--mixed_precision=fp16", True),
        ("--mixed_precision=fp16 --output_dir $OUT --seed=1", True),
        ("--mixed_precision=bf16", False),
        ("--mixed_precision=fp16 --no_half_vae", False),
        ("--mixed_precision=fp16 --config_file=a.toml", False),
        ("--mixed_precision=fp16 $MORE --seed=1", False),
        ("--mixed_precision=fp16 --sdpa $MORE", False),
        ('--mixed_precision=fp16 --seed=1 "${MORE[@]}"', False),
    ],
)
def test_what_may_stand_in_a_variable_spares_the_autoencoder(flags: str, told: bool) -> None:
    found = recipe(f"{KOHYA.format('sdxl_train_network.py')} {flags}\necho $DONE\n", "run.sh")
    assert bool(train_images.half_autoencoder(found)) is told


@pytest.mark.parametrize("release", ["0.9.6", "0.11.4", "0.12.2"])
def test_arguments_of_older_scripts_are_known(release: str) -> None:
    found = recipe("model_name_or_path: base\ndataset_name: data\nuse_peft: true\nlora_r: 8\n")
    assert not config_versions.future_arguments(found, from_options([f"trl={release}"]))


@pytest.mark.parametrize(
    ("numbers", "release", "lacks"),
    [
        ("batch_size: 8", "", True),
        ("micro_batch_size: 2", "", False),
        ("micro_batch_size: 2", "0.8.1", True),
        ("micro_batch_size: 2\nbatch_size: 8", "0.8.1", False),
    ],
)
def test_batch_of_axolotl_needs_two_numbers(numbers: str, release: str, *, lacks: bool) -> None:
    found = recipe(f"base_model: base\nadapter: lora\nlora_r: 8\n{numbers}\n")
    targets = from_options([f"axolotl={release}"] if release else [])
    assert train_batch.lacks_batch_numbers(found, targets) is lacks
