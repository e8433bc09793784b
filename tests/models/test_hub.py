"""The network is asked only where the user allows it; a hub on this machine plays the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("huggingface_hub")

CONFIG = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 4000}
SCRIPT = """
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("me/tiny")
model = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "query"]))
"""


class Hub(BaseHTTPRequestHandler):
    """Serves the ``config.json`` of ``me/tiny``; every other model is not there."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests."""

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        found = self.path == "/me/tiny/resolve/main/config.json"
        content = json.dumps(CONFIG).encode() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("ETag", '"1234"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Hub,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def run(folder: Path, endpoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "lora_advisor", *arguments, "--isolated"],
        env=os.environ | environment | {"HF_HUB_OFFLINE": "0"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_check_asks_the_hub_only_if_it_may(tmp_path: Path, hub: tuple[str, list[str]]) -> None:
    endpoint, asked = hub
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    alone = run(tmp_path, endpoint, "check", "train.py")
    assert "dead-target" not in alone.stdout
    assert asked == []
    allowed = run(tmp_path, endpoint, "check", "train.py", "--allow-network")
    assert "dead-target" in allowed.stdout
    models = {path for path in asked if not path.startswith("/api/")}  # the library's own matters
    assert models == {"/me/tiny/resolve/main/config.json"}


def test_a_model_that_the_hub_does_not_have_is_named(
    tmp_path: Path, hub: tuple[str, list[str]]
) -> None:
    missing = run(tmp_path, hub[0], "inspect", "me/other", "--allow-network")
    assert missing.returncode == 2
    assert "config.json of me/other was not fetched" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_known_models_need_no_network(tmp_path: Path, hub: tuple[str, list[str]]) -> None:
    endpoint, asked = hub
    known = run(tmp_path, endpoint, "inspect", "Qwen/Qwen3-8B", "--allow-network")
    assert known.returncode == 0
    assert asked == []


def test_a_missing_model_of_many_configs_is_asked_for_once(
    tmp_path: Path, hub: tuple[str, list[str]]
) -> None:
    endpoint, asked = hub
    for name in ("one.py", "two.py", "three.py"):
        (tmp_path / name).write_text(SCRIPT.replace("me/tiny", "me/other"), encoding="utf-8")
    run(tmp_path, endpoint, "check", ".", "--allow-network")
    assert asked.count("/me/other/resolve/main/config.json") == 1
