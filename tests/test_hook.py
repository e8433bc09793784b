"""The pre-commit hook: which files it picks, and a run of the real pre-commit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
OFFLINE = re.compile(r"name resolution|unreachable|Connection refused|Max retries|timed out")
GOOD = "base_model: x\nadapter: lora\nlora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n"
BAD = GOOD.replace("lora_r: 8", "lora_r: 0")


HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text("utf-8"))
}


def picked(path: str, settings: dict[str, Any]) -> bool:
    identify = pytest.importorskip("identify.identify")
    tags = identify.tags_from_filename(path)
    excluded = re.search(settings["exclude"], path)
    wanted = re.search(settings.get("files", ""), path)
    return bool(wanted) and not excluded and bool(tags & set(settings["types_or"]))


@pytest.mark.parametrize(
    "path",
    [
        *("config.yaml", "configs/qlora.yml", "out/adapter_config.json", "lora.toml"),
        *("train.py", "notebooks/finetune.ipynb", "scripts/run.sh", "ds_config.json"),
    ],
)
def test_the_hooks_take(path: str) -> None:
    assert all(picked(path, hook) for hook in HOOKS.values())


@pytest.mark.parametrize(
    "path",
    [
        *("README.md", "model.safetensors", "data.csv", "package-lock.json", "uv.lock"),
        *("web/pnpm-lock.yaml", "out/tokenizer.json", "image.png", "src/main.rs"),
    ],
)
def test_the_hooks_leave(path: str) -> None:
    assert not any(picked(path, hook) for hook in HOOKS.values())


def test_the_link_and_the_manifest_are_one() -> None:
    link = ROOT / "pre-commit-hooks.yaml"
    assert link.is_symlink()
    assert link.resolve() == MANIFEST
    assert set(HOOKS) == {"lora-advisor", "lora-advisor-fix", "lora-advisor-model"}
    assert all(hook["require_serial"] is True for hook in HOOKS.values())
    assert HOOKS["lora-advisor-model"]["stages"] == ["manual"]
    assert [name for name, hook in HOOKS.items() if "additional_dependencies" in hook] == [
        "lora-advisor-model"
    ]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def copied(target: Path) -> Path:
    """Copy what git would commit of this project to a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, "commit", "-q", "-m", "x")
    return target


def pre_commit(folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PRE_COMMIT_HOME": str(home)}
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "PYTHONPATH"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


def size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_the_real_pre_commit(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    source, user, home = (tmp_path / name for name in ("source", "user", "home"))
    source.mkdir()
    user.mkdir()
    copied(source)
    git(user, "init", "-q")
    (user / "config.yaml").write_text(GOOD)
    (user / "other.yaml").write_text("a: [unfinished\n")
    (user / "README.md").write_text("lora_r: 0\n")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True
    )
    (user / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source}\n  rev: {head.stdout.strip()}\n"
        "  hooks: [{id: lora-advisor}, {id: lora-advisor-fix, stages: [manual]}]\n"
    )
    git(user, "add", "-A")
    installed = pre_commit(user, home, "install-hooks")
    if OFFLINE.search(installed.stdout + installed.stderr):
        pytest.skip("no network to install the hook from")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    good = pre_commit(user, home, "run", "--all-files")
    assert good.returncode == 0, good.stdout
    assert "Passed" in good.stdout
    (user / "config.yaml").write_text(BAD)
    git(user, "add", "-A")
    bad = pre_commit(user, home, "run")
    assert bad.returncode == 1
    assert "config.yaml:3:9: error[LA101] rank-below-one" in bad.stdout
    assert "other.yaml" not in bad.stdout
    assert bad.stdout.count("Found ") == 1
    (user / "config.yaml").write_text(GOOD + "lora_dropout: -0.5\n")
    git(user, "add", "-A")
    fixed = pre_commit(user, home, "run", "--hook-stage", "manual", "lora-advisor-fix")
    assert "files were modified by this hook" in fixed.stdout
    assert (user / "config.yaml").read_text() == GOOD + "lora_dropout: 0.0\n"
    (packages,) = home.glob("repo*/py_env-*/lib/python*/site-packages")
    ours = [path for path in packages.iterdir() if not path.name.startswith(("pip", "setuptools"))]
    assert sum(size(path) if path.is_dir() else path.stat().st_size for path in ours) < 20_000_000
