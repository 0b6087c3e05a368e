"""Every shape of an export becomes the same table of codes under the form's names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from sentinel.ingest import read_table
from sentinel.ingest.forms import read_form
from sentinel.ingest.submissions import NOTHING_CHOSEN
from sentinel.schema.problems import IngestError
from tests.sentinel.exports import exports
from tests.sentinel.exports.exports import KOBO, KOBO_JOBS, ODK, ODK_JOBS, SURVEYCTO
from tests.sentinel.forms.xlsforms import ANSWERS, write_form

ENGLISH = "label::English (en)"


@pytest.fixture
def form(tmp_path: Path):
    return read_form(write_form(tmp_path / "form.xlsx"))


def answers(raw, *names: str) -> list[tuple[str, ...]]:
    return list(zip(*(raw.frame[name] for name in names), strict=True))


EXPECTED = [
    ("1", "24", "2", "debt docs"),
    ("0", "", "", ""),
    ("1", "11", "1", ""),
    ("1", "30", "1", NOTHING_CHOSEN),
]
NAMES = ("consent_given", "age", "sex", "means")


@pytest.mark.parametrize("numbers", [False, True])
def test_kobo_workbook__numbers_as_text_or_as_numbers(tmp_path, form, numbers):
    path = exports.write_workbook(
        tmp_path / "k.xlsx", {"A test form": KOBO, "jobs": KOBO_JOBS}, numbers=numbers
    )
    raw = read_table(path, form=form)
    assert answers(raw, *NAMES) == EXPECTED
    assert (raw.submissions.tool, raw.submissions.key) == ("kobo", "_uuid")
    jobs = raw.submissions.repeats["jobs"]
    assert jobs.roots.tolist() == [0, 0, 3]
    assert jobs.frame["occ"].tolist() == ["maid", "none", "farm"]
    assert jobs.frame["pay"].tolist() == ["300", "", "120.5"]
    assert not raw.problems


@pytest.mark.parametrize("separator", ["/", ".", "__", " > ", "-", ":"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_kobo_csv__any_group_separator_and_delimiter(
    tmp_path, form, separator, delimiter
):
    table = exports.columns_renamed(KOBO, "/", separator)
    path = exports.write_csv(tmp_path / "k.csv", table, delimiter=delimiter)
    raw = read_table(path, form=form)
    assert answers(raw, *NAMES) == EXPECTED
    assert not raw.problems


def test_kobo_csv__the_day_of_the_interview_under_the_name_of_the_form(tmp_path):
    questions = [
        {"type": "today", "name": "visited"},
        {"type": "date", "name": "born", "constraint": ". <= today()"},
    ]
    form = read_form(write_form(tmp_path / "f.xlsx", questions))
    table = (
        ("visited", "born", "_uuid", "_id"),
        ("2026-03-02", "1990-01-01", "a", "1"),
    )
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    assert raw.submissions.day == "visited"


def test_kobo_csv__without_group_names(tmp_path, form):
    table = exports.columns_renamed(KOBO, "person/", "")
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    assert answers(raw, *NAMES) == EXPECTED


def test_kobo_csv__summary_alone_cannot_tell_nothing_from_not_asked(tmp_path, form):
    splits = [name for name in KOBO[0] if name.startswith("person/means/")]
    table = exports.without_columns(KOBO, *splits)
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    assert raw.frame["means"].tolist() == ["debt docs", "", "", ""]


def test_kobo_csv__details_alone(tmp_path, form):
    """Blank split cells were not asked; zeros were, and nothing was ticked."""
    table = exports.without_columns(KOBO, "person/means")
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    assert raw.frame["means"].tolist() == ["debt docs", "", "", NOTHING_CHOSEN]


def test_kobo_csv__summary_and_details_that_differ_are_listed(tmp_path, form):
    table = exports.with_cell(KOBO, 1, "person/means/docs", "0")
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    assert raw.frame["means"][0] == "debt docs"
    (problem,) = raw.problems
    assert (problem.row, problem.column) == (2, "person/means")


def labelled(table: exports.Table) -> exports.Table:
    """Return the export with texts in place of codes, as Kobo's label exports are."""
    texts = {(row["list_name"], row["name"]): row[ENGLISH] for row in ANSWERS}
    lists = {"consent_given": "yes_no", "person/sex": "sex"}
    body = [
        tuple(
            texts.get((lists.get(name, ""), cell), cell)
            for name, cell in zip(table[0], row, strict=True)
        )
        for row in table[1:]
    ]
    questions = {
        "consent_given": "Do you agree to take part?",
        "person/age": "How old are you?",
        "person/sex": "Sex",
        "person/means": "What was done to you?",
        "person/means/debt": "What was done to you?/Debt bondage",
        "person/means/docs": "What was done to you?/Papers kept",
        "person/means/dk": "What was done to you?/Don't know",
        "person/means/other": "What was done to you?/other",
    }
    return (tuple(questions.get(name, name) for name in table[0]), *body)


def test_kobo_labels__texts_become_codes_and_splits_save_the_multiple(tmp_path, form):
    table = labelled(
        exports.with_cell(KOBO, 1, "person/means", "Debt bondage Papers kept")
    )
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    assert answers(raw, *NAMES) == EXPECTED


def test_kobo_labels__with_the_labels_of_groups_before_them(tmp_path, form):
    table = exports.with_cell(KOBO, 1, "person/means", "Debt bondage Papers kept")
    table = labelled(table)
    group = tuple(
        f"About the person/{name}" if "?" in name and "agree" not in name else name
        for name in table[0]
    )
    path = exports.write_csv(tmp_path / "k.csv", (group, *table[1:]))
    assert answers(read_table(path, form=form), *NAMES) == EXPECTED


def test_kobo_labels__a_summary_of_texts_alone_is_refused(tmp_path, form):
    table = labelled(
        exports.with_cell(KOBO, 1, "person/means", "Debt bondage Papers kept")
    )
    splits = [name for name in table[0] if name.startswith("What was done to you?/")]
    path = exports.write_csv(
        tmp_path / "k.csv", exports.without_columns(table, *splits)
    )
    raw = read_table(path, form=form)
    (problem,) = raw.problems.errors
    assert "where one ends and the next begins cannot be known" in problem.hint
    assert "Export again with XML values" in problem.hint
    assert "means" not in raw.frame


def test_kobo_workbook__a_repeat_of_another_export_is_an_error(tmp_path, form):
    jobs = exports.with_cell(KOBO_JOBS, 3, "_submission__uuid", "u1")
    jobs = exports.with_cell(jobs, 2, "_parent_index", "9")
    path = exports.write_workbook(
        tmp_path / "k.xlsx", {"A test form": KOBO, "jobs": jobs}
    )
    raw = read_table(path, form=form)
    assert [(item.file, item.row, item.column) for item in raw.problems.errors] == [
        ("k.xlsx [jobs]", 3, "_parent_index"),
        ("k.xlsx [jobs]", 4, "_submission__uuid"),
    ]


def test_kobo__a_uuid_that_comes_twice_is_listed(tmp_path, form):
    table = exports.with_cell(KOBO, 3, "_uuid", "u1")
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    (problem,) = raw.problems
    assert (problem.row, problem.column, problem.severity) == (4, "_uuid", "warning")


def test_kobo__what_was_not_approved_is_set_aside(tmp_path, form):
    column, status = "_validation_status", "validation_status_not_approved"
    table = exports.with_cell(KOBO, 3, column, status)
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    (places,) = raw.submissions.set_aside.values()
    assert places.tolist() == [2]


@pytest.mark.parametrize("suffix", ["sav", "dta"])
def test_cspro__its_export_keeps_codes_labels_and_special_values(tmp_path, suffix):
    """CSPro writes NOTAPPL as blank and MISSING and DK as codes with labels."""
    frame = pd.DataFrame({"SEX": [1.0, 2.0, 9.0], "AGE": [24.0, float("nan"), 98.0]})
    labels = {"SEX": {1: "Male", 2: "Female", 9: "Don't know"}, "AGE": {98: "DK"}}
    path = tmp_path / f"c.{suffix}"
    if suffix == "sav":
        missing = {"SEX": [9], "AGE": [98]}
        pyreadstat.write_sav(
            frame, path, variable_value_labels=labels, missing_ranges=missing
        )
    else:
        pyreadstat.write_dta(frame, path, variable_value_labels=labels)
    raw = read_table(path)
    assert raw.frame["SEX"].tolist() == ["1", "2", "9"]
    assert raw.frame["AGE"].tolist() == ["24", "", "98"]
    assert raw.value_labels["SEX"]["2"] == "Female"
    if suffix == "sav":
        assert raw.missing_codes == {"SEX": ("9",), "AGE": ("98",)}


def test_odk_archive__zeros_of_questions_never_asked_are_no_answers(tmp_path, form):
    path = exports.write_archive(
        tmp_path / "odk.csv.zip",
        {
            "test_form.csv": exports.csv_text(ODK),
            "test_form-jobs.csv": exports.csv_text(ODK_JOBS),
            "media/photo.jpg": b"no picture",
        },
    )
    raw = read_table(path, form=form)
    # The splits hold 0 in rows 2 and 3, where means was never asked.
    expected = [*EXPECTED[:3], ("1", "30", "1", "")]
    assert answers(raw, *NAMES) == expected
    facts = raw.submissions
    assert (facts.tool, facts.key, facts.version) == ("odk", "KEY", "FormVersion")
    assert {k: v.tolist() for k, v in facts.set_aside.items()} == {
        "rejected at review (ReviewState)": [3]
    }
    jobs = facts.repeats["jobs"]
    assert jobs.roots.tolist() == [0, 0, 3]
    assert jobs.frame["pay"].tolist() == ["300", "", "120.5"]
    assert not raw.problems


def test_odk_archive__split_columns_alone_say_that_zeros_say_nothing(tmp_path, form):
    table = exports.without_columns(ODK, "person-means")
    path = exports.write_archive(
        tmp_path / "odk.zip", {"test_form.csv": exports.csv_text(table)}
    )
    raw = read_table(path, form=form)
    assert raw.frame["means"].tolist() == ["debt docs", "", "", ""]
    assert any("never asked" in item.hint for item in raw.problems)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a.csv": "x,y\n1,2\n"}, "one table with KEY"),
        ({"readme.txt": "hello"}, "no CSV file"),
        ({"a.csv": "KEY,x\n1,2\n", "b.csv": "KEY,x\n1,2\n"}, "one table with KEY"),
    ],
)
def test_odk_archive__what_is_none_is_refused(tmp_path, entries, message):
    path = exports.write_archive(tmp_path / "odk.zip", entries)
    with pytest.raises(IngestError, match=message):
        read_table(path)


def test_odata__pages_hold_the_same_answers_and_repeats(tmp_path, form):
    first, second = (
        read_table(path, form=form) for path in exports.write_odata(tmp_path)
    )
    expected = [*EXPECTED[:3], ("1", "30", "1", "")]
    assert answers(first, *NAMES) + answers(second, *NAMES) == expected
    assert first.submissions.continues
    assert not second.submissions.continues
    assert first.submissions.stated == 4
    assert (
        second.submissions.set_aside["rejected at review (__system/reviewState)"] == 1
    )
    assert first.submissions.repeats["jobs"].frame["occ"].tolist() == ["maid", "none"]
    assert second.submissions.repeats["jobs"].roots.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2", "a whole JSON file"),
        ('{"results": []}', 'a list "value"'),
        ('{"value": []}', "at least one submission"),
        ('{"value": [1]}', "records as objects"),
        ("[" * 100_000, "a whole JSON file"),
        ('{"value": [{"a": 1, "__Submissions-id": "x"}]}', r"expand=\*"),
    ],
)
def test_odata__what_is_no_page_is_refused(tmp_path, text, message):
    path = tmp_path / "page.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IngestError, match=message):
        read_table(path)


def test_surveycto__wide_repeats_become_rows(tmp_path, form):
    raw = read_table(exports.write_csv(tmp_path / "s.csv", SURVEYCTO), form=form)
    assert raw.submissions.tool == "surveycto"
    # Blank dummies: not asked, or an older export that blanks them throughout.
    assert raw.frame["means"].tolist() == ["debt docs", "", ""]
    jobs = raw.submissions.repeats["jobs"]
    assert jobs.roots.tolist() == [0, 0, 2]
    assert jobs.frame["occ"].tolist() == ["maid", "none", "farm"]
    assert "occ_1" not in raw.frame
    assert list(raw.submissions.set_aside) == ["rejected at review (review_status)"]


def test_form__that_does_not_match_its_export_is_refused(tmp_path, form):
    table = exports.columns_renamed(KOBO, "person/", "household/member_")
    with pytest.raises(IngestError, match=r"an export of the form form.xlsx"):
        read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)


def test_form__a_question_without_column_and_a_column_without_question(tmp_path, form):
    table = exports.columns_renamed(KOBO, "dk_why", "new_question")
    raw = read_table(exports.write_csv(tmp_path / "k.csv", table), form=form)
    hints = " ".join(item.hint for item in raw.problems)
    assert "1 have none: dk_why" in hints
    assert "1 are none: person/new_question" in hints


@pytest.mark.shared
def test_kobo__the_authentic_export_with_its_repeat(shared_folder):
    path = shared_folder / "data/kobo/kobo_export_authentic_demo.xlsx"
    raw = read_table(path)
    assert raw.submissions.key == "_uuid"
    jobs = raw.submissions.repeats["jobs"]
    assert jobs.frame["occ"].tolist() == ["maid", "farm"]
    assert jobs.roots.tolist() == [0, 0]
    assert not raw.problems


@pytest.mark.shared
def test_kobo__the_authentic_export_with_a_form_written_for_it(shared_folder, tmp_path):
    questions = [
        {"type": "select_multiple means or_other", "name": "means"},
        {"type": "geopoint", "name": "gps"},
        {"type": "begin repeat", "name": "jobs"},
        {"type": "select_one occ", "name": "occ"},
        {"type": "end repeat"},
    ]
    form = read_form(write_form(tmp_path / "f.xlsx", questions))
    path = shared_folder / "data/kobo/kobo_export_authentic_demo.xlsx"
    raw = read_table(path, form=form)
    assert raw.frame["means"].tolist() == ["debt other", "", "dk"]
    assert raw.frame["means_other"].tolist() == ["x", "", ""]
    assert not raw.problems
