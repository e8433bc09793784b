"""Files of a run are read one by one: what is known of each, and how few are held at a time."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor import checking, frameworks
from lora_advisor.checking import check_paths
from lora_advisor.frameworks.companions import Launches, link, may_accompany
from lora_advisor.gather import gather
from lora_advisor.settings import Settings
from lora_advisor.source import parse
from lora_advisor.source.tree import Document
from tests.frameworks import corpus
from tests.frameworks.reading import recipe

if TYPE_CHECKING:
    from pathlib import Path

    from lora_advisor.models.lookup import Lookup
    from lora_advisor.recipe import Recipe

TRAIN = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 8\noutput_dir: out/v0\n"
ACCELERATE = "compute_environment: X\ndistributed_type: MULTI_GPU\nnum_processes: 16\n"
ZERO3 = '{"zero_optimization": {"stage": 3}, "train_micro_batch_size_per_gpu": 2}'
SERVE = "vllm serve a/b --enable-lora --lora-modules mine="
COMPANIONS = {
    "a/accelerate.yaml": ACCELERATE,
    "c/accelerate.yaml": ACCELERATE,
    "a/ds.json": ZERO3,
    "b/ds.json": ZERO3,
    "a/run.sh": "torchrun --nproc_per_node 8 train.py",
    "b/run.sh": "accelerate launch --config_file a/accelerate.yaml train.py",
    "serve.sh": f"{SERVE}out/v0",
    "a/serve.sh": f"{SERVE}elsewhere",
}
CONFIGS = {
    "a/one.yaml": TRAIN,
    "a/two.yaml": f"{TRAIN}deepspeed: ds.json\n",
    "a/train.py": "SFTConfig()",
    "b/train.py": "SFTConfig()",
    "c/three.yaml": TRAIN.replace("v0", "v1"),
    "a/adapter_config.json": '{"peft_type": "LORA", "r": 8}',
    "c/adapter_config.json": '{"peft_type": "LORA", "r": 8}',
    "four.yaml": TRAIN,
}


def told(found: Recipe) -> dict[str, object]:
    """Return what a recipe says of its launch, the part that companions add to."""
    return {field: v.value for field, v in found.values.items() if field.startswith("run.")}


@given(
    st.lists(st.sampled_from(sorted(COMPANIONS)), unique=True),
    st.lists(st.sampled_from(sorted(CONFIGS)), unique=True, min_size=1),
)
def test_files_read_one_by_one_are_linked_as_if_all_were_known(
    companions: list[str], configs: list[str]
) -> None:
    texts = COMPANIONS | CONFIGS
    recipes = {path: recipe(texts[path], path) for path in [*companions, *configs]}
    run = Launches()
    ready = [*run.settled([recipes[path] for path in companions])]
    ready += [pair for path in configs for pair in run.settled([recipes[path]])]
    singly = {read.document.path: told(joined) for read, joined in [*ready, *run.rest()]}
    together = link(recipes.values())
    assert singly == {found.document.path: told(found) for found in together}


def test_every_companion_is_read_early() -> None:
    for folder in ("accelerate", "deepspeed"):
        late = [
            path.name
            for path in corpus.files(folder)
            if any(
                _accompanies(found)
                for found in frameworks.read(parse(path.read_bytes(), path.name))
            )
            and not may_accompany(path.name, path.read_bytes())
        ]
        assert late == []


def _accompanies(found: Recipe) -> bool:
    framework = frameworks.by_name(found.framework)
    return framework is not None and framework.companion


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_companion_counts_wherever_it_stands_among_the_files(
    tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "a.yaml").write_text(TRAIN)
    (tmp_path / "z.yaml").write_bytes(ACCELERATE.encode(encoding))
    found = gather([tmp_path], Settings()).recipes
    assert [one.framework for one in found] == ["trl", "accelerate"]
    assert found[0]["run.num_processes"].value == 16


def test_a_notebook_that_launches_a_script_is_read_before_it(tmp_path: Path) -> None:
    cell = '{"cell_type": "code", "source": ["!torchrun --nproc_per_node 4 train.py"]}'
    (tmp_path / "z.ipynb").write_text(f'{{"cells": [{cell}], "nbformat": 4}}')
    (tmp_path / "train.py").write_text("from peft import LoraConfig\nSFTConfig()\n")
    found = gather([tmp_path / "train.py", tmp_path / "z.ipynb"], Settings()).recipes
    assert found[0].document.format == "python"
    assert found[0]["run.num_processes"].value == 4


def test_what_a_command_starts_with_is_read_too(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "zero3.yaml").write_text(ACCELERATE)
    command = "accelerate launch --config_file configs/zero3.yaml train.py --lora_r 8 --use_lora 1"
    (tmp_path / "run.sh").write_text(command)
    found = gather([tmp_path / "run.sh"], Settings()).recipes
    assert [one.framework for one in found] == ["flags", "accelerate"]
    assert found[0]["run.num_processes"].value == 16


def test_documents_of_judged_files_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (tmp_path / f"{number}.yaml").write_text(TRAIN)
    (tmp_path / "accelerate.yaml").write_text(ACCELERATE)
    find, held = checking.lookup, [0]

    def counting(file: str, settings: Settings) -> Lookup:
        held.append(sum(type(one) is Document for one in gc.get_objects()) - before)
        return find(file, settings)

    before = sum(type(one) is Document for one in gc.get_objects())
    monkeypatch.setattr(checking, "lookup", counting)
    report = check_paths([tmp_path], Settings())
    assert len(report.files) == len(held) - 1 == 41
    assert max(held) < 10
