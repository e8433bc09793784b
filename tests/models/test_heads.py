"""Heads of tasks, bare models and frozen towers, as scripts load them by a class of their own."""

from __future__ import annotations

import pytest

from lora_advisor.checking import check
from lora_advisor.models.tasks import auto_class_of
from lora_advisor.settings import Settings
from lora_advisor.targets import from_options

SCRIPT = """\
from peft import LoraConfig, get_peft_model
from transformers import {loader}
model = {loader}.from_pretrained("{base}")
{before}
model = get_peft_model(model, LoraConfig(r=2, {config}))
"""
LLAMA = "meta-llama/Llama-2-7b-hf"
ROBERTA = "FacebookAI/roberta-base"
LLAVA = "llava-hf/llava-1.5-7b-hf"
ATTENTION = 'target_modules=["q_proj", "v_proj"]'
TAGGED = 'task_type="TOKEN_CLS"'
FREEZE = "for p in model.vision_tower.parameters():\n    p.requires_grad = False"
FOUND = [
    ("new-head-frozen", "LlamaForSequenceClassification", LLAMA, ATTENTION),
    ("new-head-frozen", "RobertaForQuestionAnswering", ROBERTA, 'target_modules=["query"]'),
    ("custom-head-frozen", "AutoModelForSequenceClassification", "google/flan-t5-large",
     'task_type="SEQ_CLS", target_modules=["q", "v"]'),
    ("adapter-on-saved-head", "RobertaForTokenClassification", ROBERTA,
     f'{TAGGED}, target_modules="all-linear"'),
    ("adapter-on-saved-head", "AutoModelForSequenceClassification", ROBERTA,
     'task_type="SEQ_CLS", target_modules=["classifier"]'),
    ("layers-of-bare-model", "LlamaModel", LLAMA, f"{ATTENTION}, layers_to_transform=[0, 31]"),
]  # fmt: skip
SILENT = [
    ("new-head-frozen", "LlamaForCausalLM", LLAMA, ATTENTION),
    ("new-head-frozen", "MyForSequenceClassification", LLAMA, ATTENTION),
    ("custom-head-frozen", "AutoModelForSequenceClassification", "google/flan-t5-large",
     'target_modules=["q"], modules_to_save=["classification_head.out_proj"]'),
    ("adapter-on-saved-head", "AutoModelForTokenClassification", ROBERTA,
     f'{TAGGED}, target_modules="all-linear", modules_to_save=["classifier"]'),
    ("adapter-on-saved-head", "AutoModelForSequenceClassification", ROBERTA,
     'task_type="SEQ_CLS", target_modules=["query", "classifier"]'),
    ("layers-of-bare-model", "LlamaModel", LLAMA,
     f'{ATTENTION}, layers_to_transform=[0], layers_pattern="layers"'),
    ("layers-of-bare-model", "LlamaForCausalLM", LLAMA, f"{ATTENTION}, layers_to_transform=[0]"),
    ("layers-of-bare-model", "LlamaModel", LLAMA, f"{ATTENTION}, layers_to_transform=[]"),
]  # fmt: skip


def findings(loader: str, base: str, config: str, before: str = "", **pins: str) -> dict[str, str]:
    text = SCRIPT.format(loader=loader, base=base, config=config, before=before)
    settings = Settings(targets=from_options(f"{name}={pin}" for name, pin in pins.items()))
    found = check(text, "train.py", settings).findings
    return {finding.name: finding.severity.name.lower() for finding in found}


@pytest.mark.parametrize(("rule", "loader", "base", "config"), FOUND)
def test_fault_is_found(rule: str, loader: str, base: str, config: str) -> None:
    assert rule in findings(loader, base, config)


@pytest.mark.parametrize(("rule", "loader", "base", "config"), SILENT)
def test_what_is_right_stays_silent(rule: str, loader: str, base: str, config: str) -> None:
    assert rule not in findings(loader, base, config)


@pytest.mark.parametrize(
    ("loader", "kind", "auto_class"),
    [
        ("AutoModelForTokenClassification", "bert", "AutoModelForTokenClassification"),
        ("XLMRobertaForTokenClassification", "xlm-roberta", "AutoModelForTokenClassification"),
        ("DebertaV2ForSequenceClassification", "deberta-v2", "AutoModelForSequenceClassification"),
        ("Qwen2Model", "qwen2", "AutoModel"),
        ("Qwen2Model", "llama", None),
        ("CLIPVisionModel", "clip", None),
        ("LlamaForCausalLM", "llama", None),
    ],
)
def test_auto_class(loader: str, kind: str, auto_class: str | None) -> None:
    assert auto_class_of(loader, kind) == auto_class


@pytest.mark.parametrize(("before", "severity"), [("", "info"), (FREEZE, "warning")])
@pytest.mark.parametrize("written", ['["q_proj"]', '"all-linear"'])
def test_frozen_tower_makes_it_a_warning(written: str, before: str, severity: str) -> None:
    config = f'task_type="CAUSAL_LM", target_modules={written}'
    found = findings("AutoModelForImageTextToText", LLAVA, config, before)
    rule = "vision-tower-targeted" if written[0] == "[" else "tower-in-all-linear"
    assert found[rule] == severity


def test_older_peft_refuses_every_saved_head() -> None:
    config = 'task_type="SEQ_CLS", target_modules=["query", "classifier"]'
    found = findings("AutoModelForSequenceClassification", ROBERTA, config, peft="0.15.2")
    assert "adapter-on-saved-head" in found
