"""Missed links undone: the inverse of splitting, by hand and by Monte Carlo."""

import numpy as np
import pytest

from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.linkage_bias import linkage_error_correction
from estimators.capture_recapture.linkage_sensitivity import (
    missed_link_sensitivity,
    splitting_matrix,
)
from estimators.capture_recapture.simulate import draw_tables, independent_cells
from estimators.errors import InputError, NotEstimableError

TRUE = {"100": 3000, "010": 2500, "110": 900, "001": 2000, "101": 700, "011": 600}


def split(dense, rate, rng):
    """Split persons one at a time, as the docstring says."""
    seen = np.zeros_like(dense)
    for mask, count in enumerate(dense):
        held = [1 << place for place in range(3) if mask >> place & 1]
        for _ in range(count):
            if len(held) > 1 and rng.random() > (1 - rate) ** (len(held) - 1):
                single = held[rng.integers(len(held))]
                seen[single] += 1
                seen[mask ^ single] += 1
            else:
                seen[mask] += 1
    return seen


def test_matrix__is_the_mean_of_simulated_splitting():
    true = CaptureHistories.from_counts(TRUE | {"111": 400}).dense()
    rng = np.random.default_rng(3)
    seen = np.mean([split(true, 0.15, rng) for _ in range(30)], axis=0)
    expected = splitting_matrix(3, 0.15) @ true
    # Each cell's Monte-Carlo error is below sqrt(900 * 0.15 / 30), about 2 persons.
    np.testing.assert_allclose(seen, expected, atol=10)
    assert expected.sum() > true.sum()


def test_matrix__keeps_every_record():
    held = (np.arange(16)[:, None] >> np.arange(4) & 1).sum(axis=1)
    np.testing.assert_allclose(held @ splitting_matrix(4, 0.3), held, rtol=1e-12)


def test_two_lists__equal_the_closed_form():
    table = CaptureHistories.from_counts({"10": 910, "01": 710, "11": 90})
    found = missed_link_sensitivity(table, missed_link_rates=[0.1])
    wanted = linkage_error_correction(1000, 800, 90, missed_link_rate=0.1)
    assert found[0].estimate == pytest.approx(wanted.estimate, rel=1e-9)
    assert found[0].n_obs == wanted.n_obs


def test_split_population__the_right_rate_gives_back_the_truth():
    cells = independent_cells([0.4, 0.3, 0.35])
    true = draw_tables(cells, population=200_000, rng=2)[0]
    true[0] = 0
    observed = np.rint(splitting_matrix(3, 0.1) @ true).astype(int)
    base = CaptureHistories.from_counts(TRUE | {"111": 400})
    rows = missed_link_sensitivity(
        base.with_counts(observed), missed_link_rates=[0, 0.1]
    )
    # Random error of the size: about 0.3 %.
    assert rows.get(missed_link_rate=0.1).estimate == pytest.approx(200_000, rel=0.01)
    assert rows.get(missed_link_rate=0.0).estimate > 205_000


def test_refuted_rates__are_named():
    table = CaptureHistories.from_counts({"10": 30, "01": 4, "11": 20})
    found = missed_link_sensitivity(table, missed_link_rates=[0.0, 0.1, 0.5])
    assert [group["missed_link_rate"] for group in found.groups] == [0.0, 0.1]
    assert "rate 0.5" in found.notes[0]
    assert "exactly B" in found.notes[0]
    with pytest.raises(NotEstimableError, match="fewer links"):
        missed_link_sensitivity(table, missed_link_rates=[0.5])


@pytest.mark.parametrize("rates", [[], [1.0], [-0.1], [float("nan")]])
def test_bad_rates__are_refused(rates):
    table = CaptureHistories.from_counts({"10": 30, "01": 4, "11": 20})
    with pytest.raises(InputError, match="missed_link_rates"):
        missed_link_sensitivity(table, missed_link_rates=rates)
