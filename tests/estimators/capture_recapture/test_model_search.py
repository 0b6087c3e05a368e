"""Searches among models that are too many, against R, all models and a slow twin."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    downhill,
    draw_tables,
    select_aic,
    select_bic,
)
from estimators.capture_recapture.all_models import fit_all_models, fit_models_of
from estimators.capture_recapture.hierarchies import Hierarchies, lattice_terms
from estimators.capture_recapture.neighbour_search import search_widely
from estimators.errors import InputError, NotEstimableError
from tests.twins import capture_recapture_all_models as twin

shared = pytest.mark.shared
# Pairs (1,2), (3,4) and (2,7) of seven lists on top of independence, odds ratios 4.
LOG_ODDS = {0b0000011: np.log(4), 0b0001100: np.log(4), 0b1000010: np.log(4)}
CHANCES = (0.3, 0.25, 0.3, 0.2, 0.15, 0.25, 0.2)


@pytest.fixture(scope="module")
def tables(shared_folder):
    folder = shared_folder / "reference" / "capture_recapture"
    data = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    rows = {
        name: CaptureHistories.from_frame(
            pd.DataFrame(table["rows"], columns=[*table["lists"], "count"]),
            count="count",
        )
        for name, table in data["data"].items()
        if "lists" in table
    }
    return rows, data["log_linear"]


def seven_lists(population=20_000, rng=4):
    cells = np.arange(1 << 7)
    logit = np.log(np.array(CHANCES) / (1 - np.array(CHANCES)))
    value = sum(((cells >> j) & 1) * logit[j] for j in range(7)).astype(float)
    for pair, odds in LOG_ODDS.items():
        value += odds * ((cells & pair) == pair)
    chance = np.exp(value)
    counts = draw_tables(
        chance / chance.sum(), population=population, n_tables=1, rng=rng
    )[0]
    names = {f"{m:07b}"[::-1]: 1 for m in range(1, 1 << 7)}
    return CaptureHistories.from_counts(names).with_counts(counts)


@shared
@pytest.mark.parametrize(
    ("name", "model", "size"),
    [
        ("UKdat_5", "[12,13,25,35,45]", 12262.4124),
        ("UKdat", "[12,13,25,35,36,45]", 12349.59),
        ("NewOrl", "[45,1,2,3,6,7,8]", 1110.48808),
        ("NewOrl_5", "[1,2,3,4,5]", 981.431367),
    ],
)
def test_downhill__ends_where_silverman_chan_and_vincent_print(
    tables, name, model, size
):
    found = downhill(tables[0][name])
    assert (found.model, found.method) == (model, "downhill")
    # As printed; six figures of the six-list size are known.
    assert found.estimate == pytest.approx(size, rel=1e-6)
    assert any("not all there are" in note for note in found.notes)


@shared
@pytest.mark.parametrize(
    "name", ["Korea", "Kosovo", "UKdat_4", "NewOrl_5", "UKdat_5", "Rcapture_HIV"]
)
def test_downhill__visits_as_many_models_as_r(tables, name):
    histories, expected = tables[0][name], tables[1][name]["downhill"]
    found = downhill(histories)
    assert found.model == expected["model"]
    assert found.estimate == pytest.approx(expected["popest"], rel=1e-7)
    assert found.diagnostics["bic"] == pytest.approx(expected["BIC"], rel=1e-9)
    assert len(found.fits.models) == expected["n_considered"]


@shared
@pytest.mark.parametrize(
    ("name", "order"),
    [
        *((name, 2) for name in ("Kosovo", "UKdat_5", "Ned_5", "UKdat", "Ned")),
        *((name, 3) for name in ("Kosovo", "UKdat_5", "Western", "Ned_5")),
    ],
)
@pytest.mark.parametrize("criterion", ["bic", "aic"])
def test_wide_search__finds_the_best_of_all_models(tables, name, order, criterion):
    histories = tables[0][name]
    every = fit_all_models(histories, max_order=order)
    best = every.ranking(criterion)[0]
    found = search_widely(histories.dense(), max_order=order, criterion=criterion)
    fits = fit_models_of(histories, found.models)
    place = fits.ranking(criterion)[0]
    assert fits.models.name(place) == every.models.name(best)


@pytest.mark.parametrize("rng", range(12))
def test_wide_search__finds_the_best_of_random_tables(rng):
    draws = np.random.default_rng(rng)
    cells = draws.gamma(0.6, size=32)
    counts = draws.multinomial(300, cells / cells.sum())
    names = {f"{m:05b}"[::-1]: 1 for m in range(1, 32)}
    histories = CaptureHistories.from_counts(names).with_counts(counts)
    every = fit_all_models(histories, max_order=3).criterion("bic")
    found = search_widely(histories.dense(), max_order=3, criterion="bic")
    fits = fit_models_of(histories, found.models)
    assert np.nanmin(fits.criterion("bic")) == pytest.approx(np.nanmin(every), abs=1e-7)


def test_seven_lists__the_true_model_is_found_and_its_size_is_right():
    found = select_bic(seven_lists())
    assert found.model == "[12,27,34,5,6]"
    assert abs(found.estimate - 20_000) < 3 * found.std_error
    assert found.std_error < 500


def test_seven_lists__no_model_within_three_pairs_is_better():
    histories = seven_lists(population=1500, rng=8)
    found = select_bic(histories)
    best = found.fits.models.member[found.fits.ranking("bic")[0]]
    term = lattice_terms(7, 2)
    pairs = np.arange(7, term.size)
    near = [best.copy()]
    for one in pairs:
        for two in pairs[pairs >= one]:
            for three in pairs[pairs >= two]:
                other = best.copy()
                other[[*{one, two, three}]] ^= True
                near.append(other)
    models = Hierarchies(
        n_lists=7, max_order=2, term=term, member=np.unique(near, axis=0)
    )
    assert len(models) > 1500
    fits = fit_models_of(histories, models)
    assert np.nanmin(fits.criterion("bic")) >= found.diagnostics["bic"] - 1e-7


def test_search__same_answer_for_any_threads_and_resamples_repeat_it():
    histories = seven_lists(population=3000)
    one = select_bic(histories, n_resamples=20, rng=1, n_jobs=1)
    two = select_bic(histories, n_resamples=20, rng=1)
    assert (one.ci, one.notes, one.model) == (two.ci, two.notes, two.model)
    assert (one.replicate_model >= 0).all()
    assert one.estimate == select_bic(histories, n_resamples=20, rng=2).estimate
    frame = one.rivals()
    assert frame["selection_frequency"].sum() == pytest.approx(1)
    assert frame["model"].iloc[0] == one.model
    assert any("a better one may exist" in note for note in one.notes)


@shared
def test_triples_of_six_lists__are_searched(tables):
    found = select_bic(tables[0]["Ned"], max_order=3)
    pairs = select_bic(tables[0]["Ned"])
    assert found.diagnostics["bic"] < pairs.diagnostics["bic"]
    assert found.model == "[346,16,25,45]"
    assert select_aic(tables[0]["Ned"], max_order=3).model != found.model


def test_descent__equals_its_slow_twin():
    draws = np.random.default_rng(3)
    cells = draws.gamma(0.7, size=(3, 16))
    for weights in cells:
        counts = draws.multinomial(200, weights / weights.sum())
        names = {f"{m:04b}"[::-1]: 1 for m in range(1, 16)}
        histories = CaptureHistories.from_counts(names).with_counts(counts)
        slow = twin.downhill(histories.dense(), 4, max_order=3)
        found = downhill(histories)
        assert found.model == slow[0]
        assert found.estimate == pytest.approx(slow[1], rel=1e-7)


def test_replicates_of_a_descent__equal_its_slow_twin():
    histories = CaptureHistories.from_counts(
        {"100": 41, "010": 38, "001": 54, "110": 29, "101": 12, "011": 7, "111": 3}
    )
    draws = np.random.default_rng(9)
    counts = histories.dense()
    tables = draws.multinomial(histories.n_observed, counts / counts.sum(), size=6)
    from estimators.capture_recapture.neighbour_search import descend_from

    term = lattice_terms(3, 2)
    main = np.bitwise_count(term)[None] == 1
    found = descend_from(tables, main, term, criterion="bic")
    for row, table in enumerate(tables):
        _, size = twin.downhill(table, 3, max_order=2)
        assert table.sum() + found.unseen[row] == pytest.approx(size, rel=1e-7)


def test_downhill__interval_repeats_the_descent():
    histories = CaptureHistories.from_counts(
        {"100": 41, "010": 38, "001": 54, "110": 29, "101": 12, "011": 7, "111": 3}
    )
    fixed, again = downhill(histories), downhill(histories, n_resamples=200, rng=1)
    assert again.ci.method == "BCa bootstrap"
    assert again.ci.low < again.estimate < again.ci.high
    assert again.diagnostics["selection_frequency"] < 1
    assert any("known" in note for note in fixed.notes)
    assert not any("known" in note for note in again.notes)


def test_bad_input__too_many_lists_and_disjoint_ones():
    names = {"".join("1" if i == j else "0" for j in range(11)): 3 for i in range(11)}
    with pytest.raises(InputError, match="at most 10 lists"):
        downhill(CaptureHistories.from_counts(names))
    with pytest.raises(InputError, match="order from 1"):
        downhill(CaptureHistories.from_counts({"10": 3, "01": 2, "11": 1}), max_order=2)
    with pytest.raises(NotEstimableError, match="overlap too little"):
        downhill(CaptureHistories.from_counts({"100": 3, "010": 2, "001": 4}))
