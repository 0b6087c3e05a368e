"""Doubly robust two-list estimation: replay of the anchor and a known truth."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from estimators.capture_recapture import doubly_robust
from estimators.capture_recapture.cross_fitting import (
    Nuisances,
    cross_fit,
    read_two_lists,
)
from estimators.capture_recapture.doubly_robust import estimate_size, size_variance
from estimators.capture_recapture.targeting import target
from estimators.errors import ConvergenceError, InputError, NotEstimableError
from tests.twins import capture_recapture_doubly_robust as twin


@pytest.fixture
def folder(shared_folder):
    return shared_folder / "reference/capture_recapture"


@pytest.fixture
def simulated(folder):
    return pd.read_csv(folder / "drpop_sim.csv", skipinitialspace=True).astype(float)


@pytest.fixture
def nuisances(folder):
    table = pd.read_csv(folder / "drpop_sim_nuis.csv").drop(columns="listpair")
    return table.astype(float)


def read(frame):
    return read_two_lists(frame, ("y1", "y2"), ["x1", "x2"])


def anchor_rows(folder):
    reference = json.loads((folder / "reference.json").read_text())["doubly_robust"]
    return [
        row
        for model in ("logit", "gam", "rangerlogit")
        for row in reference[model]["result"]
    ]


def anchor(folder, method):
    rows = anchor_rows(folder)
    wanted = {"model": "logit", "method": method}
    return next(row for row in rows if wanted.items() <= row.items())


@pytest.fixture
def given(nuisances):
    return Nuisances(
        nuisances["logit.q12"].to_numpy(),
        nuisances["logit.q1"].to_numpy(),
        nuisances["logit.q2"].to_numpy(),
        nuisances["idfold"].to_numpy().astype(np.int64),
        0,
    )


@pytest.mark.shared
def test_reference__sizes_from_the_anchors_probabilities(folder, simulated, given):
    got = estimate_size(read(simulated), given)
    wanted, plain = anchor(folder, "DR"), anchor(folder, "PI")
    assert 3900 / got.total == pytest.approx(wanted["psi"], rel=1e-12)
    assert got.variance**0.5 == pytest.approx(wanted["sigman"], rel=1e-10)
    assert 3900 / got.plug_in == pytest.approx(plain["psi"], rel=1e-12)


@pytest.mark.shared
def test_reference__influence_values_person_by_person(simulated, nuisances, given):
    data = read(simulated)
    phi = phi_of(data, given)
    # The anchor centres on the plug-in of the fold.
    plain = given.first * given.second / given.both
    centre = np.array([plain[given.fold == k].mean() for k in (1, 2)])
    np.testing.assert_allclose(
        phi - centre[given.fold - 1], nuisances["ifval"], atol=1e-12
    )


@pytest.mark.shared
def test_reference__targeted_probabilities(folder, simulated, given):
    data = read(simulated)
    moved = target(data, given, separate=True, truncation=0.005)
    got, wanted = estimate_size(data, moved, targeted=True), anchor(folder, "TMLE")
    # Up to 250 rounds of three glm, each ended at a relative change of 1e-8.
    assert 3900 / got.total == pytest.approx(wanted["psi"], rel=1e-9)
    spread = [phi_of(data, moved)[moved.fold == k].var(ddof=1) for k in (1, 2)]
    assert np.mean(spread) ** 0.5 == pytest.approx(wanted["sigma"], rel=1e-7)
    assert got.variance**0.5 == pytest.approx(wanted["sigman"], rel=1e-7)


@pytest.mark.shared
def test_reference__every_printed_row_is_its_psi_and_sigma(folder):
    # gam and random forests cannot be replayed without R: what follows from their psi
    # and sigma can. The anchor prints whole persons.
    rows = anchor_rows(folder)
    assert len(rows) == 9
    for row in rows:
        total = 3900 / row["psi"]
        error = size_variance(3900, total, row["sigma"] ** 2) ** 0.5
        assert round(total) == row["n"]
        assert error == pytest.approx(row["sigman"], rel=1e-12)
        assert round(total - 1.959964 * error) == row["cin.l"]
        assert round(total + 1.959964 * error) == row["cin.u"]


def phi_of(data, given):
    odds = given.first * given.second / given.both
    return odds * (
        data.first / given.first
        + data.second / given.second
        - data.first * data.second / given.both
    )


@pytest.mark.shared
def test_reference__logistic_predictions_of_the_anchors_folds(
    folder, simulated, nuisances
):
    fold = nuisances["idfold"].to_numpy().astype(np.int64)
    data = read(simulated)
    got = cross_fit(data, fold, learner=None, separate=True, truncation=0.005)
    # R's glm stops at a relative change of the deviance of 1e-8.
    for name, found in (("q12", got.both), ("q1", got.first), ("q2", got.second)):
        np.testing.assert_allclose(found, nuisances[f"logit.{name}"], atol=2e-9)
    total = estimate_size(data, got).total
    assert 3900 / total == pytest.approx(anchor(folder, "DR")["psi"], rel=1e-9)


@pytest.mark.shared
def test_reference__truth_and_own_folds(simulated):
    got = doubly_robust(
        simulated, lists=("y1", "y2"), covariates=["x1", "x2"], n_splits=5, rng=1
    )
    assert 4000 in got.ci
    # The anchor's folds are another draw; theirs gave 4 003.5 with error 13.9.
    assert got.estimate == pytest.approx(4003.5, abs=7)
    assert got.std_error == pytest.approx(13.9, abs=1)


def population(size=3000, rng=3):
    """Return the seen of a population whose lists both favour a large x."""
    rng = np.random.default_rng(rng)
    x = rng.normal(size=size)
    first = rng.random(size) < expit(0.8 * x - 0.3)
    second = rng.random(size) < expit(1.2 * x - 0.2)
    frame = pd.DataFrame({"a": first * 1.0, "b": second * 1.0, "x": x})
    return frame[first | second].reset_index(drop=True)


def test_truth__recovered_where_lincoln_petersen_fails():
    # 40 populations: the mean error must lie within 4 standard errors of 0, while
    # ignoring x loses 10 % and more.
    sizes, naive, covered = [], [], 0
    for rng in range(40):
        seen = population(rng=rng)
        got = doubly_robust(seen, lists=("a", "b"), covariates=["x"], rng=1)
        sizes.append(got.estimate)
        covered += 3000 in got.ci
        naive.append(seen.a.sum() * seen.b.sum() / (seen.a * seen.b).sum())
    assert np.mean(naive) < 0.9 * 3000
    error = np.std(sizes, ddof=1) / 40**0.5
    # Multinomial logistic shares are exact for independent logistic lists.
    assert abs(np.mean(sizes) - 3000) < 4 * error
    assert covered >= 31


class Shares:
    """A learner that predicts the overall shares."""

    def fit(self, X, y):
        """Remember the shares."""
        self.shares = np.unique(y, return_counts=True)[1] / len(y)

    def predict_proba(self, X):
        """Return the shares for everyone."""
        return np.tile(self.shares, (len(X), 1))


def test_constant_learner__gives_about_lincoln_petersen():
    seen, learner = population(), Shares()
    before = copy.deepcopy(vars(learner))
    got = doubly_robust(
        seen, lists=("a", "b"), covariates=["x"], learner=learner, rng=2
    )
    plain = seen.a.sum() * seen.b.sum() / (seen.a * seen.b).sum()
    assert got.estimate == pytest.approx(plain, rel=1e-3)
    assert vars(learner) == before


def test_lists__can_be_exchanged():
    seen = population()
    one, other = (
        doubly_robust(seen, lists=order, covariates=["x"], rng=2)
        for order in (("a", "b"), ("b", "a"))
    )
    assert one.estimate == pytest.approx(other.estimate, rel=1e-9)
    assert one.std_error == pytest.approx(other.std_error, rel=1e-9)


def test_text_and_boolean_covariates__become_indicators():
    seen = population()
    seen["tall"] = seen.x > 0
    seen["kind"] = np.where(seen.x > 1, "z", np.where(seen.x > 0, "y", "x"))
    got = doubly_robust(seen, lists=("a", "b"), covariates=["tall", "kind"], rng=2)
    assert got.estimate > got.n_obs


def test_several_splits__draw_nearer_to_each_other():
    seen = population()
    run = {"lists": ("a", "b"), "covariates": ["x"]}
    one = [doubly_robust(seen, **run, rng=r).estimate for r in range(12)]
    many = [doubly_robust(seen, **run, n_splits=9, rng=r).estimate for r in range(12)]
    assert np.std(many) < np.std(one)


def test_no_overlap__is_refused():
    frame = pd.DataFrame({"a": [1, 0] * 9, "b": [0, 1] * 9, "x": range(18)})
    with pytest.raises(NotEstimableError, match="both a and b"):
        doubly_robust(frame, lists=("a", "b"), covariates=["x"])


def test_person_on_neither_list__is_refused_with_the_row():
    frame = pd.DataFrame({"a": [1, 0, 1], "b": [1, 0, 0], "x": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=r"neither list \(rows 1"):
        doubly_robust(frame, lists=("a", "b"), covariates=["x"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_folds": 1}, "2 folds"),
        ({"truncation": 0}, "truncation"),
        ({"lists": ("a",)}, "Two lists"),
        ({"lists": ("a", "zz")}, "zz"),
        ({"covariates": []}, "covariate"),
        ({"models": "two"}, "models"),
        ({"correction": "two_step"}, "correction"),
        ({"n_folds": 2000}, "too few"),
    ],
)
def test_options__are_checked(changes, words):
    run = {"lists": ("a", "b"), "covariates": ["x"], **changes}
    with pytest.raises(InputError, match=words):
        doubly_robust(population(), **run)


def test_lists_that_cover_everyone__are_noted():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": np.ones(60), "b": np.ones(60), "x": rng.normal(size=60)})
    frame.loc[:3, "b"] = 0
    got = doubly_robust(frame, lists=("a", "b"), covariates=["x"], rng=1)
    assert got.estimate >= 60
    assert got.ci.low >= 60


def test_tmle__leaves_no_correction_in_any_fold():
    seen = population()
    data = read_two_lists(seen, ("a", "b"), ["x"])
    fold = np.arange(len(seen)) % 2
    given = cross_fit(data, fold, learner=None, separate=False, truncation=0.005)
    moved = target(data, given, separate=False, truncation=0.005)
    gap = phi_of(data, moved) - moved.first * moved.second / moved.both
    for part in (0, 1):
        assert gap[fold == part].mean() == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(moved.first + moved.second - moved.both, 1, rtol=1e-12)


def test_tmle__recovers_the_truth_about_as_well_as_one_step():
    run = {"lists": ("a", "b"), "covariates": ["x"], "correction": "tmle", "rng": 1}
    found = [doubly_robust(population(rng=rng), **run) for rng in range(16)]
    sizes = np.array([one.estimate for one in found])
    assert {one.method for one in found} == {"doubly_robust (tmle)"}
    # In 200 populations of this kind its bias is 50 persons, its spread 200.
    assert abs(sizes.mean() - 3000) < 50 + 4 * 200 / 16**0.5
    assert sum(3000 in one.ci for one in found) >= 11


def test_tmle__of_separate_models_that_run_away_is_refused():
    run = {"lists": ("a", "b"), "covariates": ["x"], "models": "separate", "rng": 1}

    def several():  # about half of such populations
        for rng in range(12):
            doubly_robust(population(rng=rng), correction="tmle", **run)

    with pytest.raises(ConvergenceError, match="runs away"):
        several()


def test_tmle__mends_a_learner_that_knows_nothing_as_far_as_one_step_does():
    # Shares without covariates: the only tilt is common to all, and the size is that of
    # Lincoln and Petersen.
    seen = population()
    got = doubly_robust(
        seen,
        lists=("a", "b"),
        covariates=["x"],
        learner=Shares(),
        correction="tmle",
        rng=2,
    )
    plain = seen.a.sum() * seen.b.sum() / (seen.a * seen.b).sum()
    assert got.estimate == pytest.approx(plain, rel=1e-3)


def test_default__equals_the_slow_twin():
    rng = np.random.default_rng(8)
    x, z = rng.normal(size=(2, 900))
    first, second = rng.random((2, 900)) < expit([0.6 * x - 0.2, 0.9 * x + 0.4 * z])
    frame = pd.DataFrame({"a": first * 1.0, "b": second * 1.0, "x": x, "z": z})
    frame = frame[first | second].reset_index(drop=True)
    got = doubly_robust(
        frame, lists=("a", "b"), covariates=["x", "z"], n_folds=3, rng=5
    )
    data = read_two_lists(frame, ("a", "b"), ["x", "z"])
    fold = np.random.default_rng(5).permutation(np.arange(len(frame)) % 3)
    wanted = twin.size(data.first, data.second, data.matrix, fold)
    # A general minimiser's gradient of 1e-10.
    assert (got.estimate, got.std_error) == pytest.approx(wanted, rel=1e-7)
