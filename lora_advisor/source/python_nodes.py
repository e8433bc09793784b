"""Small questions about the nodes of a Python program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lora_advisor.source.position import line_starts
from lora_advisor.source.tree import Comment, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def name_of(node: ast.expr) -> str:
    """Return the last name of a name or attribute, empty for another expression."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def dotted(node: ast.expr) -> str:
    """Return a name, or an attribute with the name it belongs to (``args.r``)."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return name_of(node)


def expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions in the head of a statement: a test, what is gone through."""
    for _, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.expr):
                yield part
            elif isinstance(part, ast.withitem):
                yield part.context_expr


def assigned(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements assign to, at any depth."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                yield dotted(node)


def is_cell(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a cell of a marimo notebook (``@app.cell``)."""
    names = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return any(isinstance(name, ast.Attribute) and name.attr == "cell" for name in names)


def is_main(node: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__"``."""
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)


def bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks of a statement: its body, what stands under else, its handlers."""
    bodies = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    bodies += [handler.body for handler in getattr(node, "handlers", [])]
    return [body for body in bodies if body]


def comments(text: str) -> Iterable[Comment]:
    """Yield the comments, found by Python's own tokenizer."""
    import io  # noqa: PLC0415
    import tokenize  # noqa: PLC0415

    starts = line_starts(text)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                start = starts[token.start[0] - 1] + token.start[1]
                span = Span(start=start, end=start + len(token.string))
                yield Comment(text=token.string[1:], span=span)
    except (tokenize.TokenError, IndentationError):
        return
