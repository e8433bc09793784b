"""What mkdocs is told beyond mkdocs.yml: pages that lie elsewhere, their links, long menus.

The README, the guide to cards and the other texts at home outside of ``docs`` become pages without
a second copy; links that lead out of the site go to the repository; the menu of a generated folder
is read from its index.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).parent.parent
BROUGHT: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "rules/README.md": "guides/cards.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Files of the repository and the pages they become."""
_HEADING: Final = re.compile(r"^## (.+)$")
_ENTRY: Final = re.compile(r"^\|(?: (LA\d+) \|)? \[([^]]+)\]\(([\w.-]+\.md)\)")
_LINK: Final = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_FENCE: Final = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def on_config(config: Any) -> Any:
    """Fill the menus of ``rules``, ``parameters`` and ``formats`` from the folders' indexes."""
    config.nav = [_filled(entry) for entry in config.nav]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Bring in the pages that lie outside of ``docs``."""
    for source, page in BROUGHT.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Point links to where the site has a page, or else to the repository."""
    sources = {page: source for source, page in BROUGHT.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def pointed(match: re.Match[str]) -> str:
        opening, target, anchor, closing = match.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if ":" in target or target.startswith("/") or not (ROOT / path).exists():
            return match[0]
        address = _address(path, page.file.src_uri, config.repo_url, files)
        return f"{opening}{address}{anchor or ''}{closing}"

    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(pointed, text) for text in parts[::2]]
    return "".join(parts)


def _address(path: str, page: str, repository: str, files: Files) -> str:
    """Return the address of a file of the repository as a page names it."""
    inside = BROUGHT.get(path, path.removeprefix("docs/"))
    known = path in BROUGHT or path.startswith("docs/")
    if known and files.get_file_from_path(inside) is not None:
        return posixpath.relpath(inside, posixpath.dirname(page) or ".")
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{repository}/{kind}/main/{path}"


def _filled(entry: Any) -> Any:
    """Turn ``Rules: rules/`` into the menu of that folder."""
    if isinstance(entry, dict):
        ((title, value),) = entry.items()
        if isinstance(value, str) and value.endswith("/"):
            return {title: _menu(value)}
    return entry


def _menu(folder: str) -> list[Any]:
    """Return the index and the pages it lists, below its headings where it has any."""
    menu: list[Any] = [f"{folder}README.md"]
    below = menu
    for line in (ROOT / "docs" / folder / "README.md").read_text("utf-8").splitlines():
        heading, entry = _HEADING.match(line), _ENTRY.match(line)
        if heading:
            below = []
            menu.append({heading[1]: below})
        elif entry:
            code, name, path = entry.groups()
            below.append({f"{code} {name}" if code else name: f"{folder}{path}"})
    return menu
