"""What is right in official examples and was once reported: a rule's name must not come up."""

from __future__ import annotations

import pytest

from lora_advisor.checking import check

TWO_METHODS = """\
class Encoder:
    def adapt(self):
        config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
        self.model = get_peft_model(self.model, config)

    def prepare(self):
        self.model = prepare_model_for_kbit_training(self.model)
"""
WITHOUT_HEAD = """\
bits = BitsAndBytesConfig(load_in_4bit=True, llm_int8_skip_modules=["proj_out"])
transformer = FluxTransformer2DModel.from_pretrained(
    "black-forest-labs/FLUX.1-dev", subfolder="transformer", quantization_config=bits
)
transformer.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=["to_k", "to_q"]))
"""
TRUE_IN_QUOTES = """\
{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "use_dora": "True", "target_modules": ["q_proj"]}
"""
LISTED_BY_AXOLOTL = """\
base_model: mistralai/Mixtral-8x7B-v0.1
adapter: lora
lora_r: 16
lora_alpha: 32
lora_dropout: 0.05
lora_target_linear: true
"""
_TUNED = """\
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=['q_proj']))
args = TrainingArguments(output_dir="out", learning_rate=1e-4, bf16=True)
"""
FROM_GGUF = f"""\
model = AutoModelForCausalLM.from_pretrained("TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF", gguf_file=f)
{_TUNED}Trainer(model=model, args=args, train_dataset=data).train()
"""
QUOTED_IMPORTS = f'''\
"""As it was once:

from trl import PPOTrainer
"""
from transformers import Adafactor as AdamW
from trl import (
    SFTConfig,  # not ORPOConfig
    # setup_chat_format,
)
{_TUNED}'''
OWN_COPY = f"""\
import sys
sys.path.append(os.path.join(os.getcwd(), "peft/src/"))
from peft import get_peft_model, LoraConfig, prepare_model_for_int8_training
{_TUNED}"""
REWARD = """\
adapter = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"], modules_to_save=["score"])
RewardTrainer("Qwen/Qwen3-4B", train_dataset=dataset, peft_config=adapter).train()
"""
TORCHTUNE = """\
tune run lora_finetune_distributed --config llama3_2/1B_lora model.lora_attn_modules=[q_proj,v_proj]
"""
UNPADDED = """\
tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-2-7b-hf")
model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-2-7b-hf")
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"]))
args = TrainingArguments(output_dir="out", learning_rate=1e-4, bf16=True)
collator = DataCollatorForSeq2Seq(tokenizer, padding=False)
Trainer(model=model, args=args, train_dataset=packed, data_collator=collator).train()
"""

HEADS_BY_PEFT = """\
{"peft_type": "LORA", "task_type": "SEQ_CLS", "base_model_name_or_path": "Qwen/Qwen2.5-7B-Instruct",
 "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "modules_to_save": ["classifier", "score"]}
"""
STORED_IN_FOUR_BITS = """\
model = AutoModelForCausalLM.from_pretrained("TheBloke/Mistral-7B-v0.1-AWQ")
model = prepare_model_for_kbit_training(model)
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj"]))
"""


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        ("prepared-after-adapter", "train.py", TWO_METHODS),
        ("output-head-quantised", "train.py", WITHOUT_HEAD),
        ("quoted-switch", "adapter_config.json", TRUE_IN_QUOTES),
        ("experts-with-dropout", "axolotl.yaml", LISTED_BY_AXOLOTL),
        ("unmatched-module-to-save", "adapter_config.json", HEADS_BY_PEFT),
        ("unquantised-model-prepared", "train.py", STORED_IN_FOUR_BITS),
        ("removed-import", "train.py", QUOTED_IMPORTS),
        ("removed-import", "train.py", OWN_COPY),
        ("padding-token-missing", "train.py", UNPADDED),
        ("unmatched-module-to-save", "train.py", REWARD),
        ("attention-name-of-another-library", "run.sh", TORCHTUNE),
        ("untrainable-quantised-checkpoint", "train.py", FROM_GGUF),
    ],
)
def test_official_ways_are_not_reported(rule: str, name: str, text: str) -> None:
    report = check(text, name)
    assert report.files
    assert rule not in {finding.name for finding in report.findings}
