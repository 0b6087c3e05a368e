"""Review by clerks: blind sheets, decisions read back, rates with their errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.linkage import (
    SourceList,
    apply_decisions,
    errors_from_review,
    read_decisions,
    review_sample,
)
from sentinel.schema.problems import IngestError
from tests.sentinel.linkage.conftest import COLUMNS


@pytest.fixture(scope="module")
def lists(simulated):
    return [
        SourceList(source=name, frame=frame, record_id="record_id", columns=COLUMNS)
        for name, frame in simulated.lists.items()
    ]


@pytest.fixture(scope="module")
def persons(pairs):
    return pairs.persons(0.5)


@pytest.fixture(scope="module")
def review(pairs, persons, lists):
    return review_sample(pairs, persons, lists, per_band=40, rng=5)


def clerk(review, truth):
    same = truth[review.key["id_l"]] == truth[review.key["id_r"]]
    return review.sheet.assign(decision=np.where(same, "Same", "different "))


def test_the_sheet_is_blind(review):
    columns = set(review.sheet.columns)
    fields = {f"{name}_{side}" for name in COLUMNS for side in (1, 2)}
    assert columns == {"pair", "decision", "comment"} | fields
    text = review.sheet.to_csv()
    marks = ("police", "hotline", "pol-", "ngo-", "hot-")
    assert not any(mark in text for mark in marks)
    # Neither the order of pairs nor that of sides tells anything.
    weight = np.arange(len(review.key))
    assert abs(np.corrcoef(weight, review.key["band"])[0, 1]) < 0.25
    assert 0.3 < (review.key["id_l"] < review.key["id_r"]).mean() <= 1


def test_the_sheet_shows_what_agencies_wrote(review, records, simulated):
    row, key = review.sheet.iloc[0], review.key.iloc[0]
    found = []
    for unique_id in (key["id_l"], key["id_r"]):
        record = records.frame.iloc[unique_id]
        frame = simulated.lists[record["source"]].set_index("record_id")
        found.append(frame.loc[record["record"], "name"])
    assert {row["name_1"], row["name_2"]} == set(found)


def test_the_sample_is_stratified_and_repeats(review, pairs, persons, lists):
    again = review_sample(pairs, persons, lists, per_band=40, rng=5)
    pd.testing.assert_frame_equal(again.sheet, review.sheet)
    for _, band in review.key.groupby(["band", "linked"]):
        assert len(band) == min(40, band["n_band"].iloc[0])
    weight = 1 / review.key["inclusion_probability"]
    assert weight.sum() == pytest.approx(len(pairs.frame))


def linked_both(persons, pairs, truth):
    """Return links of police and NGO by truth: made, and not made but returned."""
    frame = pairs.frame
    source = pairs.records.frame["source"].to_numpy()
    person = persons.frame["person"].to_numpy()
    left, right = frame["id_l"].to_numpy(), frame["id_r"].to_numpy()
    ours = np.isin(source[left], ["police", "ngo"])
    ours &= np.isin(source[right], ["police", "ngo"])
    same, made = truth[left] == truth[right], person[left] == person[right]
    return (ours & same & made).sum(), (ours & same & ~made).sum()


def test_samples_of_a_perfect_clerk_give_the_rates_of_all_pairs(
    pairs, persons, lists, truth
):
    # The target is what a review of every pair says; each sample sees some of them.
    made, missed = linked_both(persons, pairs, truth)
    wanted = missed / (made + missed)
    found = []
    for rng in range(40):
        review = review_sample(pairs, persons, lists, per_band=15, rng=rng)
        decisions = read_decisions(clerk(review, truth), review.key)
        found.append(
            errors_from_review(pairs, persons, decisions, first="police", second="ngo")
        )
    rates = np.array([one.missed_link_rate for one in found])
    said = np.array([one.missed_link_std_error for one in found])
    assert found[0].basis == "clerical review"
    # Mean of 40 samples: 4 Monte-Carlo standard errors.
    margin = 4 * rates.std(ddof=1) / np.sqrt(40)
    assert rates.mean() == pytest.approx(wanted, abs=margin)
    # Errors hold half a hit more in every band, large bands without one included: they
    # are too large here and never too small. A deviation of 40 is known to 11 per cent.
    assert said.mean() > rates.std(ddof=1) / 1.45


def test_all_pairs_reviewed_leave_no_error_of_sampling(pairs, persons, lists, truth):
    whole = review_sample(pairs, persons, lists, per_band=100_000, rng=1)
    decisions = read_decisions(clerk(whole, truth), whole.key)
    found = errors_from_review(pairs, persons, decisions, first="police", second="ngo")
    assert found.missed_link_std_error == 0
    # Links under the floor are not in the frame of a review, and are not in this count.
    made, missed = linked_both(persons, pairs, truth)
    assert found.missed_link_rate == pytest.approx(missed / (made + missed))


def test_decisions_outweigh_the_model(review, pairs, truth):
    decisions = read_decisions(clerk(review, truth), review.key)
    decided = apply_decisions(pairs, decisions)
    assert len(decided.frame) == len(pairs.frame)
    found = decided.frame.merge(review.key[["id_l", "id_r"]])
    same = truth[found["id_l"]] == truth[found["id_r"]]
    assert ((found["match_probability"] > 0.999) == same).all()
    person = decided.persons(0.5).frame["person"].to_numpy()
    joined = person[found["id_l"]] == person[found["id_r"]]
    assert (joined == same).mean() > 0.97
    assert decided.notes[-1] == f"{len(review.key)} pairs were decided by hand"


def test_every_fault_of_a_sheet_is_listed(review):
    sheet = review.sheet.assign(decision="same")
    sheet.loc[0, "decision"] = "perhaps"
    sheet.loc[1, "pair"] = "R9999"
    sheet.loc[2, "pair"] = sheet.loc[3, "pair"]
    with pytest.raises(IngestError) as caught:
        read_decisions(sheet, review.key)
    expected = [item.expected for item in caught.value.problems]
    assert expected == [
        "pairs of this review",
        "every pair once",
        "every pair of the review",
        "same, different, unsure or nothing",
    ]
    with pytest.raises(IngestError, match="Do not rename"):
        read_decisions(review.sheet.drop(columns="decision"), review.key)


def test_unclear_decisions_are_counted_and_an_empty_band_refused(
    review, pairs, persons, truth
):
    sheet = clerk(review, truth)
    sheet.loc[0, "decision"] = "?"
    decisions = read_decisions(sheet, review.key)
    found = errors_from_review(pairs, persons, decisions, first="police", second="ngo")
    assert "1 pairs without a clear decision were left out" in found.notes
    nothing = read_decisions(sheet.assign(decision=""), review.key)
    with pytest.raises(InputError, match="No pair of a band was decided"):
        errors_from_review(pairs, persons, nothing, first="police", second="ngo")


@pytest.mark.parametrize("bands", [(0.5,), (0.7, 0.3), (-0.1, 0.5), (0.5, 1.5)])
def test_bands_must_rise_within_probabilities(pairs, persons, lists, bands):
    with pytest.raises(InputError, match="rising probabilities"):
        review_sample(pairs, persons, lists, bands=bands)
