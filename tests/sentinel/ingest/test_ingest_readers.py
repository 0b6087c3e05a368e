"""Readers: what each format gives, and one clear error for each broken file."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from sentinel.ingest import (
    Reader,
    opening,
    read_table,
    readers,
    register_reader,
)
from sentinel.schema.problems import IngestError

# Cambodian, Lao, Burmese, Vietnamese: "female" or "trafficking" and the like.
SCRIPTS = ["ស្រី\u200bស្រី", "ແມ່ຍິງ", "အမျိုးသမီး", "Phụ nữ bị mua bán", "niña, «Ñ»"]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path, **options):
    with pytest.raises(IngestError) as caught:
        read_table(path, **options)
    return caught.value.problems


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv__delimiter_is_found(tmp_path, delimiter):
    text = f'a{delimiter}b\n"1{delimiter}2"{delimiter}x\n3{delimiter}\n'
    raw = read_table(write(tmp_path, "t.csv", text))
    assert raw.frame.to_dict("list") == {"a": [f"1{delimiter}2", "3"], "b": ["x", ""]}
    assert raw.rows.tolist() == [2, 3]
    assert (raw.origin.rows, raw.origin.columns, raw.origin.format) == (2, 2, "csv")


@pytest.mark.parametrize(
    ("encoding", "recorded"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16")],
)
def test_csv__scripts_of_the_region_survive(tmp_path, encoding, recorded):
    text = "a,b\n" + "\n".join(f'{i},"{word}"' for i, word in enumerate(SCRIPTS))
    raw = read_table(write(tmp_path, "t.csv", text.encode(encoding)))
    assert raw.frame["b"].tolist() == [
        unicodedata.normalize("NFC", word) for word in SCRIPTS
    ]
    assert raw.frame.columns.tolist() == ["a", "b"]
    assert raw.origin.encoding == recorded
    assert not len(raw.problems)


def test_csv__decomposed_letters_become_one(tmp_path):
    word = unicodedata.normalize("NFD", "Việt")
    raw = read_table(write(tmp_path, "t.csv", f"a,b\n1,{word}\n"))
    assert raw.frame["b"][0] == "Việt"


def test_csv__windows_1252_is_read_and_recorded(tmp_path):
    raw = read_table(write(tmp_path, "t.csv", "a,b\n1,Peñón €\n".encode("cp1252")))
    assert raw.frame["b"][0] == "Peñón €"
    assert raw.origin.encoding == "cp1252"


def test_csv__one_latin_1_byte_does_not_spoil_the_khmer(tmp_path):
    content = "a,b\n1,ស្រី\n2,T".encode() + b"\xdc" + b"RKIYE\n"
    raw = read_table(write(tmp_path, "t.csv", content))
    assert raw.frame["b"].tolist() == ["ស្រី", "TÜRKIYE"]
    assert raw.origin.encoding == "utf-8+cp1252"
    (warning,) = raw.problems.warnings
    assert warning.row == 3


def test_csv__blank_cells_marks_and_rows(tmp_path):
    text = "a,b,\n \u00a0,x\u200b,\n\n,,\n1, y ,\n"
    raw = read_table(write(tmp_path, "t.csv", text))
    assert raw.frame.to_dict("list") == {"a": ["", "1"], "b": ["x", "y"]}
    assert raw.rows.tolist() == [2, 5]
    assert "1 rows without any value" in str(raw.problems.warnings[0])


def test_csv__quoted_newlines_keep_one_record(tmp_path):
    raw = read_table(write(tmp_path, "t.csv", 'a,b\n1,"two\nlines"\n2,x\n'))
    assert raw.frame["b"].tolist() == ["two\nlines", "x"]
    assert raw.rows.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "0 bytes"),
        (b"\n\n", "blank lines"),
        (b"a,b\n", "no rows"),
        (b"a,b\n,\n", "no rows"),
        (b"a,,c\n1,2,3\n", "a name for every column that holds values"),
        (b"a,b,a\n1,2,3\n", "every column name once"),
        (b"a,b\n1\x00,2\n", "NUL bytes"),
        (b'a,b\n1,"open\n2,3\n', "not closed"),
        (b"a,b\n1,\x81\n", "UTF-8 or Windows-1252"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xd0\xcf\x11\xe0old", "password-protected"),
    ],
)
def test_csv__broken_files_get_one_clear_error(tmp_path, content, expected):
    (problem,) = refusal(write(tmp_path, "t.csv", content))
    assert expected in str(problem)
    assert problem.file == "t.csv"


def test_csv__ragged_rows_are_all_listed_by_row(tmp_path):
    problems = refusal(write(tmp_path, "t.csv", "a,b\n1,2\n1\n1,2\n1,2,3\n"))
    assert [(item.row, item.value) for item in problems] == [
        (3, "1 cells"),
        (5, "3 cells"),
    ]
    many = "a,b\n" + "1\n" * 50
    assert "50 in all" in str(list(refusal(write(tmp_path, "u.csv", many)))[-1])


def test_read_table__absent_folder_unknown_suffix_and_too_large(tmp_path, monkeypatch):
    assert "exists" in str(refusal(tmp_path / "none.csv").errors[0])
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert "folder" in str(refusal(folder).errors[0])
    assert ".parquet" in str(refusal(write(tmp_path, "t.rds", "x")).errors[0])
    monkeypatch.setattr(opening, "LARGEST_FILE", 3)
    path = write(tmp_path, "t.csv", "a,b\n1,2\n")
    assert "2 GiB" in str(refusal(path, file_label="data/t.csv").errors[0])


def workbook(frame, **sheets):
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        frame.to_excel(writer, index=False, sheet_name="first")
        for name, other in sheets.items():
            other.to_excel(writer, index=False, sheet_name=name)
    return buffer.getvalue()


def test_xlsx__cells_become_plain_text(tmp_path):
    frame = pd.DataFrame(
        {
            "n": [3, 4],
            "x": [3.5, None],
            "day": [date(2009, 8, 14), None],
            "time": [datetime(2009, 8, 14, 10, 30), None],
            "yes": [True, False],
            "word": SCRIPTS[:2],
        }
    )
    path = write(tmp_path, "t.xlsx", workbook(frame, second=pd.DataFrame({"z": [1]})))
    raw = read_table(path)
    assert raw.frame.to_dict("list") == {
        "n": ["3", "4"], "x": ["3.5", ""], "day": ["2009-08-14", ""],
        "time": ["2009-08-14T10:30:00", ""], "yes": ["1", "0"], "word": SCRIPTS[:2],
    }  # fmt: skip
    assert (raw.origin.sheet, raw.origin.format) == ("first", "xlsx")
    assert read_table(path, sheet="second").frame["z"].tolist() == ["1"]
    assert "first, second" in str(refusal(path, sheet="third").errors[0])


@pytest.mark.parametrize("keep", [0.95, 0.5, 0.1])
def test_xlsx__truncated_is_refused(tmp_path, keep):
    content = workbook(pd.DataFrame({"a": range(100)}))
    path = write(tmp_path, "t.xlsx", content[: int(len(content) * keep)])
    assert "cut off" in str(refusal(path).errors[0])


def test_xlsx__text_under_a_false_name_and_an_empty_sheet(tmp_path):
    path = write(tmp_path, "t.xlsx", "a,b\n1,2\n")
    assert "does not begin like such a file" in str(refusal(path).errors[0])
    empty = write(tmp_path, "u.xlsx", workbook(pd.DataFrame()))
    assert "empty" in str(refusal(empty).errors[0])


def test_xlsx__zip_bomb_is_refused_unopened(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 3_000_000)
    monkeypatch.setattr("sentinel.ingest.archive.LARGEST_UNPACKED", 1_000_000)
    path = write(tmp_path, "t.xlsx", buffer.getvalue())
    assert "times its size" in str(refusal(path).errors[0])


def test_parquet__types_and_truncation(tmp_path):
    frame = pd.DataFrame(
        {
            "n": pd.array([1, 2], dtype="Int64"),
            "x": [0.1, np.nan],
            "day": pd.to_datetime(["2009-08-14", None]),
            "many": [["a", "b"], None],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    raw = read_table(tmp_path / "t.parquet")
    assert raw.frame.to_dict("list") == {
        "n": ["1", "2"], "x": ["0.1", ""], "day": ["2009-08-14", ""],
        "many": ["a;b", ""],
    }  # fmt: skip
    content = (tmp_path / "t.parquet").read_bytes()
    cut = write(tmp_path, "cut.parquet", content[: len(content) // 2])
    assert "cut off" in str(refusal(cut).errors[0])


def test_sav__declared_missings_and_labels_are_kept(tmp_path):
    import pyreadstat

    frame = pd.DataFrame({"sex": [1.0, 97.0, np.nan, 98.0], "word": [*SCRIPTS[:3], ""]})
    pyreadstat.write_sav(
        frame,
        tmp_path / "t.sav",
        variable_value_labels={"sex": {1: "male", 97: "refused"}},
        missing_ranges={"sex": [97, {"lo": 98, "hi": 99}]},
        column_labels={"sex": "Sex of respondent"},
    )
    raw = read_table(tmp_path / "t.sav")
    assert raw.frame["sex"].tolist() == ["1", "97", "", "98"]
    assert raw.frame["word"].tolist() == [*SCRIPTS[:3], ""]
    assert raw.value_labels["sex"] == {"1": "male", "97": "refused"}
    assert sorted(raw.missing_codes["sex"]) == ["97", "98..99"]
    assert raw.column_labels == {"sex": "Sex of respondent"}


def test_dta__tagged_missings_are_kept(tmp_path):
    import pyreadstat

    frame = pd.DataFrame({"sex": pd.Series([1.0, "a", np.nan], dtype=object)})
    pyreadstat.write_dta(
        frame,
        tmp_path / "t.dta",
        missing_user_values={"sex": ["a"]},
        variable_value_labels={"sex": {1: "male", "a": "refused"}},
    )
    raw = read_table(tmp_path / "t.dta")
    assert raw.frame["sex"].tolist() == ["1", ".a"]  # an empty row is passed over
    assert len(raw.problems.warnings) == 1
    assert raw.missing_codes == {"sex": (".a",)}
    assert raw.value_labels["sex"][".a"] == "refused"


@pytest.mark.parametrize("suffix", ["sav", "dta"])
def test_statistics_packages__truncated_and_foreign_files(tmp_path, suffix):
    import pyreadstat

    frame = pd.DataFrame({"a": np.arange(500.0)})
    path = tmp_path / f"t.{suffix}"
    getattr(pyreadstat, f"write_{suffix}")(frame, path)
    cut = write(tmp_path, f"cut.{suffix}", path.read_bytes()[:-300])
    assert "cut off" in str(refusal(cut).errors[0])
    foreign = write(tmp_path, f"foreign.{suffix}", b"hello world" * 30)
    assert len(refusal(foreign).errors) == 1


def test_register_reader__a_recognised_shape_goes_first(tmp_path, monkeypatch):
    registered = list(readers._READERS)
    monkeypatch.setattr(readers, "_READERS", registered)
    plain = read_table(write(tmp_path, "t.csv", "a,b\n1,2\n"))
    register_reader(
        Reader(
            name="special",
            suffixes=(".csv",),
            recognises=lambda source: source.content.startswith(b"_id"),
            read=lambda source: plain,
        )
    )
    assert read_table(write(tmp_path, "u.csv", "_id\n7\n")) is plain
    assert read_table(write(tmp_path, "v.csv", "x\n7\n")).frame["x"].tolist() == ["7"]
