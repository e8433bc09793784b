"""What is advised passes ``check`` without a warning.

A sample of published models, methods, formats and GPUs; all of them with
``LORA_ADVISOR_WHOLE=1 pytest tests/recommend/test_checked.py`` (some 6,000 configs, half an hour).
"""

from __future__ import annotations

import os
import random

import pytest

from lora_advisor import gpus
from lora_advisor.checking import check
from lora_advisor.convert import convert_values, writers
from lora_advisor.convert.writer import ConvertError
from lora_advisor.findings import Severity
from lora_advisor.models import catalogue
from lora_advisor.models.lookup import Lookup
from lora_advisor.recommend import recommend
from lora_advisor.recommend.ask import Question, QuestionError, situation
from lora_advisor.recommend.situation import METHODS

GPUS = ("16GB", "24GB", "80GB")
DATA = ((None, None), (1e5, 300), (5e6, 20_000), (3e8, 500_000))
SAMPLE = 90
LOOKUP = Lookup()


def cases() -> list[tuple[str, str, str, str]]:
    every: list[tuple[str, str, str, str]] = [
        (model, method, gpu, name)
        for model in sorted(catalogue.index()["ids"])
        for method in METHODS
        for gpu in GPUS
        for name, writer in writers().items()
        if method in writer.methods
    ]
    if os.environ.get("LORA_ADVISOR_WHOLE"):
        return every
    return random.Random(20).sample(every, SAMPLE)  # noqa: S311 - a sample, no secret


@pytest.mark.parametrize(("model", "method", "gpu", "name"), cases())
def test_advice_passes_check(model: str, method: str, gpu: str, name: str) -> None:
    tokens, examples = random.Random(f"{model} {method} {name}").choice(DATA)  # noqa: S311
    question = Question(model=model, method=method, gpu=gpu, tokens=tokens, examples=examples)
    try:
        asked = situation(question, None, LOOKUP)
    except QuestionError as error:
        pytest.skip(str(error))
    assert asked.gpu is not None
    assert asked.gpu.memory == gpus.find(gpu).memory
    try:
        made = convert_values(recommend(asked).values, writers()[name], layers=asked.base.leaves)
    except ConvertError as error:
        pytest.skip(str(error))
    report = check(made.text, made.file)
    assert report.files[0].framework in (name, f"{name}-python", "peft-python")
    grave = [found for found in report.findings if found.severity >= Severity.WARNING]
    assert [f"{found.code} {found.message}" for found in grave] == []
