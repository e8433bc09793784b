"""The key data against what is known of the libraries, and against the installed ones."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import warnings
from typing import Any

import pytest

from lora_advisor.frameworks.schemas import (
    UNSET,
    Key,
    keys,
    known_in,
    newest,
    owners,
    rename,
    required_range,
)

PACKAGES = ("accelerate", "axolotl", "deepspeed", "llamafactory", "peft", "transformers", "trl")
LIBRARIES = ("transformers", "trl", "peft")


@pytest.mark.parametrize(
    ("package", "owner", "name", "since", "until"),
    [
        ("transformers", "TrainingArguments", "evaluation_strategy", None, "4.51.0"),
        ("transformers", "TrainingArguments", "eval_strategy", "4.41.0", None),
        ("transformers", "TrainingArguments", "learning_rate", None, None),
        ("transformers", "TrainingArguments", "warmup_ratio", None, "5.15.0"),
        ("transformers", "TrainingArguments", "no_cuda", None, "5.0.0"),
        ("transformers", "TrainingArguments", "group_by_length", None, "5.2.0"),
        ("transformers", "TrainingArguments", "activation_checkpointing", "5.23.0", None),
        ("transformers", "BitsAndBytesConfig", "bnb_4bit_quant_storage", "4.39.0", None),
        ("peft", "LoraConfig", "exclude_modules", "0.14.0", None),
        ("peft", "LoraConfig", "use_dora", "0.9.0", None),
        ("peft", "LoraConfig", "task_type", None, None),
        ("trl", "SFTConfig", "max_seq_length", "0.9.2", "0.20.0"),
        ("trl", "ModelConfig", "torch_dtype", "0.7.11", "0.27.0"),
        ("trl", "DPOConfig", "rpo_alpha", "0.9.2", "0.29.0"),
        ("axolotl", "AxolotlInputConfig", "unsloth_rope", None, "0.17.0"),
        ("llamafactory", "FinetuningArguments", "pref_beta", "0.8.0", None),
    ],
)
def test_spans(package: str, owner: str, name: str, since: str | None, until: str | None) -> None:
    key = keys(package, owner)[name]
    assert (key.since, key.until) == (since, until)


def test_key_of_another_library_keeps_that_library() -> None:
    key = keys("trl", "SFTConfig")["evaluation_strategy"]
    assert (key.package, key.owner) == ("transformers", "TrainingArguments")
    key = keys("llamafactory", "TrainingArguments")["predict_with_generate"]
    assert (key.package, key.owner) == ("transformers", "Seq2SeqTrainingArguments")


def test_override_keeps_the_releases_of_the_base_and_takes_the_new_default() -> None:
    key = keys("trl", "SFTConfig")["learning_rate"]
    assert (key.package, key.since, key.default) == ("transformers", None, 2e-5)
    assert keys("transformers", "TrainingArguments")["learning_rate"].default == 5e-5


def test_key_that_moved_between_classes_is_known_throughout() -> None:
    key = keys("llamafactory", "ModelArguments", "TrainingArguments")["fp8"]
    assert (key.owner, key.since, key.until) == ("TrainingArguments", "0.9.4", None)


def test_key_that_a_subclass_kept_after_its_base_dropped_it_is_known_before() -> None:
    key = keys("llamafactory", "TrainingArguments")["overwrite_output_dir"]
    assert (key.since, key.until) == (None, None)


def test_nested_models_are_named() -> None:
    assert "TRLConfig" in keys("axolotl", "AxolotlInputConfig")["trl"].models
    assert "beta" in keys("axolotl", "TRLConfig")


@pytest.mark.parametrize(
    ("version", "known"),
    [("4.40.2", False), ("4.41", True), ("4.41.0.dev0", False), ("5.0.0", True), (None, True)],
)
def test_known_in(version: str | None, known: bool) -> None:
    assert known_in(keys("transformers", "TrainingArguments")["eval_strategy"], version) is known


def test_removed_key_is_unknown_to_the_newest() -> None:
    key = keys("transformers", "TrainingArguments")["warmup_ratio"]
    assert not known_in(key, None)
    assert known_in(key, "5.14.1")
    assert not known_in(key, "5.15.0")


def test_unset_default_differs_from_none() -> None:
    assert keys("trl", "ModelConfig")["model_name_or_path"].default is None
    required = Key(
        name="x", package="p", owner="C", since=None, until=None, type=None, default=UNSET
    )
    assert required.default is not None


def test_required_range_follows_the_version() -> None:
    assert required_range("axolotl", "0.9.1", "transformers") == "==4.51.3"
    assert required_range("axolotl", "0.21.0", "transformers") == "==5.20.1"
    assert required_range("axolotl", None, "trl") == required_range("axolotl", "0.21.0", "trl")
    assert required_range("axolotl", "0.1", "trl") is None


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_is_whole(package: str) -> None:
    for owner in owners(package):
        for name, key in keys(package, owner).items():
            assert key.name == name
            assert set(key.models) <= set(owners(key.package))
            assert key.type in (None, "any") or set(key.type.split("|")) <= {
                *("int", "float", "bool", "str", "list", "dict", "none")
            }


def test_unknown_package_or_class_is_an_error() -> None:
    with pytest.raises(KeyError):
        keys("numpy", "Config")
    with pytest.raises(KeyError):
        keys("trl", "NoSuchConfig")


def test_rename() -> None:
    found = rename("transformers", "evaluation_strategy")
    assert found is not None
    assert found.to == "eval_strategy"
    dropped = rename("transformers", "save_safetensors")
    assert dropped is not None
    assert dropped.to is None
    assert dropped.note
    assert rename("transformers", "learning_rate") is None


@pytest.mark.parametrize("package", ["axolotl", "llamafactory", "transformers", "trl"])
def test_renames_lead_from_real_keys_to_living_ones(package: str) -> None:
    every = keys(package, *owners(package))
    renamed = {name: found for name in every if (found := rename(package, name)) is not None}
    assert len(renamed) > 10
    for name, found in renamed.items():
        assert found.to or found.note, name
        if found.to:
            successor = every[found.to.partition(".")[0]]
            assert known_in(successor, None) or rename(package, successor.name) is not None, name


def test_every_removed_training_argument_is_explained() -> None:
    removed = [k.name for k in keys("transformers", "TrainingArguments").values() if k.until]
    assert len(removed) > 30
    assert [name for name in removed if rename("transformers", name) is None] == []


def _installed(package: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip(package, reason=f"{package} is not installed")
    if module.__version__ != newest(package):
        pytest.skip(f"{package} {module.__version__} is installed, the data ends at another")
    return module


def _live_classes(package: str) -> list[tuple[str, Any]]:
    _installed(package)
    data = importlib.import_module("lora_advisor.frameworks.schemas")._load(package)["classes"]
    living = [(owner, body["module"]) for owner, body in data.items() if "until" not in body]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(owner, getattr(importlib.import_module(m), owner)) for owner, m in living]


@pytest.mark.parametrize("package", LIBRARIES)
def test_fields_equal_the_installed_library(package: str) -> None:
    for owner, live in _live_classes(package):
        fields = {f.name for f in dataclasses.fields(live) if f.init and f.name[0] != "_"}
        if owner == "BitsAndBytesConfig":
            fields |= set(inspect.signature(live).parameters) - {"kwargs"}
        known = {name for name, key in keys(package, owner).items() if known_in(key, None)}
        assert known == fields, owner


@pytest.mark.parametrize("package", LIBRARIES)
def test_defaults_equal_the_installed_library(package: str) -> None:
    compared = 0
    for owner, live in _live_classes(package):
        for field in dataclasses.fields(live):
            key = keys(package, owner).get(field.name)
            if key is None or key.default is UNSET:
                continue
            made = field.default_factory
            default = field.default if made is dataclasses.MISSING else made()
            default = list(default) if isinstance(default, tuple) else default
            assert getattr(default, "value", default) == key.default, (owner, field.name)
            compared += 1
    assert compared > 50
