from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lora_advisor.discover import companion_paths, discover, read
from lora_advisor.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lora_advisor.findings import Notice

LAUGHS = b"a0: &a0 [1,1]\n" + b"".join(
    b"a%d: &a%d [*a%d,*a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 40)
)
CONFIG = "base_model: x\nadapter: lora\nlora_r: 8\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: str, content: str | bytes = CONFIG) -> Path:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return target


class Looked(NamedTuple):
    """What was read of a search, and what was said of the rest."""

    names: list[str]
    failed: dict[str, str]
    notices: list[Notice]


def look(
    checked: Sequence[str | Path], settings: Settings | None = None, *, found: bool = False
) -> Looked:
    """Search, and read what was found."""
    discovery = discover(checked, settings or Settings(), found=found)
    documents = [read(discovery, file) for file in discovery.files]
    return Looked(
        names=[document.path for document in documents if document is not None],
        failed={failure.file: failure.message for failure in discovery.failures},
        notices=discovery.notices,
    )


def test_folders_are_searched_in_order() -> None:
    for name in ("b.yml", "a/c.yaml", "a/d.toml", "a/e.json", "a/f.txt", "a/g.md"):
        put(name, "{}" if name.endswith("json") else 'a = "b"' if "toml" in name else CONFIG)
    assert look(["."]).names == ["a/c.yaml", "a/d.toml", "a/e.json", "b.yml"]


def test_what_is_passed_over_in_folders() -> None:
    for name in (".hidden/a.yaml", ".b.yaml", "node_modules/a.yaml", "x/__pycache__/a.yaml"):
        put(name)
    put("env/pyvenv.cfg", "")
    put("env/a.yaml")
    assert look(["."]).names == []
    assert look([".hidden/a.yaml"]).names == [".hidden/a.yaml"]


def test_data_sets_are_passed_over_in_folders_only() -> None:
    large = "[" + ", ".join(["1"] * 400_000) + "]"
    put("data.json", large)
    put("adapter_config.json", "{}")
    assert look(["."]).names == ["adapter_config.json"]
    assert "data.json" in look(["data.json"]).failed, "too many nodes"


def test_scripts_in_folders_must_speak_of_adapters() -> None:
    put("setup.py", "print(1)\n")
    put("train.py", "from peft import LoraConfig\nLoraConfig(r=8)\n")
    assert look(["."]).names == ["train.py"]


def test_a_file_is_checked_once(folder: Path) -> None:
    put("a.yaml")
    Path("link.yaml").symlink_to("a.yaml")
    Path("again").symlink_to(folder)
    found = look(["a.yaml", "a.yaml", folder / "a.yaml"])
    assert found.names == ["a.yaml"]


def test_equal_files_are_both_checked() -> None:
    put("a.yaml")
    os.link("a.yaml", "b.yaml")
    assert look(["."]).names == ["a.yaml", "b.yaml"]


def test_a_loop_of_folders_is_told_and_the_others_are_checked() -> None:
    put("sub/a.yaml")
    Path("sub/loop").symlink_to("..")
    Path("self.yaml").symlink_to("self.yaml")
    found = look(["."])
    assert found.names == ["sub/a.yaml"]
    assert found.failed["sub/loop"].startswith("directory loop")
    assert "symbolic links" in found.failed["self.yaml"]


def test_linked_folders_are_searched_once(folder: Path) -> None:
    put("real/a.yaml")
    Path("link").symlink_to(folder / "real")
    found = look(["."])
    assert found.names == ["link/a.yaml"]
    assert found.failed == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty: there is nothing to check"),
        (b" \n\n", "the file is empty"),
        (b"\x00\x01\x02", "binary data"),
        (b"\xff\xfe", "the file is empty"),
        (b"lora_r: \xe9\n", "not UTF-8 text"),
        (b"a: " + b"[" * 50_000, "deep"),
        (b"a: [1\n", "expected"),
        (LAUGHS, "values"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_a_failure(content: bytes, told: str) -> None:
    put("bad.yaml", content)
    put("good.yaml")
    found = look(["bad.yaml", "good.yaml"])
    assert found.names == ["good.yaml"]
    (message,) = found.failed.values()
    assert told in message


def test_too_large_missing_and_odd_files() -> None:
    put("large.yaml", b"a: b\n" * 4_000_000)
    os.mkfifo("pipe.yaml")
    found = look(["large.yaml", "missing.yaml", "pipe.yaml"])
    assert found.failed == {
        "large.yaml": "too large for a config: 20 MB, at most 5 MB",
        "missing.yaml": "no such file or directory",
        "pipe.yaml": "not a regular file",
    }


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the owner root may read everything"
)
def test_unreadable_files_and_folders() -> None:
    put("a.yaml").chmod(0)
    put("sub/b.yaml")
    Path("sub").chmod(0)
    try:
        found = look(["."])
    finally:
        Path("sub").chmod(0o755)
    assert found.failed == {"a.yaml": "permission denied", "sub": "permission denied"}


def test_an_unreadable_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.yaml")
    put("b.yaml")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "a.yaml":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = look(["."])
    assert found.failed == {"a.yaml": "permission denied"}
    assert found.names == ["b.yaml"]


def test_broken_files_met_in_a_folder_fail_only_when_meant_for_us() -> None:
    put("other.yaml", "a: [1\n")
    put("empty.yaml", "")
    put("ours.yaml", "lora_r: [1\n")
    put("adapter_config.json", "{")
    put("chart.yaml", "lora_r: {{ value }}\nb: [\n")
    put("old.py", "import peft\nprint 'x'\n")
    put("tsconfig.json", '{"path": "src/lora", // ours\n "jsx": 1}')
    put("metadata.json", '{"file": "D:/qlora\\\\x\\predictions.json"}')
    put("log.json", 'LOG {"cfg/micro_batch_size": 1}')
    put("ds_template.json", '{"train_micro_batch_size_per_gpu": ${size}}')
    put("size_template.json", '{"micro_batch_size": GB_SIZE, "steps": 1}')
    found = look(["."])
    assert set(found.failed) == {"ours.yaml", "adapter_config.json"}
    told = {notice.file: notice.minor for notice in found.notices}
    assert told == {
        "chart.yaml": True,
        "empty.yaml": True,
        "old.py": False,
        "other.yaml": True,
        "tsconfig.json": True,
        "metadata.json": True,
        "log.json": True,
        "ds_template.json": True,
        "size_template.json": True,
    }


def test_files_of_a_hook_are_treated_as_met() -> None:
    broken = put("other.yaml", "a: [1\n")
    assert look([broken, put("a.yaml"), put("b.txt")], found=True).failed == {}


def test_excludes_always_apply() -> None:
    put("old/a.yaml")
    put("b.yaml")
    settings = Settings(exclude=("old",))
    assert look(["."], settings).names == ["b.yaml"]
    found = look(["old/a.yaml", "b.yaml"], settings)
    assert found.names == ["b.yaml"]
    assert [notice.message for notice in found.notices] == ["is excluded by 'old'"]
    assert not found.notices[0].minor


def test_companions_are_found_beside_the_config_below_and_above(folder: Path) -> None:
    put("configs/x/a.yaml")
    beside = put("configs/x/ds.json", "{}")
    above = put("deepspeed/zero3.json", "{}")
    named = ["ds.json", "deepspeed/zero3.json", "missing.json", "/etc/hostname", "../../../x.json"]
    found = list(companion_paths(named, "configs/x/a.yaml"))
    assert found == [folder / beside, folder / above]


def test_lines_of_json_under_the_name_of_json_are_data(folder: Path) -> None:
    put("data/train.json", '{"text": "what is an adapter?"}\n{"text": "learning"}\n')
    put("config.yml")
    found = look([folder])
    assert [Path(name).name for name in found.names] == ["config.yml"]
    assert not found.failed
