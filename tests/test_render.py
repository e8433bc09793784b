"""Texts of cards: plain names are filled in as the template engine would."""

from __future__ import annotations

import pytest

from lora_advisor import render, source
from lora_advisor.facts import Facts
from lora_advisor.frameworks import read
from lora_advisor.recipe import Item, Location
from lora_advisor.source.tree import Span
from lora_advisor.targets import Targets

CONFIG = "base_model: a/b\nadapter: lora\nsequence_len: 8\nlora_r: 8\nlearning_rate: 2e-4\n"
PLAIN = (
    "`{{ key.lora.r }}: {{ lora.r }}` under {{ framework }} {{ train.learning_rate }}",
    "{{lora.target_modules}} {{  lora.use_rslora  }} {{ train.max_steps }}",
    "{{ item.path }} is {{ item.value }}{{ item.hint }}",
    "{{ model.name_or_path }} {{ config.framework }}",
    "no name at all: {single} braces",
)


def facts() -> tuple[Facts, Item]:
    document = source.parse(CONFIG, "config.yaml")
    at = Location(document=document, span=Span(start=0, end=1))
    return Facts(read(document)[0], Targets()), Item(path="a.b", at=at, value=[1.5, None, "x"])


@pytest.mark.parametrize("template", PLAIN)
def test_plain_names_read_as_the_engine_reads_them(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, item = facts()
    quick = render.render(template, known, item)
    monkeypatch.setattr(render, "_filled", lambda *_: None)
    assert quick == render.render(template, known, item)


@pytest.mark.parametrize("template", ["{{ item.nothing }}", "{{ nobody.r }}", "{{ key.lora.no }}"])
def test_a_name_that_is_not_there_is_refused(template: str) -> None:
    with pytest.raises(render.TextError):
        render.render(template, *facts())
