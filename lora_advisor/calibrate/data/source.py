"""Which datasets a config names, in its framework's own keys, and how their rows are laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lora_advisor.calibrate.refusals import RefusalError
from lora_advisor.record import record
from lora_advisor.source.tree import Mapping as Table
from lora_advisor.source.tree import Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lora_advisor.recipe import Recipe
    from lora_advisor.source.tree import Node

PLAIN_ALPACA: Final = ("alpaca", "alpaca_w_system", "alpaca:phi")
_ROLE_NAMES: Final = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant"}


@record
class Source:
    """One dataset: a file, folder or cached id, and what its columns mean.

    ``layout`` is ``chat``, ``alpaca`` (with that project's prompt), ``instruction`` (columns of
    alpaca, said through the chat template), ``text`` or ``auto`` (told from the columns).
    ``columns`` maps our names (messages, role, content, prompt, query, response, system, text) to
    the file's; ``roles`` the file's role names to the template's.
    """

    path: str
    layout: str = "auto"
    split: str | None = None
    kind: str | None = None
    files: tuple[str, ...] = ()
    columns: Mapping[str, str]
    roles: Mapping[str, str]


def given(path: Path) -> list[Source]:
    """Return the source of a file that the user names beside the config."""
    return [Source(path=str(path), columns={}, roles=_ROLE_NAMES)]


def named(recipe: Recipe) -> list[Source]:
    """Return the datasets of a config; a RefusalError where it names none we can read."""
    root = recipe.document.root
    readers = {"axolotl": _axolotl, "llamafactory": _llamafactory, "trl": _trl}
    read = readers.get(recipe.framework)
    found = list(read(root, Path(recipe.document.path).parent)) if read and root else []
    if not found:
        detail = f"{recipe.document.path} names no dataset that can be read; say --dataset FILE"
        raise RefusalError("no-data", detail)
    return found


def _axolotl(root: Node, _near: Path) -> Iterator[Source]:
    for entry in _items(root, "datasets"):
        path = _text(entry, "path")
        if path:
            yield Source(
                path=path,
                layout=_axolotl_layout(_get(entry, "type")),
                split=_text(entry, "split"),
                kind=_text(entry, "ds_type"),
                files=tuple(_texts(entry, "data_files")),
                columns=_axolotl_columns(entry),
                roles=_ROLE_NAMES,
            )


def _axolotl_layout(node: Node | None) -> str:
    kind = node.text if isinstance(node, Scalar) else "of your own" if node else "chat_template"
    if kind.startswith(("chat_template", "sharegpt")):
        return "chat"
    if kind.startswith("completion"):
        return "text"
    if kind in PLAIN_ALPACA:
        return "alpaca"
    detail = f"datasets of type {kind!r} are not read; say --dataset FILE with rows of messages"
    raise RefusalError("unsupported", detail)


def _axolotl_columns(entry: Node) -> dict[str, str]:
    renamed = _get(entry, "message_property_mappings")
    found = {
        "messages": _text(entry, "field_messages"),
        "text": _text(entry, "field"),
        "role": _text(renamed, "role") or _text(entry, "message_field_role"),
        "content": _text(renamed, "content") or _text(entry, "message_field_content"),
    }
    return {name: column for name, column in found.items() if column}


def _trl(root: Node, _near: Path) -> Iterator[Source]:
    name = _text(root, "dataset_name")
    if name:
        split = _text(root, "dataset_train_split")
        yield Source(path=name, split=split, columns={}, roles={})
    for entry in _items(root, "datasets"):
        path = _text(entry, "path")
        if path:
            split = _text(entry, "split")
            files = tuple(_texts(entry, "data_files"))
            yield Source(path=path, split=split, files=files, columns={}, roles={})


def _llamafactory(root: Node, near: Path) -> Iterator[Source]:
    folder = Path(_text(root, "dataset_dir") or "data")
    folder = next((base for base in (near / folder, folder) if base.is_dir()), folder)
    listed = _registry(folder)
    for name in _texts(root, "dataset"):
        entry = listed.get(name)
        if not isinstance(entry, dict):
            detail = f"{folder / 'dataset_info.json'} has no dataset {name!r}"
            raise RefusalError("no-data", detail)
        yield _registered(entry, folder)


def _registry(folder: Path) -> dict[str, Any]:
    path = folder / "dataset_info.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusalError("no-data", f"{path} cannot be read: {error}") from None
    return listed if isinstance(listed, dict) else {}


def _registered(entry: dict[str, Any], folder: Path) -> Source:
    """Read an entry of LLaMA-Factory's ``dataset_info.json`` (see its data/README.md)."""
    file = entry.get("file_name")
    path = str(folder / file) if file else str(entry.get("hf_hub_url", ""))
    chat = entry.get("formatting") == "sharegpt"
    columns, tags = entry.get("columns") or {}, entry.get("tags") or {}
    if chat:
        found = {
            "messages": columns.get("messages", "conversations"),
            "role": tags.get("role_tag", "from"),
            "content": tags.get("content_tag", "value"),
        }
    else:
        found = {
            "prompt": columns.get("prompt", "instruction"),
            "query": columns.get("query", "input"),
            "response": columns.get("response", "output"),
        }
    found["system"] = columns.get("system", "system")
    roles = {
        tags.get("user_tag", "human"): "user",
        tags.get("assistant_tag", "gpt"): "assistant",
        tags.get("system_tag", "system"): "system",
    }
    layout = "chat" if chat else "instruction"
    return Source(path=path, layout=layout, split=entry.get("split"), columns=found, roles=roles)


def _get(node: Node | None, name: str) -> Node | None:
    return node.get(name) if isinstance(node, Table) else None


def _text(node: Node | None, name: str) -> str | None:
    found = _get(node, name)
    empty = isinstance(found, Scalar) and found.plain and found.text in ("", "null", "~")
    return found.text if isinstance(found, Scalar) and not empty else None


def _items(node: Node, name: str) -> tuple[Node, ...]:
    found = _get(node, name)
    return found.items if isinstance(found, Sequence) else ()


def _texts(node: Node, name: str) -> list[str]:
    """Return a value written as a list, or as one text with commas."""
    found = _get(node, name)
    if isinstance(found, Sequence):
        return [item.text for item in found.items if isinstance(item, Scalar)]
    text = _text(node, name)
    return [part.strip() for part in text.split(",") if part.strip()] if text else []
