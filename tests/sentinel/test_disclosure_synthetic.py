"""Synthetic records, and masked points: what they keep and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyproj import Geod

from estimators.errors import InputError
from sentinel.disclosure import ReleaseLedger, ReleasePolicy, geomask, synthesise
from sentinel.disclosure.synthetic import _noisy

KEY = b"a key of the tests, 24 b"


def people(n=4000, rng=1):
    draw = np.random.default_rng(rng)
    sex = draw.choice(["f", "m"], n, p=[0.45, 0.55])
    held = np.where(sex == "f", draw.random(n) < 0.6, draw.random(n) < 0.1)
    year = draw.choice(["2009", "2010", ""], n, p=[0.5, 0.3, 0.2])
    return pd.DataFrame({"sex": sex, "held": np.where(held, "1", ""), "year": year})


DOMAINS = {"sex": ["f", "m", "x"], "held": ["", "1"], "year": ["2009", "2010", ""]}


def test_synthetic__keeps_shares_and_the_strongest_association():
    frame = people()
    made = synthesise(frame, DOMAINS, epsilon=1.0, rng=1)
    assert ("sex", "held") in made.tree
    # Noise of a count at epsilon / 9 has standard deviation about 13 of 4000.
    assert abs(len(made.frame) - 4000) < 100
    for name, codes in DOMAINS.items():
        for code in codes:
            share = (made.frame[name].fillna("") == code).mean()
            assert share == pytest.approx((frame[name] == code).mean(), abs=0.04)
    women = made.frame[made.frame["sex"] == "f"]
    assert (women["held"] == "1").mean() == pytest.approx(0.6, abs=0.06)
    again = synthesise(frame, DOMAINS, epsilon=1.0, rng=1)
    pd.testing.assert_frame_equal(made.frame, again.frame)


def test_synthetic__little_epsilon_tells_little():
    far = synthesise(people(), DOMAINS, epsilon=0.001, rng=1).frame
    assert abs((far["sex"] == "f").mean() - 0.45) > 0.02


def test_noise__odds_of_neighbouring_counts_stay_within_epsilon():
    """The definition: no outcome is more than exp(epsilon) likelier for n + 1."""
    epsilon, n = 0.7, 400_000
    counts = [
        np.bincount(
            _noisy(np.full(n, start), epsilon, np.random.default_rng(1)).astype(int),
            minlength=60,
        )
        for start in (20, 21)
    ]
    often = np.minimum(*counts) > 2_000  # there the ratio is known to 5 %
    assert often.sum() > 8
    ratio = np.log(counts[0][often] / counts[1][often])
    assert np.abs(ratio).max() <= epsilon + 0.1
    assert np.abs(ratio).max() >= epsilon - 0.1  # and no noise is wasted


def test_synthetic__codes_that_nobody_has_are_possible():
    few = people(60)
    made = synthesise(few, DOMAINS, epsilon=0.1, rng=4)
    assert "x" in set(made.frame["sex"])


def test_synthetic__budget_is_written_before_anything_is_drawn(tmp_path):
    ledger = ReleaseLedger.read(tmp_path / "ledger.jsonl")
    synthesise(people(), DOMAINS, epsilon=0.8, ledger=(ledger, "2009", 1.0), rng=1)
    assert ReleaseLedger.read(ledger.path).spent("2009") == 0.8
    with pytest.raises(InputError, match="budget"):
        synthesise(people(), DOMAINS, epsilon=0.3, ledger=(ledger, "2009", 1.0))


@pytest.mark.parametrize("epsilon", [0, -1, np.inf, np.nan])
def test_synthetic__bad_epsilon(epsilon):
    with pytest.raises(InputError, match="epsilon"):
        synthesise(people(20), DOMAINS, epsilon=epsilon)


def test_synthetic__values_outside_the_domain_are_counted_not_told():
    frame = people(20).assign(sex="Sokha")
    with pytest.raises(InputError, match="20 values outside") as caught:
        synthesise(frame, DOMAINS, epsilon=1)
    assert "Sokha" not in str(caught.value)


def points(n=300):
    return pd.DataFrame(
        {"id": np.arange(n), "longitude": 103.2, "latitude": 13.1, "density": 90.0}
    )


def test_geomask__lands_in_the_ring_uniformly_by_area():
    moved = geomask(points(), ReleasePolicy(), key=KEY, person="id")
    longitude, latitude = moved["longitude"], moved["latitude"]
    centre = np.full(len(moved), 103.2), np.full(len(moved), 13.1)
    _, _, metres = Geod(ellps="WGS84").inv(*centre, longitude, latitude)
    # The ring holds 1000 residents at 90 per square kilometre; 0.001 degree is 111 m.
    most = np.sqrt(1000.0**2 + 1000 / (np.pi * 90e-6))
    assert metres.min() > 1000 - 120
    assert metres.max() < most + 120
    inner = (metres**2 < (1000**2 + most**2) / 2).mean()
    assert inner == pytest.approx(0.5, abs=0.12)  # 4 standard errors of 300
    assert not {"id", "density"} & set(moved.columns)


def test_geomask__sparse_country_is_moved_further():
    sparse = geomask(
        points().assign(density=5.0), ReleasePolicy(), key=KEY, person="id"
    )
    assert sparse["most_metres"].iloc[0] > 7_900


def test_geomask__averaging_over_rounds_brings_nothing():
    first = geomask(points(), ReleasePolicy(), key=KEY, person="id")
    again = geomask(points().sample(frac=1), ReleasePolicy(), key=KEY, person="id")
    pd.testing.assert_frame_equal(first, again)
    other = geomask(points(), ReleasePolicy(), key=KEY[::-1], person="id")
    assert not other["longitude"].equals(first["longitude"])


def test_geomask__refuses_points():
    frame = points()
    frame.loc[0, "longitude"] = 103.25
    with pytest.raises(InputError, match="not aggregated"):
        geomask(frame, ReleasePolicy(), key=KEY, person="id")
    # Ten rows of one person are one person.
    with pytest.raises(InputError, match="not aggregated"):
        geomask(points().assign(id=1), ReleasePolicy(), key=KEY, person="id")


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({}, {"key": b"short"}, "key"),
        ({}, {"least_metres": 10}, "least_metres"),
        ({"density": 0.0}, {}, "density"),
        ({"density": 0.01}, {}, "wider"),
        ({"latitude": 95.0}, {}, "latitude"),
        ({"id": None}, {}, "every row needs"),
        ({}, {"anonymity": 2}, "anonymity"),
    ],
)
def test_geomask__bad_input(change, options, said):
    with pytest.raises(InputError, match=said):
        geomask(points().assign(**change), ReleasePolicy(),
                **{"key": KEY, "person": "id", **options})  # fmt: skip
