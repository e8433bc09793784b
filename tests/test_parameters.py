"""The parameter pages: well-formed, linked, readable, and true of the installed libraries."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from lora_advisor import parameters
from lora_advisor.recipe import FIELDS

if TYPE_CHECKING:
    from pathlib import Path

FRAMEWORKS = {
    "autotrain",
    "axolotl",
    "bitsandbytes",
    "kohya",
    "litgpt",
    "llamafactory",
    "mlx-lm",
    "ms-swift",
    "peft",
    "torchtune",
    "transformers",
    "trl",
    "unsloth",
}
MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TEXTS = ("what", "higher", "lower", "advice")


class DefaultModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    framework: str
    key: str = Field(min_length=1)
    value: str | int | float | bool | list[str] | dict[str, int] | None
    source: str = Field(min_length=4)
    note: str = ""


class SourceModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    title: str = Field(min_length=4)
    url: str = Field(pattern=r"^https?://\S+\.\S+$")


class PageModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    field: str
    aliases: list[str]
    title: str = Field(max_length=80)
    what: str
    higher: str
    lower: str
    advice: str
    defaults: list[DefaultModel] = Field(min_length=1)
    related: list[str] = Field(min_length=1)
    rules: list[str] = Field(max_length=0)
    sources: list[SourceModel] = Field(min_length=1)
    higher_label: str = "A higher value"
    lower_label: str = "A lower value"


@pytest.fixture(params=parameters.names())
def page(request: pytest.FixtureRequest) -> parameters.Parameter:
    found = parameters.load(request.param)
    assert found is not None
    return found


def test_page_fits_the_model(page: parameters.Parameter) -> None:
    text = (parameters.FOLDER / f"{page.name}.yaml").read_text(encoding="utf-8")
    model = PageModel.model_validate(yaml.safe_load(text))
    assert max(map(len, text.splitlines())) <= 100
    assert model.name == page.name
    assert {default.framework for default in model.defaults} <= FRAMEWORKS


def test_field_is_canonical(page: parameters.Parameter) -> None:
    assert page.field in FIELDS


def test_related_pages_exist(page: parameters.Parameter) -> None:
    assert set(page.related) <= set(parameters.names()) - {page.name}


def test_texts_fit_the_terminal_and_a_minute(page: parameters.Parameter) -> None:
    texts = {name: getattr(page, name) for name in TEXTS}
    for name, text in texts.items():
        assert max(map(len, text.splitlines())) <= 78, name
        assert 4 <= len(text.split()) <= 200, name
        assert text.strip().endswith((".", ")")) or "\n    " in text, name
    assert sum(len(text.split()) for text in texts.values()) <= 340


def test_numbers_are_numbers(page: parameters.Parameter) -> None:
    """``1e-5`` without a dot would reach us as text."""
    for default in page.defaults:
        assert not re.fullmatch(r"[-+\d.eE]+", str(default.value)) or isinstance(
            default.value, int | float
        )


def test_every_name_and_alias_has_one_page() -> None:
    pages = [page for page in map(parameters.load, parameters.names()) if page is not None]
    spelt = Counter(key.lower() for page in pages for key in (page.name, *page.aliases))
    assert [key for key, count in spelt.items() if count > 1] == []
    for page in pages:
        for alias in page.aliases:
            assert parameters.load(alias) is page


def test_asked_for_pages_exist() -> None:
    asked = """r lora_alpha lora_dropout loftq_config init_lora_weights use_rslora use_dora
    gradient_accumulation_steps per_device_train_batch_size weight_decay learning_rate warmup_steps
    num_train_epochs max_length packing target_modules modules_to_save rank_pattern task_type bias
    bnb_4bit_quant_type bnb_4bit_compute_dtype gradient_checkpointing lr_scheduler_type optim"""
    assert {*asked.split(), *MODULES} <= set(parameters.names())


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        ("alpha", "lora_alpha"),
        ("lora.r", "r"),
        ("LoRA-Alpha", "lora_alpha"),
        ("lr", "learning_rate"),
        ("micro_batch_size", "per_device_train_batch_size"),
        ("alpha_pattern", "rank_pattern"),
        ("Wqkv", "qkv_proj"),
        ("fc2", "down_proj"),
    ],
)
def test_load_by_another_spelling(spelt: str, name: str) -> None:
    found = parameters.load(spelt)
    assert found is not None
    assert found.name == name


def test_unknown_name_gives_none_and_near_names() -> None:
    assert parameters.load("lora_alfa") is None
    assert parameters.suggest("lora_alfa")[0] == "lora_alpha"
    assert parameters.suggest("zzzzzz") == []


def test_only_the_asked_page_is_read() -> None:
    code = (
        "import sys; from lora_advisor import parameters as p; assert 'yaml' not in sys.modules;"
        "p.load('r'); assert p._page.cache_info().currsize == 1; assert 'yaml' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lora_size_formulas_of_the_modules() -> None:
    """The parameters a layer of Llama-3.1-8B gains per unit of r, as the pages state them."""
    hidden, intermediate, kv = 4096, 14336, 1024
    sizes = dict.fromkeys(("q_proj", "o_proj"), 2 * hidden)
    sizes |= dict.fromkeys(("k_proj", "v_proj"), hidden + kv)
    sizes |= dict.fromkeys(("gate_proj", "up_proj", "down_proj"), hidden + intermediate)
    for name, size in sizes.items():
        found = parameters.load(name)
        assert found is not None
        text = " ".join(found.what.split())
        share = f"{100 * size / sum(sizes.values()):.1f}".removesuffix(".0").replace("6.2", "6")
        assert f"{size:,} * r" in text
        assert f"{share} % of an adapter" in text
    assert 32 * sum(sizes.values()) == 2_621_440
    assert 16 * 2_621_440 == 41_943_040


def stated(framework: str, source: str) -> list[parameters.Default]:
    pages = (parameters.load(name) for name in parameters.names())
    defaults = [default for page in pages if page is not None for default in page.defaults]
    found = [d for d in defaults if d.framework == framework and d.source.endswith(source)]
    assert found
    return found


def plain(value: Any) -> object:
    """A library's default in the terms of a page: enums by value, a dtype by its name."""
    text = str(value)
    return (
        text.removeprefix("torch.")
        if "dtype" in type(value).__name__
        else getattr(value, "value", value)
    )


def differing(defaults: list[parameters.Default], real: Any) -> dict[str, tuple[object, object]]:
    pairs = {d.key: (d.value, plain(getattr(real, d.key))) for d in defaults}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_peft_defaults() -> None:
    peft = pytest.importorskip("peft", exc_type=ImportError)
    assert differing(stated("peft", "LoraConfig"), peft.LoraConfig()) == {}


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_peft_default_targets() -> None:
    constants = pytest.importorskip("peft.utils.constants", exc_type=ImportError)
    table = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    for name in MODULES:
        found = parameters.load(name)
        assert found is not None
        default = next(d for d in found.defaults if d.framework == "peft")
        assert default.value == table["llama"]
        assert (" not in it" in default.note) == (name not in table["llama"])
    assert table["gpt2"] == ["c_attn"]


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_transformers_defaults(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    pytest.importorskip("torch", exc_type=ImportError)
    arguments = transformers.TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    assert differing(stated("transformers", "TrainingArguments"), arguments) == {}
    quantised = transformers.BitsAndBytesConfig(load_in_4bit=True)
    assert differing(stated("transformers", "BitsAndBytesConfig"), quantised) == {}


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_trl_defaults(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", exc_type=ImportError)
    sft = trl.SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False)
    assert differing(stated("trl", "SFTConfig"), sft) == {}
    assert differing(stated("trl", "ModelConfig"), trl.ModelConfig()) == {}


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_bitsandbytes_defaults() -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes", exc_type=ImportError)
    signature = inspect.signature(bitsandbytes.nn.Linear4bit)
    for default in stated("bitsandbytes", "nn.Linear4bit"):
        assert signature.parameters[default.key].default == default.value
