from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from case_files import Case, build_case, file_name, fixed_files, lay_out, read_case
from case_report import report
from case_score import Finding, blames, expectation, is_hit, names, score

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def made_case(**changes: Any) -> Case:
    """Make up a case with one fault; ``changes`` replace its parts, None removes one."""
    data: dict[str, Any] = {
        "id": "made-up",
        "dialect": "axolotl-yaml",
        "config": "lora_r: 0\n",
        "fixed": "lora_r: 8\n",
        "expect": {"tags": ["rank", "scale"], "fields": ["lora_r", "r"], "severity": "warning"},
        "today_tags": ["rank"],
        "detectable_by": "config-only",
    }
    data.update(changes)
    return build_case({key: value for key, value in data.items() if value is not None})


def said(cause: str | None = "rank", severity: str = "error", key: str = "lora_r") -> Finding:
    return Finding(
        code="X1",
        cause=cause,
        severity=severity,
        key=key,
        path="",
        file="config.yaml",
        line=1,
        message="no",
    )


CLEAN: Mapping[str, Any] = {"expect": "clean", "fixed": None, "today_tags": None}


@pytest.mark.parametrize(
    ("blamed", "field"),
    [
        ("lora_r", "lora_r"),
        ("adapters[0].lora_r", "lora_r"),
        ("lora.r", "r"),
        ("--max-lora-rank", "max_lora_rank"),
        ("fsdp_config.offload", "fsdp_config"),
        ("ds.zero_optimization.stage", "zero_optimization.stage"),
        ("LoraConfig(r)", "r"),
    ],
)
def test_a_key_or_path_names_a_field(blamed: str, field: str) -> None:
    assert names(blamed, field)


@pytest.mark.parametrize(
    ("blamed", "field"),
    [("lora_r", "r"), ("stage", "zero_optimization.stage"), ("", "r"), ("lora_r", "lora_rank")],
)
def test_a_similar_name_is_not_the_field(blamed: str, field: str) -> None:
    assert not names(blamed, field)


def test_blame_may_lie_in_the_path() -> None:
    finding = Finding(
        code="X1",
        cause="rank",
        severity="error",
        key="other",
        path="lora.r",
        file="",
        line=1,
        message="",
    )
    assert blames(finding, ["r"])
    assert not blames(finding, ["lora_alpha"])


@pytest.mark.parametrize(
    ("finding", "hit"),
    [
        (said(), True),
        (said(severity="warning"), True),
        (said(severity="info"), False),
        (said(cause="scale"), True),
        (said(cause="other"), False),
        (said(cause=None), False),
        (said(key="lora_alpha"), False),
    ],
)
def test_a_hit_needs_cause_field_and_severity(finding: Finding, hit: bool) -> None:
    case = made_case()
    wanted = expectation(case, current=False)
    assert wanted is not None
    assert is_hit(finding, case, wanted) is hit


def scored(
    case: Case, faulty: list[Finding], fixed: list[Finding], *, current: bool = False
) -> Any:
    wanted = expectation(case, current=current)
    assert wanted is not None
    return score(case, wanted, faulty, fixed)


def test_the_cause_on_the_fixed_twin_is_an_alarm_at_any_severity() -> None:
    outcome = scored(made_case(), [said()], [said(severity="info", key="x"), said("other")])
    assert outcome.found
    assert [finding.cause for finding in outcome.twin_alarms] == ["rank"]
    assert not outcome.clean_alarms


def test_a_clean_case_takes_info_and_excused_causes_only() -> None:
    case = made_case(**CLEAN, may_report=["scale"])
    outcome = scored(case, [said(severity="info"), said("scale"), said(None, "warning")], [])
    assert [finding.cause for finding in outcome.clean_alarms] == [None]
    assert not outcome.counted


def test_a_fault_only_a_run_can_show_must_stay_silent() -> None:
    case = made_case(
        detectable_by="runtime-only", expect={"tags": [], "fields": [], "severity": "none"}
    )
    outcome = scored(case, [said("other", "warning")], [])
    assert not outcome.counted
    assert len(outcome.clean_alarms) == 1


def test_today_only_the_tags_of_today_count() -> None:
    outcome = scored(made_case(), [said("scale")], [], current=True)
    assert not outcome.found
    assert [finding.cause for finding in outcome.clean_alarms] == ["scale"]


def test_a_fault_that_is_none_today_is_an_alarm_and_no_miss() -> None:
    outcome = scored(made_case(today_tags=[]), [said()], [], current=True)
    assert not outcome.counted
    assert len(outcome.clean_alarms) == 1


def test_unknown_today_is_skipped() -> None:
    assert expectation(made_case(today_tags=None), current=True) is None
    assert expectation(made_case(**CLEAN, env={"trl": "0.9"}), current=True) is None
    assert expectation(made_case(**CLEAN), current=True) is not None


def test_the_report_lists_misses_alarms_and_crashes() -> None:
    case = made_case()
    wanted = expectation(case, current=False)
    assert wanted is not None
    outcome = score(case, wanted, [said("other")], [said()], ["faulty: exit 3"])
    text = report([outcome], others=True)
    assert "| all | all | 1 | 0 | 0 | 1 | 0 | 0 | 1 |" in " ".join(text.split())
    assert "Missed: 1" in text
    assert "said:   error X1 [other] lora_r: no" in text
    assert "made-up (fixed) error X1 [rank]" in text
    assert "made-up faulty: exit 3" in text


@pytest.mark.parametrize(
    ("dialect", "text", "name"),
    [
        ("adapter-config-json", "{}", "adapter_config.json"),
        ("trl-yaml", "num_generations: 8\n", "grpo.yaml"),
        ("trl-yaml", "bf16: true\n", "sft.yaml"),
        ("unsloth-python", "", "train.py"),
        ("kohya-cli", "", "run.sh"),
        ("kohya-toml", "", "config.toml"),
        ("never-heard-of", "", "config.txt"),
    ],
)
def test_a_config_gets_the_name_its_users_give_it(dialect: str, text: str, name: str) -> None:
    assert file_name(dialect, text) == name


def test_a_new_config_keeps_the_side_files_it_names() -> None:
    files = {"conf/ds.json": "{}", "fsdp.yaml": ""}
    data = {"config": "", "fixed": "deepspeed: ds.json", "files": files}
    assert fixed_files(data) == {"conf/ds.json": "{}"}
    assert fixed_files({**data, "fixed_files": {"new.yaml": ""}}) == {"new.yaml": ""}
    assert fixed_files({"config": "", "fixed_serve": {}, "files": files}) == files


def test_a_case_is_laid_out_as_its_users_folder(tmp_path: Path) -> None:
    case = made_case(
        dialect="adapter-config-json",
        config="{}",
        serve={"runtime": "vllm", "args": "vllm serve m --enable-lora --lora-modules a=./adapter"},
        files={"ds.json": "{}"},
        env={"peft": 0.17},
        model={"name": "m", "model_type": "llama", "config": {"vocab_size": 9}},
        adapter={"tensors": {"a": [2, 3]}},
    )
    paths = lay_out(case, case.faulty, tmp_path, pins=True)
    assert paths == ["adapter/adapter_config.json", "ds.json", "serve.sh"]
    assert (tmp_path / "requirements.txt").read_text() == "peft==0.17\n"
    model = json.loads((tmp_path / "model/config.json").read_text())
    assert model == {"model_type": "llama", "vocab_size": 9}
    raw = (tmp_path / "adapter/adapter_model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    assert header == {"a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}
    assert len(raw) == 8 + size + 12


def test_pins_are_left_out_when_today_is_asked_for(tmp_path: Path) -> None:
    case = made_case(env={"peft": "0.17"})
    lay_out(case, case.faulty, tmp_path, pins=False)
    assert not (tmp_path / "requirements.txt").exists()


def test_a_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    case = made_case(files={"../up.yaml": ""})
    with pytest.raises(ValueError, match="outside"):
        lay_out(case, case.faulty, tmp_path / "in", pins=False)


def test_a_broken_case_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("id: x\n")
    with pytest.raises(ValueError, match=r"broken\.yaml"):
        read_case(path)
