"""The command: one file in, protected tables out, records in a folder of their own."""

from __future__ import annotations

import json
import stat

import numpy as np
import openpyxl
import pandas as pd
import pytest

from sentinel.cli import run
from sentinel.disclosure import ReleasePolicy
from sentinel.report.linked.linkage_release import release_linkage, write_review_sheet
from sentinel.report.linked.linkage_run import run_linkage
from sentinel.simulate import simulate_lists
from sentinel.study.link_file import load_link_file
from sentinel.study.loading import StudyError

HEAD = """
[link]
title = "Three lists"
n_resamples = 5
"""
LIST = """
[[lists]]
source = "{name}"
file = "{name}.csv"
record_id = "record_id"
duplicate_free = true
columns = {{ name = "name", birth_year = "birth_year", sex = "sex", origin = "origin" }}
"""


def write_lists(folder, n_persons, **options):
    simulated = simulate_lists(n_persons, rng=3, **options)
    text = HEAD
    for name, frame in simulated.lists.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        text += LIST.format(name=name)
    file = folder / "link.toml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    # Few enough that the smallest overlap lies under the minimum of 11.
    folder = tmp_path_factory.mktemp("few")
    capture = {"police": 0.5, "ngo": 0.4, "hotline": 0.05}
    return write_lists(folder, 250, capture=capture)


@pytest.fixture(scope="module")
def linkage(few):
    return run_linkage(load_link_file(few), rng=1)


@pytest.fixture(scope="module")
def released(linkage):
    return release_linkage(linkage, ReleasePolicy())


def test_small_counts_are_hidden_and_no_size_tells_them(linkage, released):
    shown = dict(
        zip(released.overlaps["lists"], released.overlaps["count"], strict=True)
    )
    true = linkage.histories.overlaps()
    assert 0 < true.loc["police", "hotline"] < 11
    assert pd.isna(shown["hotline & police"])
    assert released.n_hidden > 0
    for name, count in shown.items():
        assert pd.isna(count) or count == 0 or count >= 11, name
    # Two sizes of lists and a size of the population give the overlap away.
    told = set(released.sizes.get("lists", []))
    assert "hotline & police" not in told
    assert "hotline & ngo & police" not in told
    hidden = [name for name, count in shown.items() if pd.isna(count)]
    assert not told & set(hidden)
    assert "are hidden" in released.text()


def test_the_command_writes_the_release_whole_and_records_apart(few, tmp_path, capsys):
    out, internal = tmp_path / "out", tmp_path / "safe"
    arguments = ["link", str(few), "--out", str(out), "--internal", str(internal)]
    assert run(arguments) == 0
    assert "Persons on lists" in capsys.readouterr().out
    manifest = json.loads((out / "manifest.json").read_text())
    assert {"overlaps.csv", "sizes.csv", "rates.csv"} <= set(manifest["outputs"])
    text = "".join(path.read_text() for path in out.iterdir())
    for source in ("police", "ngo", "hotline"):
        frame = pd.read_csv(few.parent / f"{source}.csv", dtype=str)
        assert not any(name in text for name in frame["name"].dropna().head(40))
        assert not any(record in text for record in frame["record_id"].head(40))
    for path in internal.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # A second run replaces the release, and never a file with records.
    assert run(["link", str(few), "--out", str(out)]) == 0
    assert run(arguments) == 2


def test_decisions_come_back_through_the_file(few, tmp_path):
    internal = tmp_path / "safe"
    assert run(["link", str(few), "--internal", str(internal)]) == 0
    sheet = pd.DataFrame(
        openpyxl.load_workbook(internal / "review_sheet.xlsx").active.values
    )
    sheet = sheet.rename(columns=sheet.iloc[0]).drop(index=0)
    sheet["decision"] = np.where(
        sheet["name_1"] == sheet["name_2"], "same", "different"
    )
    sheet.to_csv(internal / "decided.csv", index=False)
    names = f'decisions = "{internal}/decided.csv"\nkey = "{internal}/review_key.csv"\n'
    file = few.with_name("decided.toml")
    file.write_text(few.read_text() + "\n[review]\n" + names)
    found = run_linkage(load_link_file(file))
    assert any("decided by hand" in note for note in found.notes)
    assert {item.basis for item in found.errors} == {"clerical review"}


def test_cells_of_a_sheet_are_no_formulas(tmp_path):
    sheet = pd.DataFrame({"pair": ["R1"], "name_1": ["=cmd|'x'!A0"], "decision": [""]})
    write_review_sheet(sheet, tmp_path / "sheet.xlsx")
    cell = openpyxl.load_workbook(tmp_path / "sheet.xlsx").active["B2"]
    assert (cell.data_type, cell.value) == ("s", "=cmd|'x'!A0")
    write_review_sheet(sheet, tmp_path / "sheet.csv")
    assert "'=cmd" in (tmp_path / "sheet.csv").read_text()


def test_everything_wrong_with_the_file_is_listed(tmp_path):
    file = tmp_path / "link.toml"
    file.write_text(
        HEAD.replace("n_resamples = 5", "n_resample = 5")
        + LIST.format(name="police")
        + LIST.format(name="ngo").replace("record_id =", "id =")
        + '[review]\ndecisions = "x.csv"\n[privacy]\nminimum_cell = 2\n'
    )
    with pytest.raises(StudyError) as caught:
        load_link_file(file)
    message = str(caught.value)
    for part in ("n_resample", "record_id", "belong together", "minimum_cell"):
        assert part in message
    other = tmp_path / "other.toml"
    other.write_text(HEAD + LIST.format(name="police") + LIST.format(name="ngo"))
    with pytest.raises(StudyError, match="a file that exists"):
        load_link_file(other)
