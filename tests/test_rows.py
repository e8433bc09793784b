"""What becomes of a script's rows before they are trained: what is reported, and what is not."""

from __future__ import annotations

import pytest

from lora_advisor.checking import check
from tests.script_parts import ADAPTED, BASE, SFT, TRAINED

MASKING = "DataCollatorForLanguageModeling"
HIDING = """\
def hide(row):
    ids = tokenizer(row["text"], truncation=True)["input_ids"]
    return {"input_ids": ids, "labels": [-100] * 3 + ids[3:]}
rows = data.map(hide)
"""
HIDING_LATER = """\
def hide(row):
    made = tokenizer(row["text"], truncation=True)
    made["labels"] = made["input_ids"].copy()
    made["labels"][:3] = -100
    return made
rows = data.map(hide)
"""
COLLATED = """\
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
args = TrainingArguments("out", learning_rate=2e-4)
trainer = Trainer(model=model, args=args, train_dataset=rows, data_collator=collator)
trainer.train()
model.save_pretrained("out/adapter")
"""
LISTING = """\
def texts(batch):
    found = []
    for i in range(len(batch["q"])):
        found.append(batch["q"][i] + batch["a"][i])
    return found
"""
FOUND = {
    "masking-collator-for-causal-model": {
        "told nothing": f"{ADAPTED}c = {MASKING}(tokenizer)\n{TRAINED}",
        "told to": f"{ADAPTED}c = {MASKING}(tokenizer=tokenizer, mlm=True)\n{TRAINED}",
    },
    "labels-overwritten-by-collator": {
        "prompts hidden by a product": f"{ADAPTED}{HIDING}{COLLATED}",
        "prompts hidden by places": f"{ADAPTED}{HIDING_LATER}{COLLATED}",
    },
    "formatting-function-gives-list": {
        "over the rows of a batch": (
            f"{BASE}{LISTING}{SFT.format('', 'peft_config=config, formatting_func=texts')}"
        ),
    },
}
SILENT = {
    "masking-collator-for-causal-model": {
        "told not to": f"{ADAPTED}c = {MASKING}(tokenizer, mlm=False)\n{TRAINED}",
        "told not to by place": f"{ADAPTED}c = {MASKING}(tokenizer, False)\n{TRAINED}",
        "of TRL": f"{ADAPTED}c = {MASKING}(pad_token_id=0)\n{TRAINED}",
        "a mask of one's own": (
            f"{ADAPTED}tokenizer.mask_token = '_'\nc = {MASKING}(tokenizer)\n{TRAINED}"
        ),
    },
    "labels-overwritten-by-collator": {
        "a collator that pads labels": (
            f"{ADAPTED}{HIDING}{COLLATED.replace('ForLanguageModeling', 'ForSeq2Seq')}"
        ),
        "padding hidden by a comparison": (
            f"{ADAPTED}{HIDING_LATER}{COLLATED}".replace("[:3]", "[ids == tokenizer.pad_token_id]")
        ),
        "padding hidden by a product": (
            f"{ADAPTED}{HIDING}{COLLATED}".replace("[-100] * 3 + ids[3:]", "ids + [-100] * pad_len")
        ),
        "hidden for the metrics alone": (
            f"{ADAPTED}rows = data.map(lambda r: tokenizer(r['text']))\n"
            "def compute_metrics(p):\n    labels = p.label_ids\n    labels[labels == 0] = -100\n"
            f"    return {{}}\n{COLLATED}"
        ),
    },
    "formatting-function-gives-list": {
        "one text for one row": (
            f"{BASE}def texts(row):\n    return row['text']\n"
            f"{SFT.format('', 'peft_config=config, formatting_func=texts')}"
        ),
    },
}
ROWS = [(rule, name, text) for rule, texts in FOUND.items() for name, text in texts.items()]
QUIET = [(rule, name, text) for rule, texts in SILENT.items() for name, text in texts.items()]


def names(text: str) -> set[str]:
    return {finding.name for finding in check(text, "train.py").findings}


@pytest.mark.parametrize(("rule", "what", "text"), ROWS)
def test_fault_is_found(rule: str, what: str, text: str) -> None:
    assert rule in names(text), what


@pytest.mark.parametrize(("rule", "what", "text"), QUIET)
def test_what_is_right_stays_silent(rule: str, what: str, text: str) -> None:
    assert rule not in names(text), what
