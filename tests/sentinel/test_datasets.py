from __future__ import annotations

import shutil

import pytest

from estimators.errors import InputError
from sentinel import datasets


def test_available__lists_what_is_there_with_licences():
    listed = datasets.available().set_index("name")
    assert {"places", "poipet_returns_2015", "published_results"} <= set(listed.index)
    assert listed["licence"].str.len().min() > 5
    assert not listed.loc["places", "simulated"]
    assert "data.csv" in listed.loc["places", "files"]


def test_places__counts_and_coordinates_as_documented():
    places = datasets.load("places")
    counts = places["level"].value_counts()
    assert len(places) == 286
    assert places["code"].is_unique
    assert (counts["country"], counts["admin1"], counts["crossing"]) == (8, 229, 37)
    assert places[["lat", "lon"]].notna().all().all()
    # Poipet lies at 13.66 N, 102.55 E (GeoNames 1830194: 13.65805, 102.56365).
    poipet = places.set_index("code").loc["XB-POIPET"]
    assert poipet["lat"] == pytest.approx(13.658, abs=0.02)
    assert poipet["lon"] == pytest.approx(102.564, abs=0.02)


def test_poipet_returns__rows_and_total_add_up():
    returns = datasets.load("poipet_returns_2015")
    parts = returns[["male", "female", "boy", "girl"]].sum(axis=1)
    assert (parts == returns["total"]).all()
    assert returns["total"].sum() == 54618  # mekongmigration.org, summed
    assert returns["n_deportation_batches"].sum() == 1165


def test_published_results__holds_nothing_recalled():
    results = datasets.load("published_results")
    text = (
        results.astype("object")
        .fillna("")
        .astype(str)
        .agg(" ".join, axis=1)
        .str.lower()
    )
    assert not text.str.contains("recalled|from memory").any()
    assert not (results["provenance"] == "gap").any()
    assert set(results["value_is"]) == {"printed", "computed"}
    has_interval = results["ci_low"].notna() | results["ci_high"].notna()
    assert (has_interval == results["interval_is"].notna()).all()


@pytest.mark.parametrize("name", ["nowhere", "../tests", ".", "", "/etc"])
def test_load__unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(InputError, match="places"):
        datasets.load(name)


def test_load__unknown_file_is_refused():
    with pytest.raises(InputError, match=r"data\.csv"):
        datasets.load("places", file="../poipet_returns_2015/data.csv")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    root = tmp_path / "datasets"
    shutil.copytree(datasets.path("places"), root / "places")
    monkeypatch.setattr(datasets, "_root", lambda: root)
    return root / "places"


def test_load__changed_file_is_refused(copied):
    data = copied / "data.csv"
    data.write_bytes(data.read_bytes().replace(b"Banteay", b"Bantey", 1))
    with pytest.raises(InputError, match="differs from what was released"):
        datasets.load("places")
    with pytest.raises(InputError, match="differs from what was released"):
        datasets.path("places")


def test_load__missing_file_and_broken_card_are_refused(copied):
    (copied / "data.csv").unlink()
    with pytest.raises(InputError, match="missing"):
        datasets.load("places")
    (copied / "CARD.md").write_text("---\ntitle: Places\n---\n")
    with pytest.raises(InputError, match="licence"):
        datasets.card("places")
    (copied / "CARD.md").write_text("Places\n")
    with pytest.raises(InputError, match="front matter"):
        datasets.card("places")


def test_load__several_tables_come_as_a_mapping(copied):
    import hashlib

    (copied / "more.csv").write_text("iso\nNA\n")
    digest = hashlib.sha256((copied / "more.csv").read_bytes()).hexdigest()
    with (copied / "checksum.txt").open("a") as listing:
        listing.write(f"{digest}  more.csv\n")
    tables = datasets.load("places")
    assert set(tables) == {"data", "more"}
    assert tables["more"]["iso"].tolist() == ["NA"]  # Namibia, not a missing value


def test_kind__hook_makes_the_data_object(copied, monkeypatch):
    monkeypatch.setitem(datasets._KINDS, "table", sorted)
    assert datasets.load("places") == ["data"]


@pytest.mark.parametrize(
    ("name", "persons", "lists"),
    [
        ("uk_2013", 2744, 6),
        ("uk_2013_five_lists", 2744, 5),
        ("netherlands_2010_2015", 8234, 6),
        ("western_us", 345, 5),
        ("australia_2015_2017", 414, 4),
        ("kosovo_1999", 4400, 4),
        ("korea", 123, 3),
        ("artificial_3", 96, 3),
    ],
)
def test_capture_tables__hold_the_published_number_of_persons(name, persons, lists):
    histories = datasets.load(name)
    assert (histories.n_observed, histories.n_lists) == (persons, lists)


def test_new_orleans__both_published_versions_differ_by_one_person():
    tables = datasets.load("new_orleans")
    sizes = {name: table.n_observed for name, table in tables.items()}
    assert sizes["published_2021"] == sizes["five_lists_published_2021"] == 185
    assert sizes["published_2024"] == sizes["five_lists_published_2024"] == 186


def test_uk_five_lists__is_the_six_list_table_with_two_merged():
    merged = datasets.load("uk_2013").merge({"PFNCA": ["PF", "NCA"]})
    five = datasets.load("uk_2013_five_lists")
    assert merged.restrict(*five.lists).to_frame().equals(five.to_frame())


def test_dutch_immigrants__frequencies_are_the_published_ones():
    table = datasets.load("dutch_immigrants_1995")
    by_times = table.groupby("capture")["freq"].sum().tolist()
    assert by_times == [1645, 183, 37, 13, 1, 1]
