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

GUARDED_RANK = """\
class Policy:
    def __init__(self, base, lora_rank=0, lora_alpha=16):
        self.use_lora = lora_rank > 0
        if self.use_lora:
            config = LoraConfig(r=lora_rank, lora_alpha=lora_alpha, target_modules=["q_proj"])
            self.model = get_peft_model(base, config)
"""
SPLIT_TARGETS = """\
@click.command()
@click.option("--lora_target_modules", default="q_proj,v_proj")
def main(lora_target_modules):
    lora_target_modules = lora_target_modules.split(",")
    train(Namespace(**locals()))

def train(args):
    config = LoraConfig(r=8, lora_alpha=16, target_modules=args.lora_target_modules)
    get_peft_model(model, config)
"""
QUOTED_LOOP = """\
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("bigcode/starcoder"), "me/a")
query = '''Finish this loop:
for batch in batches:
    accelerator.backward(model(**batch).loss)
    optimizer.step()
'''
"""
MEASURED = """\
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("bigcode/starcoder"), "me/a")
model(**batch).loss.backward()
print(torch.cuda.max_memory_allocated())
"""
EIGHT_BITS = """\
bits = BitsAndBytesConfig(load_in_8bit=True, bnb_8bit_quant_type="symmetric")
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen3-0.6B", quantization_config=bits)
"""
TWO_TOKENIZERS = """\
tokenizer.pad_token = tokenizer.eos_token
config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)

def answer(question):
    other = AutoTokenizer.from_pretrained("out")
    other.pad_token = other.eos_token
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
        ("rank-below-one", "model.py", GUARDED_RANK),
        ("comma-separated-targets", "train.py", SPLIT_TARGETS),
        ("loaded-adapter-frozen", "chat.py", QUOTED_LOOP),
        ("loaded-adapter-frozen", "memory.py", MEASURED),
        ("misspelt-key", "demo.py", EIGHT_BITS),
    ],
)
def test_official_ways_are_not_reported(rule: str, name: str, text: str) -> None:
    report = check(text, name)
    assert report.files
    assert rule not in {finding.name for finding in report.findings}


def test_the_first_of_two_tokenizers_is_blamed() -> None:
    (found,) = (f for f in check(TWO_TOKENIZERS, "train.py").findings if f.code == "LA730")
    assert found.place.line == 1
