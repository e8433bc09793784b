"""Scripts that pad, or mark turns, with tokens that nobody gave their tokenizer or model."""

from __future__ import annotations

import pytest

from lora_advisor.checking import check

PADS = """\
from transformers import *
from peft import LoraConfig, get_peft_model
tokenizer = {tokenizer}.from_pretrained("{name}")
{between}
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"]))
rows = rows.map(lambda row: tokenizer(row["text"], {how}))
args = TrainingArguments("out", learning_rate=2e-4)
Trainer(model=model, args=args, train_dataset=rows).train()
"""
USUAL = {
    "tokenizer": "AutoTokenizer",
    "name": "meta-llama/Llama-2-7b-hf",
    "between": "",
    "how": "padding=True",
}
UNSLOTH = """\
from unsloth import FastLanguageModel
from unsloth.chat_templates import get_chat_template
model, tokenizer = FastLanguageModel.from_pretrained("{name}", max_seq_length=2048)
tokenizer = get_chat_template(tokenizer, {template})
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
"""


def names(text: str) -> set[str]:
    return {finding.name for finding in check(text, "train.py").findings}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"how": "padding='max_length', max_length=512"},
        {"tokenizer": "LlamaTokenizer", "name": "meta-llama/Llama-2-13b-hf"},
        {"name": "gpt2"},
    ],
)
def test_padding_without_token_is_found(change: dict[str, str]) -> None:
    assert "padding-token-missing" in names(PADS.format_map(USUAL | change))


@pytest.mark.parametrize(
    "change",
    [
        {"how": "padding=False"},
        {"how": "truncation=True))  # padding=True"},
        {"between": "tokenizer.pad_token = tokenizer.unk_token"},
        {"between": 'other = AutoTokenizer.from_pretrained("bert-base-uncased")'},
        {"name": "Qwen/Qwen3-0.6B"},
    ],
)
def test_padding_that_may_work_is_silent(change: dict[str, str]) -> None:
    assert "padding-token-missing" not in names(PADS.format_map(USUAL | change))


@pytest.mark.parametrize(
    ("name", "template", "found"),
    [
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", 'chat_template="llama-3.1"', True),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", '"llama-3.1"', True),
        ("unsloth/Meta-Llama-3.1-8B-bnb-4bit", "chat_template=template", False),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", 'chat_template="llama-3.1"', False),
        ("unsloth/mistral-7b-bnb-4bit", 'chat_template="chatml"', False),
    ],
)
def test_template_of_unsloth_is_read(name: str, template: str, *, found: bool) -> None:
    text = UNSLOTH.format(name=name, template=template)
    assert ("turn-tokens-untrained" in names(text)) is found
