from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_advisor.findings import Fix, Place, Related, Report, Severity, Skipped
from lora_advisor.reports import Options, render_report
from lora_advisor.reports._text import cells, cut, harmless, wrap
from tests.reports.made import CONFIG, FAILURE, SKIPPED, finding, place, report
from tests.snapshot import same_as


def full(made: Report, **options: Any) -> str:
    return render_report(made, "full", Options(**options))


def pointed(text: str) -> tuple[str, str]:
    """Return the source line with carets, and the carets."""
    lines = text.split("\n")
    index = next(index for index, line in enumerate(lines) if "^" in line)
    return lines[index - 1], lines[index]


def test_a_finding_with_related_lines_defaults_reason_fix_and_rule() -> None:
    same_as("full.txt", full(report(finding(), skipped=(SKIPPED,), suppressed=1)))


def test_a_narrow_terminal() -> None:
    text = full(report(finding()), width=48)
    same_as("full-narrow.txt", text)
    assert all(cells(line) <= 48 or "http" in line for line in text.split("\n"))


def test_a_value_over_several_lines_says_where_it_ends() -> None:
    listed = Place(file="config.yaml", line=8, column=3, end_line=9, end_column=11)
    assert "^^^^^^^^ to line 9" in full(report(finding(place=listed, related=())))


def test_carets_stand_below_wide_characters() -> None:
    text = full(report(finding(place=place(10, 8, 11), related=())))
    source, carets = pointed(text)
    assert carets.index("^") == source.index("漢")
    assert carets.count("^") == 13, "two of the eleven characters take two cells"


def test_a_long_line_is_cut_around_the_place() -> None:
    config = f"a: {'x' * 300} here {'y' * 300}\n"
    text = full(report(finding(place=place(1, 305, 4), related=()), text=config))
    line, carets = pointed(text)
    assert cells(line) <= 80
    start = carets.index("^")
    assert line[start : start + 4] == "here"
    assert "…" in line[:start]
    assert line.endswith("…")


def test_a_place_longer_than_the_terminal_is_cut() -> None:
    text = full(report(finding(place=place(1, 4, 500), related=()), text=f"a: {'x' * 500}\n"))
    assert all(cells(line) <= 80 for line in text.split("\n") if "xxx" in line or "^" in line)


def test_places_in_other_files_get_their_own_frame() -> None:
    other = place(1, 2, 3, file="ds.json")
    found = finding(related=(Related(place=other, label="x: 1"),))
    made = report(found)
    sources = {**made.sources, "ds.json": made.sources["config.yaml"]}
    assert " ::: ds.json:1:2" in full(report(found, sources=sources))


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    config = "a: \x1b[31mred\u202e\n"
    found = finding(place=place(1, 4, 2), related=(), message="a is \x1b[31m")
    sources = {"config.yaml": report(text="a: b\n").sources["config.yaml"]}
    assert "\x1b" not in full(report(found, sources=sources))
    assert harmless(config) == "a: \\x1b[31mred\\u202e\n"


def test_tabs_keep_carets_in_line() -> None:
    text = full(report(finding(place=place(1, 8, 4), related=()), text='{\t"a":\tTRUE}'))
    line, carets = pointed(text)
    assert "\t" not in text
    assert carets.index("^") == line.index("TRUE")


def test_colour_only_when_asked() -> None:
    assert "\x1b[" not in full(report(finding()))
    coloured = full(report(finding()), colour=True)
    assert "\x1b[31m" in coloured
    import click

    assert click.unstyle(coloured) == full(report(finding()))


@pytest.mark.parametrize(
    ("severity", "fail_on", "told"),
    [
        (Severity.ERROR, Severity.ERROR, "Found 1 error in 1 config."),
        (Severity.WARNING, Severity.ERROR, "Found 1 warning in 1 config; none fails the run."),
        (Severity.INFO, Severity.INFO, "Found 1 note in 1 config."),
        (Severity.ERROR, None, "Found 1 error in 1 config; none fails the run."),
    ],
)
def test_the_summary_says_what_counts(
    severity: Severity, fail_on: Severity | None, told: str
) -> None:
    assert told in full(report(finding(severity=severity)), fail_on=fail_on)


def test_the_summary_says_how_many_of_several_count() -> None:
    text = full(report(finding(), finding(severity=Severity.WARNING)))
    assert "Found 1 error, 1 warning in 1 config; 1 of them failed the run." in text


def test_a_clean_run_says_so_and_names_what_it_could_not_decide() -> None:
    text = full(report(skipped=(SKIPPED,)))
    assert text.startswith("No problems found in 1 config.\n1 rule could not be decided: bf16 is")
    assert "  config.yaml\n    LA417 fp16-and-bf16: bf16 is auto\n" in full(
        report(skipped=(SKIPPED,)), verbose=True
    )


def test_rules_that_wait_for_the_same_are_counted_together() -> None:
    waiting = [
        Skipped(file="a.yaml", code="LA1", name="x", reason=f"{key}: the command is not told")
        for key in ("packing", "beta")
    ]
    both = "max_length: the command is not told; bf16: the GPU decides"
    waiting.append(Skipped(file="a.yaml", code="LA2", name="y", reason=both))
    waiting.append(Skipped(file="a.yaml", code="LA3", name="z", reason="bf16: the GPU decides"))
    causes = "the command is not told (3); bf16: the GPU decides. -v lists them."
    told = f"4 rules could not be decided: {causes}"
    assert told in full(report(skipped=tuple(waiting)), width=100)
    listed = full(report(skipped=tuple(waiting)), verbose=True, width=100)
    assert listed.count("a.yaml") == 1
    assert "LA2 y: max_length: the command is not told; bf16: the GPU decides" in listed


def test_reasons_with_one_remedy_are_told_once() -> None:
    hint = "name the model with --model PATH"
    reasons = [f"the modules of {name} are not known: {hint}" for name in ("a/b", "c/d", "e/f")]
    waiting = [Skipped(file="a.yaml", code="LA1", name="x", reason=reason) for reason in reasons]
    alone = full(report(skipped=(waiting[0],)), width=200)
    assert f"1 rule could not be decided: the modules of a/b are not known: {hint}. -v" in alone
    text = full(report(skipped=tuple(waiting)), width=200)
    assert f"3 rules could not be decided: the models are not known well enough: {hint}. -v" in text
    mixed = Skipped(file="a.yaml", code="LA2", name="y", reason=f"{reasons[0]}; the GPU decides")
    assert text == full(report(skipped=(*waiting[1:], mixed)), width=200)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_heads_and_summaries_wrap_and_addresses_stay_whole(width: int) -> None:
    long = "docs/a/rather/long/path/to/config.yaml"
    found = finding(name="a-name-of-many-words-that-goes-on", url=f"https://example.org/{'x' * 90}")
    text = full(report(found, finding(place=place(1, 1, 1, file=long))), width=width)
    lines = text.split("\n")
    assert all(cells(line) <= width for line in lines if "https" not in line and long not in line)
    assert any(line.endswith(found.url) for line in lines)


def test_a_rule_explains_itself_once() -> None:
    text = full(report(finding(), finding(place=place(6, 9, 2)), finding(code="LA202", url="y")))
    assert text.count("= why:") == 2
    assert text.count("loftq-on-quantised-model.md") == 1
    assert text.count("= fix:") == 3


def test_a_repair_that_changes_nothing_is_advice() -> None:
    text = full(report(finding(fixes=(Fix(title="Use another init.", safety="unsafe"),))))
    assert "= fix: Use another init.\n" in text


def test_quiet_leaves_findings_only() -> None:
    assert full(report(), quiet=True) == ""
    assert full(report(finding()), quiet=True).endswith("-model.md\n\n")


def test_no_config_at_all_is_not_called_clean() -> None:
    assert full(report(files=(), failures=(FAILURE,))) == (
        "No LoRA fine-tuning config to check.\n1 file could not be read.\n"
    )


def test_concise() -> None:
    text = render_report(report(finding(message="one\ntwo")), "concise", Options(quiet=True))
    assert text == "config.yaml:5:17: error[LA201] loftq-on-quantised-model: one two\n"


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(words, st.integers(1, 90))
def test_cut_never_exceeds_its_width(text: str, width: int) -> None:
    shortened = cut(text, width)
    assert cells(shortened) <= width
    assert shortened == text or shortened.endswith("…")


@given(words)
def test_harmless_text_is_idempotent_and_prints(text: str) -> None:
    safe = harmless(text)
    assert harmless(safe) == safe
    steering = {"Cc", "Cf", "Zl", "Zp"}
    assert not any(unicodedata.category(c) in steering for c in safe if c not in "\n\u200d")


@given(st.lists(st.text("abc漢", min_size=1, max_size=9), min_size=1), st.integers(20, 60))
def test_wrap_keeps_every_word_and_the_width(text: list[str], width: int) -> None:
    lines = wrap(" ".join(text), width, "> ", "  ").split("\n")
    assert [word for line in lines for word in line[2:].split()] == text
    assert all(cells(line) <= width for line in lines)


def test_wrap_keeps_paragraphs_and_indented_lines() -> None:
    text = "one\ntwo\n\n    y = W x\n\n- item\n  goes on"
    assert wrap(text, 40) == "one two\n\n    y = W x\n\n- item\n  goes on"


@given(st.integers(1, 11), st.integers(1, 40), st.integers(0, 60), st.integers(40, 100))
def test_no_place_breaks_the_frame(line: int, column: int, length: int, width: int) -> None:
    text = full(report(finding(place=place(line, column, length))), width=width)
    assert "^" in text


def test_the_made_config_is_what_the_places_say() -> None:
    assert CONFIG.split("\n")[4][16] == "4"
