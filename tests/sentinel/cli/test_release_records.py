"""`sentinel release`: k-anonymous, synthetic and moved records, as a user does it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sentinel.cli import run
from sentinel.disclosure import CTDC_COLUMNS
from sentinel.disclosure.ctdc import CTDC_QUASI_IDENTIFIERS
from sentinel.safekeeping import write_new_key


@pytest.fixture
def persons(tmp_path):
    """Six hundred invented persons, some of them rare."""
    rng = np.random.default_rng(1)
    n = 600
    frame = pd.DataFrame(
        {
            "rec_id": [f"R{number:05}" for number in range(n)],
            "yearOfRegistration": rng.choice([2009, 2010], n),
            "gender": rng.choice(["Man", "Woman"], n, p=[0.7, 0.3]),
            "age": rng.integers(15, 60, n),
            "citizenship": rng.choice(["KHM", "LAO", "VNM"], n, p=[0.9, 0.09, 0.01]),
            "CountryOfExploitation": "THA",
            "isForcedLabour": rng.choice(["1", "0", ""], n),
            "sex": rng.choice(["1", "2"], n),
            "sector": rng.choice(["1", "4", "7", ""], n),
            "note": "seen by me",
        }
    )
    frame.to_csv(tmp_path / "persons.csv", index=False)
    return frame


class Desk:
    """Somebody at the command line."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.ledger = folder / "ledger.jsonl"

    def release(self, kind, out, *words, data="persons.csv"):
        arguments = [kind, str(self.folder / data), "--out", str(self.folder / out)]
        arguments += ["--ledger", str(self.ledger)]
        code = run(["release", *arguments, *map(str, words)])
        self.said = "".join(self.capsys.readouterr())
        return code

    def table(self, name):
        return pd.read_csv(self.folder / name, dtype=str)

    @property
    def entries(self):
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


@pytest.fixture
def desk(persons, tmp_path, capsys):
    return Desk(tmp_path, capsys)


SYNTHETIC = ("--column", "sex", "--column", "sector", "--codebook", "deportee")


@pytest.mark.parametrize("kind", ["ctdc", "synthetic", "geomask"])
def test_help__gives_an_example(kind, capsys):
    assert run(["release", kind, "--help"]) == 0
    assert f"Example: sentinel release {kind}" in capsys.readouterr().out


def test_ctdc__is_k_anonymous_and_holds_its_columns_only(desk):
    assert desk.release("ctdc", "ctdc.csv", "--person", "rec_id") == 0
    shown = desk.table("ctdc.csv")
    assert tuple(shown.columns) == CTDC_COLUMNS
    sizes = shown.groupby(list(CTDC_QUASI_IDENTIFIERS), dropna=False).size()
    assert sizes.min() >= 11
    assert "equal to at least 10 others" in desk.said
    assert not shown.astype(str).isin(["seen by me"]).any(axis=None)
    assert desk.entries[0]["records"] == "k-anonymous records"


def test_ctdc__the_same_again_is_lawful_and_one_person_less_is_not(desk, persons):
    assert desk.release("ctdc", "a.csv") == 0
    assert desk.release("ctdc", "b.csv") == 0
    assert len(desk.entries) == 1
    persons.iloc[1:].to_csv(desk.folder / "fewer.csv", index=False)
    assert desk.release("ctdc", "c.csv", data="fewer.csv") == 2
    assert "release 1 (release ctdc): k-anonymous records of everybody" in desk.said
    # Everybody is in every group: naming one does not help.
    assert desk.release("ctdc", "c.csv", "--group", "2010", data="fewer.csv") == 2
    assert not (desk.folder / "c.csv").exists()


def test_ctdc__groups_without_common_persons_are_released_one_by_one(desk, persons):
    for year in ("2009", "2010"):
        part = persons[persons["yearOfRegistration"].astype(str) == year]
        part.to_csv(desk.folder / f"{year}.csv", index=False)
        words = ("--group", year)
        assert desk.release("ctdc", f"out_{year}.csv", *words, data=f"{year}.csv") == 0
    assert desk.release("ctdc", "all.csv") == 2
    assert "release 1" in desk.said


def test_synthetic__what_it_costs_adds_up_to_the_budget_and_no_further(desk):
    words = (*SYNTHETIC, "--epsilon", 0.6, "--budget", 1)
    assert desk.release("synthetic", "a.csv", *words) == 0
    assert "Spent on everybody: 0.6 of 1" in desk.said
    shown = desk.table("a.csv")
    assert list(shown.columns) == ["sex", "sector"]
    assert set(shown["sex"].dropna()) <= {"1", "2", "3", "8", "9"}
    assert desk.release("synthetic", "b.csv", *SYNTHETIC, "--epsilon", 0.4) == 0
    assert desk.release("synthetic", "c.csv", *SYNTHETIC, "--epsilon", 0.1) == 2
    assert "1 of 1 is spent already" in desk.said
    more = ("--epsilon", 0.1, "--budget", 10, "--group", "2009")
    assert desk.release("synthetic", "c.csv", *SYNTHETIC, *more) == 2
    assert not (desk.folder / "c.csv").exists()
    assert [entry["epsilon"] for entry in desk.entries] == [0.6, 0.4]
    assert desk.release("ctdc", "ctdc.csv") == 0
    assert "Synthetic records of the same persons are out as well" in desk.said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--column", "age", "--codebook", "deportee"), "keeps it from release"),
        (("--column", "no_such", "--codebook", "deportee"), "no such variable"),
        (("--column", "sex"), "--codebook NAME"),
        ((), "--column NAME"),
        (("--domains", "domains.toml"), "a person's name"),
    ],
)
def test_synthetic__what_is_wrong_costs_nothing(desk, words, says, monkeypatch):
    monkeypatch.chdir(desk.folder)
    (desk.folder / "domains.toml").write_text('first_name = ["1", "2"]\n')
    assert desk.release("synthetic", "a.csv", *words, "--epsilon", 1) == 2
    assert says in desk.said
    assert not desk.ledger.exists()


def test_synthetic__a_person_with_two_rows_is_refused(desk, persons):
    pd.concat([persons, persons.head(1)]).to_csv(desk.folder / "twice.csv", index=False)
    words = (*SYNTHETIC, "--epsilon", 1, "--person", "rec_id")
    assert desk.release("synthetic", "a.csv", *words, data="twice.csv") == 2
    assert "one row per person" in desk.said
    assert "R00000" not in desk.said


@pytest.fixture
def points(desk):
    rows = [("KH-2", 103.2, 13.1, 90.0), ("KH-3", 105.4, 12.0, 95.0)]
    frame = pd.DataFrame(
        rows * 20, columns=["place", "longitude", "latitude", "density"]
    )
    frame["rec_id"] = [f"R{number:05}" for number in range(len(frame))]
    frame.to_csv(desk.folder / "points.csv", index=False)
    write_new_key(desk.folder / "project.key")
    return frame


def test_geomask__moves_everybody_and_names_nobody(desk, points):
    words = ("--person", "rec_id", "--key", desk.folder / "project.key")
    assert desk.release("geomask", "moved.csv", *words, data="points.csv") == 0
    shown = pd.read_csv(desk.folder / "moved.csv")
    columns = ["masked_x", "masked_y", "least_metres", "most_metres"]
    assert list(shown.columns) == columns
    away = np.hypot(shown["masked_x"] - 103.2, shown["masked_y"] - 13.1)
    assert len(shown) == 40
    assert away.min() > 0.005
    # The same persons are moved alike; one more or less would be seen.
    assert desk.release("geomask", "again.csv", *words, data="points.csv") == 0
    assert (desk.folder / "again.csv").read_bytes() == (
        desk.folder / "moved.csv"
    ).read_bytes()
    points.iloc[1:].to_csv(desk.folder / "fewer.csv", index=False)
    assert desk.release("geomask", "c.csv", *words, data="fewer.csv") == 2
    assert "moved points of everybody are out" in desk.said


def test_geomask__points_that_few_share_are_refused(desk, points):
    points.loc[0, "longitude"] = 104.0
    points.to_csv(desk.folder / "points.csv", index=False)
    words = ("--person", "rec_id", "--key", desk.folder / "project.key")
    assert desk.release("geomask", "moved.csv", *words, data="points.csv") == 2
    assert "not aggregated places" in desk.said
    assert not desk.ledger.exists()


def test_without_a_ledger_no_record_is_released(persons, tmp_path, capsys):
    words = ["ctdc", str(tmp_path / "persons.csv"), "--out", str(tmp_path / "a.csv")]
    assert run(["release", *words]) == 2
    assert "a ledger must remember it" in capsys.readouterr().err


def test_a_study_gives_ledger_log_codebook_and_budget(persons, tmp_path, capsys):
    (tmp_path / "study.toml").write_text(
        '[study]\ntitle = "t"\npopulation = "p"\nreference_period = "r"\n'
        '[[rounds]]\nlabel = "A"\nfiles = ["persons.csv"]\n'
        "fieldwork_start = 2010-01-01\nfieldwork_end = 2010-01-02\n"
        '[privacy]\nledger = "l.jsonl"\naudit_log = "a.jsonl"\nepsilon_budget = 0.5\n'
    )
    words = ["release", "synthetic", str(tmp_path / "persons.csv"), "--column", "sex"]
    words += ["--study", str(tmp_path / "study.toml"), "--out", str(tmp_path / "s.csv")]
    assert run([*words, "--epsilon", "0.5", "--budget", "2"]) == 2
    assert "the study declares 0.5" in capsys.readouterr().err
    assert run([*words, "--epsilon", "0.6"]) == 2
    assert run([*words, "--epsilon", "0.5"]) == 0
    (line,) = (tmp_path / "a.jsonl").read_text().splitlines()
    entry = json.loads(line)["content"]
    assert entry["command"] == "release synthetic"
    assert entry["counts"]["epsilon per thousand"] == 500
