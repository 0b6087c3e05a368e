"""The scan of a printed flow table: its null, its size, a twin, messages."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import flow_scan, released_flow_scan
from estimators.spatial.example import published_flows
from estimators.spatial.released_flow_scan import _draw, _Margins
from tests.twins import spatial_scan as twin

LEAST = 11


def printed(table, least=LEAST):
    """Return a table and its totals as an office prints them."""
    return {
        "flows": np.where((table > 0) & (table < least), np.nan, table)[:-1, :-1],
        "origin_totals": table.sum(axis=1)[:-1],
        "destination_totals": table.sum(axis=0)[:-1],
        "total": int(table.sum()),
    }


def drawn_table(rng, rows, columns):
    first = np.repeat(np.arange(rows.size), rows)
    second = rng.permutation(np.repeat(np.arange(columns.size), columns))
    table = np.zeros((rows.size, columns.size))
    np.add.at(table, (first, second), 1)
    return table


def test_draws__are_hypergeometric_and_small_ones_count_as_nothing():
    rows, columns, total = np.array([30.0, 14.0, 0.0]), np.array([25.0, 19.0]), 60
    margins = _Margins(rows, columns, total)
    for least in (1, 11):
        drawn = _draw(margins, least, 4000, np.random.default_rng(1)).reshape(-1, 3, 2)
        assert not ((drawn > 0) & (drawn < least)).any()
        for i, j in itertools.product(range(3), range(2)):
            told = np.arange(least, 61)
            chance = hypergeom.pmf(told, total, int(rows[i]), int(columns[j]))
            # Four standard errors of a mean of 4 000 numbers that spread by 6 or less.
            assert drawn[:, i, j].mean() == pytest.approx(
                float(told @ chance), abs=4 * 6 / math.sqrt(4000)
            )


def test_hidden_legs__make_no_cluster_where_ends_meet_at_random():
    rng = np.random.default_rng(8)
    rows = np.array([180, 90, 40, 40, 25, 15, 60])
    columns = np.array([200, 90, 60, 40, 20, 40])
    places = np.column_stack([np.arange(6.0), np.zeros(6)])
    origins, destinations = places, places[:5] + np.array([0.3, 1.0])
    false = naive = 0
    n_tables = 80
    for _ in range(n_tables):
        data = printed(drawn_table(rng, rows, columns))
        assert np.isnan(data["flows"]).sum() > 5
        options = {
            "origins": origins,
            "destinations": destinations,
            "n_resamples": 99,
            "rng": int(rng.integers(2**31)),
        }
        found = released_flow_scan(**data, **options)
        false += bool(found.clusters) and found.clusters[0].p_value <= 0.05
        zeros = np.nan_to_num(data["flows"])
        found = flow_scan(
            zeros, None, model="independence", within_place=True, **options
        )
        naive += bool(found.clusters) and found.clusters[0].p_value <= 0.05
    assert false <= binom.ppf(0.999, n_tables, 0.05)
    # Read as zeros, hidden legs are a pattern of their own.
    assert naive > 0.5 * n_tables


def test_best_zone__is_that_of_the_twin():
    rng = np.random.default_rng(3)
    origins, destinations = rng.normal(size=(5, 2)), rng.normal(size=(4, 2))
    table = rng.poisson(14, (6, 5)).astype(float)
    table[1, 2] += 25
    data = printed(table)
    found = released_flow_scan(
        **data, origins=origins, destinations=destinations, n_resamples=19, rng=1,
        max_places=3,
    )  # fmt: skip
    expected = np.outer(data["origin_totals"], data["destination_totals"])
    expected /= data["total"]
    told = np.nan_to_num(data["flows"])
    best = (0.0, frozenset[int](), frozenset[int]())
    for start, stop in itertools.product(range(5), range(4)):
        near = twin.by_distance(origins, start)
        far = twin.by_distance(destinations, stop)
        for a, b in itertools.product(range(1, 4), range(1, 4)):
            zone = np.ix_(near[:a], far[:b])
            c, e = told[zone].sum(), expected[zone].sum()
            if c <= e or c < LEAST or e > 0.5 * expected.sum():
                continue
            ratio = c * math.log(c / e) + e - c
            if ratio > best[0] + 1e-9:
                best = (ratio, frozenset(near[:a]), frozenset(far[:b]))
    first = found.clusters[0]
    assert first.log_likelihood_ratio == pytest.approx(best[0], rel=1e-9)
    zones = (frozenset(first.members), frozenset(first.destinations))
    # A zone may hold legs that add neither persons nor expectation.
    assert (
        told[np.ix_(*map(sorted, zones))].sum()
        == told[np.ix_(*map(sorted, best[1:]))].sum()
    )


def test_numbers_below_the_least__count_as_hidden():
    data = published_flows()
    shown = np.where(np.isnan(data["flows"]), 8.0, data["flows"])
    hidden = released_flow_scan(**data, n_resamples=99, rng=1)
    small = released_flow_scan(**{**data, "flows": shown}, n_resamples=99, rng=1)
    assert hidden.clusters == small.clusters
    assert "5 of 64 legs are hidden" in hidden.notes[0]


def test_messages__name_what_is_wrong():
    data = published_flows()
    totals = np.where(np.arange(8) == 0, 3, data["origin_totals"])
    with pytest.raises(InputError, match=r"origin_totals: rows \[0\]"):
        released_flow_scan(**{**data, "origin_totals": totals})
    with pytest.raises(InputError, match="above total=100"):
        released_flow_scan(**{**data, "total": 100})
    with pytest.raises(InputError, match="whole numbers"):
        released_flow_scan(**{**data, "flows": data["flows"] + 0.5})
    with pytest.raises(InputError, match="shape"):
        released_flow_scan(**{**data, "flows": data["flows"][:, :3]})
    with pytest.raises(InputError, match="least=0"):
        released_flow_scan(**data, least=0)
    with pytest.raises(NotEstimableError, match="nothing to scan"):
        released_flow_scan(**data, least=500)
