"""Stepwise selection: published values, replays replicate by replicate, slow twin."""

import json
import math

import joblib
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri, pdtr, pdtrc

from estimators.capture_recapture import _kernels_stepwise as kernels
from estimators.capture_recapture._weighted_bca import weighted_bca
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.stepwise import select_stepwise, select_tables
from estimators.errors import InputError, NotEstimableError
from tests.twins import capture_recapture_stepwise as twin

FAMILY = "reference/capture_recapture"
# Silverman, Chan and Vincent (2024) and Chan et al. (2021), Western US, n = 345.
WESTERN = {
    "10000": 52, "01000": 90, "00100": 114, "00010": 45, "00001": 21, "10100": 4,
    "10010": 2, "10001": 5, "01100": 6, "01010": 1, "00011": 3, "10101": 1, "01110": 1,
}  # fmt: skip
# Lyneham, Dowling and Bricknell (2019), Australia 2015-17, n = 414.
AUSTRALIA = {
    "1000": 34, "0100": 13, "0010": 198, "0001": 100, "1100": 3, "1010": 4, "1001": 1,
    "0110": 36, "0101": 2, "1110": 6, "1101": 1, "0111": 15, "1111": 1,
}  # fmt: skip
KOREA = {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}
TABLES = st.lists(
    st.sampled_from([0, 0, 0, 1, 2, 5, 30]), min_size=15, max_size=15
).filter(any)


@pytest.fixture(scope="module")
def reference(shared_folder):
    return json.loads((shared_folder / FAMILY / "reference.json").read_text())


def table(reference, name):
    entry = reference["data"][name]
    width = len(entry["lists"])
    counts = {"".join(map(str, row[:width])): row[width] for row in entry["rows"]}
    return CaptureHistories.from_counts(counts, lists=entry["lists"])


@pytest.mark.parametrize(
    ("counts", "estimate", "model"),
    [
        (WESTERN, 2483.384, "[15,2,3,4]"),
        (AUSTRALIA, 6496.0, "[12,23,24]"),
        (KOREA, 268.777777777778, "[12,3]"),
    ],
)
def test_select__published_point_estimates(counts, estimate, model):
    result = select_stepwise(CaptureHistories.from_counts(counts))
    # Half a unit of the last digit that was printed.
    assert result.estimate == pytest.approx(estimate, abs=0.05)
    assert result.method == f"select_stepwise {model}"
    assert any("too short" in note for note in result.notes)


@pytest.mark.shared
def test_select__every_table_and_threshold_of_the_reference(reference):
    tried = 0
    for name, entry in reference["log_linear"].items():
        histories = table(reference, name)
        rows = list(entry.get("stepwise", {}).items())
        for threshold, row in rows + list(
            entry.get("stepwise_points_02a4", {}).items()
        ):
            got = select_stepwise(histories, threshold=float(threshold))
            assert got.estimate == pytest.approx(row["popest"], rel=1e-8)
            assert got.method == f"select_stepwise {row['hiermod']}"
            assert got.diagnostics["bic"] == pytest.approx(row["bic"], rel=1e-11)
            tried += 1
    assert tried == 71


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Korea", "Kosovo", "UKdat_5"])
def test_bootstrap__replays_r_replicate_by_replicate(reference, shared_folder, name):
    histories = table(reference, name)
    expected = np.loadtxt(
        shared_folder / FAMILY / f"bootreps_stepwise_{name}.csv",
        skiprows=1,
        converters=lambda text: float(text.strip('"')),
    )
    drawn = np.loadtxt(
        shared_folder / FAMILY / f"resamples_stepwise_{name}.csv",
        delimiter=",",
        skiprows=1,
        dtype=np.int64,
    )
    width = len(histories.lists)
    # The resamples of Korea have a row for the empty history 011 before the last.
    rows = [row[:width] for row in reference["data"][name]["rows"]]
    if len(drawn) > len(rows):
        rows.insert(5, [0, 1, 1])
    masks = [sum(bit << place for place, bit in enumerate(row)) for row in rows]
    counts = drawn[[masks.index(mask) for mask in histories.history]].T
    assert (counts.sum(axis=1) == histories.n_observed).all()
    got = select_tables(histories, counts, threshold=0.02)
    np.testing.assert_allclose(got.population_size, expected, rtol=1e-8)

    published = reference["stepwise_bootstrap"]["results"][name]
    less = histories.count - np.eye(histories.count.size, dtype=np.int64)
    left_out = select_tables(histories, less, threshold=0.02).population_size
    centred = np.average(left_out, weights=histories.count) - left_out
    acceleration = (histories.count * centred**3).sum() / (
        6 * (histories.count * centred**2).sum() ** 1.5
    )
    assert acceleration == pytest.approx(published["ahat"], rel=1e-6)
    sizes = got.population_size
    assert sizes.std(ddof=1) == pytest.approx(published["boot_sd"], rel=1e-8)
    assert sizes.mean() == pytest.approx(published["boot_mean"], rel=1e-8)
    for share, quantile in published["boot_quantiles"].items():
        mine = np.percentile(sizes, float(share.rstrip("%")), method="median_unbiased")
        assert mine == pytest.approx(quantile, rel=1e-8)
    chosen = select_stepwise(histories)
    assert chosen.method == f"select_stepwise {published['hiermod']}"
    if name == "Korea":
        sizes = with_ties_as_in_r(sizes, published)
    below = ndtri((sizes < published["popest"]).mean())
    assert below == pytest.approx(published["z0"], rel=1e-12)
    for level in (0.95, 0.9, 0.8, 0.68):
        interval = weighted_bca(
            published["popest"],
            sizes,
            left_out,
            histories.count,
            level=level,
        )
        low, high = (f"{round((1 + side * level) / 2, 4):g}" for side in (-1, 1))
        assert interval.low == pytest.approx(published["BCa"][low], rel=1e-6)
        assert interval.high == pytest.approx(published["BCa"][high], rel=1e-6)


def with_ties_as_in_r(sizes, published):
    """Seven replicates select and fit as the data do: R has some of them below.

    Rounding at 1e-12 decides which; how many is read off R's z0.
    """
    estimate, sizes = published["popest"], sizes.copy()
    ties = np.flatnonzero(np.isclose(sizes, estimate, rtol=1e-9, atol=0))
    assert ties.size == 7
    wanted = round(ndtr(published["z0"]) * sizes.size)
    sizes[ties] = estimate
    below = ties[: wanted - int((sizes < estimate).sum())]
    sizes[below] = estimate * (1 - 1e-12)
    return sizes


def test_bootstrap__same_rng_same_answer_on_any_number_of_jobs():
    histories = CaptureHistories.from_counts(KOREA)
    with joblib.parallel_config(backend="threading"):
        one, two = (
            select_stepwise(histories, n_resamples=2500, rng=3, n_jobs=jobs)
            for jobs in (1, 2)
        )
    assert one.to_frame().equals(two.to_frame())
    assert one.diagnostics == two.diagnostics
    assert one.ci.method == "BCa bootstrap"
    assert one.std_error == pytest.approx(77.7, rel=0.1)  # R: 77.71 in 1000
    assert one.diagnostics["bootstrap_mean"] == pytest.approx(238.8, rel=0.05)
    assert not any("too short" in note for note in one.notes)


def test_threshold_zero__is_independent_lists_and_a_higher_one_nests_the_lower():
    histories = CaptureHistories.from_counts(WESTERN)
    assert select_stepwise(histories, threshold=0).method.endswith("[1,2,3,4,5]")
    few, many = (
        select_tables(histories, histories.count[None, :], threshold=p).terms(0)
        for p in (0.02, 0.5)
    )
    assert many[: len(few)] == few
    assert len(many) > len(few)


def test_order_of_lists__does_not_matter():
    histories = CaptureHistories.from_counts(AUSTRALIA)
    turned = histories.restrict("C", "A", "D", "B")
    assert select_stepwise(turned).estimate == pytest.approx(
        select_stepwise(histories).estimate, rel=1e-10
    )


def test_disjoint_lists__are_refused_with_the_missing_overlap():
    histories = CaptureHistories.from_counts({"10": 5, "01": 7})
    with pytest.raises(NotEstimableError, match="Model"):
        select_stepwise(histories)


def test_failed_resamples__are_counted():
    histories = CaptureHistories.from_counts({"10": 20, "01": 20, "11": 2})
    result = select_stepwise(histories, n_resamples=400, rng=1)
    # P(no overlap) = (1 - 2 / 42)^42 = 0.129.
    assert 400 * 0.08 < result.diagnostics["n_failed"] < 400 * 0.18
    assert any("left out" in note for note in result.notes)


def test_resamples_that_mostly_fail__give_no_interval():
    histories = CaptureHistories.from_counts({"10": 1, "01": 1, "11": 1})
    with pytest.raises(NotEstimableError, match="look more certain than it is"):
        select_stepwise(histories, n_resamples=50, rng=1)
    assert select_stepwise(histories).estimate == pytest.approx(4)


def test_counts_near_two_to_the_31__are_selected_and_resampled():
    big = 2**31 - 1
    result = select_stepwise(
        CaptureHistories.from_counts({"10": big, "01": big // 2, "11": big // 3}),
        n_resamples=20,
        rng=1,
    )
    exact = (big + big // 3) * (big // 2 + big // 3) / (big // 3)
    assert result.estimate == pytest.approx(exact, rel=1e-12)
    assert exact in result.ci


@pytest.mark.parametrize("n_resamples", [1, -5, 2.5])
def test_n_resamples__is_none_or_two_and_more(n_resamples):
    with pytest.raises(InputError, match="n_resamples"):
        select_stepwise(CaptureHistories.from_counts(KOREA), n_resamples=n_resamples)


def test_bca__one_sided_replicates_and_equal_jackknife_are_said_or_harmless():
    draws, persons = np.arange(1.0, 200.0), np.array([3, 4])
    one_sided = weighted_bca(0.5, draws, np.ones(2), persons, level=0.9)
    assert "percentile" in one_sided.method
    # No skewness and a median estimate: the percentile limits, type 8 of 199 values.
    centred = weighted_bca(100.5, draws, np.ones(2), persons, level=0.9)
    share = ndtri(100 / 199)
    assert centred.low == pytest.approx(
        np.quantile(draws, ndtr(2 * share + ndtri(0.05)), method="median_unbiased"),
        rel=1e-12,
    )


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan"), "a"])
def test_threshold__out_of_range(threshold):
    histories = CaptureHistories.from_counts(KOREA)
    with pytest.raises(InputError, match="threshold"):
        select_stepwise(histories, threshold=threshold)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(values=TABLES, threshold=st.sampled_from([0.001, 0.02, 0.3]))
def test_kernel__equals_the_slow_selection(values, threshold):
    counts = np.array([0, *values])
    order, result = np.zeros(6, dtype=np.int64), np.zeros(2)
    pairs = np.array([3, 5, 9, 6, 10, 12])
    kernels.select_pairs(counts.astype(float), pairs, threshold, order, result)
    expected, unseen = twin.select_pairs(counts, threshold, 4)
    got = [int(p) for p in pairs[np.argsort(order)][np.sort(order) > 0]]
    assert got == expected
    np.testing.assert_allclose(result[0], unseen, rtol=1e-7)
    assert (result[1] == kernels.NO_MAIN_EFFECTS) == np.isnan(unseen)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(values=TABLES, used=st.integers(0, 63))
def test_existence__by_elimination_equals_linear_programming(values, used):
    counts = np.array([0, *values])
    pairs = [p for k, p in enumerate([3, 5, 9, 6, 10, 12]) if used >> k & 1]
    terms = [0, 1, 2, 4, 8, *pairs]
    cells = np.arange(16)
    totals = {t: counts[(cells & t) == t].sum() for t in terms}
    active = np.array([t for t in terms if totals[t] > 0])
    dead = np.zeros(16, dtype=np.int64)
    for term in terms:
        if totals[term] == 0:
            dead[(cells & term) == term] = 1
    dead[0] = 1
    got = kernels.is_estimable(active, counts.astype(float), dead)
    assert got == twin.estimable(counts, pairs, 4)


@settings(deadline=None, derandomize=True)
@given(observed=st.integers(0, 5000), mean=st.floats(1e-6, 1e4))
def test_tail__equals_the_distribution_function(observed, mean):
    lower = pdtr(observed, mean)
    upper = 1.0 if observed == 0 else pdtrc(observed - 1, mean)
    assume(min(lower, upper) > 1e-250)
    got = kernels.lesser_tail(float(observed), mean)
    assert math.isclose(got, min(lower, upper), rel_tol=1e-8)
