"""Repeats within repeats: every tool's way to write them gives the same long tables."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.ingest import read_table
from sentinel.ingest.exports.wide_repeats import gather_wide_repeats
from sentinel.ingest.form_answers import keep_answers
from sentinel.ingest.forms import Choice, FormDefinition, Question, read_form
from sentinel.ingest.forms.versions import join_versions
from sentinel.ingest.raw_table import RawTable
from sentinel.schema.problems import Problems
from tests.sentinel.exports import exports
from tests.sentinel.forms.xlsforms import write_form

QUESTIONS = [
    {"type": "integer", "name": "age"},
    {"type": "begin repeat", "name": "trips"},
    {"type": "text", "name": "place"},
    {"type": "select_multiple means", "name": "how"},
    {"type": "begin repeat", "name": "jobs"},
    {"type": "select_one occ", "name": "occ"},
    {"type": "integer", "name": "pay", "constraint": ". < ${age}"},
    {"type": "text", "name": "boss", "relevant": "${place} != 'home'"},
    {"type": "end repeat"},
    {"type": "end repeat"},
]
# Two interviews: trips to Trat (a maid, a farm hand) and home (no job); one trip.
HEAD = (
    "SubmissionDate", "age", "trips_count", "place_1", "how_1", "how_debt_1",
    "how_docs_1", "jobs_count_1", "occ_1_1", "pay_1_1", "boss_1_1", "occ_1_2",
    "pay_1_2", "boss_1_2", "place_2", "how_2", "how_debt_2", "how_docs_2",
    "jobs_count_2", "occ_2_1", "pay_2_1", "boss_2_1", "KEY",
)  # fmt: skip
WIDE = (
    HEAD,
    (
        "Mar 2, 2026", "30", "2", "Trat", "debt", "1", "0", "2", "maid", "20", "a",
        "farm", "40", "", "home", "", "", "", "1", "none", "", "b", "uuid:1",
    ),
    (
        "Mar 2, 2026", "40", "1", "Rayong", "debt docs", "1", "1", "1", "", "", "", "",
        "", "", "", "", "", "", "", "", "", "", "uuid:2",
    ),
)  # fmt: skip


@pytest.fixture
def form(tmp_path):
    return read_form(write_form(tmp_path / "form.xlsx", QUESTIONS))


def read_wide(tmp_path, form, table=WIDE):
    return read_table(exports.write_csv(tmp_path / "s.csv", table), form=form)


def test_surveycto__a_repeat_within_a_repeat_becomes_rows_with_parents(tmp_path, form):
    raw = read_wide(tmp_path, form)
    trips, jobs = (raw.submissions.repeats[name] for name in ("trips", "jobs"))
    assert trips.frame["place"].tolist() == ["Trat", "home", "Rayong"]
    assert trips.frame["how"].tolist() == ["debt", "", "debt docs"]
    assert (trips.roots.tolist(), trips.parent, trips.parents) == ([0, 0, 1], "", None)
    assert jobs.frame["occ"].tolist() == ["maid", "farm", "none", ""]
    assert jobs.frame["_round"].tolist() == ["1", "2", "1", "1"]
    assert jobs.roots.tolist() == [0, 0, 0, 1]
    # The last one was counted, although nothing was answered in it.
    assert (jobs.parent, jobs.parents.tolist()) == ("trips", [0, 0, 1, 2])
    assert list(raw.frame) == ["age", "SubmissionDate", "KEY"]
    assert not raw.problems


def test_surveycto__an_inner_round_proves_the_outer_one(tmp_path, form):
    """Without counts, and with nothing answered in the outer round itself."""
    counts = [name for name in HEAD if "count" in name]
    outer = ["place_2", "how_2", "how_debt_2", "how_docs_2"]
    table = exports.without_columns(WIDE, *counts, *outer)
    raw = read_wide(tmp_path, form, table)
    trips, jobs = (raw.submissions.repeats[name] for name in ("trips", "jobs"))
    assert trips.frame["place"].tolist() == ["Trat", "", "Rayong"]
    assert jobs.frame["occ"].tolist() == ["maid", "farm", "none"]
    assert jobs.parents.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("row", "column", "count"), [(1, "trips_count", "1"), (2, "jobs_count_1", "7")]
)
def test_surveycto__a_count_that_contradicts_the_answers_is_told(
    tmp_path, form, row, column, count
):
    raw = read_wide(tmp_path, form, exports.with_cell(WIDE, row, column, count))
    (problem,) = raw.problems
    assert (problem.row, problem.column, problem.value) == (row + 1, column, count)
    assert len(raw.submissions.repeats["trips"].frame) == 3


def test_judging__a_nested_row_reads_its_own_trip_and_interview(tmp_path, form):
    raw = read_wide(tmp_path, form)
    joined = join_versions([form])
    kept = keep_answers(raw, joined, drop=(), fold=str.casefold)
    problems = Problems()
    kept.judge(np.array([0, 1]), problems)
    found = [(item.row, item.column) for item in problems if item.row]
    # 40 is not below the age of 30; a boss was written down for the trip home.
    assert found == [(2, "pay"), (2, "boss")]
    assert not any("Not checked" in item.hint for item in problems)


AMBIGUOUS = {
    "a plain question": ("pay_1_1", [{"type": "text", "name": "pay_1_1"}]),
    "a choice": ("pay_1_1", [{"type": "select_multiple pays", "name": "pay_1"}]),
    "another depth": (
        "pay_1_1, pay_1_2",
        [
            {"type": "begin repeat", "name": "more"},
            {"type": "text", "name": "pay_1"},
            {"type": "end repeat"},
        ],
    ),
}


@pytest.mark.parametrize(("columns", "extra"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_surveycto__a_column_that_fits_two_questions_is_read_as_neither(
    tmp_path, columns, extra
):
    answers = [
        {"list_name": "pays", "name": "1"},
        {"list_name": "occ", "name": "maid"},
        {"list_name": "means", "name": "debt"},
        {"list_name": "means", "name": "docs"},
    ]
    form = read_form(write_form(tmp_path / "f.xlsx", [*QUESTIONS, *extra], answers))
    raw = read_wide(tmp_path, form)
    (problem,) = raw.problems.errors
    assert problem.column == columns
    held = [*raw.submissions.repeats.values(), raw]
    assert not any(
        "20" in table.frame[name].tolist() for table in held for name in table.frame
    )


KOBO_TRIPS = (
    ("place", "_index", "_parent_table_name", "_parent_index", "_submission__uuid"),
    ("Trat", "1", "main", "1", "u1"),
    ("home", "2", "main", "1", "u1"),
    ("Rayong", "3", "main", "2", "u2"),
)
KOBO_JOBS = (
    ("occ", "pay", "_index", "_parent_table_name", "_parent_index"),
    ("maid", "20", "1", "trips", "1"),
    ("farm", "40", "2", "trips", "1"),
    ("none", "", "3", "trips", "2"),
    ("", "", "4", "trips", "3"),
)
KOBO_MAIN = (
    ("age", "_uuid", "_id", "_index"),
    ("30", "u1", "1", "1"),
    ("40", "u2", "2", "2"),
)


def test_kobo_and_odk__parents_as_in_the_wide_export(tmp_path, form):
    kobo = exports.write_workbook(
        tmp_path / "k.xlsx", {"main": KOBO_MAIN, "trips": KOBO_TRIPS, "jobs": KOBO_JOBS}
    )
    trips = [
        (place, f"uuid:{uuid[1:]}", f"uuid:{uuid[1:]}/trips[{number}]")
        for place, number, _, _, uuid in KOBO_TRIPS[1:]
    ]
    jobs = [
        (occ, pay, trips[int(outer) - 1][2], f"j{number}")
        for occ, pay, number, _, outer in KOBO_JOBS[1:]
    ]
    odk = exports.write_archive(
        tmp_path / "odk.zip",
        {
            "form.csv": exports.csv_text(
                (
                    ("SubmissionDate", "age", "KEY", "FormVersion"),
                    ("2026", "30", "uuid:1", ""),
                    ("2026", "40", "uuid:2", ""),
                )
            ),
            "form-trips.csv": exports.csv_text(
                (("place", "PARENT_KEY", "KEY"), *trips)
            ),
            "form-jobs.csv": exports.csv_text(
                (("occ", "pay", "PARENT_KEY", "KEY"), *jobs)
            ),
        },
    )
    wide = read_wide(tmp_path, form).submissions.repeats["jobs"]
    for path in (kobo, odk):
        found = read_table(path, form=form).submissions.repeats["jobs"]
        assert found.frame["occ"].tolist() == wide.frame["occ"].tolist()
        assert found.roots.tolist() == wide.roots.tolist()
        assert found.parent == "trips"
        assert found.parents.tolist() == wide.parents.tolist()


NESTED = FormDefinition(
    file="f.xlsx",
    questions=(
        Question(name="age", kind="integer"),
        Question(name="place", kind="text", repeat=("trips",), groups=("trips",)),
        Question(
            name="how",
            kind="select_multiple",
            choices=(Choice(name="debt"), Choice(name="1")),
            repeat=("trips",),
            groups=("trips",),
        ),
        Question(
            name="pay",
            kind="integer",
            repeat=("trips", "jobs"),
            groups=("trips", "jobs"),
        ),
    ),
    repeats=(("trips",), ("trips", "jobs")),
)


def table_of(frame: pd.DataFrame) -> RawTable:
    origin = SimpleNamespace(file="w.csv")
    return RawTable(frame=frame, rows=np.array([2]), origin=origin, problems=Problems())


ROUNDS = st.lists(st.lists(st.text("xyz", max_size=2), max_size=3), max_size=3)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ROUNDS, min_size=1, max_size=5))
def test_surveycto__wide_and_back_for_any_rounds(tmp_path, form, people):
    """Every round with its counts survives; order and parents are the interview's."""
    head = ["SubmissionDate", "age", "trips_count"]
    for i in range(1, 4):
        head += [f"place_{i}", f"jobs_count_{i}"]
        head += [f"boss_{i}_{j}" for j in range(1, 4)]
    table = [(*head, "KEY")]
    for number, trips in enumerate(people):
        cells = {"age": "9", "trips_count": str(len(trips)), "KEY": f"u{number}"}
        for i, jobs in enumerate(trips, start=1):
            cells |= {f"place_{i}": f"p{i}", f"jobs_count_{i}": str(len(jobs))}
            cells |= {f"boss_{i}_{j}": text for j, text in enumerate(jobs, start=1)}
        table.append(tuple(cells.get(name, "") for name in table[0]))
    repeats = read_wide(tmp_path, form, table).submissions.repeats
    outer = [
        (n, f"p{i}") for n, trips in enumerate(people) for i, _ in enumerate(trips, 1)
    ]
    inner = [
        (place, n, text)
        for place, (n, jobs) in enumerate(
            (n, jobs) for n, trips in enumerate(people) for jobs in trips
        )
        for text in jobs
    ]
    if outer:
        found = repeats["trips"]
        places = zip(found.roots, found.frame["place"], strict=True)
        assert [(int(n), place) for n, place in places] == outer
    else:
        assert len(repeats["trips"].frame) == 0
    if inner:
        found = repeats["jobs"]
        rows = zip(found.parents, found.roots, found.frame["boss"], strict=True)
        assert [(int(a), int(b), text) for a, b, text in rows] == inner


@pytest.mark.parametrize("part", ["_1", "/", "a_", "-1", "_1/"])
def test_gathering__headers_without_end_take_no_time(part):
    headers = [part * 30_000 + end for end in ("", "x", "_1")]
    frame = pd.DataFrame({name: ["1"] for name in headers}, dtype="str")
    raw = gather_wide_repeats(table_of(frame), NESTED)
    assert list(raw.frame) == headers


PARTS = st.sampled_from(
    ["pay", "jobs_count", "how", "debt", "place", "age", "1", "2", "10000", "x", ""]
)
HEADERS = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(["", "", "trips/", "g-"]),
        st.lists(PARTS, min_size=1, max_size=5).map("_".join),
    ),
    max_size=8,
    unique=True,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(HEADERS)
def test_gathering__every_column_goes_to_one_place(headers):
    """Kept, a cell of one repeat, a count, or refused by name: nothing is lost."""
    frame = pd.DataFrame({name: [name] for name in headers}, dtype="str")
    raw = gather_wide_repeats(table_of(frame), NESTED)
    refused = [
        item for item in raw.problems.errors if "fit one question" in item.expected
    ]
    named = refused[0].column.split(", ") if refused else []
    cells = [
        cell
        for table in raw.submissions.repeats.values()
        for name in table.frame
        if name != "_round"
        for cell in table.frame[name]
        if cell
    ]
    counts = [
        name for name in headers if name.startswith(("trips_count", "jobs_count"))
    ]
    assert len(cells) == len(set(cells))
    assert not set(cells) & {*raw.frame, *named}
    assert {*raw.frame, *cells, *named, *counts} == set(headers)
    for table in raw.submissions.repeats.values():
        assert (table.roots == 0).all()
        if table.parents is not None:
            outer = raw.submissions.repeats[table.parent]
            assert ((table.parents >= 0) & (table.parents < len(outer.frame))).all()
