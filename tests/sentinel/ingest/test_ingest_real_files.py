"""Real files that nobody wrote for us: all rows and columns come through."""

from __future__ import annotations

import csv

import pytest

from sentinel.ingest import read_table
from sentinel.schema.problems import IngestError

pytestmark = pytest.mark.shared


def test_emif__every_interview_of_18_files_is_read(shared_folder):
    """39 743 interviews in 221-304 columns: data/SOURCES.md of the reference folder."""
    paths = sorted((shared_folder / "data/emif_sur").glob("*dev*.csv"))
    assert len(paths) == 18
    rows, widths = 0, []
    for path in paths:
        raw = read_table(path)
        rows += raw.origin.rows
        widths.append(raw.origin.columns)
        assert raw.origin.encoding == "utf-8-sig"
        assert not raw.frame.columns[0].startswith("\ufeff")
    assert rows == 39_743
    assert (min(widths), max(widths)) == (221, 304)


def test_emif__cells_equal_those_of_the_plain_csv_module(shared_folder):
    path = shared_folder / "data/emif_sur/elsdev2014mex.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header, *body = csv.reader(stream)
    raw = read_table(path)
    assert raw.frame.columns.tolist() == header
    assert any(" " in row for row in body)  # cells of a single space hold nothing
    read = raw.frame.to_numpy().tolist()
    assert read == [[cell.strip() for cell in row] for row in body]


def test_ice__latin_1_bytes_are_read_and_recorded(shared_folder):
    raw = read_table(shared_folder / "data/ice_hotline/ice_removals_monthly.csv")
    assert (raw.origin.rows, raw.origin.columns) == (7_715, 9)
    assert raw.origin.encoding == "cp1252"
    assert raw.frame.isin(["REPUBLIC OF TÜRKIYE"]).any(axis=None)


def test_ctdc__rows_and_columns(shared_folder):
    """SOURCES.md says 21 194 rows; the file holds 21 195 below its header."""
    path = shared_folder / "data/ctdc/CTDC_VPsynthetic_condensed.csv"
    raw = read_table(path)
    assert (raw.origin.rows, raw.origin.columns) == (21_195, 16)


def test_kobo__workbook_with_a_repeat_sheet(shared_folder):
    path = shared_folder / "data/kobo/kobo_export_authentic_demo.xlsx"
    raw = read_table(path)
    assert (raw.origin.rows, raw.origin.sheet) == (3, "demo")
    with pytest.raises(IngestError, match="The workbook has: demo, "):
        read_table(path, sheet="nothing")


def test_geocoded_places__a_column_without_a_name_is_refused(shared_folder):
    with pytest.raises(IngestError, match="column 1: expected a name"):
        read_table(shared_folder / "data/emif_sur/places_geocoded.csv")
