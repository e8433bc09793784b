"""What the package offers to programs that import it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lora_advisor
from lora_advisor import Finding, Severity, check, explain
from lora_advisor.source.errors import SourceError

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "python.md"
BAD = "base_model: a/b\nadapter: lora\nlora_r: 0\nlora_alpha: 16\nlearning_rate: 1e-4\n"


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in lora_advisor.__all__:
        assert getattr(lora_advisor, name).__doc__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lora_advisor.nothing  # type: ignore[attr-defined]


def test_the_names_do_not_depend_on_what_was_imported_before() -> None:
    code = "import lora_advisor.checking, lora_advisor.cli.check; from lora_advisor import check"
    told = f"{code}; print(callable(check))"
    run = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    assert run.stdout == "True\n"


def test_findings_of_a_text() -> None:
    report = check(BAD, "train.yaml")
    (found,) = [finding for finding in report.findings if finding.code == "LA101"]
    assert isinstance(found, Finding)
    assert (found.severity, found.place.line, found.path) == (Severity.ERROR, 3, "lora_r")


def test_a_text_that_cannot_be_read() -> None:
    (failure,) = check("lora_r: [\n", "train.yaml").failures
    assert failure.file == "train.yaml"
    with pytest.raises(SourceError):
        explain("lora_r: [\n", "train.yaml")


def test_the_guide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.yaml").write_text(BAD)
    blocks = re.findall(
        r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    for block in blocks:
        exec(block, {})  # noqa: S102 - the guide's own examples
    assert "3: LA101 " in capsys.readouterr().out
