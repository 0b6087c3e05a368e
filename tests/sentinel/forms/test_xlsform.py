"""Forms as we read them against pyxform, which reads them for every form server."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import openpyxl
import pytest
from pyxform.xls2xform import convert

from sentinel.ingest.forms import FormDefinition, read_form
from sentinel.ingest.forms.question_types import parse_type
from sentinel.ingest.forms.workbook_writer import workbook_bytes
from sentinel.schema.problems import IngestError
from tests.sentinel.forms.xlsforms import ANSWERS, QUESTIONS, write_form

XFORMS = "{http://www.w3.org/2002/xforms}"
JAVAROSA = "{http://openrosa.org/javarosa}"
# What a bind's type says for each of our kinds.
TYPES = {
    "integer": "int", "decimal": "decimal", "text": "string", "select_one": "string",
    "select_multiple": "string", "date": "date", "calculate": "string",
}  # fmt: skip


def binds(path: Path) -> dict[str, dict[str, str]]:
    """Return bind attributes by path below the root, of everything but metadata."""
    root = ET.fromstring(convert(path).xform)
    found = {}
    for bind in root.iter(f"{XFORMS}bind"):
        _, _, place = bind.attrib["nodeset"].removeprefix("/").partition("/")
        if place and not place.startswith("meta/"):
            found[place] = dict(bind.attrib)
    return found


def texts(path: Path) -> dict[str, dict[str, str]]:
    """Return language to id of a text to the text."""
    root = ET.fromstring(convert(path).xform)
    return {
        translation.attrib["lang"]: {
            text.attrib["id"]: text.findtext(f"{XFORMS}value") or ""
            for text in translation
        }
        for translation in root.iter(f"{XFORMS}translation")
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_form(tmp_path / "form.xlsx")


@pytest.fixture
def form(path: Path) -> FormDefinition:
    return read_form(path)


def test_read_form__questions_types_and_conditions_are_those_of_pyxform(path, form):
    theirs = binds(path)
    ours = {item.path: item for item in form.questions}
    groups = {
        "/".join(item.groups[:n])
        for item in form.questions
        for n in (1, len(item.groups))
    }
    assert set(theirs) - groups == set(ours)
    assert not form.problems
    for place, item in ours.items():
        bind = theirs[place]
        if item.kind in TYPES:
            assert bind["type"] == TYPES[item.kind]
        assert bool(item.constraint) == ("constraint" in bind)
        assert bool(item.required) == ("required" in bind)
        assert bool(item.calculation) == ("calculate" in bind)
        own = "relevant" in bind
        around = any(
            "relevant" in theirs.get("/".join(item.groups[:n]), {})
            for n in range(1, len(item.groups) + 1)
        )
        assert bool(item.relevant) == (own or around)


def test_read_form__choices_and_languages_are_those_of_pyxform(path, form):
    theirs = texts(path)
    assert set(theirs) == set(form.languages) == {"English (en)", "Khmer (km)"}
    root = ET.fromstring(convert(path).xform)
    lists = {
        instance.attrib["id"]: [name.text for name in instance.iter(f"{XFORMS}name")]
        for instance in root.iter(f"{XFORMS}instance")
        if instance.find(f"{XFORMS}root") is not None
    }
    for item in form.questions:
        if item.choices:
            assert list(item.codes) == lists[item.list_name]
    english = theirs["English (en)"]
    assert form.question("age").label("English (en)") in english.values()
    assert {c.labels["English (en)"] for c in form.question("sex").choices} <= set(
        english.values()
    )


def test_read_form__groups_repeats_and_settings(form):
    assert (form.title, form.form_id, form.version) == (
        "A test form",
        "test_form",
        "2026-01",
    )
    assert form.repeats == (("jobs",),)
    assert form.question("occ").repeat == ("jobs",)
    assert form.question("age").path == "person/age"
    assert form.question("dk_why").relevant == (
        "(${consent_given} = '1') and (selected(${means}, 'dk'))"
    )
    other = form.question("means_other")
    assert other.kind == "text"
    assert "selected(${means}, 'other')" in other.relevant
    assert form.question("means").codes == ("debt", "docs", "dk", "other")
    assert form.to_frame().shape == (len(form.questions), 11)
    with pytest.raises(KeyError):
        form.question("nobody")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select one yes_no", "select_one"),
        ("select_one yes_no or_other", "select_one"),
        ("Select all that apply from means", "select_multiple"),
        ("select_one_from_file places.csv", "select_one"),
        ("int", "integer"),
        ("q string", "text"),
        ("gps", "geo"),
        ("photo", "media"),
        ("get device id", "meta"),
        ("dateTime", "datetime"),
    ],
)
def test_parse_type__spellings_in_use(text, kind):
    assert parse_type(text).kind == kind


def test_read_form__every_fault_is_listed_with_its_row(tmp_path):
    faulty = [
        {"type": "begin group", "name": "open"},
        {"type": "integer", "name": "1age"},
        {"type": "select_one nothing", "name": "a"},
        {"type": "integer", "name": "b", "relevant": "${gone} = 1"},
        {"type": "integer", "name": "b"},
        {"type": "telepathy", "name": "c"},
        {"type": "end repeat"},
        {"name": "untyped"},
    ]
    found = read_form(write_form(tmp_path / "f.xlsx", faulty)).problems
    lines = [str(item) for item in found]
    assert [item.row for item in found] == [3, 4, 6, 7, 8, 9, 2, 5]
    assert "a name that begins with a letter" in lines[0]
    assert "a list of choices named 'nothing'" in lines[1]
    assert "not 'b' twice" in lines[2]
    assert "'telepathy' is not known" in lines[3]
    assert "before this end repeat" in lines[4]
    assert "an end of the group 'open'" in lines[6]
    assert "a question named 'gone'" in lines[7]


def test_read_form__an_export_is_no_form(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["_uuid", "age"])
    book.save(tmp_path / "export.xlsx")
    with pytest.raises(IngestError, match="An export of answers is no form"):
        read_form(tmp_path / "export.xlsx")


def test_read_form__headers_in_old_and_odd_spellings(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Survey"
    sheet.append(["Type", "Name", "Label : English", "Relevance", "Calculate"])
    sheet.append(["integer", "a", "A?", "", ""])
    sheet.append(["calculate", "b", "", "${a} > 1", "${a} + 1"])
    book.save(tmp_path / "f.xlsx")
    form = read_form(tmp_path / "f.xlsx")
    assert form.languages == ("English",)
    assert form.question("b").relevant == "${a} > 1"
    assert form.question("b").calculation == "${a} + 1"


def test_write_form__the_test_form_has_every_feature():
    kinds = {parse_type(row["type"]).kind for row in QUESTIONS if row.get("type")}
    assert {"select_one", "select_multiple", "decimal", "calculate", "meta"} <= kinds
    assert {row["list_name"] for row in ANSWERS} == {"yes_no", "sex", "means", "occ"}


@pytest.mark.parametrize("block", ["group", "repeat"])
def test_read_form__blocks_without_end_are_refused_and_not_piled_up(tmp_path, block):
    """20 000 open blocks: their paths alone would fill the memory."""
    rows = [["type", "name"], *(["begin " + block, f"g{n}"] for n in range(20_000))]
    path = tmp_path / "deep.xlsx"
    path.write_bytes(workbook_bytes({"survey": rows}))
    with pytest.raises(IngestError, match="nested at most 50 deep"):
        read_form(path)


def test_read_form__a_filtered_list_of_20000_lines_is_kept_once(tmp_path):
    lines = [["v", str(n % 100), f"p{n // 100}"] for n in range(20_000)]
    survey = [
        ["type", "name", "label", "choice_filter"],
        *(["select_one v", f"q{n}", "x", "province = ${q0}"] for n in range(200)),
    ]
    path = tmp_path / "large.xlsx"
    choices = [["list_name", "name", "province"], *lines]
    path.write_bytes(workbook_bytes({"survey": survey, "choices": choices}))
    form = read_form(path)
    assert len(form.questions) == 200
    first = form.questions[0]
    assert (len(first.choices), len(first.listed)) == (100, 20_000)
    assert all(item.listed is first.listed for item in form.questions)
