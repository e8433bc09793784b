"""What docs/stability.md promises, as far as it can be tested.

``UPDATE_PROMISES=1`` adds what is new to the promises; nothing takes one back.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import codes
import pytest
from click.testing import CliRunner

from lora_advisor import settings
from lora_advisor.cli import cli
from lora_advisor.own_rules import scaffold
from lora_advisor.record import replace
from lora_advisor.reports import formats
from lora_advisor.reports.json import VERSION
from lora_advisor.rules import Rule, load, select
from tests.cards import cards

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PROMISES = Path(__file__).parent / "promises.json"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text("utf-8"))


def members(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield every member of the report that is required."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for name in schema.get("required", ()):
        yield f"{path}{name}"
        yield from members(schema["properties"][name], f"{path}{name}.")
    if "items" in schema:
        yield from members(schema["items"], path)


def options(command: click.Command, name: str) -> Iterator[str]:
    for parameter in command.params:
        yield from (f"{name} {option}" for option in parameter.opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from options(found, f"{name} {inner}")


def offered() -> dict[str, list[str]]:
    return {
        f"report {VERSION}": sorted({*members(SCHEMA)}),
        "settings": sorted(settings._READERS),
        "options": sorted({*options(cli, "lora-advisor")}),
        "formats": sorted(formats()),
    }


def test_nothing_that_was_promised_is_gone() -> None:
    promised = json.loads(PROMISES.read_text("utf-8")) if PROMISES.exists() else {}
    found = offered()
    gone = {part: sorted({*names} - {*found.get(part, ())}) for part, names in promised.items()}
    assert not any(gone.values()), gone
    if os.environ.get("UPDATE_PROMISES"):
        PROMISES.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def test_the_report_says_the_version_that_its_schema_has() -> None:
    assert SCHEMA["properties"]["version"] == {"const": VERSION}
    assert f'"version": {VERSION},' in (ROOT / "docs" / "json-output.md").read_text("utf-8")


def test_every_rule_has_a_code_and_a_name_of_its_own_for_ever() -> None:
    text = codes.FILE.read_text("utf-8")
    assert codes.extended(text, cards().values()) == text, "run python scripts/write_docs.py"
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len({line.split()[0] for line in lines}) == len(lines)
    assert len({line.split()[1] for line in lines}) == len(lines)


def test_a_rule_that_went_keeps_its_code_and_name() -> None:
    card = next(iter(cards().values()))
    for taken in (f"{card.id} another-rule\n", f"LA999 {card.name}\n"):
        with pytest.raises(codes.ReusedError):
            codes.extended(taken, [card])
    assert "LA998 gone-for-long\n" in codes.extended("LA998 gone-for-long\n", [card])


def test_no_card_is_younger_than_the_program() -> None:
    from lora_advisor import __version__

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    assert not [c.id for c in cards().values() if numbers(c.since) > numbers(__version__)]


def rule(since: str, folder: Path | None = None) -> Rule:
    words = {"since": since}
    return replace(load()[0], code="LA998", name="later-rule", words=words, folder=folder)


def test_rules_version_leaves_out_what_came_later() -> None:
    older, later = rule("0.1.7"), rule("0.2.0")
    assert select([older, later], (), (), version="0.1") == (older,)
    assert select([older, later], ["LA"], (), version="0.1") == (older,)
    assert select([later], ["later-rule"], (), version="0.1") == (later,)
    assert select([older], (), (), version="0.1.6") == ()
    own = rule("9.0.0", Path("team-rules"))
    assert select([own], (), (), version="0.1") == (own,)


CONFIG = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 128\nlora_alpha: 128\n"


def run(status: str, *arguments: str, config: str = CONFIG) -> tuple[int, str]:
    folder = Path("team-rules/team")
    folder.mkdir(parents=True, exist_ok=True)
    card = scaffold("rank-above-64", "TEAM001").replace("status: stable", f"status: {status}")
    (folder / "rank-above-64.yaml").write_text(card)
    Path("a.yaml").write_text(config)
    result = CliRunner().invoke(cli, ["check", "a.yaml", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path(".lora-advisor.toml").write_text('rules = ["team-rules"]\n')


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize(
    ("status", "selected", "reported"),
    [
        ("stable", "ALL", True),
        ("deprecated", "ALL", True),
        ("preview", "ALL", False),
        ("preview", "TEAM", False),
        ("preview", "TEAM001", True),
        ("preview", "rank-above-64", True),
        ("removed", "ALL", False),
        ("removed", "TEAM001", False),
    ],
)
def test_what_runs_by_its_status(status: str, selected: str, reported: bool) -> None:
    code, output = run(status, "--select", selected, "--fail-on", "warning")
    assert ("TEAM001" in output) is reported
    assert code == (1 if reported else 0)


@pytest.mark.usefixtures("_project")
def test_naming_a_removed_rule_is_no_error() -> None:
    ignoring = CONFIG.replace("128\nlora_alpha", "128  # lora-advisor: ignore[TEAM001]\nlora_alpha")
    output = run("removed", "--ignore", "TEAM001", config=ignoring)[1]
    assert "unknown-ignore" not in output
    assert "unused-ignore" not in output


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize(
    ("status", "arguments"),
    [("stable", ("--ignore", "TEAM001")), ("stable", ("--select", "LA")), ("preview", ())],
)
def test_a_comment_for_a_rule_that_does_not_run_is_left_alone(
    status: str, arguments: tuple[str, ...]
) -> None:
    for selector in ("TEAM001", "rank-above-64"):
        comment = f"128  # lora-advisor: ignore[{selector}]\nlora_alpha"
        output = run(status, *arguments, config=CONFIG.replace("128\nlora_alpha", comment))[1]
        assert "unknown-ignore" not in output
        assert "unused-ignore" not in output


@pytest.mark.usefixtures("_project")
def test_a_comment_for_a_rule_that_runs_is_told_as_unused() -> None:
    unused = CONFIG.replace("128\nlora_alpha", "8  # lora-advisor: ignore[TEAM001]\nlora_alpha")
    assert "unused-ignore" in run("stable", config=unused)[1]
