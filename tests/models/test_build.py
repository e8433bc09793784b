"""Models nobody has looked at: built by transformers, kept, and never where nobody asked."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lora_advisor.cli.inspect import command
from lora_advisor.models import build
from lora_advisor.models.locate import model_in
from lora_advisor.models.lookup import Lookup

if TYPE_CHECKING:
    from pathlib import Path

ZAMBA = {"model_type": "zamba", "hidden_size": 512}
"""A type whose sizes no template gives."""
ANSWER = {
    "transformers": "5.23.0",
    "auto": "AutoModelForCausalLM",
    "type": "zamba",
    "input": "model.embed_tokens",
    "output": "lm_head",
    "tie": True,
    "tied": ["lm_head"],
    "shared": [],
    "ties": [["lm_head.weight", "model.embed_tokens.weight"]],
    "generates": True,
    "modules": [
        ["", "", "ZambaForCausalLM", [], False, 1],
        ["model.embed_tokens", "embedding", "Embedding", [["weight", 100, 8]], False, 1],
        ["lm_head", "linear", "Linear", [["weight", 100, 8]], False, 1],
    ],
}
needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "transformers", "peft")),
    reason="needs the extra [model]",
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Count how often the library is asked, and answer for it."""
    found: list[Any] = []

    def answer(config: Any, auto_class: str | None) -> dict[str, Any]:
        found.append((config, auto_class))
        return ANSWER

    monkeypatch.setattr(build, "_asked", answer)
    monkeypatch.setattr(build, "_can_build", lambda: True)
    monkeypatch.setattr(build, "_release", lambda: "5.23.0")
    return found


def folder(path: Path, config: dict[str, Any]) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return path


def test_a_build_is_made_once_and_then_kept(tmp_path: Path, asked: list[Any]) -> None:
    model = folder(tmp_path / "zamba", ZAMBA)
    for _ in range(2):
        table = Lookup(given=model, builds=True).table("")
        assert table is not None
        assert table.sized
        assert table.parameter_count == 800
        assert "built with transformers 5.23.0" in table.source
    assert len(asked) == 1


def test_nothing_is_built_unless_wished_but_what_is_kept_is_used(
    tmp_path: Path, asked: list[Any]
) -> None:
    model = folder(tmp_path / "zamba", ZAMBA)
    before = Lookup(given=model).table("")
    assert before is None or not before.sized
    assert not asked
    Lookup(given=model, builds=True).table("")
    after = Lookup(given=model).table("")
    assert after is not None
    assert after.sized


def test_another_config_or_release_is_built_anew(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Lookup(given=folder(tmp_path / "one", ZAMBA), builds=True).table("")
    Lookup(given=folder(tmp_path / "two", {**ZAMBA, "hidden_size": 256}), builds=True).table("")
    monkeypatch.setattr(build, "_release", lambda: "5.24.0")
    Lookup(given=tmp_path / "one", builds=True).table("")
    assert len(asked) == 3


def test_remote_code_is_never_asked_for(tmp_path: Path, asked: list[Any]) -> None:
    config = {"model_type": "my_own", "auto_map": {"AutoModelForCausalLM": "modeling.My"}}
    assert Lookup(given=folder(tmp_path / "own", config), builds=True).table("") is None
    assert not asked


def test_a_refusal_is_told_and_remembered(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"failed": "ImportError: needs timm", "transformers": "5.23.0"}

    def refuse(*given: Any) -> dict[str, Any]:
        asked.append(given)
        return refused

    monkeypatch.setattr(build, "_asked", refuse)
    model = folder(tmp_path / "n", {"model_type": "gemma3n", "hidden_size": 64})
    for _ in range(2):
        result = CliRunner().invoke(command, [str(model), "--isolated"])
        assert result.exit_code == 2
        assert "ImportError: needs timm" in result.output
    assert len(asked) == 1


def test_a_broken_answer_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_can_build", lambda: True)
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-such-python"))
    assert build.built(ZAMBA, None) is None


@needs_torch
def test_the_library_answers(tmp_path: Path) -> None:
    model = model_in(folder(tmp_path / "zamba", ZAMBA))
    assert model is not None
    table = build.built(model.config, None)
    assert table is not None
    assert table.by_name["model.embed_tokens"].shape("weight") == (32000, 512)
    assert table.tied_modules == ("lm_head",)
