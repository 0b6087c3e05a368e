"""Every other deterministic value of the reference's log-linear sections.

Fits, selections and statuses model by model are tested where the functions are; here
are the sections' own headings: overlaps, numbers of models, best and nearly best ones.
"""

import json

import pandas as pd
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    chao,
    check_estimability,
    log_linear,
    select_bic,
    select_stepwise,
)
from estimators.capture_recapture.all_models import fit_all_models
from estimators.capture_recapture.hierarchies import hierarchical_models
from estimators.errors import NotEstimableError
from sentinel import datasets

pytestmark = pytest.mark.shared
SIZE, CRITERION = 1e-8, 1e-8
BUNDLED = {
    "Artificial_3": ("artificial_3", None),
    "Australia": ("australia_2015_2017", None),
    "Korea": ("korea", None),
    "Kosovo": ("kosovo_1999", None),
    "Ned": ("netherlands_2010_2015", None),
    "NewOrl": ("new_orleans", "published_2024"),
    "NewOrl_5": ("new_orleans", "five_lists_published_2024"),
    "NewOrl_pub185": ("new_orleans", "published_2021"),
    "NewOrl_5_pub185": ("new_orleans", "five_lists_published_2021"),
    "UKdat": ("uk_2013", None),
    "UKdat_5": ("uk_2013_five_lists", None),
    "Western": ("western_us", None),
}


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tables(reference):
    return {
        name: CaptureHistories.from_frame(
            pd.DataFrame(table["rows"], columns=[*table["lists"], "count"]),
            count="count",
        )
        for name, table in reference["data"].items()
        if "lists" in table
    }


def test_data__persons_and_lists_are_those_stated(reference, tables):
    assert len(tables) == 18
    for name, table in tables.items():
        assert table.n_observed == reference["data"][name]["n"]
        assert list(table.lists) == reference["data"][name]["lists"]


@pytest.mark.parametrize("name", BUNDLED)
def test_data__bundled_tables_are_the_reference_cell_by_cell(tables, name):
    folder, part = BUNDLED[name]
    bundled = datasets.load(folder)
    bundled = bundled if part is None else bundled[part]
    assert bundled.lists == tables[name].lists
    assert bundled.dense().tolist() == tables[name].dense().tolist()


def test_data__uk_four_lists_are_the_five_without_the_public(tables):
    four = datasets.load("uk_2013_five_lists").omit("GP")
    assert four.dense().tolist() == tables["UKdat_4"].dense().tolist()


def test_data__netherlands_five_lists_are_the_six_merged(tables):
    five = datasets.load("netherlands_2010_2015").merge({"IO": ["I", "O"]})
    five = five.restrict(*tables["Ned_5"].lists)
    assert five.dense().tolist() == tables["Ned_5"].dense().tolist()


def test_log_linear__sizes_and_overlaps_of_every_table(reference, tables):
    checked = 0
    for name, entry in reference["log_linear"].items():
        if "pair_overlaps" not in entry:
            continue
        table = tables[name]
        assert (table.n_lists, table.n_observed) == (entry["n_lists"], entry["n_obs"])
        overlaps = table.overlaps().to_numpy()
        for pair, persons in entry["pair_overlaps"].items():
            assert overlaps[int(pair[0]) - 1, int(pair[1]) - 1] == persons
            checked += 1
    assert checked == 3 + 3 * 6 + 2 * 10 + 15


@pytest.mark.parametrize(
    "name", ["Korea", "Kosovo", "UKdat_4", "NewOrl_5", "UKdat_5", "Rcapture_HIV"]
)
def test_bic__best_model_numbers_and_the_first_twenty(reference, tables, name):
    expected = reference["log_linear"][name]["bic"]
    order = expected["maxorder"]
    fits = fit_all_models(tables[name], max_order=order)
    frame = fits.to_frame()
    total = len(hierarchical_models(tables[name].n_lists, max_order=order))
    assert total == expected["n_models_total"]
    assert len(frame) == expected["n_models_passing"]
    best = frame.iloc[0]
    assert best["model"] == expected["model"]
    assert best["estimate"] == pytest.approx(expected["popest"], rel=SIZE)
    assert best["bic"] == pytest.approx(expected["BIC"], rel=CRITERION)
    top = frame.set_index("model")
    for place, row in enumerate(expected["top"]):
        got = top.loc[row["model"]]
        assert got["estimate"] == pytest.approx(row["abundance"], rel=1e-6)
        assert got["bic"] == pytest.approx(row["BIC"], rel=CRITERION)
        # Equal criteria may stand in either order.
        assert frame["bic"].iloc[place] == pytest.approx(row["BIC"], rel=CRITERION)


@pytest.mark.parametrize(
    "name", ["Korea", "Kosovo", "UKdat_4", "NewOrl_5", "UKdat_5", "Rcapture_HIV"]
)
def test_bic__two_way_models_only(reference, tables, name):
    expected = reference["log_linear"][name]["bic_maxorder2"]
    found = select_bic(tables[name], max_order=2)
    assert found.model == expected["model"]
    assert found.estimate == pytest.approx(expected["popest"], rel=SIZE)
    assert found.diagnostics["bic"] == pytest.approx(expected["BIC"], rel=CRITERION)


@pytest.mark.parametrize("name", ["UKdat_5", "UKdat"])
def test_sparsemse__point_estimate_of_the_deprecated_package(reference, tables, name):
    found = select_stepwise(tables[name])
    expected = reference["sparsemse_old"][name]
    assert found.estimate == pytest.approx(expected["popest"], rel=SIZE)


@pytest.mark.parametrize("name", ["UKdat_5", "UKdat"])
def test_sparsemse__acceleration_of_the_deprecated_package(reference, tables, name):
    from estimators.capture_recapture._weighted_bca import _acceleration
    from estimators.capture_recapture.stepwise import select_tables

    table = tables[name]
    less = table.count - pd.DataFrame(0, table.history, table.history).to_numpy()
    less[range(len(less)), range(len(less))] -= 1
    left_out = select_tables(table, less, threshold=0.02).population_size
    got = _acceleration(left_out, table.count)
    assert got == pytest.approx(reference["sparsemse_old"][name]["ahat"], rel=1e-6)


def test_sparsemse__new_orleans_point(reference, tables):
    found = select_stepwise(tables["NewOrl"])
    expected = reference["sparsemse_old"]["NewOrl_point"]
    assert found.estimate == pytest.approx(expected, rel=SIZE)


def test_sparsemse__verdicts_on_all_pairs(reference, tables):
    for name, status in reference["sparsemse_old"]["checkident_full"].items():
        table = tables[name]
        pairs = [
            (one, other)
            for place, one in enumerate(table.lists)
            for other in table.lists[place + 1 :]
        ]
        verdict = check_estimability(table, terms=pairs)
        assert verdict.status == status, name
        if status:
            with pytest.raises(NotEstimableError):
                log_linear(table, terms=pairs)


def test_closed_forms__captures_and_pairs_are_read_off_the_tables(reference, tables):
    for name, forms in reference["closed_forms"].items():
        if "pairs" not in forms:
            continue
        table = tables[name]
        frequencies = table.capture_frequencies().tolist()
        stated = {int(k): persons for k, persons in forms["f"].items()}
        assert {k: f for k, f in enumerate(frequencies) if f} == stated
        assert table.n_observed == forms["n"]
        sizes = dict(zip(table.lists, table.list_sizes().tolist(), strict=True))
        overlaps = table.overlaps()
        assert len(forms["pairs"]) == table.n_lists * (table.n_lists - 1) // 2
        for pair, row in forms["pairs"].items():
            one, other = pair.split(":")
            got = (sizes[one], sizes[other], int(overlaps.loc[one, other]))
            assert got == (row["n1"], row["n2"], row["m"])
        # With t lists a homogeneous person is on none with odds (t - 1) / t lower.
        bound = chao(frequencies[1], frequencies[2], table.n_observed)
        share = (table.n_lists - 1) / table.n_lists
        unseen = share * (bound.estimate - table.n_observed)
        assert table.n_observed + unseen == pytest.approx(
            forms["Chao_Mh_with_(t-1)/t"], rel=1e-12
        )


def test_closed_forms__dutch_immigrants(reference):
    forms = reference["closed_forms"]["netherlandsimmigrant"]
    found = chao(forms["f1"], forms["f2"], forms["n"])
    assert found.estimate == pytest.approx(forms["Chao"], rel=1e-12)
