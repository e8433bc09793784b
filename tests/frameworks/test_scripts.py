"""People's scripts: what each says, and what it leaves open (see ``rows.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks
from lora_advisor.source import parse
from tests.frameworks.rows import recipes

if TYPE_CHECKING:
    from tests.frameworks.rows import Row, Wanted

LOAD = "m = AutoModelForCausalLM.from_pretrained('org/a')\n"
TWO = "a = LoraConfig(r=8)\nb = LoraConfig(r=16)\n"
ARGS = "args = TrainingArguments('out', learning_rate=1e-4)\n"
MERGE = "m = PeftModel.from_pretrained(base, 'out')\nm.merge_and_unload()\n"
BITS = "BitsAndBytesConfig(load_in_4bit=True)"
PYTHON: dict[str, Row] = {
    "an option under a shorter name, and one that is changed": (
        ("p.add_argument('--rank', default=64)\np.add_argument('--alpha', default=8)\n"
        "args = p.parse_args()\nrank = args.rank\ndef adapt():\n    args.alpha = args.alpha * 2\n"
        "def make(args):\n    LoraConfig(r=args.rank, lora_alpha=args.alpha)\n"),
        [{"r": 64, "alpha": "?"}],
    ),
    "the arguments of a library that is built on transformers": (
        ("from sentence_transformers import SentenceTransformerTrainingArguments\n"
        "LoraConfig(r=8)\nSentenceTransformerTrainingArguments('out', learning_rate=1e-4)\n"),
        [{"r": 8, "lr": 1e-4, "trains": True}],
    ),
    "several names at once": (
        ("R, ALPHA = 16, 32\na, *b = [1, 2]\nc, d = f()\n"
        "LoraConfig(r=R, lora_alpha=ALPHA, lora_dropout=a, target_modules=c)\n"),
        [{"r": 16, "alpha": 32, "dropout": 1, "targets": "?"}],
    ),
    "the denoiser of an image model, not the text encoder beside it": (
        ("t = Qwen2_5_VLForConditionalGeneration.from_pretrained('org/encoder')\n"
        "d = QwenImageTransformer2DModel.from_pretrained('org/image', subfolder='transformer')\n"
        "d.add_adapter(LoraConfig(r=16, target_modules=['to_q', 'to_v']))\n"),
        [{"model": "org/image", "r": 16}],
    ),
    "the optimizer of a loop of one's own": (
        ("from torch.optim import AdamW\nLR = 1e-4\n"
        "a = Accelerator(gradient_accumulation_steps=8, mixed_precision='bf16')\n"
        f"{LOAD}m = get_peft_model(m, LoraConfig(r=8))\no = AdamW(m.parameters(), lr=LR)\n"
        "a.backward(loss)\n"),
        [{"r": 8, "lr": 1e-4, "accumulation": 8, "run.mixed_precision": "bf16", "trains": True,
          "train.weight_decay": "?"}],
    ),
    "optimizers of two kinds of layers": (
        ("from torch import optim\na = optim.AdamW(x, lr=1)\nb = optim.AdamW(y, 1e-4)\n"
        "LoraConfig(r=8)\n"), [{"r": 8, "lr": "?"}],
    ),
    "an optimizer beside training arguments": (
        f"{ARGS}LoraConfig(r=8)\nTrainer(m, args, optimizers=(torch.optim.AdamW(p, 1), None))\n",
        [{"lr": 1e-4}],
    ),
    "a model's name given to its trainer, another run's base beside it": (
        ("t = SFTTrainer(model='org/a', args=SFTConfig('x', learning_rate=1e-4),\n"
        "  peft_config=LoraConfig(r=8))\nm = AutoModelForCausalLM.from_pretrained('x')\n"
        "d = DPOTrainer(model=m, args=DPOConfig('y', learning_rate=1e-6),\n"
        "  peft_config=LoraConfig(r=4))\n"),
        [{"model": "org/a", "r": 8, "lr": 1e-4, "four": "?"},
         {"model": "x", "r": 4, "lr": 1e-6, "four": False}],
    ),
    "a settings object made with other values": (
        ("LR = 2e-4\n@dataclass\nclass C:\n  base: str = 'org/a'\n  r: int = 16\n"
        "  lr: float = 1e-5\n  k: int = 1\ncfg = C('org/b', lr=LR, k=f())\n"
        "m = AutoModelForCausalLM.from_pretrained(cfg.base)\n"
        "LoraConfig(r=cfg.r, lora_alpha=cfg.k)\nTrainingArguments('o', learning_rate=cfg.lr)\n"),
        [{"model": "org/b", "r": 16, "lr": 2e-4, "alpha": "?"}],
    ),
    "a settings class made twice": (
        ("class C(BaseModel):\n  r: int = 16\n  lr: float = 1e-4\n"
        "for c in (C(r=4), C(r=8)):\n  LoraConfig(r=c.r)\n"
        "  TrainingArguments('o', learning_rate=c.lr)\n"),
        [{"r": "?", "lr": 1e-4}],
    ),
    "an attribute set to what nobody knows": (
        "class C:\n  r = 8\nc = C()\nc.r = ask()\nLoraConfig(r=c.r)\n", [{"r": "?"}]
    ),
    "namespaces and mappings read as objects": (
        ("c = SimpleNamespace(r=8, lora=EasyDict({'a': 16}))\nd = {'lr': 1e-4}\n"
        "LoraConfig(r=c.r, lora_alpha=c.lora.a, lora_dropout=d.get('drop', 0.1))\n"
        "TrainingArguments('o', learning_rate=d.get('lr', 1))\n"),
        [{"r": 8, "alpha": 16, "dropout": 0.1, "lr": 1e-4}],
    ),
    "an option by another name than its flag": (
        ("@click.option('--lora-rank', 'r', default=8)\n"
        "@click.option('--learning-rate', default=1e-4)\ndef main(r, learning_rate):\n"
        "  LoraConfig(r=r)\n  TrainingArguments('o', learning_rate=learning_rate,\n"
        "    gradient_checkpointing=a.ckpt)\n"
        "p.add_argument('--no-ckpt', action='store_false', dest='ckpt')\n"),
        [{"r": 8, "lr": 1e-4, "checkpointing": True}],
    ),
    "a class of the project's own by a library's name": (
        ("from src.config import SFTConfig, LoraConfig, KTOConfig as RewardConfig\n"
        "from .args import TrainingArguments\n"
        "SFTConfig(max_seq_length=1)\nRewardConfig(r=1)\nLoraConfig(rank=4)\n"
        "TrainingArguments(r=1)\n"), [],
    ),
    "a library's class beside one's own of that name": (
        ("from trl import SFTConfig as Other\nfrom .config import SFTConfig\n"
        "SFTConfig(learning_rate=1)\nOther(learning_rate=2e-4)\n"),
        [{"lr": 2e-4, "method": "sft"}],
    ),
    "a library that is vendored": (
        "from third.peft.tuners import LoraConfig\nLoraConfig(r=4)\n", [{"r": 4}]
    ),
    "classes of other libraries by the same name": (
        ("import slime, trl\nfrom setfit import TrainingArguments\nslime.GRPOConfig(a=1)\n"
        "TrainingArguments(batch_size=4)\ntrl.SFTConfig(learning_rate=1e-4)\n"),
        [{"lr": 1e-4, "method": "sft"}],
    ),
    "a base that is loaded in one of two ways": (
        (f"if four:\n    m = AutoModel.from_pretrained('a', quantization_config={BITS})\n"
        "    m = prepare_model_for_kbit_training(m)\nelse:\n"
        "    m = AutoModelForCausalLM.from_pretrained('a')\nc = LoraConfig(r=8)\n"),
        [{"r": 8, "four": "?"}],
    ),
    "an XTuner config for transformers' trainer": (
        ("framework = 'huggingface'\n"
        "training_args = dict(type=TrainingArguments, learning_rate=2e-4)\n"
        "model = dict(type=AutoModelForCausalLM.from_pretrained, torch_dtype=torch.float16,\n"
        "  pretrained_model_name_or_path='a/b', quantization_config=dict(load_in_4bit=True))\n"
        "lora = dict(type=LoraConfig, r=64, lora_alpha=16)\n"),
        [{"on": True, "r": 64, "alpha": 16, "lr": 2e-4, "four": True, "model": "a/b",
          "targets": "?"}],
    ),
    "a recipe of NeMo 2": (
        ("from nemo.collections import llm\nrecipe = llm.llama3_8b.finetune_recipe(\n"
        "  name='x', num_nodes=1, peft_scheme='lora')\n"
        "recipe.peft = llm.peft.LoRA(dim=32, alpha=16)\n"),
        [{"on": True, "r": 32, "alpha": 16, "lr": "?", "targets": "?"}],
    ),
    "defaults that wait for a value": (
        ("p.add_argument('--beat', default=None)\n@dataclass\nclass A:\n  lr: float = None\n"
        "a = parse()\nTrainingArguments('o', eval_strategy=a.beat, learning_rate=a.lr)\n"),
        [{"train.eval_strategy": "?", "lr": "?"}],
    ),
    "merging into a quantised base": (
        f"base = AutoModelForCausalLM.from_pretrained('a', quantization_config={BITS})\n{MERGE}",
        [{"run.merges_packed": True}],
    ),
    "merging into a base that may be quantised": (
        (f"q = {BITS} if four else None\n"
        f"base = AutoModelForCausalLM.from_pretrained('a', quantization_config=q)\n{MERGE}"),
        [{"run.merges_packed": "?"}],
    ),
    "a base that is quantised elsewhere only": (
        (f"def f():\n    return AutoModel.from_pretrained('a', quantization_config={BITS})\n"
        f"base = AutoModelForCausalLM.from_pretrained('a')\n{MERGE}"),
        [{"run.merges_packed": False}],
    ),
    "tokens that may be added": (
        ("if extra:\n    tokenizer.add_tokens(extra)\n"
        "model.resize_token_embeddings(len(tokenizer))\nget_peft_model(model, LoraConfig(r=8))\n"),
        [{"r": 8, "data.new_tokens": "?"}],
    ),
    "plain": (
        (f"{LOAD}m = get_peft_model(m, LoraConfig(r=8, lora_alpha=16, target_modules=['q_proj']))\n"
        f"{ARGS}Trainer(model=m, args=args).train()\n"),
        [{"model": "org/a", "on": True, "r": 8, "alpha": 16, "targets": ["q_proj"], "lr": 1e-4,
          "four": False, "batch": 8, "epochs": 3.0, "trains": True}],
    ),
    "constants of a module": (
        ("R = 16\nALPHA = 2 * R\nBASE = 'org/a'\nMODEL = f'{BASE}-chat'\n"
        "c = LoraConfig(r=R, lora_alpha=ALPHA)\nAutoModelForCausalLM.from_pretrained(MODEL)\n"),
        [{"r": 16, "alpha": 32, "model": "org/a-chat"}],
    ),
    "constants from elsewhere": (
        "from settings import R\nc = LoraConfig(r=R, lora_alpha=settings.ALPHA)\n",
        [{"on": True, "r": "?", "alpha": "?", "dropout": 0.0}],
    ),
    "argparse": (
        ("p = argparse.ArgumentParser()\np.add_argument('--lora-r', type=int, default=16)\n"
        "p.add_argument('--lr', type=float, default=2e-4)\np.add_argument('--model', type=str)\n"
        "p.add_argument('--four', action='store_true')\na = p.parse_args()\n"
        "AutoModelForCausalLM.from_pretrained(a.model, load_in_4bit=a.four)\n"
        "LoraConfig(r=a.lora_r)\nTrainingArguments('o', learning_rate=a.lr)\n"),
        [{"r": 16, "lr": 2e-4, "model": "?", "four": False}],
    ),
    "HfArgumentParser": (
        ("@dataclass\nclass ModelArguments:\n    name: Optional[str] = field(default=None)\n"
        "    lora_r: Optional[int] = field(default=64, metadata={'help': 'rank'})\n"
        "    names: List[str] = field(default_factory=lambda: ['q_proj', 'v_proj'])\n"
        "parser = HfArgumentParser((ModelArguments, SFTConfig))\n"
        "margs, targs = parser.parse_args_into_dataclasses()\n"
        "AutoModelForCausalLM.from_pretrained(margs.name)\n"
        "LoraConfig(r=margs.lora_r, target_modules=margs.names)\n"),
        [{"r": 64, "targets": ["q_proj", "v_proj"], "model": "?"}],
    ),
    "click": (
        ("@click.command()\n@click.option('--lora-r', default=8)\n"
        "def main(lora_r, lr=3e-4):\n    LoraConfig(r=lora_r)\n"
        "    TrainingArguments('o', learning_rate=lr)\n"),
        [{"r": 8, "lr": 3e-4}],
    ),
    "fire": (
        ("def train(base_model: str = '', lora_r: int = 8, names=['q_proj', 'v_proj'],\n"
        "          micro_batch_size: int = 4, batch_size: int = 128):\n"
        "    steps = batch_size // micro_batch_size\n"
        "    LoraConfig(r=lora_r, target_modules=names)\n"
        "    TrainingArguments(per_device_train_batch_size=micro_batch_size,\n"
        "                      gradient_accumulation_steps=steps)\nfire.Fire(train)\n"),
        [{"r": 8, "targets": ["q_proj", "v_proj"], "batch": 4, "accumulation": 32}],
    ),
    "a function called with arguments": (
        "def build(r, alpha=16):\n    return LoraConfig(r=r, lora_alpha=alpha)\nbuild(32)\n",
        [{"r": 32, "alpha": 16}],
    ),
    "a function called twice": (
        "def build(r):\n    return LoraConfig(r=r)\nbuild(8)\nbuild(16)\n",
        [{"r": "?"}],
    ),
    "a mapping that is spread": (
        "c = {'r': 8, 'lora_alpha': 32}\nLoraConfig(**c, lora_dropout=0.1)\n",
        [{"r": 8, "alpha": 32, "dropout": 0.1}],
    ),
    "a mapping nobody can read": (
        ("cfg = yaml.safe_load(open('c.yaml'))\nLoraConfig(**cfg['lora'])\n"
        "SFTConfig(**cfg['training'], max_length=512)\n"),
        [{"r": "?", "alpha": "?", "lr": "?", "batch": "?", "bf16": "?", "length": 512}],
    ),
    "arguments taken over from others": (
        (f"{ARGS}kwargs = args.to_dict()\ns = SFTConfig(**kwargs, packing=False)\n"
        "SFTTrainer(model='org/a', args=s).train()\n"),
        [{"lr": "?", "method": "sft"}],
    ),
    "both branches": (
        "if big:\n    r = 64\nelse:\n    r = 8\nLoraConfig(r=r, lora_alpha=16)\n",
        [{"r": "?", "alpha": 16}],
    ),
    "a branch that decides": (
        "USE_DORA = False\nr = 16 if USE_DORA else 8\nLoraConfig(r=r)\n",
        [{"r": 8}],
    ),
    "a rank of 0 that is guarded": (
        "def model(lora_rank=0):\n    if lora_rank > 0:\n        LoraConfig(r=lora_rank)\n",
        [{"r": "?", "on": True}],
    ),
    "a base loaded in two ways": (
        ("if bits in ('nf4', 'fp4'):\n    q = BitsAndBytesConfig(load_in_4bit=True)\n"
        "    m = AutoModelForCausalLM.from_pretrained('org/a', quantization_config=q)\n"
        "else:\n    m = AutoModelForCausalLM.from_pretrained('org/a')\n"
        "m = get_peft_model(m, LoraConfig(r=8, init_lora_weights='pissa'))\n"),
        [{"r": 8, "init": "pissa", "four": "?", "model": "?"}],
    ),
    "a quantiser not asked for": (
        ("p.add_argument('--qlora', action='store_true')\n"
        "q = BitsAndBytesConfig(load_in_4bit=True) if args.qlora else None\n"
        "AutoModelForCausalLM.from_pretrained('org/a', quantization_config=q)\nLoraConfig(r=8)\n"),
        [{"r": 8, "four": False}],
    ),
    "QLoRA": (
        ("q = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='nf4')\n"
        "m = AutoModelForCausalLM.from_pretrained('org/a', quantization_config=q)\n"
        "m = prepare_model_for_kbit_training(m)\nm = get_peft_model(m, LoraConfig(r=64))\n"),
        [{"four": True, "type": "nf4", "r": 64, "model": "org/a"}],
    ),
    "two trainers and two adapters, by name": (
        (f"{TWO}s = SFTConfig('o', learning_rate=1e-4)\nd = DPOConfig('o', learning_rate=1e-6)\n"
        "DPOTrainer(model='org/a', args=d, peft_config=a)\n"
        "SFTTrainer(model='org/a', args=s, peft_config=b)\n"),
        [{"r": 8, "lr": 1e-6, "method": "dpo"}, {"r": 16, "lr": 1e-4, "method": "sft"}],
    ),
    "two models, each with its adapter": (
        (f"{TWO}x = get_peft_model(AutoModelForCausalLM.from_pretrained('org/x'), b)\n"
        "y = get_peft_model(AutoModelForCausalLM.from_pretrained('org/y'), a)\n"
        "Trainer(model=x, args=TrainingArguments('o', learning_rate=1e-3))\n"
        "Trainer(model=y, args=TrainingArguments('o', learning_rate=1e-4))\n"),
        [{"r": 16, "model": "org/x", "lr": 1e-3}, {"r": 8, "model": "org/y", "lr": 1e-4}],
    ),
    "one adapter for two trainers": (
        ("c = LoraConfig(r=8)\nSFTTrainer(args=SFTConfig('o', learning_rate=1e-4), peft_config=c)\n"
        "DPOTrainer(args=DPOConfig('o', learning_rate=1e-6), peft_config=c)\n"),
        [{"r": 8, "lr": 1e-4}, {"r": 8, "lr": 1e-6}],
    ),
    "an adapter nobody uses": (
        f"{TWO}SFTTrainer(model='org/a', args=SFTConfig('o'), peft_config=b)\n",
        [{"r": 16, "method": "sft"}, {"r": 8}],
    ),
    "merging into another base": (
        ("q = BitsAndBytesConfig(load_in_4bit=True)\n"
        "m = AutoModelForCausalLM.from_pretrained('org/a', quantization_config=q)\n"
        "t = SFTTrainer(model=m, args=SFTConfig('o'), peft_config=LoraConfig(r=8))\nt.train()\n"
        "base = AutoModelForCausalLM.from_pretrained('org/a')\n"
        "PeftModel.from_pretrained(base, 'o').merge_and_unload()\n"),
        [{"four": True, "r": 8, "run.merges_packed": False}],
    ),
    "evaluation only": (
        f"{LOAD}m = PeftModel.from_pretrained(m, 'adapter')\nt = Trainer(model=m)\nt.evaluate()\n",
        [{"trains": False}],
    ),
    "a conversion": (
        "c = LoraConfig(r=4, init_lora_weights=False)\nset_peft_model_state_dict(m, state)\n",
        [{"r": 4, "init": "?"}],
    ),
    "a loop of one's own": (
        "c = LoraConfig(r=4, init_lora_weights=False)\nfor b in data:\n    loss.backward()\n",
        [{"r": 4, "init": False}],
    ),
    "in classes with methods of one name": (
        ("class A:\n    def build(self):\n        return LoraConfig(r=8)\n"
        "class B:\n    def build(self):\n        return None\n"),
        [{"r": 8}],
    ),
    "a change afterwards": ("c = LoraConfig(r=8)\nc.r = 32\nget_peft_model(m, c)\n", [{"r": 32}]),
    "an alias": ("from peft import LoraConfig as LC\nLC(r=8)\n", [{"r": 8}]),
    "targets found when it runs": (
        "LoraConfig(r=8, target_modules=find_all_linear_names(model))\n", [{"targets": "?"}]
    ),
    "targets put together": (
        ("ATT = ['q_proj', 'v_proj']\nt = [*ATT, 'o_proj'] + ['up_proj']\n"
        "LoraConfig(target_modules=t)\nLoraConfig\n"),
        [{"targets": ["q_proj", "v_proj", "o_proj", "up_proj"]}],
    ),
    "targets added later": (
        "t = ['q_proj']\nt.append('v_proj')\nLoraConfig(target_modules=t)\n", [{"targets": "?"}]
    ),
    "a rank in the environment": (
        "LoraConfig(r=int(os.environ.get('R', 8)), lora_alpha=16)\n", [{"r": "?", "alpha": 16}]
    ),
    "ranks one after the other": (
        "for r in [4, 8]:\n    LoraConfig(r=r, lora_alpha=2 * r)\n", [{"r": "?", "alpha": "?"}]
    ),
    "unsloth": (
        ("m, t = FastLanguageModel.from_pretrained('org/a', max_seq_length=1024)\n"
        "m = FastLanguageModel.get_peft_model(m, lora_alpha=32,\n"
        "    use_gradient_checkpointing='unsloth')\n"
        "SFTTrainer(model=m, args=SFTConfig(max_steps=60))\n"),
        [{"model": "org/a", "four": True, "r": 16, "alpha": 32, "checkpointing": True,
          "steps": 60, "lr": "?", "length": 1024}],
    ),
    "unsloth's changes of TRL": (
        ("from unsloth import FastLanguageModel\nfrom helpers import load\n"
        "SFTTrainer(model=load(), args=SFTConfig('o'), peft_config=LoraConfig(r=8))\n"),
        [{"r": 8, "lr": "?"}],
    ),
    "marimo": (
        ("app = marimo.App()\n@app.cell\ndef _():\n    R = 8\n    return (R,)\n"
        "@app.cell\ndef _(R):\n    c = LoraConfig(r=R)\n    return (c,)\n"),
        [{"r": 8}],
    ),
    "xtuner": (
        ("lr = 2e-4\naccumulative_counts = 8\naccumulative_counts *= 2\n"
        "model = dict(type=SupervisedFinetune,\n"
        "    llm=dict(type=AutoModelForCausalLM.from_pretrained,\n"
        "        pretrained_model_name_or_path='org/a',\n"
        "        quantization_config=dict(type=BitsAndBytesConfig, load_in_4bit=True,\n"
        "                                 bnb_4bit_quant_type='nf4')),\n"
        "    lora=dict(type=LoraConfig, r=64, lora_alpha=16))\n"
        "train_dataloader = dict(batch_size=1)\ntrain_cfg = dict(max_epochs=3)\n"
        "optim_wrapper = dict(optimizer=dict(type=AdamW, lr=lr), \n"
        "    accumulative_counts=accumulative_counts)\n"),
        [{"model": "org/a", "on": True, "r": 64, "alpha": 16, "four": True, "type": "nf4",
          "lr": 2e-4, "batch": 1, "accumulation": 16, "epochs": 3, "method": "sft"}],
    ),
    "xtuner in full": (
        ("model = dict(type=SupervisedFinetune, llm=dict(pretrained_model_name_or_path='org/a'))\n"
        "train_dataloader = dict(batch_size=1)\noptim_wrapper = dict(optimizer=dict(lr=2e-5))\n"),
        [{"on": False, "four": False, "lr": 2e-5}],
    ),
    "no training at all": ("print('lora')\nmodel.generate()\n", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), PYTHON.values(), ids=PYTHON.keys())
def test_python(text: str, wanted: Wanted) -> None:
    assert recipes(text, "train.py", wanted) == wanted


@pytest.mark.parametrize(
    "loader",
    ["LlamaForCausalLM", "Qwen2VLForConditionalGeneration", "AutoModelForCausalLM", "ViTModel"],
)
def test_a_class_of_one_architecture_loads_a_base(loader: str) -> None:
    program = (
        f"m = {loader}.from_pretrained('org/a', load_in_4bit=True)\n"
        "t = LlamaTokenizer.from_pretrained('org/t')\n"
        "get_peft_model(m, LoraConfig(r=8))\n"
    )
    (found,) = frameworks.read(parse(program, "train.py"))
    assert found["model.name_or_path"].value == "org/a"
    assert found["quant.load_in_4bit"].value is True
