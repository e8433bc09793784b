"""Draws docs/editor.svg, the picture of the editor guide: Neovim with the server on a bad config.

Needs Neovim and tmux, which runs the editor on a screen of its own; what stands there after the
pointer has rested on a key is drawn cell by cell.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = ROOT / "docs" / "editor.svg"
COLUMNS, ROWS = 104, 27
CONFIG: Final = """\
# Qwen3-8B on the chats of our support
model_name_or_path: Qwen/Qwen3-8B
dataset_name: trl-lib/Capybara
use_peft: true
lora_r: 16
lora_alpha: 32
lora_dropout: -0.05
lora_target_modules: [q_proj, k_proj, v_porj, o_proj]
max_lenght: 2048
per_device_train_batch_size: 4
gradient_accumulation_steps: 8
learning_rate: 2.0e-4
bf16: true
"""
POINTED: Final = "gradient_accumulation_steps"
START: Final = """\
vim.opt.termguicolors, vim.opt.number, vim.opt.laststatus = true, true, 0
vim.opt.ruler, vim.opt.showmode, vim.opt.signcolumn = false, false, "yes"
vim.cmd("colorscheme slate | hi Normal guibg=#0d1117 | hi NormalFloat guibg=#1f2733 guifg=#d0d7de")
vim.cmd("hi SignColumn guibg=#0d1117 | hi LineNr guibg=#0d1117 guifg=#6e7681")
vim.cmd("hi DiagnosticError guifg=#ff7b72 | hi DiagnosticWarn guifg=#e3b341")
vim.diagnostic.config({ virtual_text = { format = function(d)
  return d.code .. " " .. d.message:match("[^\\n]*")
end } })
vim.api.nvim_create_autocmd("FileType", { pattern = "yaml", callback = function(event)
  local command = { PYTHON, "-m", "lora_advisor", "server" }
  local root = vim.fn.getcwd()
  local id = vim.lsp.start_client({ name = "lora-advisor", cmd = command, root_dir = root })
  vim.lsp.buf_attach_client(event.buf, id)
end })
"""
CELL, LINE, MARGIN = 8.4, 18, 12
GROUND: Final = "#0d1117"
_SGR: Final = re.compile(r"\x1b\[([0-9;:]*)m")


@dataclass(frozen=True)
class Style:
    """How a cell is drawn."""

    fill: str = "#d0d7de"
    ground: str = GROUND
    bold: bool = False
    italic: bool = False
    underline: bool = False


def screen(folder: Path) -> str:
    """Run the editor in a folder and return its screen, with colour codes."""
    (folder / "sft.yaml").write_text(CONFIG)
    (folder / "init.lua").write_text(START.replace("PYTHON", f'"{sys.executable}"'))
    line = CONFIG.splitlines().index(next(t for t in CONFIG.splitlines() if POINTED in t)) + 1
    (folder / "tmux.conf").write_text('set -ga terminal-overrides ",*:Tc"\n')
    tmux = ("tmux", "-L", folder.name, "-f", str(folder / "tmux.conf"))
    editor = f"cd {folder} && PYTHONPATH={ROOT} nvim --clean -u init.lua sft.yaml"
    size = ("-x", str(COLUMNS), "-y", str(ROWS))
    subprocess.run([*tmux, "new-session", "-d", "-s", "e", *size, editor], check=True)
    try:
        time.sleep(6)
        keys = (f"{line}G", ":lua vim.lsp.buf.hover()", "Enter", ":echo ''", "Enter")
        subprocess.run([*tmux, "send-keys", "-t", "e", *keys], check=True)
        time.sleep(3)
        shown = subprocess.run(
            [*tmux, "capture-pane", "-N", "-e", "-p", "-t", "e"], check=True, stdout=subprocess.PIPE
        )
        return shown.stdout.decode()
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def cells(line: str, style: Style) -> tuple[list[tuple[Style, str]], Style]:
    """Split a line into cells; the style goes on in the next line."""
    found: list[tuple[Style, str]] = []
    pieces = _SGR.split(line)
    for text, code in zip(pieces[::2], ["0:", *pieces[1::2]], strict=True):
        style = style if code == "0:" else styled(style, code)
        found += [(style, character) for character in text]
    return found, style


def styled(style: Style, code: str) -> Style:
    """Return the style after a sequence of ECMA-48."""
    rest = [int(part) for part in re.split("[;:]", code) if part] or [0]
    while rest:
        one, rest = rest[0], rest[1:]
        if one in (38, 48, 58) and rest[:1] == [2]:
            colour, rest = "#{:02x}{:02x}{:02x}".format(*rest[1:4]), rest[4:]
            names: dict[int, dict[str, Any]] = {38: {"fill": colour}, 48: {"ground": colour}}
            style = replace(style, **names.get(one, {}))
        elif one in (38, 48, 58):
            rest = rest[2:]
        elif one == 0:
            style = Style()
        elif one in _CHANGES:
            style = replace(style, **_CHANGES[one])
    return style


_CHANGES: Final[dict[int, dict[str, Any]]] = {
    1: {"bold": True},
    3: {"italic": True},
    4: {"underline": True},
    24: {"underline": False},
    39: {"fill": Style.fill},
    49: {"ground": GROUND},
}


def picture(text: str) -> str:
    """Return an SVG of a screen."""
    width, height = round(2 * MARGIN + CELL * COLUMNS), 2 * MARGIN + LINE * ROWS
    body, style = "", Style()
    for number, line in enumerate(text.split("\n")[:ROWS]):
        row, style = cells(line, style)
        body += "".join(_drawn(row, MARGIN + LINE * number))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="Neovim with lora-advisor: findings beside their lines, and what follows from '
        f'gradient_accumulation_steps">\n<rect width="{width}" height="{height}" rx="8" '
        f'fill="{GROUND}"/>\n<g font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, Consolas, '
        'monospace" font-size="14" xml:space="preserve" style="white-space: pre">\n'
        f"{body}</g>\n</svg>\n"
    )


def _drawn(row: list[tuple[Style, str]], top: int) -> Iterator[str]:
    column = 0
    for style, group in groupby(row, key=lambda cell: cell[0]):
        text = "".join(character for _, character in group)
        x, wide = MARGIN + CELL * column, CELL * len(text)
        if style.ground != GROUND:
            place = f'x="{x:.1f}" y="{top}" width="{wide:.1f}" height="{LINE}"'
            yield f'<rect {place} fill="{style.ground}"/>\n'
        if text.strip():
            start = column + len(text) - len(text.lstrip())
            yield _text(style, text.strip(), MARGIN + CELL * start, top + 13)
        column += len(text)


def _text(style: Style, text: str, x: float, y: int) -> str:
    marks = ' font-weight="bold"' if style.bold else ""
    marks += ' font-style="italic"' if style.italic else ""
    marks += ' text-decoration="underline"' if style.underline else ""
    place = f'x="{x:.1f}" y="{y}" textLength="{CELL * len(text):.1f}"'
    return f'<text {place} fill="{style.fill}"{marks}>{escape(text)}</text>\n'


def main() -> None:
    """Draw the picture."""
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(picture(screen(Path(folder))), "utf-8")


if __name__ == "__main__":
    main()
