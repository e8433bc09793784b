"""Words outside a fixed choice, and combinations that a loader refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, source
from lora_advisor.facts import config_refusals, config_values
from lora_advisor.frameworks.known import known_keys
from lora_advisor.frameworks.refusals import choices_of, defaults_of, refusals_of
from lora_advisor.rules import load
from lora_advisor.targets import Target, Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from lora_advisor.recipe import Recipe

FACTORY = "model_name_or_path: Qwen/Qwen3-8B\nlora_rank: 8\ntemplate: qwen3\n"
PREDICT = FACTORY + "do_predict: true\npredict_with_generate: true\neval_dataset: a\n"
TUNE = """\
model: {_component_: torchtune.models.qwen2_5.lora_qwen2_5_7b_instruct, lora_rank: 8}
checkpointer:
  _component_: torchtune.training.FullModelHFCheckpointer
  adapter_checkpoint: epoch_0/%s
resume_from_checkpoint: %s
"""
AXOLOTL = "base_model: Qwen/Qwen3-8B\nmicro_batch_size: 1\nlora_r: 8\ndatasets: [{path: a}]\n"


def recipe(text: str, path: str = "config.yaml") -> Recipe:
    (found, *_) = frameworks.read(source.parse(text, path))
    return found


def words(text: str) -> dict[str, str]:
    return {word.path: word.meant for word in config_refusals.odd_words(recipe(text))}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("stage: simpo", "`stage: dpo` with `pref_loss: simpo`"),
        ("finetuning_type: qlora", "`finetuning_type: lora` with `quantization_bit: 4`"),
        ("finetuning_type: Lora", "`finetuning_type: lora`"),
        ("flash_attn: flash_attention_2", "`flash_attn: fa2`"),
        ("save_strategy: epochs", "`save_strategy: epoch`"),
    ],
)
def test_word_outside_a_choice_has_a_remedy(written: str, meant: str) -> None:
    assert words(FACTORY + written) == {written.partition(":")[0]: meant}


@pytest.mark.parametrize(
    "written",
    [
        "quantization_method: nf4",  # is read only with `quantization_bit`
        "pref_loss: spin",  # is read only in `stage: dpo`
        "stage: ${stage}",
        "flash_attn: true",
        "finetuning_type: full",
    ],
)
def test_word_that_is_taken_or_not_read_is_silent(written: str) -> None:
    assert words(FACTORY + written) == {}


@pytest.mark.parametrize(
    "written",
    [
        "chat_template: tokenizer_default_fallback_chatml",
        "attn_implementation: kernels-community/flash-attn3",
        "adapter: own\nplugins: [own.Plugin]",
        "eval_strategy: no",
    ],
)
def test_axolotl_takes_words_beside_the_list(written: str) -> None:
    assert words(AXOLOTL + written) == {}


def test_word_of_past_releases_and_template_of_the_user_are_told_apart() -> None:
    (older,) = config_refusals.odd_words(recipe(FACTORY + "stage: orpo"))
    (own,) = config_refusals.odd_words(recipe(FACTORY.replace("qwen3\n", "of_our_house\n")))
    (mixed,) = config_refusals.odd_words(recipe(FACTORY + "stage: orpo\npref_beta: 0.1"))
    assert (older.older, older.own, mixed.older) == (True, False, False)
    assert (own.older, own.own) == (False, True)


@pytest.mark.parametrize(
    ("text", "blamed"),
    [
        (FACTORY + "stage: ppo", ["stage"]),
        (FACTORY + "stage: ppo\nreward_model: saves/rm\ndo_train: true\ndataset: a", []),
        (FACTORY + "infer_backend: vllm", []),
        (FACTORY + "infer_backend: vllm\ndo_train: true\ndataset: a", ["infer_backend"]),
        (FACTORY + "interleave_probs: 0.5,0.5", ["interleave_probs"]),
        (FACTORY + "use_dora: true\nfinetuning_type: full", ["use_dora"]),
        (FACTORY + "use_dora: true\nfinetuning_type: ${how}", []),
        (FACTORY + "ref_model_quantization_bit: 3", ["ref_model_quantization_bit"]),
        (FACTORY + "ref_model_quantization_bit: null", []),
        (AXOLOTL + "rl: kto", ["rl"]),
        (AXOLOTL + "rl: kto\nremove_unused_columns: true", ["remove_unused_columns"]),
        (AXOLOTL + "rl: kto\nremove_unused_columns: false", []),
        (AXOLOTL + "save_steps: 5\nsave_strategy: no", []),
        (AXOLOTL + "relora: true\nrelora_steps: 10", []),
        (AXOLOTL + "val_set_size: 1", ["val_set_size"]),
        (AXOLOTL + "val_set_size: 500", []),
        (AXOLOTL + "val_set_size: 500\nrl: dpo", ["val_set_size"]),
        (AXOLOTL + "val_set_size: 0.1\nrl: dpo", []),
        (AXOLOTL + "relora: true\nfsdp: [full_shard]\ndeepspeed: x.json", ["relora"]),
    ],
)
def test_refused_combination_blames_one_key(text: str, blamed: list[str]) -> None:
    assert [found.path for found in config_refusals.refused(recipe(text), Targets())] == blamed


SHARE_GPT = AXOLOTL.replace("{path: a}", "{path: a, type: alpaca}, {path: b, type: sharegpt.load}")


@pytest.mark.parametrize(
    ("text", "blamed"),
    [
        (SHARE_GPT, ["datasets[1].type"]),
        (AXOLOTL + "save_steps: 5\nsave_strategy: 'no'", ["save_steps"]),
        (AXOLOTL + "rl: dpo\nadapter: lora\nlora_o_kernel: true", ["lora_o_kernel"]),
        (AXOLOTL + "rl: grpo\nadapter: lora\nlora_o_kernel: true", []),
        (AXOLOTL + "quantize_moe_experts: true\nload_in_4bit: true", []),
        (AXOLOTL + "early_stopping_patience: 3\nsaves_per_epoch: 2", ["early_stopping_patience"]),
        (AXOLOTL + "early_stopping_patience: 3\nsave_steps: 20\neval_steps: 10", []),
        (AXOLOTL + "neftune_noise_alpha: -1", ["neftune_noise_alpha"]),
        (AXOLOTL + "optimizer: flash_adamw\ndeepspeed: zero2.json", ["optimizer"]),
        (AXOLOTL + "batch_flattening: true\nattn_implementation: sdpa", ["batch_flattening"]),
        (AXOLOTL + "batch_flattening: auto", []),
        (FACTORY + "do_predict: true\npredict_with_generate: true\ndataset: a", ["do_predict"]),
        (FACTORY + "do_predict: true\npredict_with_generate: true\neval_dataset: a", []),
        (PREDICT + "deepspeed: configs/ds_z3_config.json", ["predict_with_generate"]),
        (PREDICT + "deepspeed: {zero_optimization: {stage: 3}}", ["predict_with_generate"]),
        (PREDICT + "deepspeed: {zero_optimization: {stage: 2}}", []),
        (PREDICT + "deepspeed: own.json", []),
        (TUNE % ("adapter_model.safetensors", "true"), ["checkpointer.adapter_checkpoint"]),
        (TUNE % ("adapter_model.safetensors", "false"), []),
        (TUNE % ("adapter_model.pt", "true"), []),
        (FACTORY + "do_train: true", ["do_train"]),
        (
            FACTORY + "stage: ppo\ndo_train: true\ndataset: a\nreward_model: m\n"
            "reward_model_adapters: a",
            ["reward_model_adapters"],
        ),
    ],
)
def test_checks_of_the_loaders(text: str, blamed: list[str]) -> None:
    assert [found.path for found in config_refusals.refused(recipe(text), Targets())] == blamed


def test_check_of_a_newer_release_is_not_made_by_an_older_one() -> None:
    older = Targets(known={"axolotl": Target(low="0.4.0", high="0.4.1", source="requirements.txt")})
    assert config_refusals.refused(recipe(SHARE_GPT), older) == ()


KOHYA = 'network_module = "networks.lora"\nnetwork_dim = 8\n'


@pytest.mark.parametrize(
    ("text", "blamed"),
    [
        (KOHYA + "epoch = 10", ["epoch"]),
        (KOHYA + "epoch = 10\nmax_train_steps = 500", []),
        (KOHYA + "[training]\nclip_skip = '1'", ["training.clip_skip"]),
        (KOHYA + "clip_skip = 1\nlearning_rate = '1e-4'", ["learning_rate"]),
        (KOHYA + "learning_rate = ''\nunet_lr = 1e-4", []),
    ],
)
def test_settings_of_kohya_in_toml(text: str, blamed: list[str]) -> None:
    found = config_refusals.refused(recipe(text, "config.toml"), Targets())
    assert [refused.path for refused in found] == blamed


@pytest.mark.parametrize(
    ("script", "blamed"),
    [
        ("train_dreambooth_lora_flux.py --dataset_name a", ["dataset_name"]),
        ("train_dreambooth_lora_flux.py --rank 4", ["pretrained_model_name_or_path"]),
        ("train_dreambooth_lora_flux_kontext.py --dataset_name a", []),
        ("train_dreambooth_lora_flux_miniature.py --data_df_path a.parquet", []),
        ("train_dreambooth_lora_flux.py --rank 4 ...", []),
    ],
)
def test_scripts_of_diffusers_ask_for_their_own_data(script: str, blamed: list[str]) -> None:
    name, _, rest = script.partition(" ")
    command = f"accelerate launch {name} --pretrained_model_name_or_path org/base {rest}\n"
    found = config_refusals.refused(recipe(command, "run.sh"), Targets())
    assert [refused.path for refused in found] == blamed


def test_missing_key_is_not_known_of_a_command_line() -> None:
    command = "llamafactory-cli train --model_name_or_path m --stage ppo --lora_rank 8 $ARGS\n"
    assert config_refusals.refused(recipe(command, "run.sh"), Targets()) == ()


def test_key_that_excludes_several_is_blamed_once() -> None:
    text = AXOLOTL + "trust_remote_code: true\nlora_mlp_kernel: true\nlora_o_kernel: true\n"
    (pair,) = config_values.exclusive_pairs(recipe(text))
    assert (pair.path, pair.other) == ("trust_remote_code", "lora_mlp_kernel")


@pytest.mark.parametrize("framework", ["llamafactory", "axolotl"])
def test_tables_name_keys_that_the_loader_knows(framework: str) -> None:
    format_ = frameworks.by_name(framework)
    assert format_ is not None
    known = known_keys(format_)
    named = {key for refusal in refusals_of(framework) for key in refusal.when}
    named |= {*choices_of(framework), *defaults_of(framework)}
    assert {key.partition(".")[0].removesuffix("[]") for key in named} <= {*known}


@pytest.mark.parametrize(
    ("rule", "table"), [("word-outside-choice", choices_of), ("combination-refused", refusals_of)]
)
def test_rules_are_about_the_formats_with_tables(rule: str, table: Callable[[str], Sized]) -> None:
    """No other file pays for reading the tables."""
    (found,) = (one for one in load() if one.name == rule)
    assert found.frameworks == {name for name in frameworks.modules() if table(name)}


def test_other_formats_have_no_tables() -> None:
    assert (choices_of("peft"), refusals_of("peft"), defaults_of("peft")) == ({}, (), {})
