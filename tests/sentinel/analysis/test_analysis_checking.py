"""What a plan may not ask for, each with the line of the study file."""

from __future__ import annotations

import shutil

import pytest

from sentinel import datasets
from sentinel.analysis import check_plan
from sentinel.study import load_study


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(datasets.path("mekong_demo"), folder)
    return folder / "study.toml"


def _problems(study, old, new):
    text = study.read_text(encoding="utf-8")
    assert old in text
    study.write_text(text.replace(old, new, 1), encoding="utf-8")
    line = study.read_text(encoding="utf-8").splitlines()
    problems = list(check_plan(load_study(study), study))
    return problems, line


def test_check_plan__the_embedded_study_is_clean(study):
    assert len(check_plan(load_study(study), study)) == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('by = ["sex"]', 'by = ["sexx"]', "sexx"),
        ('key = "survey_proportion"', 'key = "survey_proprtion"', "survey_proprtion"),
        ('outcome = "d_traff"', 'outcome = "d_trafficked"', "d_trafficked"),
        ('definition = "uniap"', 'definition = "unicef"', "unicef"),
        ("~ C(round_id)", "~ C(round_id", "not a formula"),
        ("+ edu_years +", "+ education +", "education"),
        ('by = ["sex"]', 'by = ["self_harm"]', "may leave the enclave"),
        ("+ edu_years +", "+ held_now +", "may leave the enclave"),
        ("round_id != 'LATH2013'", "round_id !! 'LATH2013'", "not understood"),
    ],
)
def test_check_plan__names_the_line_and_what_came(study, old, new, says):
    problems, lines = _problems(study, old, new)
    assert len(problems) == 1
    assert says in str(problems[0])
    if problems[0].row is not None:
        assert new in lines[problems[0].row - 1]


def test_check_plan__lists_all_and_not_the_first(study):
    text = study.read_text(encoding="utf-8")
    text = text.replace('by = ["sex"]', 'by = ["sexx"]').replace(
        'outcome = "d_traff"', 'outcome = "d_x"'
    )
    study.write_text(text, encoding="utf-8")
    found = " ".join(map(str, check_plan(load_study(study), study)))
    assert "sexx" in found
    assert "d_x" in found
