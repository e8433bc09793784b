from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lora_advisor.gather import gather
from lora_advisor.requirements import find, installed
from lora_advisor.settings import Settings
from lora_advisor.source import parse
from lora_advisor.targets import CURRENT, OWN_CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "requirements.txt": "# peft==0.1\n-r more.txt\npeft==0.17.0 \\\n  --hash=sha256:00\n",
    "uv.lock": '[[package]]\nname = "peft"\nversion = "0.17.0"\nsource = { registry = "x" }\n',
    "poetry.lock": '[[package]]\nname = "peft"\nversion = "0.17.0"\n',
    "Pipfile.lock": '{"default": {"peft": {"version": "==0.17.0"}, "a": {}}}',
    "requirements.lock": "peft==0.17.0 ; python_version > '3'\n",
    "environment.yml": "dependencies:\n  - python=3.11\n  - pip:\n    - peft==0.17.0\n",
    "environment.yaml": "dependencies:\n  - conda-forge::peft==0.17.0=py311\n",
    "pyproject.toml": '[project]\nname = "x"\ndependencies = ["peft==0.17.0"]\n',
    "setup.cfg": "[options]\ninstall_requires =\n    torch\n    peft==0.17.0\n",
    "Dockerfile": "# RUN pip install peft==0.1\nRUN : && pip install -q \\\n  trl peft==0.17.0\n",
    "setup.py": """# "peft==0.1"\n_deps = [\n    "torch",\n    'peft[test] == 0.17.0',\n]\n""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def high(folder: Path, package: str = "peft") -> str:
    return find(folder).get(package).high


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file(folder: Path, name: str) -> None:
    (folder / name).write_text(FILES[name])
    target = find(folder / "configs" / "deep").get("peft")
    assert (target.low, target.high) == ("0.17.0", "0.17.0")
    assert target.source.endswith(name)


@pytest.mark.parametrize(
    ("text", "package", "wanted"),
    [
        ('[project.optional-dependencies]\na = ["trl<0.13"]', "trl", "0.12.9999"),
        ('[dependency-groups]\na = ["trl<0.13", {include-group = "b"}]', "trl", "0.12.9999"),
        ('[tool.poetry.dependencies]\npeft = "^0.17"', "peft", "0.17.9999"),
        ('[tool.poetry.dependencies]\npeft = "^0.17.1"', "peft", "0.17.9999"),
        ('[tool.poetry.dependencies]\ntransformers = "^4.40"', "transformers", "4.9999"),
        ('[tool.poetry.dependencies]\npeft = "0.17"', "peft", "0.17"),
        (
            '[tool.poetry.dependencies]\npeft = {version = "<0.17", extras = []}',
            "peft",
            "0.16.9999",
        ),
        ('[tool.poetry.group.a.dependencies]\npeft = "~=0.17.0"', "peft", "0.17.9999"),
        ('[tool.poetry.dependencies]\npeft = "*"', "peft", CURRENT["peft"]),
    ],
)
def test_tables_of_a_project_file(folder: Path, text: str, package: str, wanted: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    assert high(folder, package) == wanted


def test_requirements_of_a_program_that_stand_in_one_line(folder: Path) -> None:
    listed = 'setup(install_requires=["torch", "trl<0.13", "peft==0.17.0"])  # "trl==1.0"\n'
    (folder / "setup.py").write_text(listed)
    assert (high(folder), high(folder, "trl")) == ("0.17.0", "0.12.9999")


def test_conda_takes_one_equals_sign_for_a_prefix(folder: Path) -> None:
    (folder / "environment.yml").write_text("dependencies: [transformers=4.40, torch>=2.1]\n")
    assert high(folder, "transformers") == "4.40.9999"
    assert find(folder).get("torch").low == "2.1"


def test_other_files_are_followed_and_loops_end(folder: Path) -> None:
    (folder / "requirements.txt").write_text("-r a.txt\n-c c.txt\n")
    (folder / "a.txt").write_text("-r requirements.txt\n-r missing.txt\npeft==0.12\n")
    (folder / "c.txt").write_text("trl==0.9\n")
    assert (high(folder), high(folder, "trl")) == ("0.12", "0.9")


def test_the_nearest_file_wins(folder: Path) -> None:
    (folder / "requirements.txt").write_text("peft==0.10\ntrl==0.9\n")
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "pyproject.toml").write_text('[project]\ndependencies = ["peft>=0.12"]')
    assert (high(deep), high(deep, "trl")) == (CURRENT["peft"], "0.9")
    assert high(folder) == "0.10"


def test_a_lower_bound_leaves_what_another_file_pins(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["peft==0.17.0", "trl==0.9"]')
    (folder / "requirements.txt").write_text("peft>=0.12\ntrl>=0.10\n")
    assert find(folder).get("peft").source.endswith("pyproject.toml")
    assert (high(folder), high(folder, "trl")) == ("0.17.0", CURRENT["trl"])


def test_an_extra_with_a_lower_bound_tells_no_release(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[project.optional-dependencies]\nmodel = ["peft>=0.10", "trl~=0.12.0"]'
    )
    peft, trl = (find(folder).get(name) for name in ("peft", "trl"))
    assert (peft.low, peft.release, peft.source) == ("0.10", CURRENT["peft"], "current")
    assert (trl.release, trl.source[-14:]) == ("0.12.*", "pyproject.toml")


def test_the_surest_kind_of_file_wins(folder: Path) -> None:
    (folder / "uv.lock").write_text(FILES["uv.lock"])
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["peft>=0.12"]')
    (folder / "requirements.txt").write_text("peft==0.12")
    assert high(folder) == "0.17.0"


def test_the_plain_requirements_file_wins_over_its_variants(folder: Path) -> None:
    (folder / "requirements-dev.txt").write_text("peft==0.1\n")
    (folder / "requirements.txt").write_text("peft==0.2\n")
    (folder / "requirements_old.txt").write_text("peft==0.3\n")
    assert high(folder) == "0.2"


def test_markers_leave_both_possible(folder: Path) -> None:
    (folder / "requirements.txt").write_text(
        "peft==0.12; python_version < '3.10'\npeft==0.17; python_version >= '3.10'\n"
    )
    target = find(folder).get("peft")
    assert (target.low, target.high) == ("0.12", "0.17")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "peft = = 1"),
        ("pyproject.toml", 'project = "peft"'),
        ("pyproject.toml", '[tool.poetry]\ndependencies = "peft"'),
        ("Pipfile.lock", "[peft"),
        ("Pipfile.lock", '{"default": ["peft"]}'),
        ("environment.yml", "peft: [\n"),
        ("environment.yml", "- peft\n"),
        ("environment.yml", "dependencies: [{pip: 3}, 4, peft]"),
        ("requirements.txt", "peft = = 1\npeft==1.x.y\ngit+https://x/peft\n-e ./peft\npeft\n"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_tells_nothing(
    folder: Path, name: str, text: str
) -> None:
    (folder / name).write_text(text)
    assert find(folder).get("peft").source == "current"


def test_nothing_outside_the_repository_counts(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("peft==0.1\n")
    inner = tmp_path / "repository"
    (inner / ".git").mkdir(parents=True)
    assert find(inner).get("peft").source == "current"


def test_without_a_repository_the_current_folder_or_what_states_needs_is_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer, deep = tmp_path / "project", tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "environment.yml").write_text("dependencies: [peft=0.1]\n")
    assert find(deep).get("peft").source == "current"
    (outer / "requirements.txt").write_text("peft==0.12\n")
    assert find(deep).get("peft").high == "0.12"
    (deep / "setup.py").write_text("")
    assert find(deep).get("peft").source == "current"
    monkeypatch.chdir(outer)
    assert find(deep).get("peft").high == "0.12"
    monkeypatch.chdir(tmp_path)
    assert find(deep).get("peft").high == "0.12"


def test_what_lies_in_a_home_or_among_temporary_files_states_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "requirements.txt").write_text("peft==0.1\n")
    (tmp_path / "run").mkdir()
    assert find(tmp_path / "run").get("peft").source == "current"


@pytest.mark.parametrize(
    ("line", "low", "high"),
    [
        ('!pip install -q "peft>=0.16,<0.18" trl', "0.16", "0.17.9999"),
        ("%pip install --upgrade peft[extra]==0.15.2", "0.15.2", "0.15.2"),
        ("!uv pip install peft==0.15.2 && pip list", "0.15.2", "0.15.2"),
        ("# MAGIC %pip install -U peft==0.15.2", "0.15.2", "0.15.2"),
        ("# get_ipython().system('pip install \"peft==0.15.2\"')", "0.15.2", "0.15.2"),
        ("!pip install 'peft==0.15.2'\n!pip install peft trl", "0.15.2", "0.15.2"),
        ("!pip install peft==0.15.2\n!pip install -U peft", None, CURRENT["peft"]),
        ("!pip install peft==0.15.2\n!pip install peft==0.14.0", "0.14.0", "0.15.2"),
        ("!pip install git+https://github.com/huggingface/peft.git", None, CURRENT["peft"]),
        ("print('pip install peft==0.15.2')", None, CURRENT["peft"]),
    ],
)
@pytest.mark.parametrize("single", [True, False])
def test_a_notebook_installs_its_own(line: str, low: str, high: str, *, single: bool) -> None:
    source = f"{line}\nfrom peft import LoraConfig\n"
    cell = {"cell_type": "code", "source": source if single else source.splitlines(keepends=True)}
    notebook = parse(json.dumps({"cells": [cell]}, indent=1), "train.ipynb")
    target = installed(notebook).get("peft")
    assert (target.low, target.high) == (low, high)


def test_a_script_states_its_own() -> None:
    text = """\
# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "peft==0.15.2",
#     "trl",
# ]
# ///
from peft import LoraConfig
"""
    found = installed(parse(text, "train.py"))

    assert found.get("peft").high == "0.15.2"
    assert "trl" not in found.known


@pytest.mark.parametrize(
    ("line", "high"),
    [
        ("pip install -q 'peft==0.15.2' trl", "0.15.2"),
        ("python -m pip install peft==0.15.2 && python setup.py", "0.15.2"),
        ("pip install \\\n  peft==0.15.2", "0.15.2"),
        ("# pip install peft==0.15.2", CURRENT["peft"]),
        ("echo pip install peft==0.15.2", CURRENT["peft"]),
        ("pip install peft==${VERSION}", CURRENT["peft"]),
    ],
)
def test_a_script_installs_its_own(line: str, high: str) -> None:
    script = parse(f"{line}\npython train.py --use_lora --lora_r 8\n", "run.sh")
    assert installed(script).get("peft").high == high


def test_what_a_notebook_installs_counts_before_the_files_around_it(folder: Path) -> None:
    (folder / "requirements.txt").write_text("peft==0.10.0\ntrl==0.12.1\n")
    cell = {
        "cell_type": "code",
        "source": "!pip install peft\nfrom peft import LoraConfig\nLoraConfig(r=8)",
    }
    (folder / "train.ipynb").write_text(json.dumps({"cells": [cell]}))
    (targets,) = gather([folder], Settings()).targets.values()
    assert targets.get("peft").high == CURRENT["peft"]
    assert targets.get("trl").high == "0.12.1"


CHECKOUTS = {
    "project": ({"pyproject.toml": '[project]\nname = "litgpt"\nversion = "0.5.5"\n'}, "litgpt"),
    "file": (
        {"pyproject.toml": '[project]\nname = "trl"\n', "VERSION": "0.5.5\n"},
        "trl",
    ),
    "setup": ({"setup.py": 'VERSION = "0.5.5"\nsetup(\n    name="peft",\n)\n'}, "peft"),
    "module": (
        {
            "setup.py": 'def main():\n    setup(\n        name="llmtuner",\n',
            "src/llmtuner/__init__.py": '__version__ = "0.5.5"\n',
        },
        "llamafactory",
    ),
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("kind", CHECKOUTS)
def test_a_checkout_is_of_the_release_it_says(folder: Path, kind: str) -> None:
    files, package = CHECKOUTS[kind]
    write(folder, files)
    target = find(folder / "examples").get(package)
    assert (target.low, target.high, target.source) == (None, "0.5.5", OWN_CHECKOUT)


def test_a_development_version_counts_as_the_release_to_come(folder: Path) -> None:
    write(folder, {"pyproject.toml": '[project]\nname = "trl"\n', "VERSION": "1.5.0.dev0\n"})
    target = find(folder).get("trl")
    assert (target.low, target.high) == (None, "1.5.0")


def test_a_project_of_another_name_is_no_checkout(folder: Path) -> None:
    write(folder, {"pyproject.toml": '[project]\nname = "my-trl"\nversion = "0.1.0"\n'})
    assert find(folder).get("trl").source == "current"
