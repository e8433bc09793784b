"""A row as what is said: plain text, a prompt and its answer, or a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lora_advisor.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lora_advisor.calibrate.data.source import Source

_MESSAGES: Final = ("messages", "conversations", "conversation")
_ALPACA: Final = (
    "Below is an instruction that describes a task{more}. Write a response that appropriately "
    "completes the request.\n\n### Instruction:\n{prompt}\n\n{query}### Response:\n"
)
_WITH_INPUT: Final = ", paired with an input that provides further context"


@record
class Said:
    """One row: ``turns`` for the chat template, or ``prompt`` and ``text`` as they stand."""

    turns: tuple[dict[str, str], ...] = ()
    prompt: str = ""
    text: str = ""


def said(row: Mapping[str, Any], source: Source) -> Said | None:
    """Read a row by its source's layout; None for one that says nothing."""
    layout = source.layout if source.layout != "auto" else _told(row)
    if layout == "chat":
        return _chat(row, source)
    if layout == "alpaca":
        return _alpaca(row, source)
    if layout == "instruction":
        return _instruction(row, source)
    if layout == "prompt":
        return _pair(row, source)
    text = row.get(source.columns.get("text", "text"))
    return Said(text=text) if isinstance(text, str) and text else None


def _told(row: Mapping[str, Any]) -> str:
    """Tell the layout from the columns, as TRL does."""
    if any(isinstance(row.get(name), list) for name in _MESSAGES):
        return "chat"
    if "prompt" in row and "completion" in row:
        return "prompt"
    if "instruction" in row and "output" in row:
        return "instruction"
    return "text"


def _chat(row: Mapping[str, Any], source: Source) -> Said | None:
    named = source.columns.get("messages")
    names = (named,) if named else _MESSAGES
    listed: list[Any] = next((row[name] for name in names if isinstance(row.get(name), list)), [])
    turns = [_turn(turn, source) for turn in listed if isinstance(turn, dict)]
    system = row.get(source.columns.get("system", ""))
    if isinstance(system, str) and system:
        turns.insert(0, {"role": "system", "content": system})
    return Said(turns=tuple(turns)) if turns else None


def _turn(turn: dict[str, Any], source: Source) -> dict[str, str]:
    role = turn.get(source.columns.get("role", "role")) or turn.get("from") or ""
    content = turn.get(source.columns.get("content", "content"))
    content = turn.get("value") if content is None else content
    return {"role": source.roles.get(role, role), "content": str(content or "")}


def _pair(row: Mapping[str, Any], source: Source) -> Said | None:
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, list) and isinstance(completion, list):
        turns = [_turn(turn, source) for turn in [*prompt, *completion]]
        return Said(turns=tuple(turns))
    return Said(prompt=str(prompt), text=str(completion)) if completion else None


def _instruction(row: Mapping[str, Any], source: Source) -> Said | None:
    prompt, query, response = _alpaca_columns(row, source)
    if not response:
        return None
    asked = f"{prompt}\n{query}" if query else prompt
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": response}]
    system = row.get(source.columns.get("system", "system"))
    if isinstance(system, str) and system:
        turns.insert(0, {"role": "system", "content": system})
    return Said(turns=tuple(turns))


def _alpaca(row: Mapping[str, Any], source: Source) -> Said | None:
    prompt, query, response = _alpaca_columns(row, source)
    if not response:
        return None
    more, query = (_WITH_INPUT, f"### Input:\n{query}\n\n") if query else ("", "")
    return Said(prompt=_ALPACA.format(more=more, prompt=prompt, query=query), text=response)


def _alpaca_columns(row: Mapping[str, Any], source: Source) -> tuple[str, str, str]:
    names = {"prompt": "instruction", "query": "input", "response": "output", **source.columns}
    prompt, query, response = (row.get(names[n]) for n in ("prompt", "query", "response"))
    return str(prompt or ""), str(query or ""), str(response or "")
