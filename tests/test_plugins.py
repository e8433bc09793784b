"""Plugins: a real small package, installed into a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lora_advisor.own_rules import scaffold

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
CONFIG = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 128\nlora_alpha: 128\n"
CARD = scaffold("rank-we-do-not-use", "ACME001").replace("lora.r > 64", "not acme_rank(lora.r)")
MODULE = """\
from pathlib import Path

from lora_advisor.plugins import Plugin

Path("loaded").touch()  # code of a plugin can do anything

plugin = Plugin(
    cards=Path(__file__).parent / "cards",
    functions={"acme_rank": lambda rank: rank in (8, 16)},
)
"""
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-rules"
version = "1.0"

[project.entry-points."lora_advisor.rules"]
acme = "acme_rules:plugin"

[tool.hatch.build.targets.wheel]
packages = ["acme_rules"]
"""


def install(folder: Path, files: Mapping[str, str]) -> Path:
    """Install a package as a user would; return the folder it is in."""
    pytest.importorskip("hatchling")
    for name, text in files.items():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    target = folder / "site"
    subprocess.run([*pip, "-t", str(target), str(folder / "source")], check=True)
    return target


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    card = "acme_rules/cards/team/rank-we-do-not-use.yaml"
    files = {"pyproject.toml": PROJECT, "acme_rules/__init__.py": MODULE, card: CARD}
    return install(tmp_path_factory.mktemp("acme"), files)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(CONFIG)
    return tmp_path


def run(
    repository: Path, site: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(site), str(ROOT)])
    kept = {k: v for k, v in os.environ.items() if k != "LORA_ADVISOR_PLUGINS"}
    return subprocess.run(
        [sys.executable, "-m", "lora_advisor", *arguments],
        cwd=repository,
        env={**kept, "PYTHONPATH": paths, **variables},
        check=False,
        capture_output=True,
        text=True,
    )


CHECK = ("check", "a.yaml", "--output-format", "concise")


def test_an_installed_plugin_is_not_loaded_by_itself(repository: Path, site: Path) -> None:
    result = run(repository, site, *CHECK)
    assert result.returncode == 0
    assert "ACME001" not in result.stdout + result.stderr
    assert not (repository / "loaded").exists()


def test_settings_of_a_repository_switch_nothing_on(repository: Path, site: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.lora-advisor]\nplugins = ["acme"]\n')
    result = run(repository, site, *CHECK)
    assert "warning: plugins: acme is not loaded" in result.stderr
    assert "name it with --plugin acme" in result.stderr
    assert "ACME001" not in result.stdout
    assert not (repository / "loaded").exists()
    named = run(repository, site, *CHECK, "--plugin", "acme")
    assert "warning" not in named.stderr
    assert "ACME001" in named.stdout


def test_the_user_names_it_on_the_command_line_or_in_the_environment(
    repository: Path, site: Path
) -> None:
    for result in (
        run(repository, site, *CHECK, "--plugin", "acme"),
        run(repository, site, *CHECK, LORA_ADVISOR_PLUGINS="acme"),
    ):
        assert (result.returncode, result.stdout.count("ACME001")) == (0, 1), result.stderr
        assert "a.yaml:3:9: warning[ACME001] rank-we-do-not-use" in result.stdout
    (repository / "a.yaml").write_text(CONFIG.replace("lora_r: 128", "lora_r: 16"))
    assert "ACME001" not in run(repository, site, *CHECK, "--plugin", "acme").stdout
    shown = run(repository, site, "rule", "ACME001", "--plugin", "acme")
    assert "rank-we-do-not-use" in shown.stdout


def test_a_plugin_s_cards_are_tested_with_it(repository: Path, site: Path) -> None:
    cards = str(site / "acme_rules" / "cards")
    result = run(repository, site, "rule", "test", cards, "--plugin", "acme")
    assert (result.returncode, result.stdout) == (0, "2 of 2 examples do what they show\n")
    alone = run(repository, site, "rule", "test", cards)
    assert alone.returncode == 2
    assert "only these can be called" in alone.stderr


def test_cards_of_the_repository_cannot_call_a_plugin(repository: Path, site: Path) -> None:
    folder = repository / "rules" / "team"
    folder.mkdir(parents=True)
    (folder / "calls-the-plugin.yaml").write_text(
        CARD.replace("rank-we-do-not-use", "calls-the-plugin").replace("ACME001", "TEAM001")
    )
    (repository / ".lora-advisor.toml").write_text('rules = ["rules"]\n')
    result = run(repository, site, *CHECK, "--plugin", "acme")
    assert result.returncode == 2
    assert "only these can be called" in result.stderr


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("1 / 0", "plugin acme cannot be loaded: ZeroDivisionError: division by zero"),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("raise SystemExit(0)", "plugin acme cannot be loaded: SystemExit: 0"),
        ("plugin = 1", "expected a lora_advisor.plugins.Plugin, got int"),
        (MODULE.replace('"cards"', '"none"'), "is no folder"),
        (MODULE.replace("acme_rank", "len"), "len() is a function of the language already"),
        (MODULE.replace("rank in (8, 16)", "rank.no"), "acme_rank() failed: AttributeError"),
        (MODULE.replace("rank in (8, 16)", "object()"), "returned a object, which is no value"),
        (MODULE.replace("lambda rank:", "lambda:"), "acme_rank() failed: TypeError"),
    ],
)
def test_a_broken_plugin_ends_the_run_with_a_sentence(
    repository: Path, site: Path, tmp_path_factory: pytest.TempPathFactory, module: str, told: str
) -> None:
    broken = tmp_path_factory.mktemp("broken")
    subprocess.run(["cp", "-r", f"{site}/.", str(broken)], check=True)
    (broken / "acme_rules" / "__init__.py").write_text(module + "\n")
    result = run(repository, broken, *CHECK, "--plugin", "acme")
    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_a_broken_card_of_a_plugin_is_told(
    repository: Path, site: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = tmp_path_factory.mktemp("broken")
    subprocess.run(["cp", "-r", f"{site}/.", str(broken)], check=True)
    card = broken / "acme_rules" / "cards" / "team" / "rank-we-do-not-use.yaml"
    card.write_text(CARD.replace("ACME001", "LA101"))
    result = run(repository, broken, *CHECK, "--plugin", "acme")
    assert result.returncode == 2
    assert "codes that begin with LA" in result.stderr


def test_a_name_that_is_not_installed_is_told(repository: Path, site: Path) -> None:
    result = run(repository, site, *CHECK, "--plugin", "acmee")
    assert result.returncode == 2
    assert "no plugin is called 'acmee'; installed are acme" in result.stderr


def test_the_checked_repository_is_no_installed_package(repository: Path) -> None:
    """``python -m`` looks for modules in the current folder first."""
    info = repository / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lora_advisor.rules]\nacme = evil:plugin\n")
    (repository / "evil.py").write_text(MODULE)
    result = run(repository, repository / "nothing", *CHECK, "--plugin", "acme")
    assert result.returncode == 2
    assert "no plugin is called 'acme'; none is installed" in result.stderr
    assert not (repository / "loaded").exists()
