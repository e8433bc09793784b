"""The documentation site builds without a warning, and every link inside it leads somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(?:href|src)=\"([^\"]+)\"")
ID = re.compile(r"\bid=\"?([^\s\">]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("material") is None or importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs-material is not installed (extra docs)")
    folder = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_every_link_inside_the_site_leads_somewhere(site: Path) -> None:
    assert not [
        (page.relative_to(site).as_posix(), link)
        for page in site.rglob("index.html")
        for link in sorted(set(LINK.findall(page.read_text("utf-8"))))
        if not leads(page, link, site)
    ]


def leads(page: Path, link: str, site: Path) -> bool:
    address, anchor = urldefrag(link)
    if urlsplit(link).scheme or link.startswith("//"):
        return True
    target = (page.parent / unquote(address)).resolve() if address else page
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file() or site.resolve() not in target.resolve().parents:
        return False
    return not anchor or target.suffix != ".html" or unquote(anchor) in ids(target)


@cache
def ids(page: Path) -> frozenset[str]:
    return frozenset(ID.findall(page.read_text("utf-8")))


def test_pages_from_outside_of_docs_are_there(site: Path) -> None:
    home = (site / "index.html").read_text("utf-8")
    assert 'href="rules/"' in home
    assert "blob/main/examples" in home or "tree/main/examples" in home
    for page in ("guides/cards", "benchmarks", "contributing", "changes", "formats/axolotl"):
        assert (site / page / "index.html").is_file()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    text = (site / "index.html").read_text("utf-8")
    sources = re.findall(r"<(?:script|img)[^>]*src=\"([^\"]+)\"", text)
    sources += re.findall(r"<link[^>]*rel=\"stylesheet\"[^>]*href=\"([^\"]+)\"", text)
    assert "preconnect" not in text
    assert sources
    assert not [source for source in sources if urlsplit(source).scheme]
