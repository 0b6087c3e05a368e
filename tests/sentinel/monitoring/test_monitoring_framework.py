"""Results frameworks from sheets kept by hand: everything wrong is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.monitoring import read_framework
from sentinel.monitoring.achievement import (
    combined_status,
    printed_status,
    read_cell,
    status,
)
from sentinel.schema.problems import IngestError

HEAD = "No.,Indicator,Progress marker,Cambodia,Viet Nam,Regional,Status\n"


def _write(tmp_path, body, head=HEAD):
    path = tmp_path / "framework.csv"
    path.write_text(head + body, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "state", "numbers"),
    [
        ("7", "number", (7,)),
        ("5,000", "number", (5000,)),
        ("1 234 567", "number", (1234567,)),
        ("20 %", "number", (20,)),
        (">5,000", "number", (5000,)),
        ("N/A", "not applicable", ()),
        ("-", "blank", ()),
        ("2 full + 11 partly", "parts", (2, 11)),
        ("1,5", "words", ()),
        ("12,34", "words", ()),
        ("about 7", "words", ()),
        ("7 (est.)", "words", ()),
        ("2009-08-14", "words", ()),
    ],
)
def test_read_cell__every_way_of_typing(text, state, numbers):
    found = read_cell(text)
    assert (found.state, found.numbers) == (state, numbers)


@given(value=st.integers(0, 10**6), marker=st.integers(1, 10**6))
def test_status__reaching_the_marker_is_fully_and_zero_is_not(value, marker):
    found = status(read_cell(f"{value:,}"), read_cell(str(marker)))
    expected = "Fully" if value >= marker else "Partly" if value else "Not"
    assert found == expected


def test_status__without_value_or_marker_nothing_is_judged():
    number, nothing = read_cell("3"), read_cell("N/A")
    assert status(number, nothing) == status(nothing, number) == ""
    assert status(number, read_cell("2 full + 1 partly")) == ""
    assert combined_status(["", ""]) == ""
    assert printed_status("achieved") is None


def test_read_framework__title_rows_and_names_of_countries(tmp_path):
    path = _write(tmp_path, "1,Drills,5,6,0,,Partly\n", f"Plan,,,,,,\n,,,,,,\n{HEAD}")
    found = read_framework(path)
    assert not len(found.problems)
    assert found.by_country["country"].tolist() == ["KH", "VN"]
    assert found.by_country["status"].tolist() == ["Fully", "Not"]
    assert found.frame.loc[0, "row"] == 4


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,Drills,,5,6,0,,Partly", "1 column to the right"),
        ("1,Drills,5,6,0,Partly,", "1 column to the left"),
        ("1,Drills,5,6,0,,perhaps", "is no status"),
        ("1,Drills,5,6,0,,Partly,9", "to the right of the header"),
    ],
)
def test_read_framework__a_row_under_wrong_headings_is_named_and_not_used(
    tmp_path, row, words
):
    found = read_framework(_write(tmp_path, f"{row}\n2,Kits,1,1,1,1,Fully\n"))
    (problem,) = found.problems.warnings
    assert problem.row == 2
    assert words in problem.hint
    assert found.frame["status"].tolist() == ["", "Fully"]
    assert found.by_country.loc[0, "state"] == "blank"


def test_read_framework__disagreement_with_the_print_is_told(tmp_path):
    found = read_framework(_write(tmp_path, "1,Drills,5,,,4,Fully achieved\n"))
    assert found.disagreements["indicator"].tolist() == ["1"]
    assert "Partly by the rule" in str(found.problems.warnings[0])


def test_read_framework__two_different_rows_of_one_indicator_are_refused(tmp_path):
    path = _write(tmp_path, "1,Drills,5,6,0,,Partly\n1,Drills,5,7,0,,Partly\n")
    with pytest.raises(IngestError, match="Row 2 holds other cells"):
        read_framework(path)


def test_read_framework__every_wrong_heading_is_listed(tmp_path):
    head = "No.,Indicatr,Status,Cambodia,Cambodia\n"
    with pytest.raises(IngestError) as caught:
        read_framework(_write(tmp_path, "1,Drills,Fully,1,1\n", head))
    text = str(caught.value)
    assert "It comes twice" in text
    assert "column headed 'Marker'" in text
    assert "column headed 'Indicator'" in text


def test_read_framework__no_header_says_which_headings_are_known(tmp_path):
    path = _write(tmp_path, "1,2,3\n", "a,b,c\n")
    with pytest.raises(IngestError, match="progress marker"):
        read_framework(path)


def test_read_framework__workbook_gives_what_the_text_gives(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    rows = ["1,Drills,5,6,0,,Partly", "2,Kits,1,1,1,1,Fully"]
    text = read_framework(_write(tmp_path, "\n".join(rows)))
    book = openpyxl.Workbook()
    book.active.title = "Plan"
    book.active.append(["Our plan"])
    for line in [HEAD.strip(), *rows]:
        cells = line.split(",")
        book.active.append([int(c) if c.isdigit() else c or None for c in cells])
    book.save(tmp_path / "plan.xlsx")
    found = read_framework(tmp_path / "plan.xlsx", sheet="Plan")
    drop = ["row"]
    assert found.frame.drop(columns=drop).equals(text.frame.drop(columns=drop))
    assert found.by_country.equals(text.by_country)
    with pytest.raises(IngestError, match="The workbook has: Plan"):
        read_framework(tmp_path / "plan.xlsx", sheet="Other")
