"""Mistakes of users in many formats, each with a corrected twin, and configs without any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from case_files import Case, Variant, lay_out, read_case
from case_score import Finding, expectation, score

from lora_advisor import gpus
from lora_advisor.checking import check_paths
from lora_advisor.settings import Settings

if TYPE_CHECKING:
    from lora_advisor import findings

CASES = {path: read_case(path) for path in sorted((Path(__file__).parents[1] / "cases").glob("*"))}


def said(finding: findings.Finding) -> Finding:
    """Take what the score rests on out of a finding."""
    return Finding(
        code=finding.code,
        cause=finding.cause,
        severity=str(finding.severity),
        key=finding.key,
        path=finding.path,
        file=finding.place.file,
        line=finding.place.line,
        message=finding.message,
    )


def checked(case: Case, variant: Variant, folder: Path) -> list[Finding]:
    """Check one side of a case with what its user knows of the machine."""
    paths = lay_out(case, variant, folder, pins=True)
    gpu: Any = case.hardware.get("gpu")
    model = folder / "model"
    settings = Settings(
        model=model if model.is_dir() else None,
        gpu=gpus.find(gpu) if gpu else None,
        processes=case.hardware.get("num_processes"),
    )
    report = check_paths([folder / path for path in paths], settings)
    assert not report.failures
    return [said(finding) for finding in report.findings]


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if not case.clean], ids=lambda case: case.id
)
def test_fault_is_found_and_its_correction_is_not(case: Case, tmp_path: Path) -> None:
    wanted = expectation(case, current=False)
    assert wanted is not None
    assert case.fixed is not None
    (tmp_path / "faulty").mkdir()
    (tmp_path / "fixed").mkdir()
    faulty = checked(case, case.faulty, tmp_path / "faulty")
    outcome = score(case, wanted, faulty, checked(case, case.fixed, tmp_path / "fixed"))
    assert outcome.found, [str(finding) for finding in faulty]
    assert not outcome.twin_alarms


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.clean], ids=lambda case: case.id
)
def test_nothing_is_said_of_a_clean_config(case: Case, tmp_path: Path) -> None:
    found = checked(case, case.faulty, tmp_path)
    assert [str(finding) for finding in found if finding.severity != "info"] == []


def test_every_case_names_itself() -> None:
    assert CASES
    assert [path.stem for path in CASES] == [case.id for case in CASES.values()]
