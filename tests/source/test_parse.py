from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_advisor.source import parse
from lora_advisor.source.errors import SourceError
from lora_advisor.source.limits import MAX_BYTES
from lora_advisor.source.tree import Place, Span

from .trees import nodes

if TYPE_CHECKING:
    from lora_advisor.source.tree import Document

SHARED = Path(__file__).parents[3] / "shared"
SYNTAXES = st.sampled_from(["yaml", "json", "toml"])
SYNTAX = st.text(st.sampled_from("{}[]:,-?&*!|>'\"%@`#=. \n\r\tab1<\ufeff\x85é😀"), max_size=30)


def attempt(data: bytes | str, path: str) -> Document | SourceError:
    try:
        return parse(data, path)
    except SourceError as error:
        return error


@given(st.one_of(st.binary(max_size=40), SYNTAX.map(str.encode)), SYNTAXES)
@example(b"\xff\xfea", "yaml")
@example(b"!%ff a", "yaml")
@example(b"\xef\xbb\xbf", "json")
def test_any_bytes_give_a_tree_or_a_source_error(data: bytes, syntax: str) -> None:
    document = attempt(data, f"x.{syntax}")
    if isinstance(document, SourceError):
        assert document.line >= 1
        assert document.column >= 1
        return
    for node in nodes(document.roots):
        assert 0 <= node.span.start <= node.span.end <= len(document.text)
        assert document.place(node.span).line >= 1


@given(st.text(max_size=20), SYNTAXES)
@example("\ud800", "yaml")
def test_any_text_gives_a_tree_or_a_source_error(text: str, syntax: str) -> None:
    document = attempt(text, f"x.{syntax}")
    if isinstance(document, SourceError):
        assert str(document).startswith(f"x.{syntax}:")
    else:
        assert document.format == syntax


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(codec: str) -> None:
    assert parse("é: 8\n".encode(codec), "x.yaml").text == "é: 8\n"


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        ("é: ok\nü: ".encode() + b"\xe9", 2, 4, "not UTF-8 text (byte 0xe9)"),
        (b"\xff\xfea\x00b", 1, 2, "not UTF-16 text"),
        (b"ab\ncd\x00", 2, 3, "binary"),
        (b"a" * (MAX_BYTES + 1), 1, 1, "larger than 5 MB"),
    ],
)
def test_refusals(data: bytes, line: int, column: int, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(data, "x.yaml")
    assert words in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("path", ["x.yaml", "x.json", "x.toml", "x"])
@pytest.mark.parametrize("data", [b"", b" \n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_root(path: str, data: bytes) -> None:
    assert parse(data, path).roots == ()


def test_a_yaml_file_of_comments_has_no_root() -> None:
    document = parse("# a\n# b\n", "x.yml")
    assert (document.root, [comment.text for comment in document.comments]) == (None, [" a", " b"])


@pytest.mark.parametrize(
    ("path", "text", "syntax"),
    [
        ("a.YML", "[1]", "yaml"), ("a.json", "1", "json"), ("a.toml", "a=1", "toml"),
        ("-", ' \n{"a": 1}', "json"), ("config", "[1]", "json"), ("a.txt", "a: 1", "yaml"),
    ],
)  # fmt: skip
def test_the_syntax_is_told_by_suffix_then_by_content(path: str, text: str, syntax: str) -> None:
    assert parse(text, path).format == syntax


def test_places_count_from_one_and_end_behind_the_last_character() -> None:
    document = parse("a: 1\r\nbé: [2,\r\n  3]\rc: 4", "x.yaml")
    start = document.text.index("[")
    span = Span(start=start, end=document.text.index("]") + 1)
    assert document.place(span) == Place(line=2, column=5, end_line=3, end_column=5)
    assert [document.line(number) for number in range(6)] == [
        "",
        "a: 1",
        "bé: [2,",
        "  3]",
        "c: 4",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "other"), [("yaml", "tomllib"), ("json", "yaml"), ("toml", "yaml")]
)
def test_a_reader_imports_only_what_it_needs(name: str, other: str) -> None:
    text = {"yaml": "a: 1", "json": "[1]", "toml": "a = 1"}[name]
    code = (
        "import sys; from lora_advisor.source import parse; "
        f"parse({text!r}, 'x.{name}'); sys.exit({other!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpus is not beside the checkout")
def test_every_real_config_parses() -> None:
    files = [path for path in sorted(SHARED.glob("corpus/*/*")) if path.suffix != ".md"]
    files += sorted(SHARED.glob("misconfig-cases/*.yaml"))
    trees = {str(path): attempt(path.read_bytes(), str(path)) for path in files}
    refused = [name for name, tree in trees.items() if isinstance(tree, SourceError)]
    assert len(files) > 1000
    # published like this: not valid YAML
    assert [name for name in refused if "train_lora_omnigen2_24gb.yaml" not in name] == []
