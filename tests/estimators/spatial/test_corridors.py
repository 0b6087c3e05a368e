"""Corridors: supports by hand, expectations by simulation, false discoveries."""

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import corridors
from estimators.spatial.example import travelled_routes


def random_routes(rng, n=150, unknown=0.15):
    frame = pd.DataFrame(
        {
            stage: rng.choice(list("abcd"), size=n, p=[0.4, 0.3, 0.2, 0.1])
            for stage in ("origin", "crossing", "destination")
        }
    ).astype(object)
    return frame.mask(rng.random(frame.shape) < unknown)


def test_support_and_lift__by_hand():
    routes = travelled_routes()
    found = corridors(routes, n_resamples=19, rng=1)
    assert found.corridors[0].places == ("north", "bridge", "capital")
    for one in found.corridors:
        columns = routes[list(one.stages)]
        known = columns[columns.notna().all(axis=1)]
        assert one.known == len(known)
        assert one.support == (known == list(one.places)).all(axis=1).sum()
        shares = [
            (routes[stage] == place).sum() / routes[stage].notna().sum()
            for stage, place in zip(one.stages, one.places, strict=True)
        ]
        assert one.expected == pytest.approx(len(known) * np.prod(shares))
        assert one.support >= 5
    frame = found.to_frame()
    lifts = [one.support / one.expected for one in found.corridors]
    np.testing.assert_allclose(frame["estimate"], lifts)
    assert found.unknown == dict(routes.isna().sum())


def test_expected_by_legs__is_the_chain_of_its_legs():
    routes = travelled_routes()
    found = corridors(routes, n_resamples=9, rng=1).corridors[0]
    known = routes.iloc[:, :3].dropna()
    first = known["origin"] == "north"
    middle = known["crossing"] == "bridge"
    last = known["transit"] == "capital"
    expected = (first & middle).sum() * (middle & last).sum() / middle.sum()
    assert found.expected_by_legs == pytest.approx(expected)


def test_row_order_and_names_of_places__change_nothing():
    routes = travelled_routes()
    plain = corridors(routes, n_resamples=9, rng=1)
    mixed = corridors(routes.sample(frac=1, random_state=1), n_resamples=9, rng=1)
    assert {(c.places, c.support) for c in plain.corridors} == {
        (c.places, c.support) for c in mixed.corridors
    }


def test_null_routes__seldom_have_a_corridor():
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(50):
        found = corridors(random_routes(rng), n_resamples=39, rng=rng)
        false += any(one.family_p_value <= 0.05 for one in found.corridors)
        for one in found.corridors:
            assert one.p_value <= 1
            assert 0 < one.q_value <= 1
    # 2.5 expected; 9 or more have probability below 0.001.
    assert false < 9


def test_q_values__never_fall_along_the_list():
    found = corridors(travelled_routes(), n_resamples=99, rng=1)
    q = [one.q_value for one in found.corridors]
    assert q == sorted(q)
    assert q[0] < 0.05
    assert found.corridors[0].family_p_value == 0.01


def test_max_stages__bounds_the_paths():
    found = corridors(travelled_routes(), max_stages=2, n_resamples=9, rng=1)
    assert {len(one.stages) for one in found.corridors} == {2}


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("two or more", {"routes": pd.DataFrame({"origin": ["a", "b"]})}),
        ("must be a DataFrame", {"routes": [["a", "b"]]}),
        ("min_support=1", {"min_support": 1}),
        ("max_stages=1", {"max_stages": 1}),
        ("n_resamples=2", {"n_resamples": 2}),
    ],
)
def test_bad_input__is_refused_by_name(words, changes):
    with pytest.raises(InputError, match=words):
        corridors(**{"routes": travelled_routes(), **changes})


def test_no_shared_path__cannot_be_judged():
    routes = pd.DataFrame({"from": list("abc"), "to": list("xyz")})
    with pytest.raises(NotEstimableError, match="min_support"):
        corridors(routes)
