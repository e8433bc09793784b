"""Python programs: what is certain is read, what is not is unknown, nothing is run."""

from __future__ import annotations

import contextlib
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.source.errors import SourceError
from lora_advisor.source.python import parse_python
from lora_advisor.source.scalars import UNKNOWN_TAG, plain_value, python_value
from lora_advisor.source.tree import Mapping, Scalar


def arguments(text: str, call: str = "LoraConfig") -> dict[str, object]:
    """Return the arguments of the last call of that name; ``?`` stands for unknown."""
    document = parse_python(text, "train.py")
    assert isinstance(document.root, Mapping)
    found = document.root.get(call)
    assert isinstance(found, Mapping), [entry.key.text for entry in document.root.entries]
    plain = plain_value(found, lambda s: "?" if s.tag == UNKNOWN_TAG else python_value(s))
    assert isinstance(plain, dict)
    return plain


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("LoraConfig(r=8)", 8),
        ("R = 16\nLoraConfig(r=R)", 16),
        ("R = 16\nLoraConfig(r=R * 2)", 32),
        ("config = {'lora': {'r': 4}}\nLoraConfig(r=config['lora']['r'])", 4),
        ("config = dict(r=4)\nLoraConfig(**config)", 4),
        ("from peft import LoraConfig as LC\nLC(r=8)", 8),
        ("import peft\npeft.LoraConfig(r=8)", 8),
        ("def train(r: int = 8):\n    LoraConfig(r=r)", 8),
        ("def train(r=8):\n    LoraConfig(r=r)\ntrain(r=64)", 64),
        ("def train(r=8):\n    LoraConfig(r=r)\ntrain(64)", 64),
        ("p.add_argument('--lora-r', default=8)\na = p.parse_args()\nLoraConfig(r=a.lora_r)", 8),
        ("@dataclass\nclass A:\n    r: int = field(default=8)\nLoraConfig(r=args.r)", 8),
        ("class C:\n    R = 8\nLoraConfig(r=C.R)", 8),
        ("if __name__ == '__main__':\n    R = 8\n    LoraConfig(r=R)", 8),
        ("config = LoraConfig(r=4)\nconfig.r = 8", 8),
        ("R = None\nLoraConfig(r=R or 8)", 8),
        ("LoraConfig(r=int('8'))", 8),
        ("!pip install peft\n%cd /content\nLoraConfig(r=8)", 8),
        ("R = 8\nR += 1\nLoraConfig(r=R)", 9),
        ("def f(r=8):\n    if r > 0:\n        LoraConfig(r=r)", 8),
        ("class A:\n def f(self):\n  LoraConfig(r=8)\nclass B:\n def f(self):\n  x()", 8),
        ("@app.cell\ndef _():\n    R = 8\n@app.cell\ndef _(R):\n    LoraConfig(r=R)", 8),
    ],
)  # fmt: skip
def test_certain_values(program: str, value: object) -> None:
    assert arguments(program)["r"] == value


@pytest.mark.parametrize(
    "program",
    [
        "LoraConfig(r=R)",
        "LoraConfig(r=os.environ['R'])",
        "R = 8\nif big:\n    R = 16\nLoraConfig(r=R)",
        "for R in (4, 8):\n    LoraConfig(r=R)",
        "R = 8\nfor _ in a:\n    R += 1\n    LoraConfig(r=R)",
        "def f(r=0):\n    if r > 0:\n        LoraConfig(r=r)",
        "p.add_argument('--r', default=0)\nif args.r:\n    LoraConfig(r=args.r)",
        "def f(r=None):\n    if r is not None:\n        LoraConfig(r=r)",
        "def train(r=8):\n    LoraConfig(r=r)\ntrain(4)\ntrain(8)",
        "def train(r=8):\n    LoraConfig(r=r)\ntrain(**options)",
        "p.add_argument('--r', type=int)\nLoraConfig(r=args.r)",
        "p.add_argument('--r', default=4)\nq.add_argument('--r', default=8)\nLoraConfig(r=args.r)",
        "c = {'r': 4}\nc['r'] = load()\nLoraConfig(r=c['r'])",
        "c = {'r': 4}\nc.update(other)\nLoraConfig(r=c['r'])",
        "a, R = pair()\nLoraConfig(r=R)",
        "LoraConfig(r=1 / 0)",
        "LoraConfig(r=8 if flag else 16)",
        "LoraConfig(r=range(10000000000000000000000))",
        f"LoraConfig(r=0x{'f' * 5000})",
        f"LoraConfig(r=int('{'9' * 5000}'))",
    ],
)
def test_uncertain_values_are_unknown(program: str) -> None:
    assert arguments(program)["r"] == "?"


def test_unknown_mapping_is_marked() -> None:
    assert arguments("LoraConfig(r=8, **load())") == {"r": 8, "**": "?"}


def test_lists_and_enums() -> None:
    program = (
        "import torch\nT = ['q_proj'] + ['v_proj']\n"
        "LoraConfig(target_modules=T, layers_to_transform=list(range(3)),\n"
        "           task_type=TaskType.CAUSAL_LM, loftq_config=LoftQConfig(loftq_bits=4))\n"
        "BitsAndBytesConfig(bnb_4bit_compute_dtype=torch.bfloat16)"
    )
    found = arguments(program)
    assert found["target_modules"] == ["q_proj", "v_proj"]
    assert found["layers_to_transform"] == [0, 1, 2]
    assert found["task_type"] == "CAUSAL_LM"
    assert found["loftq_config"] == {"loftq_bits": 4}
    assert arguments(program, "BitsAndBytesConfig")["bnb_4bit_compute_dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("program", "dtype"),
    [
        ("N = 'float16'\nD = getattr(torch, N)", "float16"),
        ("D = getattr(torch, 'bfloat16', None)", "bfloat16"),
        ("D = getattr(torch, name)", "?"),
        ("D = getattr(torch, 16)", "?"),
    ],
)
def test_a_member_is_read_by_its_name(program: str, dtype: str) -> None:
    found = arguments(f"{program}\nBitsAndBytesConfig(dtype=D)", "BitsAndBytesConfig")
    assert found == {"dtype": dtype}


def test_a_class_of_the_script_is_not_the_library_s() -> None:
    document = parse_python("class LoraConfig: pass\nLoraConfig(r=8)", "train.py")
    assert isinstance(document.root, Mapping)
    assert document.root.entries == ()


def test_spans_are_the_arguments_text() -> None:
    text = 'é = "ü"; R = 16\nLoraConfig(r=R, lora_alpha=R * 2, task_type="CAUSAL_LM")'
    document = parse_python(text, "train.py")
    assert isinstance(document.root, Mapping)
    call = document.root.get("LoraConfig")
    assert isinstance(call, Mapping)
    spelled = {e.key.text: text[e.value.span.start : e.value.span.end] for e in call.entries}
    assert spelled == {"r": "R", "lora_alpha": "R * 2", "task_type": '"CAUSAL_LM"'}
    assert all(text[e.key.span.start : e.key.span.end] == e.key.text for e in call.entries)


def test_comments_are_found_by_the_tokenizer() -> None:
    document = parse_python('x = "# no"  # lora-advisor: ignore[LA101] because\n', "train.py")
    assert [comment.text for comment in document.comments] == [
        " lora-advisor: ignore[LA101] because"
    ]


def test_syntax_error_has_its_place() -> None:
    with pytest.raises(SourceError) as caught:
        parse_python("x = 1\ny = (\n", "train.py")
    assert (caught.value.line, caught.value.column) == (2, 5)


@pytest.mark.parametrize(
    "deep", ["(" * 500, "[" * 3000 + "]" * 3000, "-" * 5000 + "1", "a" + ".b" * 5000]
)
def test_depth_is_refused_or_read(deep: str) -> None:
    with contextlib.suppress(SourceError):
        parse_python(f"LoraConfig(r={deep})", "train.py")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SourceError):
        parse_python(text, "train.py")


@given(
    st.recursive(
        st.sampled_from(["R", "8", "'x'", "f(1)", "a.b", "None"]),
        lambda x: st.one_of(
            st.builds("({} + {})".format, x, x),
            st.builds("[{}, *{}]".format, x, x),
            st.builds("{{'k': {}}}".format, x),
            st.builds("({} or {})".format, x, x),
            st.builds("f'{{{}}}'".format, x),
            st.builds("{}[{}]".format, x, x),
        ),
        max_leaves=12,
    )
)
def test_any_expression_is_read(expression: str) -> None:
    """Whatever the argument is, the call is found and spans stay inside the text."""
    text = f"R = 4\nLoraConfig(r={expression})"
    try:
        document = parse_python(text, "train.py")
    except SourceError:
        return
    assert isinstance(document.root, Mapping)
    for call in document.root.entries:
        assert isinstance(call.value, Mapping)
        for entry in call.value.entries:
            assert not isinstance(entry.value, Scalar) or entry.value.span.end <= len(text)


def test_long_sums_are_read_once() -> None:
    """Every operand was read twice, and so a text of n parts 2**n times."""
    parts = " + ".join(f'"part {number}"' for number in range(200))
    assert str(arguments(f"LoraConfig(r={parts})")["r"]).endswith("part 199")


@pytest.mark.parametrize(
    ("program", "kept"),
    [
        ("from my.config import peft_config\npeft_config.LoraConfig(r=8)", False),
        ("from ludwig.schema.llms.peft import LoraConfig\nLoraConfig(alpha=8)", False),
        ("from my.copies.peft import LoraConfig\nLoraConfig(r=8)", True),
        ("import neuron as nx\nnx.modules.lora.LoraConfig(lora_rank=8)", False),
        ("import my.copies as mine\nmine.peft.LoraConfig(r=8)", True),
        ("from my.models import base\nbase = base()\nget_peft_model(base, LoraConfig(r=8))", True),
    ],
)
def test_classes_of_others_are_not_those_of_peft(program: str, kept: bool) -> None:
    root = parse_python(program, "train.py").root
    assert isinstance(root, Mapping)
    assert (root.get("LoraConfig") is not None) is kept


@pytest.mark.parametrize(
    ("program", "calls"),
    [
        ("from mlx_tune import FastLanguageModel\nFastLanguageModel.from_pretrained('a')", []),
        ("from unsloth import FastModel\nFastModel.from_pretrained('a')", ["from_pretrained"]),
        ("class FastNet:\n    pass\nFastNet.from_pretrained('a')", ["from_pretrained"]),
        ("from ipex_llm.transformers import AutoModel\nBitsAndBytesConfig(load_in_4bit=True)", []),
        ("from swift.trainers import TrainingArguments\nTrainingArguments('out')", []),
        ("from swift import LoraConfig\nLoraConfig(r=8)", ["LoraConfig"]),
        ("from adapters import IA3Config\nIA3Config(alpha=1, r=1)", []),
        ("from paddlenlp.peft import LoKrConfig\nLoKrConfig(lokr_dim=8)", []),
        ("from peft import IA3Config\nIA3Config(target_modules=['k'])", ["IA3Config"]),
    ],
)
def test_what_other_libraries_make_of_a_name(program: str, calls: list[str]) -> None:
    root = parse_python(program, "train.py").root
    assert isinstance(root, Mapping)
    assert root.keys() == calls


@pytest.mark.parametrize(("trained", "rates"), [("", ["0.5", "0.25"]), ("t.train()\n", ["0.5"])])
def test_arguments_of_a_training_that_ran_stay(trained: str, rates: list[str]) -> None:
    program = (
        "a = TrainingArguments('out', learning_rate=0.5)\nt = SFTTrainer(model=m, args=a)\n"
        f"{trained}a.learning_rate = 0.25\n"
    )
    root = parse_python(program, "train.py").root
    made = root.get("TrainingArguments") if isinstance(root, Mapping) else None
    assert isinstance(made, Mapping)
    written = [entry.value for entry in made.entries if entry.key.text == "learning_rate"]
    assert [node.text for node in written if isinstance(node, Scalar)] == rates


def test_a_program_that_was_read_is_gone() -> None:
    """A run does not look for circles, so one would keep every program's tree in memory."""
    program = "from peft import LoraConfig\ndef f(r):\n    return LoraConfig(r=r)\nc = f(8)\n"
    parse_python(program, "train.py")
    gc.collect()
    gc.disable()
    try:
        parse_python(program, "train.py")
        assert gc.collect() == 0
    finally:
        gc.enable()
