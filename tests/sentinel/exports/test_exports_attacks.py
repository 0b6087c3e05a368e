"""Files that attack: each is refused or made harmless, with one clear message."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.ingest import read_table
from sentinel.ingest.forms import deportee_form_bytes, read_form
from sentinel.ingest.raw_table import make_frame
from sentinel.schema.problems import IngestError
from tests.sentinel.exports import exports

BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    "<worksheet>&b;</worksheet>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'


def with_entry(content: bytes, name: str, text: str | bytes) -> bytes:
    """Return an archive with one entry replaced or added."""
    source, target = io.BytesIO(content), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry, old.read(entry))
        new.writestr(name, text)
    return target.getvalue()


def refusal(path: Path, read=read_table) -> str:
    with pytest.raises(IngestError) as caught:
        read(path)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize("read", [read_table, read_form])
@pytest.mark.parametrize(
    "text",
    [BILLION_LAUGHS, OUTSIDE, BILLION_LAUGHS.encode("utf-16"), OUTSIDE.lower()],
)
def test_workbook__xml_with_entities_is_refused(tmp_path, read, text):
    content = with_entry(deportee_form_bytes(), "xl/worksheets/sheet1.xml", text)
    path = tmp_path / "t.xlsx"
    path.write_bytes(content)
    assert "without a document type or entities" in refusal(path, read)


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/evil.csv", "C:\\evil.csv", "a\\..\\..\\evil.csv"]
)
@pytest.mark.parametrize("suffix", [".zip", ".xlsx"])
def test_archive__a_path_that_leads_out_is_refused(tmp_path, name, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_bytes(with_entry(deportee_form_bytes(), name, "KEY,x\n1,2\n"))
    assert "a place outside itself" in refusal(path)
    assert list(tmp_path.iterdir()) == [path]


def test_archive__a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("sentinel.ingest.archive.LARGEST_UNPACKED", 1_000_000)
    path = exports.write_archive(
        tmp_path / "t.zip", {"a.csv": b"KEY,x\n" + b"1,2\n" * 1_000_000}
    )
    assert "times its size" in refusal(path)


def test_archive__a_size_that_is_a_lie_is_refused(tmp_path):
    content = bytearray()
    path = exports.write_archive(
        tmp_path / "t.zip", {"a.csv": b"KEY,x\n" + b"1,2\n" * 99}
    )
    content = bytearray(path.read_bytes())
    # The stated size stands in the local header (22) and the directory (24 bytes in).
    directory = content.index(b"PK\x01\x02")
    for place in (22, directory + 24):
        content[place : place + 4] = (12).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    found = refusal(path)
    assert "lies about its size" in found or "cut off or damaged" in found


def test_archive__a_password_is_told(tmp_path):
    path = exports.write_archive(tmp_path / "t.zip", {"a.csv": "KEY,x\n1,2\n"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    assert "It has a password" in refusal(path)


def test_workbook__a_cell_a_million_rows_down_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sentinel.ingest.workbook_reader.LARGEST_SHEET", 10_000)
    book = openpyxl.Workbook()
    book.active["A1"], book.active["ZZ1000"] = "a", "far away"
    book.save(tmp_path / "t.xlsx")
    assert "at most 10,000 cells" in refusal(tmp_path / "t.xlsx")


def test_cells__formulas_are_told_by_place_and_never_shown(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        'id,a,b\n1,"=HYPERLINK(""http://x"",""y"")",-5\n2,@SUM(1),+855\n3,-,- 3\n',
        encoding="utf-8",
    )
    (problem,) = read_table(path).problems
    assert (problem.row, problem.column) == (2, "a")
    assert problem.hint.startswith("2 cells")
    assert "HYPERLINK" not in str(problem)


def test_cells__direction_and_zero_width_marks_are_removed_and_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "co\u200bde,word\nma\u200ble,ស្រី\u200bស្រី\n\u202emale,\u200ewoman\u200f\n"
        "fe\u200dmale,a\u2066b\u2069\n",
        encoding="utf-8",
    )
    raw = read_table(path)
    assert raw.frame["code"].tolist() == ["male", "male", "female"]
    # Khmer writes zero-width spaces between words; marks at the ends never counted.
    assert raw.frame["word"].tolist() == ["ស្រី\u200bស្រី", "woman", "ab"]
    (problem,) = raw.problems
    assert (problem.row, problem.column) == (2, "code, word")
    assert problem.hint.startswith("4 cells")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_cells__cleaning_twice_is_cleaning_once(cells):
    once = make_frame({"a": cells})["a"]
    assert make_frame({"a": list(once)})["a"].tolist() == once.tolist()
    hidden = "\u202e\u2066\u200e\ufeff"
    assert not any(mark in text for text in once for mark in hidden)


def spoiled(content: bytes, edits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for place, byte in edits:
        changed[place % len(changed)] = byte
    return bytes(changed)


SAMPLES: dict[str, bytes] = {}


def sample(folder: Path, suffix: str) -> bytes:
    """Return an honest file of each kind, made once."""
    if suffix not in SAMPLES:
        if suffix == ".xlsx":
            path = exports.write_workbook(
                folder / "s.xlsx",
                {"A test form": exports.KOBO, "jobs": exports.KOBO_JOBS},
            )
        elif suffix == ".zip":
            tables = {
                "f.csv": exports.csv_text(exports.ODK),
                "f-jobs.csv": exports.csv_text(exports.ODK_JOBS),
            }
            path = exports.write_archive(folder / "s.zip", tables)
        elif suffix == ".json":
            path = exports.write_odata(folder)[0]
        else:
            path = exports.write_csv(folder / "s.csv", exports.KOBO)
        SAMPLES[suffix] = path.read_bytes()
    return SAMPLES[suffix]


EDITS = st.lists(
    st.tuples(st.integers(0, 1_000_000), st.integers(0, 255)), min_size=1, max_size=8
)


@pytest.mark.parametrize("suffix", [".xlsx", ".zip", ".json", ".csv"])
def test_readers__a_spoiled_file_is_read_or_refused(tmp_path_factory, suffix):
    """Whatever bytes change: one `IngestError` or a table, never another exception."""
    folder = tmp_path_factory.mktemp("fuzz")
    whole = sample(folder, suffix)
    path = folder / f"t{suffix}"

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(EDITS, st.integers(0, len(whole)))
    def check(edits, cut):
        path.write_bytes(spoiled(whole, edits)[: max(1, cut)])
        try:
            raw = read_table(path)
        except IngestError:
            return  # refused
        else:
            assert len(raw.frame) == len(raw.rows) == raw.origin.rows

    check()


CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_readers__what_fuzzing_found_is_refused(path):
    """Files that once ended in another exception; kept as they were found."""
    with pytest.raises(IngestError):
        read_table(path)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "g", "__id", "jobs", "x@odata.y"]),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats()
                | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["b", "c", "coordinates"]), inner)
                ),
                max_leaves=8,
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_odata__any_nesting_is_read_or_refused(records):
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.json"
        path.write_text(json.dumps({"value": records}), encoding="utf-8")
        try:
            raw = read_table(path)
        except IngestError:
            return  # refused
        else:
            for repeat in raw.submissions.repeats.values():
                assert (repeat.roots < len(raw.frame)).all()
                assert np.issubdtype(repeat.roots.dtype, np.integer)
