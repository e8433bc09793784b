"""What becomes of a script's model between its calls: what is reported of it, and what is not."""

from __future__ import annotations

import json

import pytest

from lora_advisor.checking import check
from tests.script_parts import ADAPTED, BASE, SFT, TRAINED

LOADED = f"{BASE}model = PeftModel.from_pretrained(base, 'old', is_trainable=True)\n"
SAVED = TRAINED.replace('model.save_pretrained("out/adapter")', "trainer.save_model('final')")
ADDING = 'tokenizer.add_special_tokens({"pad_token": "[PAD]"})\n'
MARKS = """\
from unsloth import FastLanguageModel
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/x", max_seq_length=512)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=16)
tokenizer = get_chat_template(tokenizer, chat_template="{}")
trainer = SFTTrainer(model=model, args=SFTConfig("o", learning_rate=2e-4), train_dataset=rows)
trainer = train_on_responses_only(trainer, "{}", "b")
trainer.train()
"""
FROZEN = f"from transformers import *\nmodel = {{}}.from_pretrained({{}})\n{TRAINED}"
FOUND = {
    "loaded-adapter-frozen": {
        "by place": FROZEN.format("PeftModel", "base, 'old', 'first', False"),
        "with its base": FROZEN.format("AutoPeftModelForCausalLM", "'old'"),
    },
    "adapter-config-idle": {
        "the trainer gets the base": f"{BASE}{TRAINED.replace('model=model', 'model=base')}",
    },
    "adapter-path-as-config": {
        "of a loaded model": f"{LOADED}model.add_adapter('second')\nmodel.set_adapter('second')\n",
        "of a wrapped model": f"{ADAPTED}model.add_adapter('second')\n",
    },
    "prepared-after-adapter": {
        "loaded for training": f"{LOADED}model = prepare_model_for_kbit_training(model)\n{TRAINED}",
    },
    "adapted-model-adapted-again": {
        "wrapped, then filled": f"{ADAPTED}model = PeftModel.from_pretrained(model, 'old')\n",
        "loaded, prepared and wrapped": (
            f"{LOADED}model = prepare_model_for_kbit_training(model)\n"
            f"model = get_peft_model(model, config)\n{TRAINED}"
        ),
        "by the class itself": f"{ADAPTED}model = PeftModelForCausalLM(model, config)\n{TRAINED}",
        "made in a function": (
            f"{BASE}def make(model):\n    return get_peft_model(get_peft_model(model, config), "
            f"config)\nmodel = make(base)\n{TRAINED}"
        ),
    },
    "adapter-frozen-afterwards": {
        "the base after it was wrapped": (
            f"{ADAPTED}for p in base.parameters():\n    p.requires_grad = False\n{TRAINED}"
        ),
        "with the names": (
            f"{ADAPTED}for n, p in model.named_parameters():\n"
            f"    p.requires_grad = False\n{TRAINED}"
        ),
    },
    "adapter-made-anew": {
        "where the trained one stood": (
            f"{ADAPTED}{TRAINED}again = LoraConfig.from_pretrained('out/adapter')\n"
            "model = get_peft_model(base, again)\n"
        ),
        "a config of any kind": (
            f"{BASE}model = get_peft_model(base, PeftConfig.from_pretrained('me/adapter'))\n"
        ),
    },
    "token-beyond-embedding": {
        "a padding token": f"{ADDING}{ADAPTED}{TRAINED}",
        "a new word": f"{ADAPTED}tokenizer.add_tokens(['[SEP]'])\n{TRAINED}",
    },
    "adapter-on-ungrown-base": {
        "in functions": (
            f"{BASE}base.resize_token_embeddings(len(tokenizer))\n"
            "model = get_peft_model(base, config)\n"
            f"{TRAINED}def load():\n    plain = AutoModelForCausalLM.from_pretrained(name)\n"
            "    return PeftModel.from_pretrained(plain, 'out/adapter')\n"
        ),
    },
    "optimizer-before-adapter": {
        "a step of one's own": (
            f"{BASE}o = torch.optim.AdamW(base.parameters(), lr=2e-4)\n"
            "model = get_peft_model(base, config)\nmodel(x).loss.backward()\no.step()\n"
        ),
    },
    "merge-result-dropped": {
        "of a trainer's model": (
            f"{ADAPTED}{TRAINED}trainer.model.merge_and_unload()\n"
            "trainer.model.save_pretrained('merged')\n"
        ),
        "of a model from elsewhere": (
            f"{BASE}def merge(model):\n    model.merge_and_unload()\n    model.push_to_hub('m')\n"
        ),
    },
    "splits-given-to-trainer": {
        "for evaluation": (
            f"{ADAPTED}rows = load_dataset('x', split='train')\nheld = load_dataset('json', "
            f"data_files='a').filter(f)\n{TRAINED.replace('=rows', '=rows, eval_dataset=held')}"
        ),
    },
    "argument-refused-by-trainer": {
        "a collator without padding": BASE
        + SFT.format(", padding_free=True, packing=True", "data_collator=c, peft_config=config"),
        "the model as its reference": (
            f"{BASE}DPOTrainer(base, base, args=DPOConfig('o', learning_rate=5e-6))\n"
        ),
        "a quantiser after loading": (
            f"{BASE}DPOTrainer(base, args=DPOConfig('o', learning_rate=5e-6), "
            "quantization_config=BitsAndBytesConfig(load_in_4bit=True))\n"
        ),
    },
    "marks-of-another-template": {
        "of Qwen for Gemma": MARKS.format("gemma-3", "<|im_start|>user\\n"),
        "of Llama 2 for Llama 3": MARKS.format("llama-3.2", "[INST] "),
    },
    "shared-base-adapted": {
        "after it was moved": (
            f"{BASE}base = base.to('cuda')\nbase = nn.DataParallel(base)\n"
            f"model = get_peft_model(base, config)\n{TRAINED}"
        ),
    },
    "base-saved-for-adapter": {
        "by a trainer": f"{ADAPTED}{SAVED.replace('model=model', 'model=base')}",
    },
    "early-stopping-without-metric": {
        "watched by nobody": ADAPTED
        + TRAINED.replace(
            "=rows", "=rows, eval_dataset=rows, callbacks=[EarlyStoppingCallback(3)]"
        ),
    },
    "labels-never-made": {
        "ids and a mask only": (
            f"{ADAPTED.replace('import *', 'import everything')}"
            "rows = rows.map(lambda row: tokenizer(row, truncation=True))\n"
            f"{TRAINED.replace('=rows', '=rows, data_collator=DataCollatorWithPadding(tokenizer)')}"
        ),
    },
    "language-model-without-head": {
        "quantised": (
            "from peft import *\nmodel = AutoModel.from_pretrained('x', quantization_config=bits)\n"
            "c = LoraConfig(r=8, lora_alpha=16, target_modules='all-linear', "
            "task_type=TaskType.CAUSAL_LM)\nmodel = get_peft_model(model, c)\n"
        ),
    },
    "adapter-switched-off": {
        "all weights by Unsloth": MARKS.replace("=512)", "=512, full_finetuning=True)"),
    },
    "float16-adapter-added": {
        "an image and text model": (
            f"{BASE}four = False\nmodel = Idefics2ForConditionalGeneration.from_pretrained('x', "
            "dtype=torch.float16, quantization_config=bits if four else None)\n"
            "model.add_adapter(config)\n"
            f"{TRAINED.replace('2e-4', '2e-4, fp16=True')}"
        ),
    },
    "adapter-config-beside-adapted-model": {
        "loaded with its base": (
            f"{BASE}model = AutoPeftModelForCausalLM.from_pretrained('old', is_trainable=True)\n"
            "GRPOTrainer(model, r, args=GRPOConfig('o', learning_rate=1e-5), peft_config=config)\n"
        ),
    },
}
SILENT = {
    "loaded-adapter-frozen": {
        "by place": FROZEN.format("PeftModel", "base, 'old', 'first', True"),
        "with its base": FROZEN.format("AutoPeftModel", "'old', 'first', True"),
    },
    "adapter-config-idle": {
        "the adapter is put in": f"{ADAPTED}{TRAINED}",
        "the trainer puts it in": f"{BASE}{SFT.format('', 'peft_config=config')}",
        "another function takes it": (
            f"{BASE}base = wrap(base, config)\n{TRAINED.replace('model=model', 'model=base')}"
        ),
        "it is left out on purpose": (
            f"{BASE}# base = get_peft_model(base, config)\n"
            f"{TRAINED.replace('model=model', 'model=base')}"
        ),
    },
    "adapter-path-as-config": {
        "a config comes with it": f"{LOADED}model.add_adapter('second', config)\n",
        "by transformers": f"{BASE}base.add_adapter(config)\n",
        "by another library": f"{BASE}base.add_adapter('second')\n",
    },
    "prepared-after-adapter": {
        "the base before it": (
            f"{BASE}base = prepare_model_for_kbit_training(base)\n"
            f"model = PeftModel.from_pretrained(base, 'old', is_trainable=True)\n{TRAINED}"
        ),
    },
    "shared-base-adapted": {
        "wrapped afterwards": f"{ADAPTED}model = nn.DataParallel(model)\n{TRAINED}",
    },
    "base-saved-for-adapter": {
        "the adapter is saved, too": (
            f"{ADAPTED}{SAVED.replace('model=model', 'model=base')}model.save_pretrained('x')\n"
        ),
        "one name for both": (
            f"{ADAPTED.replace('model = get', 'base = get')}{SAVED.replace('=model', '=base')}"
        ),
    },
    "early-stopping-without-metric": {
        "the best is loaded": ADAPTED
        + TRAINED.replace("=rows", "=rows, callbacks=[EarlyStoppingCallback(3)]").replace(
            "2e-4", "2e-4, load_best_model_at_end=True"
        ),
    },
    "labels-never-made": {
        "rows from elsewhere": (
            f"{ADAPTED.replace('import *', 'import everything')}"
            f"{TRAINED.replace('=rows', '=rows, data_collator=DataCollatorWithPadding(tokenizer)')}"
        ),
    },
    "language-model-without-head": {
        "code of the model's own": (
            "from peft import *\nmodel = AutoModel.from_pretrained('x', trust_remote_code=True)\n"
            "c = LoraConfig(r=8, lora_alpha=16, task_type='CAUSAL_LM')\n"
            "model = get_peft_model(model, c)\n"
        ),
    },
    "adapted-model-adapted-again": {
        "a prompt before an adapter": (
            f"{LOADED}model = get_peft_model(model, PromptTuningConfig(num_virtual_tokens=8))\n"
            f"{TRAINED}"
        ),
        "an adapter of another name": (
            f"{ADAPTED}model = get_peft_model(model, config, adapter_name='b')\n{TRAINED}"
        ),
        "one or the other": (
            f"{BASE}if old:\n    model = PeftModel.from_pretrained(base, old)\nelse:\n"
            f"    model = get_peft_model(base, config)\n{TRAINED}"
        ),
        "merged in between": (
            f"{LOADED}model = get_peft_model(model.merge_and_unload(), config)\n{TRAINED}"
        ),
        "a test of the library": f"{ADAPTED}with raises():\n    get_peft_model(model, config)\n",
    },
    "adapter-frozen-afterwards": {
        "a copy for reference": (
            f"{ADAPTED}copy = deepcopy(model)\nfor p in copy.parameters():\n"
            f"    p.requires_grad = False\n{TRAINED}"
        ),
        "thawed by name": (
            f"{ADAPTED}for p in model.parameters():\n    p.requires_grad = False\n"
            f"for n, p in model.named_parameters():\n    if 'lora' in n:\n"
            f"        p.requires_grad = True\n{TRAINED}"
        ),
        "a tower only": (
            f"{ADAPTED}for p in model.vision_tower.parameters():\n    p.requires_grad = False\n"
            f"{TRAINED}"
        ),
        "in a branch": f"{ADAPTED}if off:\n    model.requires_grad_(False)\n{TRAINED}",
    },
    "adapter-made-anew": {
        "the numbers of another run": (
            f"{BASE}model = get_peft_model(base, LoraConfig.from_pretrained('me/old'))\n{TRAINED}"
        ),
        "filled by hand": (
            f"{BASE}model = get_peft_model(base, LoraConfig.from_pretrained('me/old'))\n"
            "set_peft_model_state_dict(model, weights)\n"
        ),
    },
    "token-beyond-embedding": {
        "resized elsewhere": (
            f"{ADDING}{BASE}model = grown(base)\nresize_embedding(model)\n{TRAINED}"
        ),
        "if it is missing": f"{ADAPTED}if pads:\n    {ADDING}{TRAINED}",
        "a token that exists": f"{ADAPTED}{ADDING.replace('[PAD]', '</s>')}{TRAINED}",
    },
    "optimizer-before-adapter": {
        "of another model": (
            f"{BASE}o = torch.optim.AdamW(head.parameters(), lr=2e-4)\n"
            "model = get_peft_model(base, config)\nmodel(x).loss.backward()\no.step()\n"
        ),
    },
    "merge-result-dropped": {
        "given to another name": (
            f"{LOADED}model.merge_and_unload()\nmodel = plain(base)\nmodel.save_pretrained('m')\n"
        ),
        "the base is saved": f"{LOADED}model.merge_and_unload()\nbase.save_pretrained('m')\n",
        "tried out only": f"{LOADED}model.merge_and_unload()\nmodel.generate(x)\n",
    },
    "splits-given-to-trainer": {
        "a part of it": (f"{ADAPTED}rows = load_dataset('x')['train'].map(f)\n{TRAINED}"),
        "split by hand": (
            f"{ADAPTED}rows = load_dataset('x').map(f)\nrows = rows['train']\n{TRAINED}"
        ),
    },
    "argument-refused-by-trainer": {
        "no collator": BASE
        + SFT.format(", packing=True", "data_collator=None, peft_config=config"),
        "rows that are cut anywhere": BASE
        + SFT.format(
            ", packing=True, packing_strategy='wrapped'", "data_collator=c, peft_config=config"
        ),
        "no reference": (
            f"{BASE}DPOTrainer(base, None, args=DPOConfig('o', learning_rate=5e-6))\n"
        ),
    },
    "marks-of-another-template": {
        "those of the template": MARKS.format("gemma_chatml", "<|im_start|>user\\n"),
        "a template of one's own": MARKS.format("mine", "<|im_start|>user\\n"),
        "words of one's own": MARKS.format("llama-3", "Question: "),
    },
}
ROWS = [(rule, name, text) for rule, texts in FOUND.items() for name, text in texts.items()]
QUIET = [(rule, name, text) for rule, texts in SILENT.items() for name, text in texts.items()]


def names(text: str, path: str = "train.py") -> set[str]:
    return {finding.name for finding in check(text, path).findings}


@pytest.mark.parametrize(("rule", "what", "text"), ROWS)
def test_fault_is_found(rule: str, what: str, text: str) -> None:
    assert rule in names(text), what


@pytest.mark.parametrize(("rule", "what", "text"), QUIET)
def test_what_is_right_stays_silent(rule: str, what: str, text: str) -> None:
    assert rule not in names(text), what


def test_fault_over_several_cells_is_found() -> None:
    parts = [LOADED, "model.merge_and_unload()\n", "model.save_pretrained('merged')\n"]
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1,
         "source": part.splitlines(keepends=True)}
        for part in parts
    ]  # fmt: skip
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert "merge-result-dropped" in names(notebook, "merge.ipynb")
