"""The extension for Visual Studio Code: what it says of itself, what it starts, that it packs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from lora_advisor import __version__

ROOT = Path(__file__).parent.parent
EXTENSION = ROOT / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text("utf-8"))
SCRIPT = (EXTENSION / "extension.js").read_text("utf-8")
VSCODE = """\
const settings = { command: ["${workspaceFolder}/bin/lora-advisor", "server"], plugins: ["acme"] };
module.exports = {
  workspace: {
    workspaceFolders: [{ uri: { fsPath: "/project" } }],
    getConfiguration: () => ({ get: (name) => settings[name] }),
    onDidChangeConfiguration: () => ({}),
  },
  commands: { registerCommand: (name) => ({ name }) },
  window: { showErrorMessage: (told) => console.log("told " + told) },
};
"""
CLIENT = """\
class LanguageClient {
  constructor(id, name, server, client) {
    const { command, args, options } = server;
    const plugins = options.env.LORA_ADVISOR_PLUGINS;
    const languages = client.documentSelector.map((one) => one.language);
    console.log(JSON.stringify({ id, command, args, plugins, languages }));
  }
  async start() { if (process.env.BROKEN) throw new Error("no such file"); }
  async stop() { console.log("stopped"); }
}
module.exports = { LanguageClient };
"""
DRIVER = """\
const extension = require("./extension.js");
extension.activate({ subscriptions: [] }).then(extension.deactivate);
"""


def test_the_manifest_goes_with_the_package() -> None:
    assert MANIFEST["version"] == __version__
    assert (EXTENSION / MANIFEST["main"]).is_file()
    offered = {name.rpartition(".")[2] for name in _settings()}
    assert set(re.findall(r'settings\.get\("(\w+)"\)', SCRIPT)) <= offered
    languages = json.loads(re.findall(r"LANGUAGES = (\[.*?\]);", SCRIPT, re.DOTALL)[0])
    assert MANIFEST["activationEvents"] == [f"onLanguage:{language}" for language in languages]


def test_a_workspace_that_is_not_trusted_chooses_no_program() -> None:
    limits = MANIFEST["capabilities"]["untrustedWorkspaces"]
    assert {"lora-advisor.command", "lora-advisor.plugins"} <= {*limits["restrictedConfigurations"]}
    assert _settings()["lora-advisor.plugins"]["scope"] == "machine"


def _settings() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = MANIFEST["contributes"]["configuration"]["properties"]
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the extension beside stand-ins for what the editor gives it."""
    folder = tmp_path / "extension"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "*.vsix"))
    for name, text in {"vscode": VSCODE, "vscode-languageclient/node": CLIENT}.items():
        (folder / "node_modules" / name).mkdir(parents=True)
        (folder / "node_modules" / name / "index.js").write_text(text)
    (folder / "driver.js").write_text(DRIVER)
    return folder


def _ran(folder: Path, **variables: str) -> list[str]:
    if shutil.which("node") is None:
        pytest.skip("node is not here")
    run = subprocess.run(
        ["node", "driver.js"],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()


def test_it_starts_the_server_of_the_settings(copy: Path) -> None:
    told, stopped = _ran(copy)
    started = json.loads(told)
    assert (started["command"], started["args"]) == ("/project/bin/lora-advisor", ["server"])
    assert started["plugins"] == "acme"
    assert "yaml" in started["languages"]
    assert stopped == "stopped"


def test_it_says_why_the_server_does_not_start(copy: Path) -> None:
    told = _ran(copy, BROKEN="1")[1]
    assert "told lora-advisor: the server does not start (no such file)." in told


@pytest.mark.slow
def test_it_packs(copy: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not here")
    shutil.rmtree(copy / "node_modules")
    (copy / "driver.js").unlink()
    shutil.copy(ROOT / "LICENSE", copy)
    install = ["npm", "install", "--omit=dev", "--no-audit", "--no-fund", "--silent"]
    pack = ["npx", "--yes", "@vscode/vsce", "package", "-o", "out.vsix"]
    try:
        subprocess.run(install, cwd=copy, check=True, capture_output=True, timeout=60)
        subprocess.run(
            [*pack[:3], "--version"], cwd=copy, check=True, capture_output=True, timeout=60
        )
    except (subprocess.SubprocessError, OSError):
        pytest.skip("the packages of npm cannot be had")
    subprocess.run(pack, cwd=copy, check=True, capture_output=True, text=True, timeout=120)
    with zipfile.ZipFile(copy / "out.vsix") as packed:
        names = packed.namelist()
    assert {"extension/extension.js", "extension/package.json"} <= {*names}
    assert any("vscode-languageclient" in name for name in names)
