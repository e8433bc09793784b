"""Calibrations of a tiny base, end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lora_advisor.calibrate.reading import Chosen, Reader
from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.cli.calibrate import command
from lora_advisor.gather import gather
from lora_advisor.settings import Settings

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def _libraries(base: Path) -> None:
    pytest.importorskip("matplotlib")
    assert base.is_dir()


def invoke(folder: Path, output: Path, *more: str, config: str = "config.yaml") -> Any:
    arguments = [str(folder / config), "--output-dir", str(output), "--isolated", *more]
    return CliRunner().invoke(command, arguments)


def setup_of(folder: Path, **changes: Any) -> Any:
    from lora_advisor.calibrate.calibration import Wanted
    from lora_advisor.calibrate.session import Asked, read_setup

    recipe = gather([folder / "config.yaml"], Settings()).recipes[0]
    asked = Asked(wanted=Wanted(), chosen=Chosen(device="cpu"), output=folder / "out", **changes)
    return read_setup(Reader(recipe), asked)


def test_measures_and_writes_the_rate_back(folder: Path, tmp_path: Path) -> None:
    text = (folder / "config.yaml").read_text("utf-8")
    (folder / "own.yaml").write_text(text, "utf-8")
    result = invoke(folder, tmp_path, "--apply", config="own.yaml")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    advised = report["advice"][0]["value"]
    assert 2e-4 < advised < 1
    assert report["steps"] <= 190  # the range test in full and five short runs
    changed = (folder / "own.yaml").read_text("utf-8")
    assert "# a guess" in changed
    assert changed.replace(str(advised), "2.0e-4") == text
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<svg ") == 2
    assert str(Path.home()) not in page

    again = invoke(folder, tmp_path, "--resume", config="config.yaml")
    assert again.exit_code == 0, again.output
    assert (
        json.loads((tmp_path / "report.json").read_text("utf-8"))["advice"][0]["value"] == advised
    )


def test_engines_give_the_same_numbers(folder: Path) -> None:
    from lora_advisor.calibrate.engines import engine
    from lora_advisor.calibrate.short_runs import short_run

    setup = setup_of(folder)
    trials = [
        short_run(setup.adapter, rate, batch=8, seed=1, steps=4) for rate in (1e-3, 1e-2, 1e-3)
    ]
    with engine("serial", setup) as serial:
        first = list(serial.map(trials))
    with engine("process", setup, workers=1) as pool:
        second = list(pool.map(trials))
    assert all(a.same_numbers(b) for a, b in zip(first, second, strict=True))
    assert first[0].same_numbers(first[2])  # nothing is left over from the trial between
    assert first[0].score != first[1].score


@pytest.mark.slow
def test_a_busy_machine_and_other_threads_change_no_number(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from lora_advisor.calibrate import reading
    from lora_advisor.calibrate.engines import engine
    from lora_advisor.calibrate.range_test import range_trial

    monkeypatch.setattr(reading, "SMALL_FILE", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    setup = setup_of(folder)
    assert setup.base.threads == 2
    trials = [replace(range_trial(setup.adapter, batch=size, seed=1), steps=6) for size in (1, 8)]
    with engine("serial", setup) as serial:
        alone = list(serial.map(trials))
    torch.set_num_threads(1)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as a worker of Ray finds it
        try:
            with engine("process", setup, workers=1) as pool:
                beside = list(pool.map(trials))
        finally:
            busy.kill()
    assert all(a.same_numbers(b) for a, b in zip(alone, beside, strict=True))


@pytest.mark.parametrize("init", ["pissa", "olora", "gaussian", True])
def test_a_trial_starts_from_the_same_base(folder: Path, init: str | bool) -> None:
    from lora_advisor.calibrate.running import run
    from lora_advisor.calibrate.short_runs import short_run
    from lora_advisor.calibrate.workbench import Workbench

    setup = setup_of(folder)
    settings = {**setup.adapter.settings, "init_lora_weights": init}
    setup = replace(setup, adapter=replace(setup.adapter, settings=settings))
    bench = Workbench(setup)
    trial = short_run(setup.adapter, 1e-2, batch=8, seed=1, steps=3)
    first, other, again = (run(bench, replace(trial, r=r)) for r in (4, 8, 4))
    assert first.same_numbers(again)
    assert first.start == pytest.approx(other.start, abs=1e-3)


def test_the_score_before_training_is_measured_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lora_advisor.calibrate.running import run
    from lora_advisor.calibrate.short_runs import short_run
    from lora_advisor.calibrate.workbench import Workbench

    setup = setup_of(folder)
    scored: list[float] = []
    score = Workbench.score

    def counted(bench: Workbench) -> float:
        scored.append(score(bench))
        return scored[-1]

    monkeypatch.setattr(Workbench, "score", counted)
    bench = Workbench(setup)
    runs = [short_run(setup.adapter, rate, batch=8, seed=1, steps=3) for rate in (1e-3, 1e-2)]
    first, second = (run(bench, trial) for trial in runs)
    assert first.start == second.start == scored[0]
    assert scored[1:] == [first.score, second.score]


def test_memory_counts_what_real_tensors_take(folder: Path) -> None:
    from lora_advisor.calibrate.memory import measure

    setup = setup_of(folder)
    checkpointed = replace(setup, training=replace(setup.training, checkpointing=True))
    dry, real = measure(checkpointed, 32), measure(checkpointed, 32, fake=False)
    assert dry.kept == real.kept
    assert dry.peak == pytest.approx(real.peak, rel=0.05)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("dataset_name: rows.jsonl", "dataset_name: nowhere.jsonl"), "no-data"),
        (("model_name_or_path: base", "model_name_or_path: some/other"), "no-model"),
        (("dataset_name: rows.jsonl", "dataset_name: few.jsonl"), "too-little-data"),
    ],
)
def test_refuses_with_a_name(
    folder: Path, tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    text = (folder / "config.yaml").read_text("utf-8")
    (folder / "few.jsonl").write_text('{"text": "In the beginning"}\n' * 5, "utf-8")
    (folder / "refused.yaml").write_text(text.replace(*change), "utf-8")
    result = invoke(folder, tmp_path, config="refused.yaml")
    assert result.exit_code == 2
    assert result.output.strip().startswith(f"Error: {reason}: ")


def test_refuses_a_base_whose_loss_is_not_a_number(folder: Path) -> None:
    import torch

    from lora_advisor.calibrate.range_test import range_trial, read_range
    from lora_advisor.calibrate.running import run
    from lora_advisor.calibrate.workbench import Workbench

    setup = setup_of(folder)
    bench = Workbench(setup)
    with torch.no_grad():
        bench._base.model.norm.weight.fill_(float("nan"))
    with pytest.raises(RefusalError, match="not-a-number"):
        read_range(run(bench, range_trial(setup.adapter, batch=8, seed=0)))


def test_only_answers_are_learnt(base: Path) -> None:
    from transformers import AutoTokenizer

    from lora_advisor.calibrate.data.tokens import CHATML, Masking, tokenised
    from lora_advisor.calibrate.data.turns import Said
    from lora_advisor.calibrate.examples import IGNORED

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = CHATML
    turns = (
        {"role": "user", "content": "Who made the heaven?"},
        {"role": "assistant", "content": "God created it."},
        {"role": "user", "content": "And the earth?"},
        {"role": "assistant", "content": "That too."},
    )
    masking = Masking(prompts=False, questions=False)
    example = tokenised(Said(turns=turns), tokenizer, masking, 500)
    assert example is not None
    learnt = tokenizer.decode([label for label in example.labels if label != IGNORED])
    assert learnt == "God created it.<|im_end|>\nThat too.<|im_end|>\n"
