"""Conditions through mypy: every name exists and every comparison makes sense for its types."""

from __future__ import annotations

import inspect
import re
import typing
from typing import TYPE_CHECKING

import pytest

from lora_advisor import facts
from lora_advisor.recipe import GROUPS
from tests.cards import cards

if TYPE_CHECKING:
    from pathlib import Path

mypy_api = pytest.importorskip("mypy.api")

HEADER = """from __future__ import annotations
from math import sqrt
from typing import Any
from lora_advisor import recipe, findings
{imports}

def written(value: object) -> bool: ...
def known(value: object) -> bool: ...
def matches(value: object, pattern: str) -> bool: ...
def startswith(value: object, prefix: str) -> bool: ...
def lower(value: object) -> str: ...
def is_text(value: object) -> bool: ...
def is_list(value: object) -> bool: ...
def shares(left: object, right: object) -> bool: ...
"""


def module_of_conditions() -> str:
    """Write one function for each condition, over classes that hold fields and facts."""
    functions = facts.functions()
    modules = sorted({function.__module__ for function in functions.values()})
    parts = [HEADER.format(imports="\n".join(f"import {module}" for module in modules))]
    for group in [*GROUPS, "config"]:
        base = f"(recipe.{GROUPS[group].__name__})" if group in GROUPS else ""
        lines = [f"class {group.title()}{base}:", "    pass"]
        lines += [
            f"    {name.partition('.')[2]}: {_returned(function)}"
            for name, function in functions.items()
            if name.startswith(f"{group}.")
        ]
        parts.append("\n".join(lines))
    parts += [_condition(card.id, card.when, card.each) for card in cards().values()]
    return "\n\n".join(parts) + "\n"


def _returned(function: typing.Any) -> str:
    annotation = str(inspect.signature(function).return_annotation)
    module = inspect.getmodule(function)
    own = [name for name, value in vars(module).items() if isinstance(value, type)]
    for name in own:
        if getattr(vars(module)[name], "__module__", "") == function.__module__:
            annotation = annotation.replace(name, f"{function.__module__}.{name}")
    annotation = re.sub(r"\bItem\b", "recipe.Item", annotation)
    return annotation.replace("Ignored", "findings.Ignored")


def _condition(code: str, when: str, each: str | None) -> str:
    groups = ", ".join(f"{group}: {group.title()}" for group in [*GROUPS, "config"])
    lines = [f"def {code}({groups}) -> object:"]
    if each is not None:
        lines.append(f"    for item in {each}:")
        lines.append(f"        return ({when})")
        lines.append("    return None")
    else:
        lines.append(f"    return ({when})")
    return "\n".join(lines)


def test_conditions_type_check(tmp_path: Path) -> None:
    module = tmp_path / "conditions.py"
    module.write_text(module_of_conditions(), "utf-8")
    arguments = ["--strict", "--python-version", "3.10", "--disable-error-code", "empty-body"]
    out, _, status = mypy_api.run([*arguments, str(module)])
    assert status == 0, out
