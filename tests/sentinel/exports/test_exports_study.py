"""A form, its export and a study: what the form says reaches the interviews."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.ingest import Interviews, check_study, ingest_study, new_study
from sentinel.ingest.forms import deportee_form_bytes
from sentinel.schema.states import CellState
from sentinel.study import load_study
from tests.sentinel.exports import exports
from tests.sentinel.exports.exports import KOBO, KOBO_JOBS, ODK, ODK_JOBS, Table
from tests.sentinel.forms.xlsforms import QUESTIONS, write_form

CHANGES = {
    'variable = "consent_given"\nyes = "1"\nprivate_variable = "private"': (
        'variable = "consent_given"\nprivate_variable = ""'
    ),
    'strata = ["round_id", "site_code"]': 'strata = ["round_id"]',
    'cluster = ["site_code", "int_date", "truck_seq"]': 'cluster = ["rec_id"]',
    'cluster_size = "truck_n"': 'cluster_size = ""',
    'prior_events = "deport_12m"': 'prior_events = ""',
    "[maps]": "[maps]\ntop_flows = 5",
}
Make = Callable[..., Path]


@pytest.fixture
def study(tmp_path: Path) -> Make:
    """Make a study from the test form (or others) with some files of data."""

    def make(
        write: Callable[[Path], object], *, files: str = "", forms=None, more=""
    ) -> Path:
        form = write_form(tmp_path / "form.xlsx")
        new_study(tmp_path / "study", form=form)
        folder = tmp_path / "study"
        write(folder / "data")
        path = folder / "study.toml"
        text = path.read_text(encoding="utf-8")
        for old, new in CHANGES.items():
            assert old in text
            text = text.replace(old, new)
        if files:
            text = text.replace('files = ["data/round_1.xlsx"]', f"files = [{files}]")
        if forms:
            names = ", ".join(f'"{name}"' for name in forms)
            text = text.replace('form = "forms/form.xlsx"', f"form = [{names}]")
        text = text.replace("[rounds.frame]", f"{more}\n[rounds.frame]", 1)
        dates = {"2026-08-01": "2026-03-01", "2026-08-31": "2026-03-31"}
        for old, new in dates.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return path

    return make


def kobo(table: Table = KOBO, jobs: Table = KOBO_JOBS) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        sheets = {"A test form": table, "jobs": jobs}
        exports.write_workbook(folder / "round_1.xlsx", sheets)

    return write


def odk(folder: Path) -> None:
    tables = {
        "test_form.csv": exports.csv_text(ODK),
        "test_form-jobs.csv": exports.csv_text(ODK_JOBS),
    }
    exports.write_archive(folder / "odk.csv.zip", tables)


def lines(path: Path) -> list[str]:
    return [f"{item.severity} {item}" for item in check_study(path)]


def states(interviews: Interviews, name: str) -> list[str]:
    return [CellState(code).name for code in interviews.states[name]]


def test_kobo__the_generated_study_reads_its_export(study):
    path = study(kobo(), more="submissions = 4")
    (line,) = lines(path)
    assert "1 more rows were not read. The last one counts" in line
    interviews = ingest_study(load_study(path))
    frame = interviews.frame
    assert frame["rec_id"].tolist() == ["u1", "u3", "u4"]
    assert frame["means"].fillna("").tolist() == ["debt;docs", "", "none"]
    # A child was not asked; who ticked nothing was.
    assert states(interviews, "means") == ["VALUE", "NOT_ASKED", "VALUE"]
    # The last job of the first person was none: pay was not asked about.
    assert frame["occ"].fillna("").tolist() == ["none", "", "farm"]
    flow = interviews.flow.iloc[0]
    assert (flow["rows_read"], flow["no_consent"], flow["consented"]) == (4, 1, 3)


def test_kobo__labels_of_the_generated_codebook_come_from_the_form(study):
    path = study(kobo(), more="submissions = 4")
    codebook = ingest_study(load_study(path)).codebook
    assert codebook["means"].codes == {
        "debt": "Debt bondage",
        "docs": "Papers kept",
        "other": "other",
        "none": "nothing chosen",
    }
    assert codebook["means"].missing == {"dk": CellState.DONT_KNOW}
    assert codebook["pay"].low == 0


def test_odk__rejected_submissions_are_excluded_and_counted(study):
    path = study(odk, files='"data/odk.csv.zip"')
    interviews = ingest_study(load_study(path))
    assert interviews.frame["rec_id"].tolist() == ["uuid:1", "uuid:3"]
    # The zeros of ODK's split columns made no "none" of a question never asked.
    assert states(interviews, "means") == ["VALUE", "NOT_ASKED"]
    flow = interviews.flow.iloc[0]
    assert (flow["rows_read"], flow["excluded_by_rule"], flow["selected"]) == (4, 1, 3)


def test_odata__both_pages_and_the_stated_count(study):
    path = study(
        exports.write_odata,
        files='"data/page_1.json", "data/page_2.json"',
    )
    interviews = ingest_study(load_study(path))
    assert interviews.frame["rec_id"].tolist() == ["uuid:1", "uuid:3"]


def test_odata__a_page_that_is_not_there_is_an_error(study):
    path = study(exports.write_odata, files='"data/page_1.json"')
    found = [line for line in lines(path) if line.startswith("error")]
    assert any("The files hold 2, 2 fewer" in line for line in found)
    assert any("save that too and name it under files" in line for line in found)


def test_kobo__fewer_rows_than_the_server_has_is_an_error(study):
    path = study(kobo(), more="submissions = 6")
    (line,) = [line for line in lines(path) if line.startswith("error")]
    assert "The files hold 4, 2 fewer" in line
    assert "drops submissions of form versions that it does not know" in line


def test_kobo__without_a_count_the_gaps_are_told(study):
    found = " ".join(lines(study(kobo())))
    assert "expected submissions = N" in found
    assert "Between the first and the last _id 1 numbers are not here" in found


def test_check__skip_logic_constraints_and_required_with_row_and_column(study):
    table = exports.with_cell(KOBO, 1, "person/age", "120")
    table = exports.with_cell(table, 3, "person/means", "debt")
    table = exports.with_cell(table, 3, "person/means/debt", "1")
    table = exports.with_cell(table, 4, "person/age", "")
    found = lines(study(kobo(table), more="submissions = 4"))
    assert any(
        "round_1.xlsx:2:age: '120' came, expected an answer for which . >= 5" in line
        for line in found
    )
    assert any(
        "round_1.xlsx:5:age: expected an answer: the form" in line for line in found
    )
    assert any(
        "round_1.xlsx:4:means: 'debt' came, expected no answer: it is asked only if"
        in line
        for line in found
    )


def test_check__nothing_of_a_person_who_refused_is_judged(study):
    table = exports.with_cell(KOBO, 2, "person/age", "300")
    found = lines(study(kobo(table), more="submissions = 4"))
    assert not any(":3:age" in line for line in found)


def test_check__a_condition_in_a_repeat_sees_the_interview_around_it(study):
    jobs = exports.with_cell(KOBO_JOBS, 2, "jobs/pay", "10")
    found = lines(study(kobo(jobs=jobs), more="submissions = 4"))
    assert any("round_1.xlsx [jobs]:3:pay: '10' came" in line for line in found)


def test_check__a_calculation_that_was_changed_by_hand_shows_both_values(study):
    table = exports.with_cell(KOBO, 3, "person/is_child", "0")
    found = [line for line in lines(study(kobo(table))) if "is_child" in line]
    (line,) = found
    assert line.startswith(
        "warning data/round_1.xlsx:4:is_child: '0' came, expected '1'"
    )
    assert "It is if(age < 18, 1, 0)" in line


def test_check__a_filter_is_judged_of_consenting_persons_only(study, tmp_path):
    rule = {"choice_filter": "not(name = '2' and ${age} < 18)"}
    questions = [
        item | rule if item.get("name") == "sex" else item for item in QUESTIONS
    ]
    table = exports.with_cell(KOBO, 3, "person/sex", "2")
    table = exports.with_cell(table, 2, "person/sex", "2")
    form = write_form(tmp_path / "filtered.xlsx", questions)
    path = study(kobo(table))
    (path.parent / "forms" / "form.xlsx").write_bytes(form.read_bytes())
    found = [line for line in lines(path) if "choice that is open" in line]
    (line,) = found
    assert line.startswith("warning data/round_1.xlsx:4:sex: '2' came")


def test_check__an_unknown_function_is_told_and_judges_nothing(study, tmp_path):
    questions = [dict(row) for row in QUESTIONS]
    for row in questions:
        if row.get("name") == "means":
            row["relevant"] = "pulldata('ages', 'x', 'y', ${age}) = 1"

    def write(folder: Path) -> None:
        write_form(folder.parent / "forms" / "form.xlsx", questions)
        kobo()(folder)

    path = study(write, more="submissions = 4")
    found = lines(path)
    assert any(
        "Not checked: relevant of means: pulldata() is not evaluated" in line
        for line in found
    )
    # Blank, and nobody knows whether it was asked: lost, not "not asked".
    assert states(ingest_study(load_study(path)), "means")[1] == "MISSING"


def test_check__two_versions_in_one_round_each_judges_its_own_rows(study):
    newer = [dict(row) for row in QUESTIONS]
    for row in newer:
        if row.get("name") == "age":
            row["constraint"] = ". >= 5 and . <= 20"
    table = exports.with_cell(KOBO, 1, "__version__", "2026-01")
    table = exports.with_cell(table, 3, "__version__", "2026-02")
    table = exports.with_cell(table, 4, "__version__", "2026-02")

    def write(folder: Path) -> None:
        write_form(folder.parent / "forms" / "new.xlsx", newer, version="2026-02")
        kobo(table)(folder)

    path = study(
        write, forms=["forms/form.xlsx", "forms/new.xlsx"], more="submissions = 4"
    )
    found = [line for line in lines(path) if ":age:" in line]
    (line,) = (
        found  # 30 years: too old for the new version, 24 is judged by the old one
    )
    assert "round_1.xlsx:5:age: '30' came" in line


def test_check__rows_of_a_version_that_no_form_has_are_told(study):
    table = exports.with_cell(KOBO, 1, "__version__", "old")
    found = lines(study(kobo(table), more="submissions = 4"))
    assert any("Rows of other versions: old (1), vA (2)" in line for line in found)


def test_check__a_mapping_that_drops_the_version_judges_by_the_one_form(study):
    path = study(kobo(), more="submissions = 4")
    mapping = path.parent / "mapping.toml"
    text = mapping.read_text(encoding="utf-8")
    text = text.replace("drop = [", 'drop = [\n  "__version__", "_id", "start",')
    mapping.write_text(text, encoding="utf-8")
    (line,) = lines(path)
    assert "[jobs]" in line


def test_check__index_is_no_key(study):
    path = study(kobo(), more="submissions = 4")
    mapping = path.parent / "mapping.toml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace('"_uuid"', '"_index"'), encoding="utf-8")
    assert any("numbers the rows of one export" in line for line in lines(path))


def test_check__duplicate_uuid_identical_once_different_listed(study):
    same = exports.with_cell((*KOBO, KOBO[4]), 5, "_index", "5")
    jobs = exports.with_cell((*KOBO_JOBS, KOBO_JOBS[3]), 4, "_parent_index", "5")
    path = study(kobo(same, jobs), more="submissions = 5")
    flow = ingest_study(load_study(path)).flow.iloc[0]
    assert flow["duplicates_removed"] == 1
    other = exports.with_cell(same, 5, "person/age", "31")
    kobo(other, jobs)(path.parent / "data")
    assert any(line.startswith("error") and ":6:" in line for line in lines(path))


def test_new_study__the_shipped_questionnaire_maps_onto_the_codebook(tmp_path):
    form = tmp_path / "deportee.xlsx"
    form.write_bytes(deportee_form_bytes())
    new_study(tmp_path / "study", form=form)
    text = (tmp_path / "study/mapping.toml").read_text(encoding="utf-8")
    assert "form_" not in text  # nothing needed a variable of its own
    assert "[recode.travel_with]" in text
    (line,) = lines(tmp_path / "study/study.toml")
    assert "data/round_1.xlsx' came, expected a file that exists" in line


def test_new_study__without_a_form_holds_the_questionnaire(tmp_path):
    written = new_study(tmp_path / "study")
    assert tmp_path / "study/forms/deportee.xlsx" in written
    assert not [
        line for line in lines(tmp_path / "study/study.toml") if "error" in line
    ]


def test_new_study__a_form_with_faults_writes_nothing(tmp_path):
    broken = [{"type": "select_one nothing", "name": "a"}]
    form = write_form(tmp_path / "f.xlsx", broken)
    with pytest.raises(ValueError, match="a list of choices named 'nothing'"):
        new_study(tmp_path / "study", form=form)
    assert not (tmp_path / "study").exists()


def test_new_study__open_text_positions_and_identifiers_are_dropped(tmp_path):
    questions = [
        *QUESTIONS,
        {"type": "text", "name": "full_name"},
        {"type": "geopoint", "name": "gps"},
        {"type": "image", "name": "face"},
        {"type": "select_one sex", "name": "marital"},
    ]
    form = write_form(tmp_path / "f.xlsx", questions)
    new_study(tmp_path / "study", form=form)
    text = (tmp_path / "study/mapping.toml").read_text(encoding="utf-8")
    drops = text.partition("drop = [")[2].partition("]")[0]
    assert all(f'"{name}"' in drops for name in ("full_name", "gps", "face", "dk_why"))
    # Other answers than the codebook's variable of that name: a variable of its own.
    assert '"marital" = "form_marital"' in text
