"""Red team: what other commands release after a run of the same study.

The attacker has the run's report and every file that a later command wrote, and takes
one from the other.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentinel.cli import run
from sentinel.disclosure import CTDC_COLUMNS
from sentinel.disclosure.ctdc import CTDC_QUASI_IDENTIFIERS
from sentinel.safekeeping import write_new_key

CENTRES = {"longitude": 103.2, "latitude": 13.1, "density": 90.0}
DAY = re.compile(r"(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])")


@pytest.fixture(scope="module")
def persons(demo: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the interviews as somebody would who shares records: ids and days too."""
    frame = demo.result.interviews.frame
    outcome = demo.result.classification.frame["d_traff"]
    table = pd.DataFrame(
        {
            "rec_id": frame["rec_id"].astype(str),
            "int_date": frame["int_date"].astype(str),
            "interviewer_id": frame["interviewer_id"].astype(str),
            "yearOfRegistration": frame["round_id"].astype(str).str[-4:],
            "gender": frame["sex"].map({"1": "Man", "2": "Woman"}).fillna(""),
            "age": frame["age"].astype("Float64").astype("object").fillna(""),
            "CountryOfExploitation": "THA",
            "isForcedLabour": outcome.astype("object").fillna(""),
            "round_id": frame["round_id"].astype(str),
            **{name: frame[name].fillna("").astype(str) for name in ("sex", "sector")},
            **CENTRES,
        }
    )
    path = tmp_path_factory.mktemp("persons") / "persons.csv"
    table.to_csv(path, index=False)
    write_new_key(path.with_name("project.key"))
    return path


KINDS = {
    "ctdc": [],
    "synthetic": ["--column", "sex", "--column", "sector", "--codebook", "deportee",
                  "--epsilon", "1"],
    "geomask": ["--person", "rec_id"],
}  # fmt: skip


def release(kind: str, persons: Path, out: Path, *words: str) -> int:
    options = [*KINDS[kind], *words]
    if kind == "geomask":
        options += ["--key", str(persons.with_name("project.key"))]
    return run(["release", kind, str(persons), "--out", str(out), *options])


@pytest.fixture(scope="module")
def files(persons: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Release the records where no table of these persons is out."""
    folder = tmp_path_factory.mktemp("records")
    found = {kind: folder / f"{kind}.csv" for kind in KINDS}
    for kind, out in found.items():
        ledger = ["--ledger", str(folder / f"{kind}.jsonl")]
        assert release(kind, persons, out, *ledger) == 0
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_records__no_id_day_interviewer_or_own_column(
    kind: str, files: dict[str, Path], persons: Path
) -> None:
    truth = pd.read_csv(persons, dtype=str)
    text = files[kind].read_text(encoding="utf-8")
    words = set(re.findall(r"[\w-]+", text))
    assert not set(truth["rec_id"]) & words
    assert not set(truth["interviewer_id"].dropna()) & words
    assert not DAY.search(text)
    header = text.splitlines()[0].split(",")
    assert not {"rec_id", "int_date", "interviewer_id", "round_id"} & set(header)


def test_ctdc__everybody_has_ten_others_and_the_order_tells_nothing(
    files: dict[str, Path], persons: Path
) -> None:
    shown = pd.read_csv(files["ctdc"], dtype=str)
    assert tuple(shown.columns) == CTDC_COLUMNS
    sizes = shown.groupby(list(CTDC_QUASI_IDENTIFIERS), dropna=False).size()
    assert sizes.min() >= 11
    # Rounds come one after the other in the field files; not so in what is released.
    years = shown["yearOfRegistration"].dropna().astype(int).reset_index(drop=True)
    place = pd.Series(np.arange(len(years), dtype=float))
    assert abs(place.corr(years.astype(float))) < 0.2
    source = pd.read_csv(persons)["yearOfRegistration"].astype(float)
    assert abs(pd.Series(np.arange(len(source), dtype=float)).corr(source)) > 0.8


def test_geomask__a_point_is_neither_its_place_nor_a_persons_row(
    files: dict[str, Path], persons: Path
) -> None:
    shown = pd.read_csv(files["geomask"])
    truth = pd.read_csv(persons)
    assert len(shown) == len(truth)
    east = (shown["masked_x"] - CENTRES["longitude"]) * np.cos(np.radians(13.1))
    north = shown["masked_y"] - CENTRES["latitude"]
    metres = 111_000 * np.hypot(east, north)
    # Rounded to 0.001 degrees: a hundred metres or so.
    assert metres.min() > shown["least_metres"].iloc[0] - 150
    assert metres.max() < shown["most_metres"].iloc[0] + 150
    assert shown["masked_x"].is_monotonic_increasing


def test_synthetic__no_count_of_the_file_is_one_of_the_persons_for_sure(
    files: dict[str, Path], persons: Path
) -> None:
    """Noise, not luck: the number of records itself is a noisy one."""
    shown = pd.read_csv(files["synthetic"], dtype=str)
    truth = pd.read_csv(persons, dtype=str)
    columns = ["sex", "sector"]
    made = shown.fillna("").groupby(columns).size()
    real = truth.fillna("").groupby(columns).size()
    both = made.reindex(real.index, fill_value=0)
    assert (both != real).mean() > 0.5
    small = real[real < 11]
    assert (made.reindex(small.index, fill_value=0) != small).any() or small.empty


def test_records_beside_the_report_would_tell_what_it_hides_and_are_refused(
    demo: Any, files: dict[str, Path], persons: Path, tmp_path: Path, capsys: Any
) -> None:
    hidden = hidden_rounds(demo)
    shown = pd.read_csv(files["ctdc"], dtype=str)
    cases = shown[shown["isForcedLabour"] == "1"].groupby("yearOfRegistration").size()
    # The attack wins: a round whose few cases the report hides is counted in the file.
    assert any(0 < cases.get(label[-4:], 0) < demo.minimum for label in hidden)
    for kind in ("ctdc", "geomask"):
        out = tmp_path / f"{kind}.csv"
        assert release(kind, persons, out, "--study", str(demo.study)) == 2
        said = capsys.readouterr().err
        assert "release 1 (run): records of persons and tables that hide" in said
        assert not out.exists()
    out = tmp_path / "synthetic.csv"
    assert release("synthetic", persons, out, "--study", str(demo.study)) == 0


def hidden_rounds(demo: Any) -> dict[str, int]:
    """Return the rounds whose cases the report hides, and how many there are."""
    (truth,) = [
        table.frame
        for table, shown in zip(
            demo.result.estimates, demo.release.estimates, strict=True
        )
        if shown.is_headline and shown.quantity == "event"
    ]
    (shown,) = [
        table.frame for table in demo.release.headline if table.quantity == "event"
    ]
    gone = shown.loc[shown["suppressed"].astype(bool), "round_id"].astype(str)
    cases = truth.set_index(truth["round_id"].astype(str))["n_cases"].astype(int)
    return {label: int(cases[label]) for label in gone}


def test_classify_after_the_run_would_tell_the_hidden_round_and_is_refused(
    demo: Any, tmp_path: Path, capsys: Any
) -> None:
    hidden = hidden_rounds(demo)
    assert len(hidden) == 1
    assert 0 < sum(hidden.values()) < demo.minimum
    # All cases, less those of the rounds that the report shows, are the hidden ones.
    everybody = int((demo.result.classification.frame["d_traff"] == 1).sum())
    told = sum(
        int(row["n_cases"])
        for table in demo.result.estimates
        if table.by == ("round_id",) and table.name == "d_traff_by_round_id_event"
        for row in table.frame.to_dict("records")
        if str(row["round_id"]) not in hidden
    )
    assert everybody - told == sum(hidden.values())
    out = tmp_path / "classes.csv"
    assert run(["classify", str(demo.study), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "release 1 (run): proportion of d_traff" in said
    assert not any(label in said for label in hidden)
    assert not out.exists()


def test_monitor_after_the_run_tells_what_it_told(demo: Any, tmp_path: Path) -> None:
    ledger = demo.study.with_name("ledger.jsonl")
    before = len(ledger.read_text().splitlines())
    out = tmp_path / "monitoring"
    assert run(["monitor", str(demo.study), "--out", str(out)]) == 0
    tables = sorted((out / "tables").glob("*.csv"))
    assert len(tables) > 5
    for table in tables:
        told = demo.folder / "tables" / table.name
        assert told.read_bytes() == table.read_bytes(), table.name
    # Synthetic records may have been entered meanwhile; counts were not.
    entries = ledger.read_text().splitlines()[before:]
    assert not any('"kind": "release"' in entry for entry in entries)
