from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_advisor.own_rules import scaffold
from tests.cli.running import run

CARD = scaffold("rank-above-64", "TEAM001")
CONFIG = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 128\nlora_alpha: 128\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(CONFIG)
    Path(".lora-advisor.toml").write_text('rules = ["./team-rules"]\n')
    return tmp_path


def write(text: str, name: str = "rank-above-64") -> None:
    path = Path("team-rules") / "team" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_new_card_passes_its_own_test() -> None:
    run("rule", "new", "rank-above-64", "--code", "TEAM001")
    result = run("rule", "test", "team-rules")
    assert (result.exit_code, result.stdout) == (0, "2 of 2 examples do what they show\n")
    assert run("rule", "new", "rank-above-64", "--code", "TEAM001").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("../../evil-card", "--code", "TEAM001"), "name '../../evil-card': expected"),
        (("high", "--code", "TEAM001"), "several words with dashes"),
        (("rank-above-64", "--code", "team1"), "capitals and three digits"),
        (("rank-above-64", "--code", "LA999"), "code 'LA999'"),
        (("rank-above-64", "--code", "TEAM001", "--area", "../x"), "area '../x'"),
    ],
)
def test_a_new_card_needs_names_that_it_can_have(arguments: tuple[str, ...], told: str) -> None:
    result = run("rule", "new", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not Path("team-rules").exists()


def test_a_rule_of_ones_own_is_shown() -> None:
    write(CARD)
    assert "rank-above-64" in run("rule", "TEAM001").stdout
    write("id: [")
    broken = run("rule", "LA101")
    assert broken.exit_code == 0
    assert "warning: " in broken.stderr


def test_a_rule_of_ones_own_reports() -> None:
    write(CARD)
    data = json.loads(run("check", "a.yaml", "--output-format", "json").stdout)
    (found,) = [f for f in data["findings"] if f["code"] == "TEAM001"]
    assert found["message"] == "`lora_r: 128` is above what we use. Write 64 or less."
    assert (found["line"], found["url"]) == (3, "https://example.org/our-guide")
    silent = run("check", "a.yaml", "--ignore", "rank-above-64", "--output-format", "concise")
    assert "TEAM001" not in silent.stdout
    assert "TEAM001" not in run("check", "a.yaml", "--isolated").stdout


def test_examples_that_show_something_else_are_told() -> None:
    write(CARD.replace("lora_r: 16", "lora_r: 96").replace("at: lora_r\n", "at: lora_alpha\n"))
    result = run("rule", "test", "team-rules")
    assert result.exit_code == 1
    assert "good example 1 is reported, and should not be" in result.stdout
    assert "bad example 1 is reported at lora_r, not at lora_alpha" in result.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CARD.replace("TEAM001", "LA999"), "codes that begin with LA"),
        (CARD.replace("lora.r > 64", "lora.rang > 64"), "no field and no fact is called"),
        (CARD.replace("name: rank-above-64", "name: another-name"), "so must its file be"),
        (CARD.replace("lora.r > 64", "().__class__"), "a name is GROUP.FACT"),
        (CARD.replace("lora.r > 64", "lora.r ** 9 > 1"), "condition"),
        (CARD.replace("lora.r > 64", "__import__('os').getcwd()"), "condition"),
        (CARD.replace("lora.r > 64", "[x for x in lora.r]"), "condition"),
        (CARD.replace("severity: warning", "severity: loud"), "severity"),
        ("id: [", "team-rules"),
        ("!!python/object/apply:os.system [touch pwned]", "team-rules"),
    ],
)
def test_cards_that_cannot_be_used_stop_the_run(text: str, told: str) -> None:
    write(text)
    for arguments in (("check", "a.yaml"), ("rule", "test", "team-rules")):
        result = run(*arguments)
        assert result.exit_code == 2
        assert told in result.stderr
        assert "Traceback" not in result.stderr
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    "escape",
    [
        "{{ lora.__class__ }}",
        "{{ lora.r.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ 'a' * 10**9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ key.lora._facts.recipe.document.text }}",
        "{{ lora._facts }}",
        "{{ range(10**9) | list }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{{ 'a' | center(10**9) }}",
    ],
)
def test_texts_cannot_escape(escape: str) -> None:
    message = 'message: "`{{ key.lora.r }}: {{ lora.r }}` is above what we use. Write 64 or less."'
    assert message in CARD
    write(CARD.replace(message, f'message: "said {escape.replace(chr(34), chr(39))}"'))
    result = run("check", "a.yaml", "--output-format", "concise")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    for leaked in ("class", "root:", "model_name_or_path: a/b", "aaaa"):
        assert leaked not in result.stdout


def test_the_word_show_can_be_left_out() -> None:
    assert run("rule", "LA101").stdout == run("rule", "show", "LA101").stdout
    assert run("rule").stdout.count("\n") > 100
    assert "TEAM" not in run("rule", "--help").stdout.partition("Commands")[0][:200]
