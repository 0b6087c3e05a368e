"""The study file: every mistake with its line, and the folder to start from."""

from __future__ import annotations

import pytest

from estimators.errors import InputError
from sentinel.ingest import check_study, ingest_study
from sentinel.study import StudyError, load_study, read_study, write_new_study
from sentinel.study.toml_lines import TomlLines, shown_key


@pytest.fixture
def folder(tmp_path):
    write_new_study(tmp_path / "study")
    return tmp_path / "study"


def spoil(folder, *changes):
    path = folder / "study.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def listed(path):
    return [f"{item.severity} {item}" for item in read_study(path)[2]]


def test_new_study__passes_its_own_checks(folder):
    config = load_study(folder / "study.toml")
    assert config.rounds[0].label == "2026"
    assert load_study(folder).study == config.study
    assert len(check_study(folder / "study.toml")) == 0
    assert len(ingest_study(config)) == 4


def test_new_study__its_own_codebook_copy_works_too(folder):
    path = spoil(folder, ('codebook = "deportee"', 'codebook = "codebook.csv"'))
    assert len(check_study(path)) == 0


def test_new_study__never_overwrites(folder):
    with pytest.raises(InputError, match="nothing was written"):
        write_new_study(folder)


def test_study__all_mistakes_are_listed_with_line_and_key(folder):
    path = spoil(
        folder,
        ("minimum_cell = 11", "minimum_cell = 3"),
        ("title =", "titel ="),
        ("simulated = true", 'simulated = "perhaps"'),
        ('files = ["data/round_1.csv"]', 'files = ["data/round_2.csv"]'),
        ('prior_events = "deport_12m"', 'prior_events = "deport_12"'),
    )
    lines = listed(path)
    number = {
        key: next(
            place
            for place, line in enumerate(path.read_text().splitlines(), start=1)
            if line.startswith(key)
        )
        for key in (
            "[study]",
            "titel",
            "simulated",
            "minimum_cell",
            "files",
            "prior_ev",
        )
    }
    assert lines == [
        f"error study.toml:{number['[study]']}:study.title: expected a value; it is "
        "missing",
        f"error study.toml:{number['simulated']}:study.simulated: 'perhaps' came, "
        "expected a valid boolean, unable to interpret input",
        f"error study.toml:{number['titel']}:study.titel: expected a known key. "
        "Did you mean 'title'?",
        f"error study.toml:{number['minimum_cell']}:privacy.minimum_cell: '3' came, "
        "expected greater than or equal to 5",
        f"error study.toml:{number['files']}:rounds[1].files: 'data/round_2.csv' came, "
        "expected a file that exists. Did you mean 'round_1.csv'? Paths start in the "
        "folder of the study file.",
        f"error study.toml:{number['prior_ev']}:design.prior_events: 'deport_12' came, "
        "expected a variable of the codebook. Did you mean 'deport_12m'?",
    ]
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert len(caught.value.problems.errors) == 6


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[study]", "[study", "expected a study file in TOML"),
        ("2026-08-31", "2026-07-31", "fieldwork_end lies before fieldwork_start"),
        ("2026-08-01", '"soon"', "rounds[1].fieldwork_start: 'soon' came"),
        ('label = "2026"', 'label = ""', "rounds[1].label"),
        ('mapping = "mapping.toml"', 'mapping = "map.toml"', "Did you mean 'mapping."),
        ('"deportee"', '"mine.csv"', "expected a codebook that exists"),
        ('"uniap"', '"mine.toml"', "classify.definition: 'mine.toml' came"),
        ('setting = "base"', 'setting = "loose"', "'strict', 'base' or 'broad'"),
        ('["round_id", "site_code"]', '["province"]', "design.strata: 'province' came"),
        ('"consent_given"', '"consented"', "privacy.consent.variable: 'consented'"),
        ('crossing = "cross_code"', 'crossing = "cros_code"', "mean 'cross_code'"),
        ('by = ["sex"]', 'by = ["sx"]', "warning study.toml"),
        ("[[estimates]]", "[[estimate]]", "Did you mean 'estimates'?"),
        ("events = 6000", "events = -1", "rounds[1].frame.events: '-1' came"),
    ],
)
def test_study__one_mistake(folder, old, new, expected):
    lines = listed(spoil(folder, (old, new)))
    assert any(expected in line for line in lines), lines


def test_study__a_file_in_two_rounds_and_labels_twice(folder):
    again = """
[[rounds]]
label = "2027"
files = ["data/round_1.csv"]
fieldwork_start = 2027-08-01
fieldwork_end = 2027-08-31

[privacy]
"""
    lines = listed(spoil(folder, ("[privacy]\n", again)))
    assert len(lines) == 1
    assert "rounds[2].files" in lines[0]
    assert "round '2026' reads it too" in lines[0]
    lines = listed(spoil(folder, ('label = "2027"', 'label = "2026"')))
    assert any("round labels must differ; twice: 2026" in line for line in lines)


def test_study__absent_binary_and_bom(folder, tmp_path):
    assert "a study file that exists" in listed(tmp_path / "none.toml")[0]
    (tmp_path / "latin.toml").write_bytes(b"[study]\ntitle = '\xff'\n")
    assert (
        "latin.toml:2: expected a study file in UTF-8"
        in listed(tmp_path / "latin.toml")[0]
    )
    path = folder / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert listed(path) == []


def test_study__empty_text_and_false_mean_none(folder):
    path = spoil(
        folder,
        ('prior_events = "deport_12m"', 'prior_events = ""'),
        ('crossing = "cross_code"', 'crossing = ""'),
    )
    config = load_study(path)
    assert config.design.prior_events is None
    assert config.maps.crossing is None
    assert config.maps.origin == "origin_adm1"


def test_study__a_statement_alone_is_a_consent_basis(folder):
    keys = 'variable = "consent_given"\nyes = "1"\nprivate_variable = "private"\n'
    config = load_study(spoil(folder, (keys, 'statement = "the owners, ch. 3"\n')))
    assert config.privacy.consent.variable is None


def test_toml_lines__nested_tables_arrays_and_multi_line_texts():
    lines = TomlLines(
        'a = 1\n[b]\nc = """\nd = 2\n"""\ne.f = 3\n[[r]]\nx = 1\n[r.s]\ny = 2\n'
        '[[r]]\n"z z" = 3\n[[r.t]]\nq = 1\n'
    )
    assert lines.find(("a",)) == 1
    assert lines.find(("b", "c")) == 3
    assert lines.find(("b", "d")) == 2  # inside a text: only its table is known
    assert lines.find(("b", "e", "f")) == 6
    assert lines.find(("r", 0, "s", "y")) == 10
    assert lines.find(("r", 1, "z z")) == 12
    assert lines.find(("r", 1, "t", 0, "q")) == 14
    assert lines.find(("nowhere",)) is None
    assert shown_key(("r", 1, "z")) == "r[2].z"
