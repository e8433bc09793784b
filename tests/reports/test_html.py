"""The page of a check: complete, escaped, and at work in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from lora_advisor import source
from lora_advisor.checking import check
from lora_advisor.cli import cli
from lora_advisor.cli.check import command
from lora_advisor.reports import render_report

CONFIG = """\
base_model: Qwen/Qwen3-8B
adapter: lora
load_in_4bit: true
peft:
  loftq_config:
    loftq_bits: 4
lora_droput: 0.05
lora_r: 16
lora_alpha: 16
lora_target_linear: true
sequence_len: 1024
micro_batch_size: 2
gradient_accumulation_steps: 3
warmup_steps: 500
max_steps: 200
learning_rate: 2e-4
datasets:
  - path: tatsu-lab/alpaca
    type: alpaca
"""
HOSTILE = '</script><script>document.title="run"</script><img src=x onerror=alert(1)>'
UNTICK = """<script>
const box = document.querySelector("[name=severity][value=error]");
box.focus(); box.click();
document.body.dataset.focused = String(document.activeElement === box);
</script>"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG, "utf-8")
    result = CliRunner().invoke(command, ["config.yaml", "--output-format", "html"])
    assert result.exit_code == 1, result.output
    return result.stdout


def in_browser(text: str, folder: Path) -> str:
    """Return the page as Chromium leaves it; its console must stay silent."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    file = folder / "page.html"
    file.write_text(text, "utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
    profile = f"--user-data-dir={folder / 'profile'}"
    run = subprocess.run(
        [browser, *options, profile, "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in run.stderr
    return run.stdout


def test_each_finding_stands_with_reason_repair_and_marked_line(page: str) -> None:
    assert page.count("<article") == len(check(CONFIG, "config.yaml").findings) > 1
    assert '<mark class="own">lora_droput</mark>: 0.05' in page
    assert "why:" in page
    assert "fix:" in page


def test_numbers_of_the_config_and_its_memory_are_shown(page: str) -> None:
    row = re.search(r"<code>train\.per_step_batch</code>.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert '<td class="n">6<' in row.group()
    assert re.search(r"Memory on one GPU: [\d.]+ to [\d.]+ GiB", page)


def test_every_config_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG, "utf-8")
    reads: list[str] = []
    parse = source.parse

    def counted(data: bytes | str, path: str, *rest: str) -> object:
        reads.append(path)
        return parse(data, path, *rest)

    monkeypatch.setattr(source, "parse", counted)
    CliRunner().invoke(command, ["config.yaml", "--output-format", "html"])
    assert reads == ["config.yaml"]


def test_the_processes_that_are_told_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG, "utf-8")
    told = ["config.yaml", "--output-format", "html", "--processes", "4"]
    assert "effective batch 24" in CliRunner().invoke(command, told).stdout
    explained = CliRunner().invoke(cli, ["explain", "config.yaml", "--processes", "4"]).stdout
    assert re.search(r"effective_batch +24", explained)


def test_page_loads_nothing(page: str) -> None:
    assert not re.search(r"\b(src|srcset|@import|url)\s*[=(]", page)


def test_text_of_a_config_is_never_markup() -> None:
    hostile = CONFIG.replace("lora_droput: 0.05", f"'{HOSTILE}': 1")
    for report in (check(hostile, "config.yaml"), check(CONFIG, f"{HOSTILE}.yaml")):
        page = render_report(report, "html")
        assert HOSTILE not in page
        assert "&lt;/script&gt;" in page
        assert page.count("<script") == 1


@pytest.mark.slow
def test_filter_hides_in_a_browser(page: str, tmp_path: Path) -> None:
    shown = in_browser(page, tmp_path)
    assert not re.search(r"<article[^>]*hidden", shown)
    total = page.count("<article")
    assert f"{total} of {total} shown" in shown
    errors = page.count('data-severity="error"')
    assert 0 < errors < total
    filtered = in_browser(page.replace("</html>", UNTICK + "</html>"), tmp_path)
    assert 'data-focused="true"' in filtered
    assert len(re.findall(r'<article[^>]*data-severity="error"[^>]*hidden', filtered)) == errors
    assert f"{total - errors} of {total} shown" in filtered


@pytest.mark.slow
def test_findings_are_readable_without_scripts(page: str, tmp_path: Path) -> None:
    without = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    shown = in_browser(without, tmp_path)
    assert shown.count("<article") == page.count("<article")
    assert re.search(r'<form id="filter" hidden', shown)


def test_what_stands_between_backticks_is_code(page: str) -> None:
    assert "<code>lora_droput</code> is no key of axolotl" in page
    hostile = f"base_model: a/b\nadapter: lora\n'{HOSTILE}': 1\nlora_r: 8\n"
    text = render_report(check(hostile, "a.yaml"), "html")
    assert "<script>document.title" not in text
