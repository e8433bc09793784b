"""Reports made by hand, so that a format's test needs no rule."""

from __future__ import annotations

from lora_advisor import source
from lora_advisor.findings import (
    Change,
    Checked,
    Failure,
    Finding,
    Fix,
    Place,
    Related,
    Report,
    Severity,
    Skipped,
)

CONFIG = """\
base_model: Qwen/Qwen3-8B
load_in_4bit: true  # a comment
peft:
  loftq_config:
    loftq_bits: 4
lora_r: 16
lora_target_modules:
  - q_proj
  - v_proj
note: "漢字 and more"
"""


def place(line: int, column: int, length: int, *, file: str = "config.yaml") -> Place:
    """Return a place on one line."""
    return Place(file=file, line=line, column=column, end_line=line, end_column=column + length)


def finding(**changes: object) -> Finding:
    """Return an error about LoftQ on a quantised model, changed where a test asks for it."""
    values: dict[str, object] = {
        "code": "LA201",
        "name": "loftq-on-quantised-model",
        "cause": "loftq-on-quantised-model",
        "severity": Severity.ERROR,
        "evidence": "raises",
        "place": place(5, 17, 1),
        "path": "peft.loftq_config.loftq_bits",
        "key": "loftq_bits",
        "field": "lora.loftq_config",
        "value": 4,
        "message": "LoftQ quantises the base itself: PEFT refuses a base that `load_in_4bit: true` "
        "has quantised before.",
        "why": "LoftQ chooses the adapter so that it makes up for what quantising loses. For that\n"
        "it must see the full weights.",
        "url": "https://example.org/rules/loftq-on-quantised-model.md",
        "related": (
            Related(place=place(2, 15, 4), label="load_in_4bit: true"),
            Related(place=place(6, 9, 2), label="lora_r: 16"),
            Related(place=None, label="bnb_4bit_quant_type: fp4 (library default)"),
        ),
        "fixes": (
            Fix(title="Load the base unquantised.", safety="unsafe", changes=(Change(key="a"),)),
        ),
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


def report(*findings: Finding, text: str = CONFIG, **changes: object) -> Report:
    """Return a report of one config with these findings."""
    values: dict[str, object] = {
        "files": (Checked(file="config.yaml", framework="axolotl", evidence="base_model"),),
        "findings": findings,
        "skipped": (),
        "failures": (),
        "assumed": (("peft", "0.17.0 (requirements.txt)"), ("trl", "1.16.0 (current)")),
        "sources": {"config.yaml": source.parse(text, "config.yaml")},
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]


SKIPPED = Skipped(file="config.yaml", code="LA417", name="fp16-and-bf16", reason="bf16 is auto")
FAILURE = Failure(file="broken.yaml", message="a tab, where a space was expected", line=3, column=1)
