"""What a writer writes, the format's own reader finds again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_advisor import frameworks, source
from lora_advisor.convert import read_back, write, writers, written
from lora_advisor.convert.difference import differs
from lora_advisor.convert.writer import ConvertError
from lora_advisor.recipe import FIELDS, Origin, Recipe, Value
from lora_advisor.source.errors import SourceError
from tests.frameworks.corpus import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lora_advisor.convert.writer import Writer

FOLDERS = ("axolotl", "llamafactory", "trl-cli", "alignment-handbook", "open-r1")
EACH = 5
NEAREST = {
    ("mlx-lm", "train.optim"),  # adam, adamw and a few more, none of them in 8 bits
    ("torchtune", "train.optim"),  # five classes
    ("torchtune", "train.lr_scheduler_type"),  # a cosine only
    ("torchtune", "lora.target_modules"),  # switches for attention and MLP
    ("axolotl", "train.eval_strategy"),  # no evaluation without held-out data
    ("ms-swift", "train.eval_strategy"),  # left open without evaluation data
    ("trl", "lora.target_modules"),  # one name would be a pattern
    ("llamafactory", "run.fsdp_version"),  # inside of fsdp_config
    ("trl", "run.fsdp_version"),
}
"""What a format says as nearly as it can; ``convert`` tells of each."""
CORE = {
    "lora.r": 24,
    "lora.lora_alpha": 48,
    "train.learning_rate": 3.3e-4,
    "train.per_device_train_batch_size": 3,
    "train.gradient_accumulation_steps": 5,
    "train.gradient_checkpointing": True,
}
"""Values that every format has to express."""
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def recipe_of(values: Mapping[str, object]) -> Recipe:
    document = source.parse("{}", "made.yaml")
    known = {
        field: Value(value=values.get(field), origin=Origin.WRITTEN, key=field) for field in FIELDS
    }
    return Recipe(framework="made", evidence="", document=document, values=known, keys=())


def lost(recipe: Recipe, values: Mapping[str, object], writer: Writer) -> list[str]:
    """Name the fields that were written and are not found again."""
    back = read_back(write(values, writer), writer, values)
    assert back is not None, "not recognised as any format"
    said = {entry.field for entry in writer.entries(values)} & recipe.values.keys()
    return sorted(
        field
        for field in said
        if (writer.name, field) not in NEAREST and differs(field, recipe, back)
    )


@pytest.mark.parametrize("name", sorted(writers()))
def test_every_format_says_the_core(name: str) -> None:
    writer = writers()[name]
    values = CORE | {
        "model.name_or_path": LLAMA,
        "lora.enabled": True,
        "train.method": "sft",
        "train.max_steps": 100,
    }
    recipe = recipe_of(values)
    back = read_back(write(values, writer), writer, values)
    assert back is not None
    assert [field for field in (*CORE, "model.name_or_path") if differs(field, recipe, back)] == []
    assert back.framework in (name, "peft-python", f"{name}-python")


def corpus() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from files(folder)[::EACH]


@pytest.mark.parametrize("name", sorted(writers()))
def test_corpus_recipes_come_back(name: str) -> None:
    writer, seen = writers()[name], 0
    for path in corpus():
        try:
            recipes = frameworks.read(source.parse(path.read_bytes(), path.name))
        except SourceError:
            continue
        for recipe in recipes[:1]:
            values = written(recipe)
            if recipe["train.enabled"].value is False or values["lora.enabled"] is False:
                continue
            try:
                assert lost(recipe, values, writer) == [], path.name
            except ConvertError:
                continue
            seen += 1
    assert seen >= (3 if name == "torchtune" else 10)


VALUES = st.fixed_dictionaries(
    {
        "lora.r": st.integers(1, 512),
        "lora.lora_alpha": st.integers(1, 512),
        "lora.lora_dropout": st.sampled_from([0.0, 0.05, 0.1]),
        "lora.target_modules": st.sampled_from(
            ["all-linear", ["q_proj", "v_proj"], ["q_proj", "k_proj", "down_proj"]]
        ),
        "train.learning_rate": st.floats(1e-7, 1e-1),
        "train.per_device_train_batch_size": st.integers(1, 64),
        "train.gradient_accumulation_steps": st.integers(1, 64),
        "train.gradient_checkpointing": st.booleans(),
        "train.method": st.sampled_from(["sft", "dpo", "orpo", "kto", "grpo", "reward"]),
    },
    optional={
        "lora.use_rslora": st.booleans(),
        "lora.use_dora": st.booleans(),
        "lora.modules_to_save": st.just(["embed_tokens", "lm_head"]),
        "train.weight_decay": st.floats(0, 1),
        "train.num_train_epochs": st.integers(1, 9),
        "train.max_steps": st.integers(1, 10**6),
        "train.warmup_ratio": st.sampled_from([0.03, 0.1]),
        "train.lr_scheduler_type": st.sampled_from(["cosine", "linear"]),
        "train.optim": st.sampled_from(["adamw_torch", "adamw_8bit", "paged_adamw_8bit"]),
        "train.bf16": st.just(True),
        "train.max_grad_norm": st.floats(0.01, 10),
        "quant.load_in_4bit": st.booleans(),
        "data.max_length": st.integers(16, 10**6),
        "data.packing": st.booleans(),
    },
)


@pytest.mark.parametrize("name", sorted(writers()))
@settings(max_examples=25, deadline=None, derandomize=True)
@given(values=VALUES)
def test_random_recipes_come_back(name: str, values: dict[str, object]) -> None:
    writer = writers()[name]
    whole = values | {"model.name_or_path": LLAMA, "lora.enabled": True}
    if whole["train.method"] not in writer.methods:
        with pytest.raises(ConvertError):
            write(whole, writer)
        return
    assert lost(recipe_of(whole), whole, writer) == []
