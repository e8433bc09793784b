"""Holds what a template says of a config against the model that the library builds of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lora_advisor.models.formula import OpenError
from lora_advisor.models.template import expanded
from shapes.tree import flat as listed

if TYPE_CHECKING:
    from lora_advisor.models.table import ModuleTable
    from shapes.tree import Built


def agrees(template: dict[str, Any], raw: dict[str, Any], found: Built) -> bool | None:
    """Whether a template's answer equals the built model; None where it gives none."""
    try:
        table = expanded(*shippable(template), raw)
    except OpenError:
        return None
    if table is None:
        return None
    node, about = found
    shared = dict(about["shared"])
    below = tuple(f"{name}." for name in shared)
    truth = [
        t for t in listed(node) if t[0] not in shared and not (below and t[0].startswith(below))
    ]
    told = (
        table.model_type,
        table.input_embedding,
        table.output_embedding,
        table.tie_word_embeddings,
        list(table.tied_modules),
        table.shared_modules,
        table.shared_parameters,
        table.generates,
    )
    real = (
        about["type"],
        about["input"],
        about["output"],
        about["tie"],
        about["tied"],
        shared,
        dict(about["ties"]),
        about["generates"],
    )
    return modules_of(table) == truth and told == real


def modules_of(table: ModuleTable) -> list[tuple[Any, ...]]:
    """Return the modules of a table as :func:`shapes.tree.flat` has them."""
    return [
        (m.name, m.class_name, m.kind, m.parameters, m.transposed, m.groups) for m in table.modules
    ]


def shippable(template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a template and its nodes as the catalogue holds them."""
    content = {"forms": template["nodes"], "form_classes": template["classes"]}
    return {"transformers": 5, **template}, content
