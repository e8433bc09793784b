from __future__ import annotations

from lora_advisor.findings import Place, Severity
from lora_advisor.reports import render_report
from lora_advisor.reports.github import summary
from tests.reports.made import FAILURE, finding, report


def test_worst_first_with_what_could_not_be_read_at_the_top() -> None:
    mild = finding(severity=Severity.INFO)
    lines = render_report(report(mild, finding(), failures=(FAILURE,)), "github").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice"]
    assert lines[0] == (
        "::error file=broken.yaml,line=3,title=cannot be read::a tab, where a space was expected"
    )
    assert lines[1].startswith(
        "::error file=config.yaml,line=5,col=17,endColumn=18,endLine=5,"
        "title=LA201 loftq-on-quantised-model::LoftQ quantises"
    )


def test_characters_of_the_command_syntax_are_escaped() -> None:
    place = Place(file="a,b:c%.yaml", line=1, column=1, end_line=1, end_column=2)
    text = render_report(report(finding(place=place, message="50 %\r\nnext")), "github")
    assert text.count("\n") == 1
    assert "file=a%2Cb%3Ac%25.yaml," in text
    assert "::50 %25%0D%0Anext%0A" in text


def test_columns_are_left_out_where_lines_differ() -> None:
    place = Place(file="a", line=1, column=1, end_line=3, end_column=2)
    assert "col=" not in render_report(report(finding(place=place)), "github")


def test_the_job_summary_is_a_table() -> None:
    text = summary(report(finding(message="a | b <script>"), failures=(FAILURE,)))
    assert "| error | config.yaml:5 | [LA201 loftq-on-quantised-model](https://" in text
    assert "a \\| b &lt;script>" in text
    assert "| error | broken.yaml |" in text
    assert "No problems" in summary(report())
