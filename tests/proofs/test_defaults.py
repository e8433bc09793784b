"""The tables of defaults against the installed libraries."""

from __future__ import annotations

import enum
from dataclasses import fields
from typing import Any

import pytest

from lora_advisor import frameworks
from lora_advisor.frameworks import trl_commands
from lora_advisor.frameworks.interface import Framework, Key
from lora_advisor.frameworks.libraries import LIBRARY_DEFAULTS
from lora_advisor.recipe import Lora, Quant, Train

pytest.importorskip("peft", reason="proofs need the extra 'proofs'")
pytest.importorskip("trl", reason="proofs need the extra 'proofs'")

import peft
import transformers
import trl

pytestmark = [pytest.mark.proof, pytest.mark.filterwarnings("default")]

COMMANDS: dict[str, type] = {
    "sft": trl.SFTConfig,
    "dpo": trl.DPOConfig,
    "kto": trl.KTOConfig,
    "reward": trl.RewardConfig,
    "grpo": trl.GRPOConfig,
    "rloo": trl.RLOOConfig,
}
NOT_OF_THE_LIBRARY = {
    "train.group_by_length": "a value of train_sampling_strategy, which is 'random'",
    "model.trust_remote_code": "a keyword of from_pretrained",
}


def plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def library(group: str, folder: str = "unused") -> tuple[type, Any]:
    if group == "lora":
        return Lora, peft.LoraConfig(peft_type="LORA")
    if group == "train":
        return Train, transformers.TrainingArguments(output_dir=folder, use_cpu=True)
    return Quant, transformers.BitsAndBytesConfig()


@pytest.mark.parametrize("field", sorted(set(LIBRARY_DEFAULTS) - set(NOT_OF_THE_LIBRARY)))
def test_library_default(field: str) -> None:
    group, _, name = field.partition(".")
    found = plain(getattr(library(group)[1], name))
    stated = LIBRARY_DEFAULTS[field]
    assert (found or "none") == stated if name == "report_to" else found == stated


def test_length_grouping_is_off() -> None:
    assert library("train")[1].train_sampling_strategy == "random"


@pytest.mark.parametrize("group", ["lora", "train", "quant"])
def test_no_default_of_the_library_is_missing(group: str) -> None:
    vocabulary, made = library(group)
    own = {name for name in vocabulary.__annotations__ if hasattr(made, name)}
    set_there = {name for name in own if plain(getattr(made, name)) not in (None, [])}
    # Filled in from the machine or from another field while the object is made.
    derived = {"accelerator_config", "bnb_4bit_compute_dtype", "bnb_4bit_quant_storage"}
    stated = {field.partition(".")[2] for field in LIBRARY_DEFAULTS if field.startswith(group)}
    assert set_there - derived == stated - {"group_by_length", "report_to"}


def trl_framework() -> Framework:
    framework = frameworks.by_name("trl")
    assert framework is not None
    return framework


def trl_names() -> dict[str, list[str]]:
    """Return the arguments that feed each field, as TRL's parser names them."""
    names: dict[str, list[str]] = {}
    for name, target in trl_framework().keys.items():
        if "." not in name:
            names.setdefault(target.field if isinstance(target, Key) else target, []).append(name)
    return names


def defaults_of(config: type) -> dict[str, Any]:
    return {
        entry.name: plain(entry.default)
        for entry in fields(config)
        if isinstance(entry.default, (str, int, float, bool, enum.Enum, type(None)))
    } | {"loss_type": getattr(made(config), "loss_type", None)}


def made(config: type) -> Any:
    return config(output_dir="unused", use_cpu=True)


def test_model_config_defaults() -> None:
    stated = trl_framework().defaults
    arguments = defaults_of_model()
    for field, names in trl_names().items():
        for name in names:
            if name in arguments:
                expected = stated.get(field, LIBRARY_DEFAULTS.get(field))
                assert arguments[name] == expected, name


def defaults_of_model() -> dict[str, Any]:
    model = trl.ModelConfig()
    return {entry.name: getattr(model, entry.name) for entry in fields(trl.ModelConfig)}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_command_defaults(command: str) -> None:
    """Every argument of a command that feeds a field has the default that the recipe will show."""
    arguments = defaults_of(COMMANDS[command])
    stated = {**trl_framework().defaults, **trl_commands.DEFAULTS[command]}
    settled_by_finish = {"train.bf16", "train.activation_checkpointing"}
    for field, names in trl_names().items():
        known = [name for name in names if name in arguments]
        if not known or field in settled_by_finish or field.partition(".")[0] in ("model", "run"):
            continue
        if field == "train.group_by_length":
            assert arguments["train_sampling_strategy"] != "group_by_length"
            continue
        expected = stated.get(field, LIBRARY_DEFAULTS.get(field))
        assert arguments[known[0]] == expected, (field, known)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_precision_and_checkpointing(command: str) -> None:
    config = made(COMMANDS[command])
    assert config.bf16 is True
    assert config.gradient_checkpointing is True
    assert COMMANDS[command](output_dir="unused", use_cpu=True, fp16=True).bf16 is False


def test_fields_without_a_default_for_a_command_are_not_its_arguments() -> None:
    names = trl_names()
    for command, config in COMMANDS.items():
        arguments = {entry.name for entry in fields(config)}
        for table in trl_commands.DEFAULTS.values():
            for field in set(table) - set(trl_commands.DEFAULTS[command]):
                assert arguments.isdisjoint(names[field]), (command, field)
