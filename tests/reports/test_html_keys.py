"""The page of a check in a real Chromium, with nothing but real key presses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lora_advisor.cli.check import command

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
AXOLOTL = """\
base_model: Qwen/Qwen3-8B
adapter: qlora
load_in_4bit: true
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
bf16: true
"""
TRL = "model_name_or_path: a/b\nuse_peft: true\nlora_r: 0\n"
FOCUSED = "document.activeElement.getAttribute('value') || document.activeElement.tagName"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text(AXOLOTL, "utf-8")
    Path("two.yaml").write_text(TRL, "utf-8")
    arguments = ["one.yaml", "two.yaml", "--gpu", "24GB", "--output-format", "html"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1, result.output
    (tmp_path / "page.html").write_text(result.stdout, "utf-8")
    return tmp_path / "page.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    """Open the page; what it says on the console or fetches is an error."""
    shown = browser.new_page()
    said: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("request", lambda request: said.append(request.url))
    shown.goto(file.as_uri())
    yield shown
    shown.close()
    assert said == [file.as_uri()]


def visible(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "article", "all => all.filter(a => a.offsetParent).map(a => a.dataset.severity)"
    )
    return found


def press_until(page: Any, key: str, wanted: str) -> None:
    for _ in range(40):
        page.keyboard.press(key)
        if page.evaluate(FOCUSED) == wanted:
            return
    raise AssertionError(f"{key} never comes to {wanted}")


def test_findings_are_filtered_by_keys_alone(page: Any) -> None:
    every = visible(page)
    assert {"error", "warning"} <= {*every}
    press_until(page, "Tab", "error")
    page.keyboard.press("Space")
    assert visible(page) == [level for level in every if level != "error"]
    assert page.inner_text("#shown") == f"{len(visible(page))} of {len(every)} shown"
    page.keyboard.press("Space")
    assert visible(page) == every


def test_a_file_is_chosen_by_keys_alone(page: Any) -> None:
    press_until(page, "Tab", "SELECT")
    page.keyboard.type("two")
    assert page.eval_on_selector("select", "s => s.value") == "two.yaml"
    assert page.is_hidden("section[data-file='one.yaml']")
    assert page.is_visible("section[data-file='two.yaml']")
    page.keyboard.press("Home")
    assert page.is_visible("section[data-file='one.yaml']")


def test_numbers_unfold_by_keys_alone_and_the_focus_is_seen(page: Any) -> None:
    press_until(page, "Tab", "SUMMARY")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert not page.is_visible("td.n >> text=/^6$/")
    page.keyboard.press("Enter")
    assert page.is_visible("code >> text=train.per_step_batch")
    press_until(page, "Tab", "A")
    assert page.evaluate("document.activeElement.href").startswith("https://")


def test_bars_of_the_memory_add_up(page: Any) -> None:
    names = page.eval_on_selector_all(".parts th", "all => all.map(th => th.textContent)")
    assert {"base weights", "adapters", "optimizer", "activations"} <= {*names}
    widths = "all => all.map(r => parseFloat(r.getAttribute('width')))"
    (whole,) = page.eval_on_selector_all(".memory > svg .sure", widths)
    parts = page.eval_on_selector_all(".parts svg .sure", widths)
    assert sum(parts) == pytest.approx(whole, abs=0.1)
    assert page.is_visible(".memory > svg .line")
    assert "24 GB" in page.inner_text(".memory p")


def test_light_dark_and_narrow(page: Any) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
