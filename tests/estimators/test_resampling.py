"""Resampling: independence of the number of jobs, counted failures, known variances."""

import joblib
import numpy as np
import pandas as pd
import pytest

from estimators.errors import ConvergenceError, InputError, NotEstimableError
from estimators.resampling import (
    bootstrap,
    drivers,
    jackknife,
    multinomial_counts,
    resample_indices,
)
from estimators.resampling.row_plans import row_strata

VALUES = np.random.default_rng(3).lognormal(size=40)


def mean_and_spread(values):
    return np.array([values.mean(), values.std()])


def mean_or_refuse(values):
    if values.max() > 4:
        raise ConvergenceError("too large")
    return values.mean()


@pytest.fixture
def small_tasks(monkeypatch):
    """Make every task a few replicates, so that two jobs share the work."""
    monkeypatch.setattr(drivers, "_TASK_SECONDS", 1e-9)


def test_bootstrap__same_answer_on_any_number_of_jobs(small_tasks):
    def run(**options):
        return bootstrap(mean_and_spread, VALUES, n_resamples=23, rng=8, **options)

    one = run(n_jobs=1)
    two = run(n_jobs=2)
    with joblib.parallel_config(backend="threading", n_jobs=3):
        threads = run()
    for other in (two, threads):
        np.testing.assert_array_equal(one.values, other.values)
    assert one.values.shape == (23, 2)


def test_bootstrap__replicate_does_not_depend_on_how_many_follow():
    few = bootstrap(np.mean, VALUES, n_resamples=5, rng=8)
    many = bootstrap(np.mean, VALUES, n_resamples=50, rng=8)
    np.testing.assert_array_equal(few.values, many.values[:5])


def test_bootstrap__equal_rng_equal_answer_and_input_unchanged():
    before = VALUES.copy()
    first = bootstrap(np.median, VALUES, n_resamples=30, rng=1)
    again = bootstrap(np.median, VALUES, n_resamples=30, rng=np.random.default_rng(1))
    other = bootstrap(np.median, VALUES, n_resamples=30, rng=2)
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.values != other.values).any()
    np.testing.assert_array_equal(VALUES, before)


def test_bootstrap__std_error_of_a_mean():
    # Known: sigma_hat / sqrt(n); 4 000 replicates have a relative error of about 1 %.
    found = bootstrap(np.mean, VALUES, n_resamples=4000, rng=2)
    expected = VALUES.std() / np.sqrt(VALUES.size)
    assert float(found.std_error[0]) == pytest.approx(expected, rel=0.05)
    assert abs(float(found.bias[0])) < 4 * expected / np.sqrt(4000)


def test_bootstrap__failures_are_counted_and_named():
    data = np.r_[np.ones(6), 5.0]

    def mean_unless_five_is_drawn_twice(values):
        return mean_or_refuse(values) if (values == 5).sum() > 1 else values.mean()

    partly = bootstrap(mean_unless_five_is_drawn_twice, data, n_resamples=200, rng=1)
    assert 0 < len(partly.failures) < 200
    assert len(partly.values) + len(partly.failures) == 200
    assert (
        f"{len(partly.failures)} of 200 bootstrap replicates failed" in partly.notes[0]
    )
    assert "ConvergenceError: too large" in partly.notes[0]
    # The share with two or more draws of one of 7 rows: 1 - (6/7)^7 - (6/7)^6.
    assert len(partly.failures) / 200 == pytest.approx(0.264, abs=0.11)


def test_bootstrap__nan_is_a_failure_infinity_is_not():
    data = np.array([0.0, 0.0, 1.0, 2.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = bootstrap(
            lambda v: np.divide(v.sum(), (v > 1).sum()), data, n_resamples=100, rng=4
        )
    assert np.isinf(found.values).any()
    assert any("NaN" in failure.reason for failure in found.failures)


def test_bootstrap__a_defect_of_the_statistic_is_not_swallowed():
    calls = []

    def breaks(values):
        calls.append(1)
        if len(calls) > 3:
            raise KeyError("column")
        return values.mean()

    with pytest.raises(KeyError):
        bootstrap(breaks, VALUES, n_resamples=10, rng=1)


def test_bootstrap__all_failed():
    calls = []

    def only_the_first(values):
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError("nobody")
        return values.mean()

    with pytest.raises(NotEstimableError, match=r"20 of 20.*nobody"):
        bootstrap(only_the_first, VALUES, n_resamples=20, rng=1)


def test_bootstrap__strata_keep_their_sizes_and_clusters_stay_whole():
    frame = pd.DataFrame(
        {
            "stratum": ["a"] * 5 + ["b"] * 6,
            "cluster": [1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 5],
            "row": np.arange(11),
        }
    )
    sizes = frame.groupby("cluster")["row"].size()
    seen = []

    def look(rows):
        drawn = rows["cluster"].value_counts()
        assert ((drawn % sizes[drawn.index]) == 0).all()
        times = drawn / sizes[drawn.index]
        per_stratum = [times.reindex(c).sum() for c in ([1, 2], [3, 4, 5])]
        seen.append(tuple(drawn.index))
        return np.array(per_stratum)

    found = bootstrap(
        look,
        frame,
        n_resamples=60,
        rng=6,
        strata=frame["stratum"],
        clusters=frame["cluster"],
    )
    np.testing.assert_array_equal(found.values, np.tile([2.0, 3.0], (60, 1)))
    assert len(set(seen)) > 5


def test_row_strata__every_row_once_in_its_cluster():
    (whole,) = row_strata(6, None, ["x", "y", "x", "z", "y", "x"])
    groups = np.split(whole.rows, whole.starts[1:-1])
    assert [group.tolist() for group in groups] == [[0, 2, 5], [1, 4], [3]]


def test_bootstrap__refuses_by_name():
    with pytest.raises(InputError, match=r"\[39, 40\]"):
        bootstrap(np.mean, VALUES, VALUES[1:], n_resamples=5)
    with pytest.raises(InputError, match="No data"):
        bootstrap(np.mean, n_resamples=5)
    with pytest.raises(InputError, match="n_resamples=1"):
        bootstrap(np.mean, VALUES, n_resamples=1)
    with pytest.raises(InputError, match="3 labels for 40"):
        bootstrap(np.mean, VALUES, n_resamples=5, strata=[1, 2, 3])
    with pytest.raises(InputError, match="1 missing"):
        bootstrap(np.mean, VALUES, n_resamples=5, clusters=[None, *range(39)])
    with pytest.raises(InputError, match="more than one stratum"):
        bootstrap(np.mean, VALUES, n_resamples=5, strata=[1, 2] * 20, clusters=[7] * 40)
    with pytest.raises(InputError, match="40 numbers"):
        bootstrap(np.unique, VALUES, n_resamples=5, rng=1)


def test_jackknife__mean_has_its_classical_std_error():
    found = jackknife(np.mean, VALUES)
    expected = VALUES.std(ddof=1) / np.sqrt(VALUES.size)
    assert float(found.std_error[0]) == pytest.approx(expected, rel=1e-12)
    assert float(found.bias[0]) == pytest.approx(0, abs=1e-12)


def test_jackknife__bias_of_the_plug_in_variance_is_exact():
    # Quenouille: the jackknife turns the n-divisor variance into the n - 1 one.
    found = jackknife(np.var, VALUES)
    corrected = found.estimate - found.bias
    assert float(corrected[0]) == pytest.approx(VALUES.var(ddof=1), rel=1e-10)


def test_jackknife__clusters_are_left_out_whole():
    labels = np.repeat([5, 3, 9], [2, 1, 3])
    found = jackknife(np.sum, np.arange(6.0), clusters=labels)
    np.testing.assert_array_equal(found.values[:, 0], [14.0, 13.0, 3.0])


def test_multinomial_counts__sums_moments_and_prefix():
    shares = np.array([1.0, 3.0, 0.0, 6.0])
    counts = multinomial_counts(shares, 50, 4000, rng=3)
    assert counts.dtype == np.int64
    assert (counts.sum(axis=1) == 50).all()
    assert not counts[:, 2].any()
    np.testing.assert_allclose(counts.mean(axis=0), 5 * shares, atol=0.25)
    np.testing.assert_array_equal(counts[:7], multinomial_counts(shares, 50, 7, rng=3))
    with pytest.raises(InputError, match="-1"):
        multinomial_counts(np.array([2.0, -1.0]), 5, 2)
    with pytest.raises(InputError, match="finite"):
        multinomial_counts(np.array([np.nan, 1.0]), 5, 2)


def test_resample_indices__range_and_refusal():
    rows = resample_indices(7, 500, rng=1)
    assert rows.shape == (500, 7)
    assert set(np.unique(rows)) == set(range(7))
    with pytest.raises(InputError, match="n=0"):
        resample_indices(0, 5)
