from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, source
from lora_advisor.checking import check, check_documents
from lora_advisor.frameworks import by_name
from lora_advisor.frameworks.companions import link
from lora_advisor.reports import Options, render_report
from lora_advisor.settings import Settings
from lora_advisor.wording import as_argument, is_own, quoted, spelt

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

LLAMAFACTORY = """\
model_name_or_path: Qwen/Qwen3-0.6B
stage: sft
do_train: true
finetuning_type: lora
quantization_bit: 4
pissa_init: true
lora_target: q_proj,v_proj
learning_rate: 1.0e-4
"""
AXOLOTL = """\
base_model: a/b
adapter: qlora
lora_r: 16
lora_target_modules:
  - q_proj
  - v_proj
learning_rate: 2e-4
optimizer: "adamw_torch"
"""
SCRIPT = """\
RANK = 16
config = LoraConfig(r=RANK, lora_alpha=32, bias="none", use_rslora=True,
                    target_modules=["q_proj",
                                    "v_proj"])
model = get_peft_model(model, config)
"""


def recipe(text: str, name: str = "config.yaml") -> Recipe:
    (found,) = frameworks.read(source.parse(text, name))
    return found


@pytest.mark.parametrize(
    ("text", "name", "field", "said"),
    [
        (LLAMAFACTORY, "a.yaml", "quant.load_in_4bit", "quantization_bit: 4"),
        (LLAMAFACTORY, "a.yaml", "lora.init_lora_weights", "pissa_init: true"),
        (LLAMAFACTORY, "a.yaml", "lora.enabled", "finetuning_type: lora"),
        (LLAMAFACTORY, "a.yaml", "lora.target_modules", "lora_target: q_proj,v_proj"),
        (LLAMAFACTORY, "a.yaml", "train.learning_rate", "learning_rate: 1.0e-4"),
        (AXOLOTL, "a.yaml", "lora.enabled", "adapter: qlora"),
        (AXOLOTL, "a.yaml", "lora.target_modules", "lora_target_modules: [q_proj, v_proj]"),
        (AXOLOTL, "a.yaml", "train.optim", "optimizer: adamw_torch"),
        (AXOLOTL, "a.yaml", "lora.use_rslora", "peft_use_rslora: false"),
        (SCRIPT, "a.py", "lora.r", "r=16"),
        (SCRIPT, "a.py", "lora.bias", 'bias="none"'),
        (SCRIPT, "a.py", "lora.use_rslora", "use_rslora=True"),
        (SCRIPT, "a.py", "lora.target_modules", 'target_modules=["q_proj", "v_proj"]'),
        (SCRIPT, "a.py", "lora.enabled", "LoraConfig"),
    ],
)
def test_a_field_is_said_in_its_authors_words(text: str, name: str, field: str, said: str) -> None:
    assert quoted(recipe(text, name), field) == said


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("save_strategy", "no", 'save_strategy="no"'),
        ("use_dora", "true", "use_dora=True"),
        ("max_length", "null", "max_length=None"),
        ("learning_rate", "2e-4", "learning_rate=2e-4"),
        ("target_modules", "[q_proj, v_proj]", 'target_modules=["q_proj", "v_proj"]'),
        ("target_modules", "[]", "target_modules=[]"),
        ("LoraConfig.bias", "none", 'LoraConfig(bias="none")'),
        (
            "SFTConfig.model_init_kwargs.dtype",
            "auto",
            'SFTConfig(model_init_kwargs={"dtype": "auto"})',
        ),
        ("lora_dropout", "unknown to all", None),
        ("rank_pattern", "{q_proj: 8}", None),
        ("target_modules", "[q_proj, …]", None),
    ],
)
def test_a_key_and_its_value_as_an_argument(key: str, text: str, said: str | None) -> None:
    assert as_argument(key, text) == said


def test_advice_to_a_script_is_python() -> None:
    report = check(SCRIPT.replace("none", "all").replace("use_rslora=True,", ""), "a.py")
    (found,) = (finding for finding in report.findings if finding.code == "LA123")
    assert '`bias="all"`' in found.message


def test_what_another_file_says_to_a_script_stays_in_its_words() -> None:
    script = f"{SCRIPT}trainer = SFTTrainer(model=model, args=SFTConfig('out'))\n"
    launch = "distributed_type: DEEPSPEED\ndeepspeed_config: {zero_stage: 3}\nnum_processes: 2\n"
    documents = [source.parse(script, "train.py"), source.parse(launch, "zero3.yaml")]
    linked = link(frameworks.read(document)[0] for document in documents)[0]
    assert quoted(linked, "run.zero_stage") == "deepspeed_config.zero_stage: 3"
    assert quoted(linked, "lora.r") == "r=16"


def test_a_field_that_a_format_has_no_word_for_keeps_the_librarys() -> None:
    made = recipe(LLAMAFACTORY)
    framework = by_name("llamafactory")
    assert framework is not None
    assert "lora.init_lora_weights" not in framework.keys.values()
    plain = recipe(LLAMAFACTORY.replace("pissa_init: true\n", ""))
    assert spelt(plain, "lora.init_lora_weights") == "init_lora_weights"
    assert not is_own(made, "lora.init_lora_weights", wanted=True)
    assert is_own(made, "train.learning_rate", wanted=2e-4)


@pytest.mark.parametrize("text", [LLAMAFACTORY, AXOLOTL])
def test_no_report_speaks_of_internal_names(text: str) -> None:
    report = check(text + "bf16: false\nfp16: false\n", "config.yaml")
    labels = [related.label for finding in report.findings for related in finding.related]
    assert labels
    assert not [label for label in labels if label.startswith(("lora.", "train.", "quant."))]


def test_a_repair_does_not_write_what_a_key_cannot_say() -> None:
    report = check(LLAMAFACTORY, "config.yaml")
    (found,) = (finding for finding in report.findings if finding.code == "LA208")
    assert [fix.changes for fix in found.fixes] == [()]
    assert "`pissa_init: true`" in found.message


def test_an_ignore_of_a_covered_rule_is_used() -> None:
    ignored = "load_in_8bit: true  # lora-advisor: ignore[four-and-eight-bits] on purpose"
    report = check(f"{AXOLOTL}load_in_4bit: true\n{ignored}\n", "config.yaml")
    names = {finding.name for finding in report.findings}
    assert "qlora-without-four-bits" in names
    assert not names & {"unused-ignore", "four-and-eight-bits"}


def test_of_members_only_the_covered_one_is_left_out() -> None:
    text = "base_model: a/b\nadapter: lora\nfsdp: [full_shard]\nflash_attn_fuse_qkv: true\n"
    found = {(f.name, f.path) for f in check(text, "config.yaml").findings}
    assert ("first-fsdp-in-axolotl", "fsdp") in found
    assert ("removed-argument", "fsdp") not in found
    assert ("removed-argument", "flash_attn_fuse_qkv") in found


def test_a_line_is_marked_once_and_what_goes_without_saying_not_at_all() -> None:
    report = check(AXOLOTL.replace("lora_r: 16", "lora_r: 16\nlora_alpha: 0.5"), "config.yaml")
    (found,) = (finding for finding in report.findings if finding.code == "LA107")
    places = [related.place for related in found.related if related.place]
    assert len(places) == len({(place.line, place.column) for place in places})
    assert [r.label for r in found.related if r.background] == ["adapter: qlora"], "JSON has it"
    shown = render_report(report, "full", Options())
    frame = shown.partition("LA107")[2].partition("= why")[0]
    assert "lora_r: 16" in frame
    assert "adapter: qlora" not in frame


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        (LLAMAFACTORY, "LA208", True),
        ("base_model: a/b\nadapter: lora\nlora_r: 0\n", "LA101", 0),
        ('model_name_or_path: a/b\nuse_peft: true\nlora_r: "0"\n', "LA101", "0"),
    ],
)
def test_a_finding_has_the_value_that_its_key_has(text: str, code: str, value: object) -> None:
    report = check_documents([source.parse(text, "config.yaml")], Settings())
    (found,) = [found for found in report.findings if found.code == code]
    assert found.value == value
    assert type(found.value) is type(value)
