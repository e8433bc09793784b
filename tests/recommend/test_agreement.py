"""``check`` and ``recommend`` judge by the same figures: what one faults, the other changes."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from lora_advisor.checking import check
from lora_advisor.gather import gather
from lora_advisor.models.lookup import Lookup
from lora_advisor.recommend import recommend
from lora_advisor.recommend.ask import Question, situation
from lora_advisor.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from lora_advisor.findings import Finding

CONFIG = """\
base_model: Qwen/Qwen3-8B
adapter: lora
datasets: [{{path: train.jsonl, type: chat_template}}]
lora_r: {r}
lora_alpha: {alpha}
peft_use_rslora: {stabilised}
lora_target_linear: true
micro_batch_size: 2
gradient_accumulation_steps: {accumulation}
num_epochs: {epochs}
learning_rate: {rate}
bf16: true
"""
RATES = (1e-6, 5e-6, 1.5e-5, 2e-4, 2.9e-3, 3e-3, 2e-2, 0.2)
ADAPTERS = ((16, 160, "false"), (16, 16, "true"), (256, 512, "true"), (16, 32, "false"))
VALUES = {"learning_rate", "lora_r", "lora_alpha", "micro_batch_size", "num_epochs"}


def faulted(finding: Finding) -> set[str]:
    """Return the keys of values that a finding is about."""
    labels = {related.label.partition(":")[0] for related in finding.related}
    return ({finding.path} | labels) & VALUES


@pytest.mark.parametrize(("rate", "adapter"), list(product(RATES, ADAPTERS)))
def test_what_check_faults_is_changed(
    tmp_path: Path, rate: float, adapter: tuple[int, int, str]
) -> None:
    r, alpha, stabilised = adapter
    for accumulation, epochs in ((8, 2), (64, 20)):
        path = tmp_path / "config.yaml"
        text = CONFIG.format(
            r=r,
            alpha=alpha,
            stabilised=stabilised,
            accumulation=accumulation,
            epochs=epochs,
            rate=rate,
        )
        path.write_text(text, encoding="utf-8")
        (recipe,) = gather([path], Settings()).recipes
        asked = situation(Question(tokens=1e6, examples=5000), recipe, Lookup())
        kept = {row.key for row in recommend(asked).advice if row.verdict == "keep"}
        for finding in check(text, str(path)).findings:
            about = faulted(finding)
            assert not about or about - kept, f"{finding.name} faults what is kept: {about}"
