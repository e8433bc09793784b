"""Collects the release of transformers that each model type came with.

    collect_model_types.py CACHE

CACHE keeps the sources of releases (those of collect_keys.py); what is missing is downloaded. The
newest release without a type and the oldest with it are written down; types that the oldest
release looked at has already are left out.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

from key_releases import first_and_last_of_each_minor, published, release_sources
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "lora_advisor" / "models" / "since.json"
MAPPING = Path("transformers", "models", "auto")
OLDEST = Version("4.30")


def main() -> int:
    """Write the table and say how many types it holds."""
    cache = Path(sys.argv[1])
    releases = [name for name in published("transformers") if Version(name) >= OLDEST]
    seen: dict[str, set[str]] = {}
    for version in first_and_last_of_each_minor(releases):
        seen[version] = types_of(release_sources("transformers", version, cache))
    table = {
        kind: span for kind in sorted(set.union(*seen.values())) if (span := since(kind, seen))
    }
    OUT.write_text(json.dumps(table, indent=0) + "\n", encoding="utf-8")
    print(f"{len(table)} types, {len(seen)} releases")
    return 0


def types_of(folder: Path) -> set[str]:
    """Return the model types that a release knows (the keys of its config mapping)."""
    files = sorted((folder / MAPPING).glob("*auto*.py"))
    found: set[str] = set()
    for path in files:
        if path.name in ("configuration_auto.py", "auto_mappings.py"):
            found |= names_in(path.read_text("utf-8"))
    return found


def names_in(source: str) -> set[str]:
    """Return the first member of each pair in the assignment to ``CONFIG_MAPPING_NAMES``."""
    for node in ast.walk(ast.parse(source)):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(t, ast.Name) and t.id == "CONFIG_MAPPING_NAMES" for t in targets):
            pairs = (n for n in ast.walk(node) if isinstance(n, ast.Tuple) and len(n.elts) == 2)
            firsts = (pair.elts[0] for pair in pairs)
            return {str(n.value) for n in firsts if isinstance(n, ast.Constant)}
    return set()


def since(kind: str, seen: dict[str, set[str]]) -> list[str] | None:
    """Return the newest release without a type, of those before the first that has it."""
    versions = list(seen)
    first = next(number for number, version in enumerate(versions) if kind in seen[version])
    return [versions[first - 1], versions[first]] if first else None


if __name__ == "__main__":
    sys.exit(main())
