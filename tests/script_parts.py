"""Parts of which the scripts of several tests are put together."""

from __future__ import annotations

BASE = """\
from datasets import load_dataset
from peft import *
from transformers import *
from trl import *
name = "meta-llama/Llama-2-7b-hf"
tokenizer = AutoTokenizer.from_pretrained(name)
config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
base = AutoModelForCausalLM.from_pretrained(name, dtype="bfloat16")
"""
ADAPTED = f"{BASE}model = get_peft_model(base, config)\n"
TRAINED = """\
args = TrainingArguments("out", learning_rate=2e-4)
trainer = Trainer(model=model, args=args, train_dataset=rows)
trainer.train()
model.save_pretrained("out/adapter")
"""
SFT = "SFTTrainer(model=base, args=SFTConfig('o', learning_rate=2e-4, max_length=512{}), {})\n"
