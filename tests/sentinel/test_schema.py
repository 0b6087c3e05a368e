"""Codebooks, skip logic and direct identifiers."""

from __future__ import annotations

import csv
import re

import numpy as np
import pandas as pd
import pytest

from sentinel.schema.codebook import load_codebook, read_codebook
from sentinel.schema.identifiers import (
    identifier_in_label,
    identifier_in_name,
    identifier_in_values,
    looks_identifying,
    shown_value,
)
from sentinel.schema.problems import IngestError
from sentinel.schema.skip_logic import parse_condition
from sentinel.schema.states import CellState
from sentinel.schema.variables import BLOCKS


@pytest.fixture(scope="module")
def deportee():
    return load_codebook("deportee")


# Items for the field supervisor that no instrument has, marked as the project's own.
OWN = ("held_now", "self_harm", "danger_told")


def test_deportee__own_items_are_marked_and_never_leave(deportee):
    for name in OWN:
        assert "our own" in deportee[name].label
        assert "referral only, optional" in deportee[name].use
        assert deportee[name].release == "never"


def test_deportee__has_every_block_and_no_direct_identifier(deportee):
    assert len(deportee) == 156 + len(OWN)
    assert {item.block for item in deportee} == set(BLOCKS)
    assert len(read_codebook("deportee")[1]) == 0
    assert {item.record for item in deportee} == {"interview", "case", "call"}


def test_deportee__refused_and_unknown_are_states_and_no_promise_is_an_answer(deportee):
    job = deportee["job_promised"]
    assert job.missing == {"8": CellState.REFUSED, "9": CellState.DONT_KNOW}
    assert job.codes["7"] == "no_promise"
    assert deportee["docs_held"].codes["7"] == "had_none"
    assert deportee["age"].missing["98"] is CellState.DONT_KNOW
    # Where 8 and 9 are answers, refusing needs another code.
    assert deportee["occ_home"].codes["8"] == "student"
    assert deportee["occ_home"].missing["-8"] is CellState.REFUSED
    assert deportee["hours_day"].missing["-9"] is CellState.DONT_KNOW


def test_deportee__what_must_not_leave_is_marked(deportee):
    assert deportee["rec_id"].release == "never"
    assert deportee["sexual_v"].release == "enclave"
    assert deportee["origin_adm2"].release == "enclave"
    assert deportee["int_date"].release == "coarsen"
    assert deportee["age"].release == "coarsen"


@pytest.mark.shared
def test_deportee__says_what_the_domain_codebook_says(deportee, shared_folder):
    with (shared_folder / "domain/codebook.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["variable"] for row in rows] == [
        name for name in deportee.names if name not in OWN
    ]
    kinds = {
        "cat": {"category"}, "ord": {"category"}, "bin": {"flag"}, "int": {"integer"},
        "num": {"number"}, "multi": {"multi"}, "date": {"date"}, "month": {"month"},
        "datetime": {"date"}, "string": {"string", "id"},
    }  # fmt: skip
    for row in rows:
        variable = deportee[row["variable"]]
        assert variable.kind in kinds[row["type"]], row["variable"]
        if row["type"] in {"cat", "ord", "multi"}:
            for part in row["values"].split(";"):
                code, _, label = part.partition("=")
                if re.fullmatch(r"-?\d+", code) and label:
                    held = {**variable.codes, **variable.missing}
                    assert code in held, (variable.name, code)
                    if code in variable.codes:
                        assert variable.codes[code] == label
        match = re.match(r"(\d+)\.\.(\d+)", row["values"])
        if match and variable.is_numeric:
            assert (variable.low, variable.high) == (float(match[1]), float(match[2]))


HEADER = "name,kind,label,codes,missing,low,high,pattern,asked_if,release\n"


def problems_of(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return [str(item) for item in read_codebook(path)[1]]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Sex,category,,,,,,,,", "mine.csv:2:name: 'Sex' came, expected a lower-case"),
        ("sex,choice,,,,,,,,", "mine.csv:2:kind: 'choice' came, expected one of id"),
        ("sex,category,,1=a;1=b,,,,,,", "'1' comes twice"),
        ("sex,category,,1=a;;2=b,,,,,,", "code=label pairs joined by ';'"),
        ("sex,category,,1=a,9=perhaps,,,,,", "code=state with state in not_asked"),
        ("sex,category,,1=a,1=refused,,,,,", "'1' is one"),
        ("age,integer,,,,9,5,,,", "expected at most high (5)"),
        ("age,integer,,,,low,,,,", "expected a number or nothing"),
        ("age,integer,,1=a,,,,,,", "no codes for the kind 'integer'"),
        ("sex,category,,1=a,,,,,age,", "expected a skip expression like hh_debt=1"),
        ("sex,category,,1=a,,,,,age>18,", "not 'age'"),
        ("sex,category,,1=a,,,,[,,", "expected a regular expression"),
        ("sex,category,,1=a,,,,,,maybe", "expected one of release, coarsen, enclave"),
        ("place,string,,,,,,,,release", "enclave or never for text that is not coded"),
        ("full_name,string,,,,,,,,", "no direct identifiers in a codebook"),
        ("q1,string,What is your phone number?,,,,,,,", "no direct identifiers"),
        ("sex,category,,1=a,,,,,,,,more", "expected 10 cells"),
        ("x,flag,,,,,,,,\nx,flag,,,,,,,,", "mine.csv:3:name: 'x' came, expected every"),
    ],
)
def test_codebook__mistakes_are_named(tmp_path, row, expected):
    lines = problems_of(tmp_path, f"{HEADER}{row}\n")
    assert any(expected in line for line in lines), lines


def test_codebook__all_problems_at_once_and_unreadable_files(tmp_path):
    lines = problems_of(
        tmp_path, f"{HEADER}Sex,choice,,,,,,,,\nage,integer,,,,9,5,,,\n"
    )
    assert len(lines) == 3
    assert "a column 'kind'" in problems_of(tmp_path, "name,label\nx,y\n")[0]
    assert "at least one variable" in problems_of(tmp_path, HEADER)[0]
    (tmp_path / "latin.csv").write_bytes(b"name,kind\na,flag\n\xff,flag\n")
    assert "mine" not in str(read_codebook(tmp_path / "latin.csv")[1].errors[0])
    with pytest.raises(IngestError, match="Give a CSV file or one of deportee"):
        load_codebook(tmp_path / "none.csv")


def test_codebook__closed_codes_may_bear_any_name(tmp_path):
    text = f"{HEADER}phone,category,contact blocked,0=no;1=yes,,,,,,release\n"
    assert problems_of(tmp_path, text) == []


FRAME = pd.DataFrame(
    {
        "debt": pd.Series(["1", "0", None, None], dtype="str"),
        "age": pd.Series([17, 30, None, 40], dtype="Float64"),
        "cut": pd.Series(["fee;food", "none", None, "fee"], dtype="str"),
    }
)
STATES = pd.DataFrame(
    {
        "debt": [0, 0, CellState.REFUSED, CellState.MISSING],
        "age": [0, 0, CellState.DONT_KNOW, 0],
        "cut": [0, 0, CellState.MISSING, 0],
    },
    dtype="uint8",
)


@pytest.mark.parametrize(
    ("text", "true", "unknown"),
    [
        ("debt=1", [1, 0, 0, 0], [0, 0, 0, 1]),
        ("debt!=1", [0, 1, 0, 0], [0, 0, 0, 1]),
        ("age<18", [1, 0, 0, 0], [0, 0, 0, 0]),
        ("age>=30", [0, 1, 0, 1], [0, 0, 0, 0]),
        ("age=17|40", [1, 0, 0, 1], [0, 0, 0, 0]),
        ("cut!=none", [1, 0, 0, 1], [0, 0, 1, 0]),
        ("cut=food", [1, 0, 0, 0], [0, 0, 1, 0]),
        ("debt=1 and age<18", [1, 0, 0, 0], [0, 0, 0, 0]),
        ("debt=1 or age>=40", [1, 0, 0, 1], [0, 0, 0, 0]),
        ("debt=1 and cut=fee", [1, 0, 0, 0], [0, 0, 0, 1]),
    ],
)
def test_condition__three_values(text, true, unknown):
    held, open_ = parse_condition(text).evaluate(FRAME, STATES)
    np.testing.assert_array_equal(held, np.array(true, bool))
    np.testing.assert_array_equal(open_, np.array(unknown, bool))


@pytest.mark.parametrize(
    "text", ["", "debt", "debt==1 ==", "age<old", "age<1|2", "1=1"]
)
def test_condition__nonsense_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_condition(text)


@pytest.mark.parametrize(
    "name",
    [
        "name", "FirstName", "apellidos", "Número de teléfono", "tel", "whatsapp",
        "_gps_longitude", "geopoint", "ID_Number", "passportNo", "home address",
        "dirección", "vessel_name", "employer_name", "e-mail", "DOB",
        "fecha_nacimiento",
        "họ_tên", "Số điện thoại", "ชื่อ", "ឈ្មោះពេញ", "လိပ်စာ", "姓名", "g1/g2/nombre",
    ],
)  # fmt: skip
def test_identifier_in_name__finds(name):
    assert identifier_in_name(name)


def test_identifier_in_name__leaves_the_deportee_codebook_alone(deportee):
    found = {item.name for item in deportee if identifier_in_name(item.name)}
    assert found == {"phone"}  # closed codes: contact with the family blocked


def test_identifier_in_label():
    assert identifier_in_label("What is your full name?")
    assert identifier_in_label("Número de teléfono")
    assert not identifier_in_label("random record id (not derived from name)")


@pytest.mark.parametrize(
    "value",
    ["a@b.org", "+66 81 234 5678", "(081) 234-5678", "008551234567", "13.65, 102.56",
     "13.6561 102.5625", "AB123456", "1234567890123", "1-2345-67890-12-3"],
)  # fmt: skip
def test_looks_identifying__yes(value):
    expected = value != "13.65, 102.56"  # two decimals: a kilometre, no exact position
    assert bool(looks_identifying(value)) == expected
    assert (value in shown_value(value)) != expected


@pytest.mark.parametrize(
    "value",
    ["2009-08-14", "2009-08-14T10:20:00", "POI2009", "KH-3", "XB-POIPET", "3.564461",
     "191401", "1 2 3 4 5 6 7 8 9 10", "spouse;friend",
     "6f1c0b52-7a6e-4c5b-9a54-0d2b7f5e9a01"],
)  # fmt: skip
def test_looks_identifying__no(value):
    assert looks_identifying(value) == ""
    assert shown_value(value) == value


def test_identifier_in_values__one_odd_code_in_a_hundred_condemns_nothing():
    many = [str(number) for number in range(100)]
    assert identifier_in_values([*many, "AB123456"]) == ""
    assert identifier_in_values(["1", "AB123456"]) == "document numbers"
    assert identifier_in_values(["a b c d e f g"]) == "free text"
    assert identifier_in_values(["a b c d e f g"], free_text=False) == ""
