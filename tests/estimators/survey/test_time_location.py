"""Time-location weights: unbiased over all samples of a small population."""

import itertools

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from estimators.survey import time_location_weights

OPTIONS = {
    "event": ["venue", "slot"],
    "probabilities": ["p_venue", "p_slot"],
    "attending": "there",
    "visits": "visits",
}


def met():
    return pd.DataFrame(
        {
            "venue": ["pier", "pier", "bar", "bar"],
            "slot": ["am", "am", "pm", "pm"],
            "p_venue": [0.5, 0.5, 0.25, 0.25],
            "p_slot": [0.2, 0.2, 0.4, 0.4],
            "there": [10, 10, 2, 2],
            "visits": [1.0, 4, 2, 5],
        }
    )


def test_weights__by_hand():
    got = time_location_weights(met(), **OPTIONS)
    np.testing.assert_allclose(got["weight"], [50, 12.5, 5, 2])
    np.testing.assert_allclose(got["event_probability"], 0.1)


def test_every_sample_of_a_small_population__averages_to_its_persons():
    # 6 persons attend 3 venues of 2 slots. Two venues are drawn, one slot of each and
    # half of those there: over all samples the weights add up to 6 persons, and those
    # of persons with an outcome to 2, whatever their visits.
    rng = np.random.default_rng(3)
    attends = {}
    for person in range(6):
        events = rng.choice(6, rng.integers(1, 6), replace=False)
        attends[person] = {divmod(int(e), 2) for e in events}
    for venue, slot in itertools.product(range(3), range(2)):
        if not any((venue, slot) in places for places in attends.values()):
            attends[0].add((venue, slot))
    totals, events = [], []
    for venues in itertools.combinations(range(3), 2):
        for slots in itertools.product(range(2), repeat=2):
            rows = [
                {"person": person, "venue": venue, "slot": slot, "p_venue": 2 / 3,
                 "p_slot": 1 / 2, "visits": len(attends[person]),
                 "there": sum((venue, slot) in places for places in attends.values())}
                for venue, slot in zip(venues, slots, strict=True)
                for person in range(6) if (venue, slot) in attends[person]
            ]  # fmt: skip
            frame = pd.DataFrame(rows)
            weight = time_location_weights(frame, **OPTIONS)["weight"]
            totals.append(weight.sum())
            events.append(weight[frame["person"] < 2].sum())
    assert np.mean(totals) == pytest.approx(6, rel=1e-12)
    assert np.mean(events) == pytest.approx(2, rel=1e-12)


def test_unknown_visits__are_an_error_or_counted():
    frame = met()
    frame.loc[2, "visits"] = np.nan
    with pytest.raises(InputError, match=r"\(visits\) is unknown: 1 row \(2\)"):
        time_location_weights(frame, **OPTIONS)
    got = time_location_weights(frame, **OPTIONS, unknown="harmonic_mean")
    assert got["visits_assumed"].tolist() == [False, False, True, False]
    assert got["visits"][2] == pytest.approx(3 / (1 + 1 / 4 + 1 / 5))


def test_interviewed__counts_those_who_are_not_in_the_frame():
    frame = met().assign(spoken=[4, 4, 2, 2])
    got = time_location_weights(frame, **OPTIONS, interviewed="spoken")
    np.testing.assert_allclose(got["within_probability"], [0.4, 0.4, 1, 1])


def test_every_problem__is_listed():
    frame = met()
    frame.loc[0, "p_venue"] = 1.5
    frame.loc[1, "visits"] = 0
    frame.loc[[2, 3], "there"] = 1
    with pytest.raises(InputError) as error:
        time_location_weights(frame, **OPTIONS)
    for words in ("0 < p <= 1", "not constant within venue=pier", "1 or more",
                  "more interviewed"):  # fmt: skip
        assert words in str(error.value)
    with pytest.raises(InputError, match="Missing from the frame"):
        time_location_weights(met().drop(columns="there"), **OPTIONS)
