"""What is published: built twice, judged by the tools of the package index, installed, tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import release

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow
NEEDED = ("build", "hatchling", "twine", "check_wheel_contents", "cyclonedx_py")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> release.Archives:
    for module in NEEDED:
        pytest.importorskip(module)
    return release.build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def interpreter(built: release.Archives, tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return release.install(built.wheel, tmp_path_factory.mktemp("venv"))
    except release.ReleaseError as error:
        if "No matching distribution" in str(error) or "Connection" in str(error):
            pytest.skip("the dependencies cannot be fetched here")
        raise


def test_two_builds_are_the_same(built: release.Archives, tmp_path: Path) -> None:
    release.compare(built, release.build(tmp_path))


def test_a_difference_is_seen(built: release.Archives, tmp_path: Path) -> None:
    other = tmp_path / built.wheel.name
    other.write_bytes(built.wheel.read_bytes() + b"\0")
    with pytest.raises(release.ReleaseError, match="two builds differ"):
        release.compare(built, built._replace(wheel=other))


def test_the_tools_of_the_index_find_nothing(built: release.Archives) -> None:
    release.describe(built)


def test_the_archives_hold_what_they_should(built: release.Archives) -> None:
    release.inspect(built)
    shipped = release.names(built.sdist)
    rules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("rules/*/*.yaml")}
    assert rules <= {*shipped}
    assert not [name for name in shipped if "__pycache__" in name or name.startswith("build/")]
    assert [path.name for path in built.wheel.parent.iterdir() if path not in built] == []


def test_the_installed_program_is_the_one_of_the_checkout(interpreter: Path) -> None:
    assert "lora-advisor 0." in release.version(interpreter)
    assert "bad.yaml:" in release.check(interpreter)
    for arguments in (
        ["rule", "LA201"],
        ["rule", "--all", "--output-format", "json"],
        ["check", str(release.EXAMPLE), "--exit-zero"],
        ["check", str(release.EXAMPLE), "--exit-zero", "--output-format", "html"],
    ):
        command = [sys.executable, "-m", "lora_advisor", *arguments]
        checkout = subprocess.run(
            command,
            cwd=interpreter.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        )
        assert release._installed(interpreter, *arguments) == checkout.stdout


def test_the_bill_of_materials_names_what_an_installation_brings(
    interpreter: Path, tmp_path: Path
) -> None:
    release.materials(interpreter, tmp_path / "sbom.json")
    data = json.loads((tmp_path / "sbom.json").read_text("utf-8"))
    assert (data["bomFormat"], data["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "lora-advisor",
    )
    brought = {component["name"].lower() for component in data["components"]}
    assert {"click", "jinja2", "pyyaml", "packaging"} <= brought
    assert not brought & {"torch", "transformers", "pydantic", "pip"}
    assert "file:" not in json.dumps(data)
    assert str(tmp_path.parent) not in json.dumps(data)


def test_the_tests_run_from_the_source_archive(built: release.Archives, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    some = ["tests/test_hook.py", "tests/test_action.py", "tests/test_settings.py"]
    some += ["tests/test_stability.py", "tests/test_expression.py"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *some],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
    every = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only"]
    collected = subprocess.run(
        [*every, "--ignore", "tests/proofs"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert collected.returncode == 0, collected.stdout[-3000:]
