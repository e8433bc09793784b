"""Components of torchtune: which release has them, and where they went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lora_advisor import frameworks, source
from lora_advisor.facts.config_arguments import arguments_left_out
from lora_advisor.facts.config_components import missing_components
from lora_advisor.targets import Target, Targets

if TYPE_CHECKING:
    from lora_advisor.recipe import Recipe

CONFIG = """\
model: {_component_: torchtune.models.llama3_1.lora_llama3_1_8b, lora_rank: 8}
checkpointer: {_component_: torchtune.training.FullModelHFCheckpointer, model_type: LLAMA3}
loss: {_component_: %s}
"""


def found(component: str, release: str = "") -> list[tuple[str, str]]:
    (recipe, *_) = frameworks.read(source.parse(CONFIG % component, "recipe.yaml"))
    stated = {"torchtune": Target(low=release, high=release, source="requirements.txt")}
    missing = missing_components(recipe, Targets(known=stated if release else {}))
    return [(component.path, component.hint) for component in missing]


@pytest.mark.parametrize(
    ("component", "release", "meant"),
    [
        ("torchtune.modules.loss.CEWithChunkedOutputLos", "", "CEWithChunkedOutputLoss"),
        ("torchtune.modules.loss.LinearCrossEntropyLoss", "0.6.1", ""),
        ("torchtune.modules.loss.DPOLoss", "0.6.1", "torchtune.rlhf.loss.DPOLoss"),
        ("torchtune.modules.loss.DPOLoss", "", "torchtune.rlhf.loss.DPOLoss"),
    ],
)
def test_missing_component_is_reported(component: str, release: str, meant: str) -> None:
    ((path, hint),) = found(component, release)
    assert path == "loss._component_"
    assert hint.endswith(meant) if meant else hint == ""


@pytest.mark.parametrize(
    ("component", "release"),
    [
        ("torchtune.modules.loss.LinearCrossEntropyLoss", ""),
        ("torchtune.modules.loss.CEWithChunkedOutputLoss", "0.6.1"),
        ("torchtune.modules.loss.Own", ""),
        ("torch.nn.CrossEntropyLoss", "0.6.1"),
        ("own.losses.CEWithChunkedOutputLos", ""),
        ("'${loss}'", ""),
    ],
)
def test_component_that_may_be_there_is_silent(component: str, release: str) -> None:
    assert found(component, release) == []


def test_a_file_in_old_words_is_told_once() -> None:
    text = CONFIG % "torchtune.modules.loss.DPOLoss"
    (recipe, *_) = frameworks.read(
        source.parse(text.replace("training.Full", "utils.Full"), "a.yaml")
    )
    assert [found.path for found in missing_components(recipe, Targets())] == [
        "checkpointer._component_"
    ]


@pytest.mark.parametrize(
    ("text", "path", "left_out"),
    [
        (CONFIG % "a.B", "recipe.yaml", ["model.lora_attn_modules"]),
        (CONFIG.replace("lora_llama", "llama") % "a.B", "recipe.yaml", []),
        (CONFIG.replace("torchtune.", "own.") % "a.B", "recipe.yaml", []),
        ("tune run lora_finetune_single_device --config a.yaml model.lora_rank=8", "run.sh", []),
    ],
)
def test_argument_without_default_is_missed(text: str, path: str, left_out: list[str]) -> None:
    found = [item.path for recipe in _read(text, path) for item in arguments_left_out(recipe)]
    assert found == left_out


def _read(text: str, path: str) -> list[Recipe]:
    return frameworks.read(source.parse(text, path))
