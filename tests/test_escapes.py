"""What a stranger's card could try: each attempt is refused in words, or ends harmlessly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lora_advisor.backtracking import refused
from lora_advisor.condition import MAX_TEXT
from lora_advisor.own_rules import scaffold

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
CARD = scaffold("rank-above-64", "TEAM001")
CONFIG = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 128\nlora_alpha: 128\n"
SECONDS = 20
MESSAGE = next(line for line in CARD.splitlines() if line.startswith("message:"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "a.yaml").write_text(CONFIG)
    (tmp_path / "repo" / ".lora-advisor.toml").write_text('rules = ["team-rules"]\n')
    (tmp_path / "repo" / "team-rules" / "team").mkdir(parents=True)
    return tmp_path / "repo"


def check(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Check in a process of its own, with little memory: neither may run away."""
    command = [sys.executable, "-m", "lora_advisor", "check", "a.yaml", *arguments]
    return subprocess.run(
        command if os.name == "nt" else ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "-", *command],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def write(repository: Path, card: str, name: str = "rank-above-64") -> Path:
    path = repository / "team-rules" / "team" / f"{name}.yaml"
    path.write_text(card)
    return path


def with_condition(text: str) -> str:
    return CARD.replace("when: lora.enabled and lora.r > 64", "when: >-\n  " + text)


def with_message(text: str) -> str:
    return CARD.replace(MESSAGE, "message: >-\n  said at length: " + text)


def assert_refused(result: subprocess.CompletedProcess[str], *told: str) -> None:
    assert result.returncode == 2, result.stdout + result.stderr
    assert "rank-above-64.yaml" in result.stderr
    for words in told:
        assert words in result.stderr
    for bad in ("Traceback", "internal error"):
        assert bad not in result.stderr


def test_the_card_itself_is_fine(repository: Path) -> None:
    write(repository, CARD)
    assert "TEAM001" in check(repository).stdout
    write(repository, with_condition("matches(model.name_or_path, 'a/.*')"))
    assert "TEAM001" in check(repository).stdout
    write(repository, with_message("{{ lora.r // 2 }} of {{ lora.r | round(1) }}"))
    assert "said at length: 64 of 128" in check(repository).stdout


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('touch pwned')",
        "lora.__class__",
        "lora.r.__class__.__mro__",
        "().__class__.__base__.__subclasses__()",
        "'{0.__class__}'.format(lora.r)",
        "f'{lora.r.__class__}'",
        "eval('1')",
        "(lambda: 1)()",
        "[x for x in lora.r]",
        "lora.r[0]",
        "(x := 1)",
        "9**9**9",
        "lora.r << 99999999",
        "len(lora.r * lora.r, key=1)",
        "matches(model.name_or_path, '(a+)+b')",
        "matches(model.name_or_path, '(a|aa)+b')",
        "matches(model.name_or_path, '(?:a?){40}a{40}')",
        "matches(model.name_or_path, '.*.*.*.*.*b')",
        "matches(model.name_or_path, '(?=(a+)+b).')",
        "matches(model.name_or_path, '(')",
        f"matches(model.name_or_path, '{'(' * 800}')",
        "matches(model.name_or_path, model.name_or_path)",
        "not " * 400 + "lora.r",
        "+".join(["1"] * 900),
        "(" * 150 + "1" + ")" * 150 + " - " * 60 + "1",
        "lora.r > " + "9" * MAX_TEXT,
    ],
)
def test_conditions(repository: Path, condition: str) -> None:
    write(repository, with_condition(condition))
    assert_refused(check(repository), "when: Value error, condition: ")
    assert not (repository / "pwned").exists()


@pytest.mark.parametrize(
    "condition",
    ["lora.r > " + "*".join(["99999999"] * 40), "'a' * 999999999 == ''", "1 / 0 > lora.r"],
)
def test_conditions_that_come_to_nothing(repository: Path, condition: str) -> None:
    write(repository, with_condition(condition))
    result = check(repository)
    assert (result.returncode, result.stderr) == (0, "")
    assert "TEAM001" not in result.stdout


BOMB = "'aaaaaaaaaa'" + " | replace('a', 'aaaaaaaaaa')" * 12


@pytest.mark.parametrize(
    "text",
    [
        "{{ lora.__class__ }}",
        "{{ lora.r.__class__.__mro__ }}",
        "{{ lora.r['__class__'] }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ '{0.__class__}'.format(lora.r) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a'.center(999999999) }}",
        "{{ 'a'.zfill(999999999) }}",
        "{{ ('a' | join).join('bb') }}",
        "{{ lora | attr('__class__') }}",
        "{{ lora | map(attribute='__class__') | list }}",
        "{{ [1] | tojson(indent=999999999) }}",
        "{{ 1 | round(999999999, 'ceil') }}",
        "{{ range(10 ** 9) | list }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% for a in 'aaaaaaaaaa' %}{% for b in 'aaaaaaaaaa' %}x{% endfor %}{% endfor %}",
        "{% macro a(n) %}{{ a(n - 1) }}{{ a(n - 1) }}{% endmacro %}{{ a(60) }}",
        "{% set a = 'a' %}{% set a = a ~ a %}{{ a }}",
        "{% include '/etc/passwd' %}",
        "{% include '../../../../etc/passwd' %}",
        "{% extends '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ " + "(" * 900 + "1" + ")" * 900 + " }}",
        "{{ " + "1 + " * 5000 + "1 }}",
    ],
)
def test_texts(repository: Path, text: str) -> None:
    write(repository, with_message(text))
    result = check(repository)
    assert result.returncode == 2, result.stdout
    assert "text" in result.stderr
    for bad in ("Traceback", "internal error", "root:", "<class", "<function"):
        assert bad not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "text",
    [
        f"{{{{ {BOMB} }}}}",
        "{{ 1 / 0 }}",
        "{{ lora.none }}",
        "{{ lora.r.at.document.text }}",
    ],
)
def test_texts_that_fail_when_they_are_filled(repository: Path, text: str) -> None:
    write(repository, with_message(text))
    result = check(repository)
    assert result.returncode == 2, result.stdout
    assert "a rule's text cannot be filled" in result.stderr
    for bad in ("Traceback", "internal error"):
        assert bad not in result.stderr


def test_a_number_without_end_is_told_as_such(repository: Path) -> None:
    write(repository, with_message("{{ " + " * ".join(["9" * 900] * 6) + " }}"))
    assert "said at length: about 10^5400" in check(repository).stdout


@pytest.mark.parametrize("command", ["check", "explain", "inspect", "recommend"])
@pytest.mark.parametrize(
    "config",
    [
        "base_model: Qwen/Qwen3-8B\nadapter: lora\nlora_r: 8\nlora_target_modules: (.*a*)+b\n",
        "base_model: Qwen/Qwen3-8B\nadapter: lora\nlora_r: {0}\nmicro_batch_size: {0}\n",
    ],
)
def test_hostile_values_of_a_config_end_soon(tmp_path: Path, command: str, config: str) -> None:
    (tmp_path / "a.yaml").write_text(config.format("9" * 4200))
    result = subprocess.run(
        [sys.executable, "-m", "lora_advisor", command, "a.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert result.returncode in (0, 1), result.stderr
    assert "internal error" not in result.stderr


def test_what_a_page_or_a_workflow_would_obey_is_shown(repository: Path) -> None:
    write(repository, CARD.replace(MESSAGE, 'message: "<script>alert(1)</script> is said"'))
    assert "<script>alert" not in check(repository, "--output-format", "html").stdout
    write(repository, CARD.replace(MESSAGE, 'message: "first\\n::error::of another"'))
    lines = check(repository, "--output-format", "github").stdout.splitlines()
    assert not any(line.startswith("::error::of") for line in lines)


LEVELS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ("!!python/object/apply:os.system [touch pwned]\n", "could not determine a constructor"),
        (CARD + "x: !!python/name:os.system\n", "could not determine a constructor"),
        (CARD + f"a0: &a0 [{', '.join(['1'] * 9)}]\n{LEVELS}", "aliases counted out"),
        (CARD + "x: " + "[" * 50_000, "nested deeper than 100 levels"),
        (CARD + "x: &x [*x]\n", "inside its own anchor"),
        (CARD + "#" + "x" * 5_000_000, "larger than 5 MB"),
        (CARD.replace("lora.r > 64", "lora.r > 64 " + " " * MAX_TEXT + "1"), "longer than 2000"),
        ("- a list\n", "valid dictionary"),
        ("", "valid dictionary"),
        ("\0", "binary data"),
        (CARD.replace("team", "x") + "---\nid: 2\n", "but found another document"),
        (
            CARD.replace(MESSAGE, 'message: "gone \\e[2J\\e]0;title\\a and back"'),
            "control characters",
        ),
        (CARD.replace("summary: What", 'summary: "What \\u202e"#'), "control characters"),
        (CARD.replace("at: lora_r\n", 'at: "\\e[2J"\n'), "control characters"),
        (CARD + "run: touch pwned\n", "run: Extra inputs are not permitted"),
        (CARD + "frameworks: [nope]\n", "unknown format 'nope'"),
        (CARD + "holds-for: {peft: newest}\n", "no range of versions"),
        (CARD + "holds-for: {pefft: '>=1'}\n", "unknown package 'pefft'"),
        (CARD.replace("at: lora.r\n", "at: lora.rank\n"), "called 'lora.rank'"),
        (CARD + "each: os.environ\n", "called 'os.environ'"),
        (
            CARD + "fix: [{safety: safe, title: Take another one., set: {lora.nope: 1}}]\n",
            "'lora.nope'",
        ),
        (CARD + "fix: [{safety: safe, title: '{% for a in b %}', set: {}}]\n", "text"),
        (CARD.replace("rank-above-64", "../../evil-card"), "String should match pattern"),
    ],
)
def test_cards(repository: Path, card: str, told: str) -> None:
    write(repository, card)
    assert_refused(check(repository), told)
    assert not (repository / "pwned").exists()


def _outside(repository: Path) -> None:
    (repository.parent / "secret.yaml").write_text("password: hunter2\n")
    link = repository / "team-rules" / "team" / "rank-above-64.yaml"
    link.symlink_to(repository.parent / "secret.yaml")


def _absolute(repository: Path) -> None:
    (repository / ".lora-advisor.toml").write_text('rules = ["/etc"]\n')


def _above(repository: Path) -> None:
    (repository / ".lora-advisor.toml").write_text('rules = ["../elsewhere"]\n')


def _linked(repository: Path) -> None:
    (repository / "team-rules" / "team").rmdir()
    (repository / "team-rules").rmdir()
    (repository / "team-rules").symlink_to("/etc")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (_outside, "leads out of its folder"),
        (_absolute, "must lie in this repository"),
        (_above, "must lie in this repository"),
        (_linked, "must lie in this repository"),
    ],
)
def test_paths(repository: Path, prepare: Callable[[Path], None], told: str) -> None:
    prepare(repository)
    result = check(repository)
    assert result.returncode == 2
    assert told in result.stderr
    assert "hunter2" not in result.stderr + result.stdout


def test_example_files_are_never_written(repository: Path) -> None:
    example = "      with-files: {../../stolen.yaml: 'a: 1', /etc/stolen.yaml: 'a: 1'}\n"
    write(repository, CARD.replace("      at: lora_r\n", "      at: lora_r\n" + example))
    command = [sys.executable, "-m", "lora_advisor", "rule", "test", "team-rules"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        command, cwd=repository, env=environment, check=False, capture_output=True, text=True
    )
    assert "Traceback" not in result.stderr
    assert not list(repository.parent.rglob("stolen.yaml"))
    assert not Path("/etc/stolen.yaml").exists()


@pytest.mark.parametrize(
    ("pattern", "fine"),
    [
        ("(Qwen|Llama)-.*-Instruct", True),
        (r".*\.(q|v)_proj", True),
        ("(?i)[a-z]+", True),
        ("(?:ab){3,5}", True),
        ("(a*)*", False),
        ("(.*a){12}", False),
        ("(a|a?)+", False),
        ("a?" * 40, False),
    ],
)
def test_what_a_pattern_may_cost(pattern: str, fine: bool) -> None:
    assert (refused(pattern, MAX_TEXT) is None) is fine
