from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from lora_advisor.cli import cli
from lora_advisor.frameworks import frameworks
from lora_advisor.frameworks.json_schema import has_schema, json_schema

SHARED = Path(__file__).parents[2].parent / "shared" / "corpus"
NAMES = [item.name for item in frameworks() if has_schema(item)]
FOLDERS = {"axolotl": "axolotl", "llamafactory": "llamafactory", "trl": "trl-cli"}


@cache
def schema(name: str) -> dict[str, Any]:
    return json_schema(next(item for item in frameworks() if item.name == name))


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    json.dumps(schema(name), allow_nan=False)


def test_keys_types_and_defaults() -> None:
    keys = schema("trl")["properties"]
    assert keys["learning_rate"]["default"] == 2e-05
    assert {"type": ["number"]} in keys["learning_rate"]["anyOf"]
    assert keys["max_seq_length"]["deprecated"] is True
    assert "max_length" in keys["max_seq_length"]["description"]
    assert schema("trl")["additionalProperties"] is False
    assert schema("axolotl")["additionalProperties"] is True


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_official_examples_fit(name: str, folder: str) -> None:
    files = sorted((SHARED / folder).rglob("*.y*ml")) if SHARED.is_dir() else []
    if not files:
        pytest.skip("../shared is not here")
    validator = jsonschema.Draft202012Validator(schema(name))
    wrong = [path.name for path in files if not _fits(validator, path)]
    assert len(wrong) <= 0.05 * len(files), wrong


def _fits(validator: jsonschema.Draft202012Validator, path: Path) -> bool:
    try:
        data = yaml.safe_load(path.read_text())
    except yaml.YAMLError:
        return True
    errors = validator.iter_errors(data) if isinstance(data, dict) else ()
    return not [error for error in errors if error.validator != "additionalProperties"]


def test_the_command() -> None:
    runner = CliRunner()
    assert "axolotl" in runner.invoke(cli, ["schema"]).stdout
    written = runner.invoke(cli, ["schema", "axolotl"]).stdout
    assert json.loads(written)["title"] == schema("axolotl")["title"]
    result = runner.invoke(cli, ["schema", "axolotle"])
    assert result.exit_code != 0
    assert "did you mean axolotl" in result.output
