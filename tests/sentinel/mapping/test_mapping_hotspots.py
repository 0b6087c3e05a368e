"""From local statistics and scans to categories and clusters of a map."""

from __future__ import annotations

import numpy as np
import pytest

from estimators.errors import InputError
from estimators.spatial import SpatialWeights, getis_ord, local_moran, spatial_scan
from sentinel.mapping import local_categories, scan_clusters
from sentinel.mapping.style import CATEGORIES


@pytest.fixture
def grid():
    x, y = np.meshgrid(np.arange(8.0), np.arange(8.0))
    points = np.column_stack([x.ravel(), y.ravel()])
    values = np.where((points < 3).all(axis=1), 9.0, 1.0) + 0.01 * points[:, 0]
    return points, values, [f"P-{at}" for at in range(64)]


def test_categories__are_those_of_the_key(grid):
    points, values, codes = grid
    weights = SpatialWeights.distance_band(points, threshold=1.5)
    for result in (
        local_moran(values, weights, rng=1),
        getis_ord(values, weights, rng=1),
    ):
        frame = local_categories(result, codes)
        assert frame["place"].tolist() == codes
        assert set(frame["category"]) <= set(CATEGORIES)
        assert frame["category"].isin(["high-high", "hotspot"]).any()
    with pytest.raises(InputError, match="63 codes"):
        local_categories(result, codes[:-1])


def test_clusters__hold_the_codes_of_their_members(grid):
    points, values, codes = grid
    scan = spatial_scan(10 * np.round(values), np.full(64, 100), points, rng=1)
    first = scan_clusters(scan, codes)[0]
    # No circle holds all nine of the corner and nothing else.
    assert {"P-0", "P-1", "P-8", "P-9"} <= set(first.members)
    assert set(first.members) <= {f"P-{8 * y + x}" for x in range(4) for y in range(4)}
    assert first.p_value <= 0.05
    with pytest.raises(InputError, match="64 areas"):
        scan_clusters(scan, codes[:-1])
