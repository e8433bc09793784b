"""Facts of what a script does to a model's weights once the adapter is in."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from lora_advisor.facts._arguments import in_script
from lora_advisor.pattern import pattern
from lora_advisor.source.python_magics import parsed
from lora_advisor.source.python_nodes import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lora_advisor.recipe import Lora, Recipe, Run

_TEXTS: Final = 4
_WRAPS: Final = "get_peft_model"
_TOUCHES: Final = pattern(r"\.half\(|\.to\(|requires_grad")
_HALVES: Final = frozenset({"float16", "half"})
_OF_ADAPTER: Final = pattern(r"lora|adapter|magnitude|prompt|default", 2)
_WIDENS: Final = pattern(
    r"cast_training_params|cast_mixed_precision|autocast_adapter_dtype|float32"
    r"|\b(?:model|unet|transformer|net|\w*param\w*|p)\.(?:data\.)?float\(\)"
)
_SAVES: Final = pattern(
    r"torch\.save|state_dict|save_file|non_lora|modules_to_save|merge_and_unload|\.merge_adapter"
)


_TOWER: Final = (
    r"[\w.]*\b(?:vision_tower|vision_model|vision_encoder|visual|image_encoder|audio_tower)"
)
_FREEZES_TOWER: Final = pattern(
    rf"for (\w+) in {_TOWER}[\w.]*\.parameters\(\):\s*\1\.requires_grad(?:_\(False\)| = False)"
    rf"|{_TOWER}[\w.]*\.requires_grad_\(False\)"
)


def freezes_tower(recipe: Recipe) -> bool:
    """Whether a script freezes an image or audio tower before it puts the adapter in."""
    if not in_script(recipe):
        return False
    before, _, _ = recipe.document.text.partition(f"{_WRAPS}(")
    return _FREEZES_TOWER.search(before) is not None


def halves_adapter(recipe: Recipe) -> bool:
    """Whether a script makes the adapted model float16, the adapter with it."""
    return any(_halved(node) == model for model, later in _adapted(recipe) for node in _walk(later))


def adds_adapter(recipe: Recipe, run: Run) -> bool:
    """Whether a script puts the adapter in by ``add_adapter`` and casts none of its weights.

    Source: ``PeftAdapterMixin.add_adapter`` of transformers and of diffusers.
    """
    adds = "add_adapter" in run.calls and "get_peft_model" not in run.calls
    return adds and _WIDENS.search(recipe.document.text) is None


def thawed_part(recipe: Recipe, lora: Lora, run: Run) -> str:
    """Return the part that a script trains beside the adapter and nothing saves, empty if none.

    Source: ``peft.utils.save_and_load.get_peft_model_state_dict``, which keeps adapters alone.
    """
    trains = any(call.endswith("Trainer") for call in run.calls)
    trains = trains or "trainer.train(" in recipe.document.text
    if not trains or lora.modules_to_save or _SAVES.search(recipe.document.text):
        return ""
    parts = (_thawed(node, model) for model, later in _adapted(recipe) for node in _walk(later))
    return next((part for part in parts if part and not _OF_ADAPTER.search(part)), "")


def _adapted(recipe: Recipe) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield names given to adapted models, each with the statements that follow in its block."""
    if not in_script(recipe) or not _TOUCHES.search(recipe.document.text):
        return
    for block in _blocks(recipe.document.text):
        for index, statement in enumerate(block):
            value = statement.value if isinstance(statement, ast.Assign) else None
            if isinstance(value, ast.Call) and name_of(value.func) == _WRAPS:
                target = statement.targets[0]  # type: ignore[attr-defined]
                if isinstance(target, ast.Name):
                    yield target.id, block[index + 1 :]


@lru_cache(_TEXTS)
def _blocks(text: str) -> tuple[list[ast.stmt], ...]:
    """Return the module's statements, and those of every function."""
    module, _ = parsed(text)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inner = [node.body for node in ast.walk(module) if isinstance(node, functions)]
    return (module.body, *inner)


def _walk(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield what surely runs after: loops and what they hold, no branch at the outer level."""
    for statement in statements:
        if not isinstance(statement, (ast.If, ast.FunctionDef, ast.ClassDef, ast.Try)):
            yield from ast.walk(statement)


def _halved(node: ast.AST) -> str:
    """Return the name of the model that ``model.half()`` or ``model.to(torch.float16)`` is."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return ""
    given = [name_of(arg) for arg in [*node.args, *(k.value for k in node.keywords)]]
    cast = node.func.attr == "to" and bool(_HALVES & set(given))
    plain = node.func.attr == "half" and not given
    owner = node.func.value
    return owner.id if isinstance(owner, ast.Name) and (cast or plain) else ""


def _thawed(node: ast.AST, model: str) -> str:
    """Return what a loop over the model's parameters makes trainable by a piece of its name."""
    if not isinstance(node, ast.For) or not isinstance(node.iter, ast.Call):
        return ""
    called = node.iter.func
    named = isinstance(called, ast.Attribute) and called.attr == "named_parameters"
    if not named or not isinstance(called.value, ast.Name) or called.value.id != model:  # type: ignore[attr-defined]
        return ""
    tests = [inner for inner in node.body if isinstance(inner, ast.If) and _trains(inner)]
    return next((piece for test in tests if (piece := _piece(test.test))), "")


def _trains(branch: ast.If) -> bool:
    """Whether a branch sets ``requires_grad`` of a parameter, and to nothing but True."""
    sets = [value for inner in branch.body if (value := _set_to(inner)) is not None]
    return bool(sets) and all(isinstance(v, ast.Constant) and v.value is True for v in sets)


def _set_to(statement: ast.stmt) -> ast.expr | None:
    """Return what a statement sets ``requires_grad`` to, by name or by ``requires_grad_()``."""
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        named = isinstance(target, ast.Attribute) and target.attr == "requires_grad"
        return statement.value if named else None
    called = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(called, ast.Call) or name_of(called.func) != "requires_grad_":
        return None
    return called.args[0] if called.args else ast.Constant(value=True)


def _piece(test: ast.expr) -> str:
    """Return the text that ``"merger" in name`` asks for, empty for any other test."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return next((piece for part in test.values if (piece := _piece(part))), "")
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.In):
        left = test.left
        if isinstance(left, ast.Constant) and isinstance(left.value, str):
            return left.value
    return ""
