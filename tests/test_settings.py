from __future__ import annotations

import re
from pathlib import Path

import pytest

from lora_advisor import settings
from lora_advisor.findings import Severity
from lora_advisor.rules import load, select
from lora_advisor.settings import Settings, SettingsError, from_file, nearest


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def own(text: str) -> Settings:
    Path(".lora-advisor.toml").write_text(text, "utf-8")
    return nearest(["."])


def test_every_setting_is_described() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text("utf-8")
    described = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert sorted(described) == sorted(settings._READERS)


def test_extends_and_rules_lead_out_by_no_link(tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    (repository / ".git").mkdir(parents=True)
    (tmp_path / "other.toml").write_text('fail-on = "never"\n')
    (tmp_path / "cards").mkdir()
    (repository / "linked.toml").symlink_to(tmp_path / "other.toml")
    (repository / "cards").symlink_to(tmp_path / "cards")
    for line in ('extends = "linked.toml"', 'rules = ["cards"]'):
        (repository / ".lora-advisor.toml").write_text(line)
        with pytest.raises(SettingsError, match="must lie in this repository"):
            from_file(repository / ".lora-advisor.toml")


def test_extends_keeps_the_rules_of_what_it_rests_on(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "team.toml").write_text('rules = ["cards"]\nbaseline = "known.json"\n')
    (tmp_path / "sub" / ".lora-advisor.toml").write_text('extends = "../team.toml"\n')
    found = from_file(tmp_path / "sub" / ".lora-advisor.toml")
    assert [folder.resolve() for folder in found.rules] == [tmp_path / "cards"]
    assert found.baseline is not None
    assert found.baseline.resolve() == tmp_path / "known.json"


def test_every_setting() -> None:
    settings = own(
        """
        select = ["LA2", "lora"]
        ignore = ["LA201"]
        fail-on = "warning"
        framework = "axolotl"
        pedantic = true
        exclude = ["old/*"]
        target = { peft = "0.17", trl = ">=0.12,<0.14" }
        [per-file-ignores]
        "examples/*" = ["LA101"]
        [per-key-ignores]
        "peft.loftq_config" = ["LA204"]
        [per-file-framework]
        "mine/*.yaml" = "axolotl"
        """
    )
    assert settings.select == ("LA2", "lora")
    assert settings.ignore == ("LA201",)
    assert settings.fail_on is Severity.WARNING
    assert settings.framework == "axolotl"
    assert settings.pedantic
    assert settings.exclude == ("old/*",)
    assert settings.targets.get("peft").high == "0.17"
    assert settings.targets.get("trl").high == "0.13.9999"
    assert settings.per_file_ignores == {"examples/*": ("LA101",)}
    assert settings.per_key_ignores == {"peft.loftq_config": ("LA204",)}
    assert settings.per_file_framework == {"mine/*.yaml": "axolotl"}


def test_never() -> None:
    assert own('fail-on = "never"').fail_on is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '\nselct = ["x"]',
            ".lora-advisor.toml:2:1: unknown setting 'selct'; did you mean 'select'?",
        ),
        ("zzz = 1", "1:1: unknown setting 'zzz'; known are select, ignore, fail-on"),
        ('select = "LA1"', '1:1: select: expected a list of texts, such as ["LA201"]'),
        ("select = [1]", "1:1: select: expected a list of texts"),
        ('pedantic = "yes"', "1:1: pedantic: expected true or false"),
        ('fail-on = "bad"', "1:1: fail-on: expected one of info, warning, error, never"),
        ("fail-on = 1", "1:1: fail-on: expected one of"),
        ('framework = "nothing"', "1:1: framework: unknown format 'nothing'; known are"),
        ("framework = 1", "1:1: framework: unknown format 1"),
        ("target = 1", '1:1: target: expected a table, such as { peft = "0.17" }'),
        ('target = {numpy = "1"}', "1:1: target: unknown package 'numpy'; known are"),
        ("target = {peft = 0.17}", "1:1: target: peft: expected a version as text"),
        ('target = {peft = "x y"}', "1:1: target: cannot read"),
        ('per-file-ignores = {a = "b"}', "1:1: per-file-ignores: expected a list of texts"),
        ("per-file-ignores = 1", "1:1: per-file-ignores: expected a table"),
        ('per-file-framework = {a = "b"}', "1:1: per-file-framework: unknown format 'b'"),
        ("select = [", ".lora-advisor.toml:1:"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        own(text)
    assert told in str(caught.value)


def test_a_settings_file_that_is_no_text() -> None:
    Path(".lora-advisor.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"\.lora-advisor\.toml:1:1: "):
        nearest(["."])


def test_pyproject_with_places() -> None:
    Path("pyproject.toml").write_text('[project]\nname = "x"\n[tool.lora-advisor]\nignore = 1\n')
    with pytest.raises(SettingsError, match=r"pyproject\.toml:4:1: ignore: expected a list"):
        nearest(["."])


def test_pyproject_without_our_table_is_passed_over() -> None:
    Path("a").mkdir()
    Path("a/pyproject.toml").write_text('[project]\nname = "lora-advisor"\n')
    Path("pyproject.toml").write_text('[tool.lora-advisor]\nignore = ["LA1"]\n')
    assert nearest(["a"]).ignore == ("LA1",)


def test_the_nearest_file_counts_from_what_all_paths_share() -> None:
    Path("a/b").mkdir(parents=True)
    Path("a/c").mkdir()
    Path("a/b/.lora-advisor.toml").write_text('ignore = ["LA1"]')
    Path("a/pyproject.toml").write_text('[tool.lora-advisor]\nignore = ["LA2"]\n')
    assert nearest(["a/b/x.yaml"]).ignore == ("LA1",)
    assert nearest(["a/b/x.yaml", "a/c"]).ignore == ("LA2",)
    assert nearest(["a/b", "."]).ignore == ()


def test_the_own_file_wins_over_pyproject() -> None:
    Path("pyproject.toml").write_text('[tool.lora-advisor]\nignore = ["LA2"]\n')
    assert own('ignore = ["LA1"]').ignore == ("LA1",)


def test_neither_above_the_repository_nor_in_the_home_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".lora-advisor.toml").write_text('ignore = ["LA1"]')
    inner = project / "inner"
    (inner / ".git").mkdir(parents=True)
    assert nearest([inner]).ignore == ()
    monkeypatch.setattr(Path, "home", lambda: project)
    assert nearest([project / "other"]).ignore == ()


def test_a_named_file(project: Path) -> None:
    Path("s.toml").write_text('ignore = ["LA1"]')
    assert from_file(Path("s.toml")).ignore == ("LA1",)
    assert from_file(Path("s.toml")).base == project
    with pytest.raises(SettingsError, match=r"missing\.toml: no such settings file"):
        from_file(Path("missing.toml"))


@pytest.mark.parametrize(
    ("pattern", "file", "covered"),
    [
        ("old", "old/a.yaml", True),
        ("old", "x/old/a.yaml", True),
        ("old/", "old/a.yaml", True),
        ("a.yaml", "x/y/a.yaml", True),
        ("*.json", "x/a.json", True),
        ("x/*.yaml", "x/a.yaml", True),
        ("x/*.yaml", "y/x/a.yaml", False),
        ("**/x/*.yaml", "y/x/a.yaml", True),
        ("**/a.yaml", "a.yaml", True),
        ("./x/a.yaml", "x/a.yaml", True),
        ("ol", "old/a.yaml", False),
        ("A.yaml", "a.yaml", False),
    ],
)
def test_patterns(project: Path, pattern: str, file: str, covered: bool) -> None:
    settings = Settings(exclude=(pattern,), per_file_ignores={pattern: ("LA1",)}, base=project)
    assert (settings.excluded(file) == pattern) is covered
    assert (settings.ignored(file) == ("LA1",)) is covered


def test_patterns_count_from_the_settings_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "sub").mkdir()
    (project / ".lora-advisor.toml").write_text('exclude = ["sub/*.yaml"]')
    monkeypatch.chdir(project / "sub")
    assert nearest(["a.yaml"]).excluded("a.yaml") == "sub/*.yaml"
    assert nearest(["a.yaml"]).excluded("../a.yaml") is None


def test_the_told_format_wins_over_patterns() -> None:
    settings = Settings(per_file_framework={"*.yaml": "trl"})
    assert settings.framework_of("a.yaml") == "trl"
    assert settings.framework_of("a.json") is None
    assert (
        Settings(framework="axolotl", per_file_framework={"*": "trl"}).framework_of("a")
        == "axolotl"
    )


def test_settings_rest_on_others() -> None:
    Path("shared.toml").write_text('ignore = ["LA101"]\nfail-on = "info"\ntarget = {peft = "0.17"}')
    settings = own('extends = "shared.toml"\nfail-on = "warning"\ntarget = {trl = "0.20"}')
    assert settings.ignore == ("LA101",)
    assert settings.fail_on is Severity.WARNING
    assert settings.targets.get("peft").high == "0.17"
    assert settings.targets.get("trl").high == "0.20"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('extends = "../other.toml"', "must lie in this repository"),
        ('extends = ".lora-advisor.toml"', "leads back to itself"),
        ('extends = "none.toml"', "has no settings"),
        ("extends = 1", "expected the path"),
        ('rules-version = "new"', "expected a version"),
        ('rules-version = "0.0.9"', "no rule is that old; the first came with 0.1"),
        ('rules-version = "99"', "newer than this program"),
        ('rules = ["../elsewhere"]', "must lie in this repository"),
    ],
)
def test_settings_that_cannot_be_extended(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        own(text)


def test_a_circle_of_settings() -> None:
    Path("a.toml").write_text('extends = ".lora-advisor.toml"')
    with pytest.raises(SettingsError, match="leads back to itself"):
        own('extends = "a.toml"')


def test_rules_of_a_later_release_wait() -> None:
    assert select(load(), (), (), version="0.0") == ()
    assert select(load(), (), (), version="0.1") == select(load(), (), ())
    (one,) = select(load(), ("LA101",), (), version="0.0")
    assert one.code == "LA101"
