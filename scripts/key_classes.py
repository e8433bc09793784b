"""Configuration classes read from source text with `ast`: nothing is imported or run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Module:
    """One source file: its classes, and what its other names stand for."""

    path: Path
    dotted: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree, parsed at first use."""
        return ast.parse(self.path.read_text("utf-8"))

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Every class of the file by name, nested and conditional ones included."""
        nodes = ast.walk(self.tree)
        return {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Local name -> (absolute module, name there); later imports win, as when running."""
        found: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                for item in node.names:
                    found[item.asname or item.name] = (self._absolute(node), item.name)
        return found

    @cached_property
    def assigned(self) -> dict[str, str]:
        """Names that are only another name: `BaseTrainingArguments = Seq2SeqTrainingArguments`."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
                found |= {t.id: node.value.id for t in node.targets if isinstance(t, ast.Name)}
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        is_package = self.path.name == "__init__.py"
        parents = self.dotted.split(".")
        kept = parents[: len(parents) - node.level + is_package]
        return ".".join([*kept, node.module] if node.module else kept)


@dataclass(frozen=True, kw_only=True)
class ClassSource:
    """A class found in the package, with the module it stands in."""

    module: Module
    node: ast.ClassDef

    @property
    def name(self) -> str:
        """The class's name in the source."""
        return self.node.name


class Package:
    """The source tree of one release; finds classes by name the way the imports do."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self._modules: dict[Path, Module] = {}

    def module(self, path: Path) -> Module:
        """The module of a file, parsed at most once."""
        if path not in self._modules:
            parts = path.relative_to(self.root).with_suffix("").parts
            dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            self._modules[path] = Module(path=path, dotted=dotted)
        return self._modules[path]

    def modules(self, globs: tuple[str, ...]) -> Iterator[Module]:
        """Modules whose path matches, in the order of the patterns."""
        for pattern in globs:
            for path in sorted(self.root.glob(pattern)):
                yield self.module(path)

    def resolve(self, module: Module, name: str) -> ClassSource | None:
        """The class of this package that `name` means inside `module`, or None."""
        for _ in range(8):  # chains of re-exports are short; a cycle must end too
            if name in module.classes:
                return ClassSource(module=module, node=module.classes[name])
            target, name = self._origin(module, name)
            found = self._module_named(target) if target else None
            if found is None:
                return None
            module = found
        return None

    def outside(self, module: Module, name: str) -> tuple[str, str]:
        """(top-level package, name) of a class that is not in this package."""
        target, original = self._origin(module, name)
        return target.partition(".")[0], original

    def _origin(self, module: Module, name: str) -> tuple[str, str]:
        name = module.assigned.get(name, name)
        if name in module.classes:
            return module.dotted, name
        return module.imports.get(name, ("", name))

    def _module_named(self, dotted: str) -> Module | None:
        if dotted.partition(".")[0] != self.name:
            return None
        base = self.root.joinpath(*dotted.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return self.module(path)
        return None
