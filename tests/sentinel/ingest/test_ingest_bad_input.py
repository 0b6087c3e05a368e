"""Bad data: every problem with file, row, column, value and what was expected."""

from __future__ import annotations

import pandas as pd
import pytest

from sentinel.ingest import check_study, ingest_study
from sentinel.ingest.findings import MOST_SHOWN
from sentinel.schema.problems import IngestError
from sentinel.study import load_study


def test_good_table__has_no_problem(study, table, found):
    assert found(study.write(table)) == []


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (
            "age",
            "300",
            "one.csv:2:age: '300' came, expected a whole number from 5 to 99",
        ),
        ("age", "4", "expected a whole number from 5 to 99"),
        ("age", "24.5", "expected a whole number from 5 to 99"),
        ("age", "young", "'young' came, expected a whole number"),
        ("age", "nan", "'nan' came, expected a whole number"),
        ("age", "1_8", "'1_8' came, expected a whole number"),
        ("sex", "3", "one.csv:2:sex: '3' came, expected one of 1=male; 2=female"),
        ("sex", "male", 'write [recode.sex] with "male" = "1"'),
        ("sel_outcome", "11", "expected one of 1=complete"),
        ("debt_usd", "-3", "expected a number of at least 0"),
        ("debt_usd", "1,200", "expected a number of at least 0"),
        ("travel", "spouse;enemy", "expected codes among none; spouse; friend; other"),
        ("int_date", "2020-02-30", "expected a day as YYYY-MM-DD"),
        ("int_date", "02/03/2020", "expected a day as YYYY-MM-DD"),
        ("int_date", "0020-03-02", "expected a day as YYYY-MM-DD"),
        ("leave_date", "June 2019", "expected a month as YYYY-MM"),
        ("site_code", "poipet", "expected text matching XB-[A-Z]+"),
        ("truck_n", "500", "expected a whole number from 1 to 200"),
        ("site_code", "", "it belongs to the sampling design"),
    ],
)
def test_cell__a_wrong_value_is_named_with_its_place(  # noqa: PLR0917 - fixtures
    study, table, found, column, value, expected
):
    table.loc[0, column] = value
    lines = [line for line in found(study.write(table)) if line.startswith("error")]
    assert len(lines) == 1
    assert expected in lines[0]
    assert f"one.csv:2:{column}" in lines[0]


def test_everything_wrong_at_once_is_listed_at_once(study, table):
    table.loc[0, ["age", "sex", "int_date"]] = ["300", "7", "yesterday"]
    table.loc[1, "debt"] = "maybe"
    path = study.write(table, b"a,b\n1,2\n3\n")
    problems = check_study(path)
    places = {(item.file, item.row, item.column) for item in problems.errors}
    assert places == {
        ("one.csv", 2, "age"),
        ("one.csv", 2, "sex"),
        ("one.csv", 2, "int_date"),
        ("one.csv", 3, "debt"),
        ("two.csv", 3, ""),
    }
    with pytest.raises(IngestError) as caught:
        ingest_study(load_study(path))
    assert len(caught.value.problems.errors) == 5
    assert str(caught.value).startswith("5 problems in the input:")


def test_many_equal_problems__are_capped_and_counted(study, table):
    rows = pd.concat([table.iloc[[0]]] * 50, ignore_index=True)
    rows["rec_id"] = [f"r{i}" for i in range(50)]
    rows["age"] = "300"
    problems = check_study(study.write(rows)).errors
    assert len(problems) == MOST_SHOWN + 1
    assert "And 30 more rows like these; 50 in all." in str(problems[-1])


def test_row_numbers__are_those_of_the_file_after_blank_lines(study, table, found):
    table.loc[5, "age"] = "300"
    text = table.to_csv(index=False).replace("\na3", "\n\n\na3")
    (line,) = found(study.write(text))
    assert "one.csv:9:age" in line


WEIGHTED = 'weight = "weight"'


@pytest.mark.parametrize("weight", ["0", "-1.5", "", "heavy"])
def test_weight__must_be_above_zero_for_every_respondent(study, table, found, weight):
    table["weight"] = "2.5"
    table.loc[1, "weight"] = weight
    table.loc[2, "weight"] = ""  # who refused needs none
    lines = found(study.write(table, more=WEIGHTED))
    assert len(lines) == 1
    assert lines[0].startswith("error one.csv:3:weight")


def test_weight__a_good_one_is_read(study, table):
    table["weight"] = "2.5"
    interviews = ingest_study(load_study(study.write(table, more=WEIGHTED)))
    assert interviews.frame["weight"].tolist() == [2.5] * 4


@pytest.mark.parametrize("column", ["site_code", "int_date", "truck_seq", "truck_n"])
def test_design__a_missing_column_is_an_error(study, table, found, column):
    lines = found(study.write(table.drop(columns=column)))
    assert any(line.startswith("error") and column in line for line in lines)


def test_round__without_rows_or_without_consent_is_an_error(study, table, found):
    (line,) = found(study.write(table.iloc[:0]))
    assert "has a header and no rows" in line
    nobody = table.iloc[[2, 4]]
    (line,) = found(study.write(nobody))
    assert "expected consenting respondents in round 2020" in line


def test_dates__outside_fieldwork_are_a_warning(study, table, found):
    table.loc[0, "int_date"] = "2021-03-02"
    (line,) = found(study.write(table))
    assert line.startswith("warning one.csv:2:int_date: '2021-03-02' came")
    assert "2020-03-01 to 2020-03-31" in line


def test_skip_logic__an_answer_to_a_question_not_asked_is_a_warning(
    study, table, found
):
    table.loc[1, "debt_usd"] = "50"
    path = study.write(table)
    (line,) = found(path)
    assert "expected no answer, because it is asked only if debt=1" in line
    interviews = ingest_study(load_study(path))
    assert interviews.frame["debt_usd"].iloc[1] == 50


def test_contradictions__position_beyond_the_batch_and_return_before_leaving(
    study, table, found
):
    table["samp_r"] = "10"
    table.loc[0, "samp_r"] = "41"
    table.loc[1, "leave_date"] = "2020-05"
    lines = found(study.write(table))
    assert [line.split(" came")[0] for line in lines] == [
        "warning one.csv:3:leave_date: '2020-05-01'",
        "warning one.csv:2:samp_r: '41'",
    ]


@pytest.mark.parametrize(
    "column",
    [
        "name", "Nombre del entrevistado", "phone", "gps_latitude", "group/telefono",
        "passport_no", "ຊື່", "ឈ្មោះ", "Địa chỉ", "boat_name", "dateOfBirth",
    ],
)  # fmt: skip
def test_identifiers__are_refused_by_name_and_may_be_dropped_unread(
    study, table, found, column
):
    table[column] = "SECRET-VALUE"
    lines = found(study.write(table))
    assert len(lines) == 1
    assert "no direct identifiers" in lines[0]
    assert "SECRET-VALUE" not in lines[0]
    path = study.write(table, mapping=f'drop = ["{column}"]')
    assert found(path) == []
    held = ingest_study(load_study(path)).harmonisation
    assert held.set_index("variable").loc[column, "fate"] == "dropped"


@pytest.mark.parametrize(
    "value",
    [
        "+855 12 345 678", "0812345678", "someone@example.org", "13.6561, 102.5625",
        "N1234567", "the man with the red boat near the temple",
    ],
)  # fmt: skip
def test_identifiers__are_refused_by_the_look_of_values(study, table, found, value):
    table["place"] = ["51", value, "53", "54", "55", "56"]
    (line,) = found(study.write(table))
    assert "no direct identifiers; this column looks like" in line
    assert value not in line


def test_identifiers__are_never_repeated_in_messages(study, table, found):
    table.loc[0, "sex"] = "+855 12 345 678"
    table.loc[1, "age"] = "someone@example.org"
    lines = found(study.write(table))
    assert len(lines) == 2
    assert not any("855" in line or "example" in line for line in lines)
    assert all("hidden: looks like" in line for line in lines)


def test_text_of_the_region__survives_to_the_interviews(study, table):
    words = ["ស្រី\u200bស្រី", "ແມ່ຍິງ", "", "အမျိုးသမီး", "", "Phụ nữ"]
    table["place"] = words
    interviews = ingest_study(load_study(study.write(table)))
    assert interviews.frame["place"].tolist() == [
        words[0], words[1], words[3], words[5],
    ]  # fmt: skip


def test_digits_of_the_region__are_digits(study, table, found):
    table.loc[0, "age"] = "២៤"  # Khmer
    table.loc[1, "age"] = "໑໗"  # Lao
    path = study.write(table)
    assert found(path) == []
    assert ingest_study(load_study(path)).frame["age"].tolist()[:2] == [24, 17]


def test_record_id__absent_is_a_warning(study, table, found):
    (line,) = found(study.write(table.drop(columns="rec_id")))
    assert line.startswith("warning one.csv:1:rec_id")


def test_case__of_a_column_is_said_and_can_be_ignored(study, table, found):
    renamed = table.rename(columns={"sex": "SEX", "age": "Age"})
    lines = found(study.write(renamed))
    assert len(lines) == 2
    assert all("ignore_case = true" in line for line in lines)
    assert found(study.write(renamed, mapping="ignore_case = true")) == []


def test_check_study__writes_nothing(study, table):
    path = study.write(table)
    before = {item: item.stat().st_mtime_ns for item in path.parent.rglob("*")}
    check_study(path)
    assert before == {item: item.stat().st_mtime_ns for item in path.parent.rglob("*")}
