"""What a program keeps on its objects, and hands from one of its functions to another."""

from __future__ import annotations

import pytest

from lora_advisor.source.python import parse_python
from lora_advisor.source.scalars import is_unknown
from lora_advisor.source.tree import Mapping, Node, Scalar

BASE = "(org/a)"
LOAD = "AutoModelForCausalLM.from_pretrained('org/a')"
TUNER = f"""\
class Tuner:
    def __init__(self, rank=8, config=None):
        self.rank = rank
        self.config = config
        self.model = None
    def load(self):
        self.model = {LOAD}
    def attach(self):
        self.lora = LoraConfig(r=self.rank)
        self.model = get_peft_model(self.model, self.lora)
    def train(self, epochs=1):
        Trainer(model=self.model, args=TrainingArguments('out', num_train_epochs=epochs))
"""
RUN = (
    "def main():\n    t = Tuner({given})\n    t.load()\n    t.attach()\n"
    "    t.train(epochs=3)\nmain()\n"
)
BARE = "Trainer(model=AutoModelForCausalLM.from_pretrained('org/a'))"


def call(program: str, name: str) -> Mapping:
    root = parse_python(program, "train.py").root
    found = root.get(name) if isinstance(root, Mapping) else None
    assert isinstance(found, Mapping)
    return found


def said(node: Node | None) -> str:
    """Say a value in short: a text, ``?``, or a call by the first value it was given."""
    if isinstance(node, Mapping):
        return f"({said(node.entries[-1].value)})"
    return node.text if isinstance(node, Scalar) and not is_unknown(node) else "?"


@pytest.mark.parametrize(
    ("program", "rank"),
    [
        (f"{TUNER}{RUN.format(given='')}", "8"),
        (f"{TUNER}{RUN.format(given='rank=16')}", "16"),
        (f"{TUNER}Tuner(4).attach()", "4"),
        (TUNER, "8"),
        (f"{TUNER}a = Tuner(4)\nb = Tuner(16)", "?"),
        (f"{TUNER}a = Tuner(4)\nb = Tuner(rank=4)", "4"),
        (f"{TUNER}t = Tuner(4)\nt.rank = 64\nt.attach()", "?"),
        (f"{TUNER}class Big(Tuner):\n    def __init__(self):\n        self.rank = 64", "?"),
        (("class A:\n def __init__(self):\n  self.c = {'lora': {'r': 4}}\n"
         " def f(self):\n  LoraConfig(r=self.c['lora']['r'])"), "4"),
        (("class A:\n def __init__(self):\n  self.c = {'lora': {'r': 4}}\n"
         " def g(self):\n  self.c['lora']['r'] = 8\n"
         " def f(self):\n  LoraConfig(r=self.c['lora']['r'])"), "?"),
        (("class A:\n def __init__(self, c):\n  self.c = c\n  self.f()\n"
         " def f(self):\n  return LoraConfig(r=self.c.get('r', 1))\nA({'r': 4})"), "4"),
        (("class A:\n def build(self, r=8):\n  return LoraConfig(r=r)\n"
         " def run(self):\n  self.build(r=32)"), "32"),
        (("class A:\n def build(self, r=8):\n  return LoraConfig(r=r)\n"
         " def run(self):\n  self.build(4)\n  self.build(r=32)"), "?"),
        (("class A:\n def __init__(self):\n  if big:\n   self.r = 64\n  else:\n   self.r = 8\n"
         " def f(self):\n  LoraConfig(r=self.r)"), "?"),
        (("class A:\n def __init__(self):\n  if big:\n   self.r = 64\n   return\n  self.r = 8\n"
         " def f(self):\n  LoraConfig(r=self.r)"), "?"),
        ("def make(r):\n return LoraConfig(r=r)\na = make(8)\nb = make(r=8)", "8"),
        ("def make(r):\n return LoraConfig(r=r)\na = make(8)\nb = make(16)", "?"),
        ("def make(r=8):\n return LoraConfig(r=r)\na = make(8)\nb = make()", "8"),
        ("def make(*, a, r):\n return LoraConfig(r=r)\nmake(*x, r=8)", "8"),
        ("def make(a, r):\n return LoraConfig(r=r)\nmake(*x)", "?"),
        (("def make(r):\n return LoraConfig(r=r)\n"
         "def main():\n r = 32\n make(r)\nr = 8\nmain()"), "32"),
        ("try:\n r = 8\nexcept Exception:\n raise\nLoraConfig(r=r)", "8"),
        ("try:\n r = 8\nexcept Exception:\n r = 4\nLoraConfig(r=r)", "?"),
        ("r = 8\nif odd:\n r = 16\n raise ValueError\nLoraConfig(r=r)", "8"),
    ],
)  # fmt: skip
def test_ranks(program: str, rank: str) -> None:
    assert said(call(program, "LoraConfig").get("r")) == rank


def test_the_order_of_methods_that_is_visible_is_followed() -> None:
    program = f"{TUNER}{RUN.format(given='rank=16')}"
    trainer = call(program, "Trainer")
    model = trainer.get("model")
    assert isinstance(model, Mapping)
    assert said(model.get("model")) == BASE
    assert said(model.get("peft_config")) == "(16)"
    assert said(call(program, "TrainingArguments").get("num_train_epochs")) == "3"


def test_an_instance_is_followed_into_a_function() -> None:
    program = f"{TUNER}def go(t):\n    t.attach()\nt = Tuner()\nt.load()\ngo(t)\nt.train()"
    model = call(program, "Trainer").get("model")
    assert isinstance(model, Mapping)
    assert said(model.get("model")) == BASE


@pytest.mark.parametrize(
    "program",
    [
        TUNER,  # nobody says in which order
        f"{TUNER}t = Tuner()\nt.load()\nif lora:\n    t.attach()\nt.train()",
        f"{TUNER}t = Tuner()\nt.load()\nt.load()\nt.attach()\nt.train()\nu = Tuner()",
        f"{TUNER}t = Tuner()\nt.load()\nimported(t)\nt.train()",
        f"{TUNER}def go(t):\n    t.attach()\nt = Tuner()\nt.load()\ngo(t)\ngo(t)\nt.train()",
    ],
)
def test_a_model_is_unknown_where_the_order_is(program: str) -> None:
    assert said(call(program, "Trainer").get("model")) == "?"


@pytest.mark.parametrize(
    ("program", "model"),
    [
        (f"class A:\n def load(self):\n  self.m = {LOAD}\n def f(self):\n  Trainer(self.m)", BASE),
        ((f"class A:\n def __init__(self):\n  self.m = None\n def load(self):\n  self.m = {LOAD}\n"
         " def f(self):\n  if self.m is None:\n   self.load()\n  Trainer(self.m)"), BASE),
        ((f"class A:\n def load(self):\n  if x:\n   self.m = {LOAD}\n  else:\n   self.m = y()\n"
         " def f(self):\n  Trainer(self.m)"), "?"),
        ((f"def load():\n return {LOAD}, AutoTokenizer.from_pretrained(x)\n"
         "def main():\n m, t = load()\n train(m, t)\ndef train(m, t):\n Trainer(m)\nmain()"), BASE),
        (f"m = {LOAD}\nif four:\n m = prepare_model_for_kbit_training(m)\nTrainer(m)", BASE),
        (f"m = {LOAD}\nif lora:\n m = get_peft_model(m, c)\nTrainer(m)", "?"),
        ("m, t = FastLanguageModel.from_pretrained('org/a')\nTrainer(m)", BASE),
        ("m, t = AutoThing.from_pretrained('org/a')\nTrainer(m)", "?"),
    ],
)  # fmt: skip
def test_models(program: str, model: str) -> None:
    assert said(call(program, "Trainer").get("model")) == model


def test_attributes_of_a_trainer_are_no_arguments() -> None:
    program = f"t = {BARE}\nt.compute = f\nc = LoraConfig(r=4)\nc.r = 8"
    assert call(program, "Trainer").keys() == ["model"]
    assert call(program, "LoraConfig").entries[-1].key.text == "r"
