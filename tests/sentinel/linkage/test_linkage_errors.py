"""Missed and false links: estimated, taken back, and carried into the size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import independent_lists, linkage_error_correction
from estimators.errors import InputError, NotEstimableError
from sentinel.linkage import (
    errors_from_model,
    errors_from_truth,
    list_histories,
    resample_links,
    size_over_links,
)
from sentinel.linkage.clusters import Clusters
from sentinel.linkage.pairs import LinkedPersons


@pytest.fixture(scope="module")
def persons(pairs):
    return pairs.persons(0.5)


def grouped(source, person):
    person = np.array(person)
    frame = pd.DataFrame(
        {
            "unique_id": range(len(person)),
            "source": list(source),
            "record": [str(number) for number in range(len(person))],
            "person": person,
        }
    )
    clusters = Clusters(
        person=person, n_merged=0, n_within=0, n_refused=0, n_duplicates=0
    )
    return LinkedPersons(frame=frame, clusters=clusters, threshold=0.5)


def test_rates_against_a_table_counted_by_hand():
    # a: persons 0 1 2 3; b: 0 1 2 7 8 9. Linked: 0 right, 1 right, 3 with 7 wrong;
    # 2 was missed. Of b, three persons are truly not on a, one of them linked.
    found = errors_from_truth(
        grouped("aaaabbbbbb", [0, 1, 2, 3, 0, 1, 4, 3, 5, 6]),
        np.array([0, 1, 2, 3, 0, 1, 2, 7, 8, 9]),
        first="a",
        second="b",
    )
    assert (found.n_first, found.n_second, found.n_linked) == (4, 6, 3)
    assert found.missed_link_rate == pytest.approx(1 / 3)
    assert found.false_link_rate == pytest.approx(1 / 3)
    assert found.false_discovery_rate == pytest.approx(1 / 3)


def test_known_rates_take_the_error_back_exactly():
    # The correction is the inverse of the error by its own definition.
    found = errors_from_truth(
        grouped("aaaabbbbbb", [0, 1, 2, 3, 0, 1, 4, 3, 5, 6]),
        np.array([0, 1, 2, 3, 0, 1, 2, 7, 8, 9]),
        first="a",
        second="b",
    )
    size = found.corrected_size()
    assert size.diagnostics["corrected_matches"] == pytest.approx(3)
    assert size.estimate == pytest.approx(4 * 6 / 3)
    wanted = linkage_error_correction(
        4, 6, 3, missed_link_rate=1 / 3, false_link_rate=1 / 3
    )
    assert size.ci == wanted.ci


def test_rates_of_the_model_are_near_the_true_ones(pairs, persons, truth):
    for first, second in (("police", "ngo"), ("ngo", "hotline")):
        model = errors_from_model(pairs, persons, first=first, second=second)
        true = errors_from_truth(persons, truth, first=first, second=second)
        assert model.n_linked == true.n_linked
        # 60 to 110 persons on both: one of them is 1 to 2 percent.
        assert model.missed_link_rate == pytest.approx(true.missed_link_rate, abs=0.06)
        assert model.false_link_rate == pytest.approx(true.false_link_rate, abs=0.03)
        assert model.missed_link_std_error > 0
        assert "blind to links that the fields cannot show" in model.notes[0]
        assert list(model.to_frame()["basis"]) == ["model"]


def test_sensitivity_starts_from_the_table_as_linked(pairs, persons, truth):
    true = errors_from_truth(persons, truth, first="police", second="ngo")
    histories = list_histories(persons)
    rows = true.sensitivity(histories).to_frame()
    assert rows["estimate"].iloc[0] == independent_lists(histories).estimate
    assert rows["estimate"].is_monotonic_decreasing


def test_histories_count_the_persons_of_each_list(persons):
    histories = list_histories(persons)
    assert histories.n_observed == persons.clusters.n_persons
    sizes = dict(zip(histories.lists, histories.list_sizes(), strict=True))
    for name, rows in persons.frame.groupby("source"):
        assert sizes[name] == rows["person"].nunique()
    assert histories.plot() is not None


def test_draws_of_links_repeat_and_hold_every_record(pairs):
    first = resample_links(pairs, n_resamples=4, rng=7)
    again = resample_links(pairs, n_resamples=4, rng=7)
    for left, right in zip(first, again, strict=True):
        assert left.dense().tolist() == right.dense().tolist()
        # Duplicate-free lists: persons on a list are its records, whatever is linked.
        sizes = pairs.records.frame["source"].value_counts()
        assert left.list_sizes().sum() == sizes.sum()
    assert len({tuple(part.dense()) for part in first}) > 1


def test_more_draws_do_not_change_the_earlier_ones(pairs):
    few = resample_links(pairs, n_resamples=2, rng=7)
    more = resample_links(pairs, n_resamples=3, rng=7)
    assert few[1].dense().tolist() == more[1].dense().tolist()


def test_pooling_is_that_of_rubin(pairs):
    pooled = size_over_links(pairs, n_resamples=6, rng=3)
    rows = [
        independent_lists(part) for part in resample_links(pairs, n_resamples=6, rng=3)
    ]
    sizes = np.array([row.estimate for row in rows])
    within = np.mean([row.std_error**2 for row in rows])
    between = sizes.var(ddof=1) * (1 + 1 / 6)
    assert pooled.estimate == pytest.approx(sizes.mean())
    assert pooled.std_error**2 == pytest.approx(within + between)
    share = pooled.diagnostics["variance_share_links"]
    assert share == pytest.approx(between / (within + between))
    assert pooled.estimate in pooled.ci
    assert pooled.notes[0] == "over 6 draws of the links, by their probabilities"


def test_what_does_not_follow_is_refused(pairs, persons):
    with pytest.raises(InputError, match="two of the lists"):
        errors_from_model(pairs, persons, first="police", second="church")
    with pytest.raises(InputError, match="one for each"):
        errors_from_truth(persons, np.array([1]), first="police", second="ngo")
    with pytest.raises(NotEstimableError, match="need some of each"):
        errors_from_truth(
            grouped("ab", [0, 1]), np.array([0, 1]), first="a", second="b"
        )
    with pytest.raises(NotEstimableError, match="two draws or more"):
        size_over_links(pairs, n_resamples=1)
