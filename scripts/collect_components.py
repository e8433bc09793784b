"""Collect which component of torchtune existed in which release, as JSON.

Reads wheels that were downloaded and unpacked, a folder for each release, and writes
`lora_advisor/frameworks/keys/components.json`: for each module that can be imported its names, with
the first and the last release that has them. Nothing is imported or run.

    python scripts/collect_components.py 0.6.0=FOLDER 0.6.1=FOLDER …
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OUT = Path(__file__).parent.parent / "lora_advisor/frameworks/keys/components.json"


def main() -> int:
    """Read the releases in the order they are given and write the file."""
    found: dict[str, dict[str, list[str]]] = {}
    releases = [argument.partition("=")[::2] for argument in sys.argv[1:]]
    for release, folder in releases:
        for module, path in modules(Path(folder)):
            for name in sorted(names_of(path)):
                span = found.setdefault(module, {}).setdefault(name, [release, release])
                span[1] = release
    content = {"newest": releases[-1][0], "modules": dict(sorted(found.items()))}
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n", "utf-8")
    return 0


def modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the public modules of a release, by their dotted names."""
    for path in sorted((folder / "torchtune").rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            yield ".".join(parts), path


def names_of(path: Path) -> set[str]:
    """Return the public names a module has: what it defines, imports and holds."""
    found = {name for node in statements(ast.parse(path.read_text("utf-8")).body) for name in node}
    if path.name == "__init__.py":
        found |= {other.stem for other in path.parent.iterdir() if other.suffix in ("", ".py")}
    return {name for name in found if not name.startswith("_")}


def statements(body: list[ast.stmt]) -> Iterator[set[str]]:
    """Yield the names that statements bind, also under conditions."""
    for node in body:
        match node:
            case ast.ImportFrom():
                yield {alias.asname or alias.name for alias in node.names}
            case ast.FunctionDef() | ast.ClassDef():
                yield {node.name}
            case ast.Assign():
                yield {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.If() | ast.Try():
                yield from statements([*node.body, *node.orelse])


if __name__ == "__main__":
    sys.exit(main())
