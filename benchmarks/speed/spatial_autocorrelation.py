"""Local Moran and Gi* of 5,000 areas with 9,999 draws each: the bound is one second.

The plain answer beside them draws every neighbourhood with numpy, for a hundredth of
the areas; its p-values must agree within Monte Carlo error.
"""

from __future__ import annotations

import numpy as np

from benchmarks.speed._timing import report, time_calls
from estimators.array_types import FloatVector
from estimators.spatial import SpatialWeights, getis_ord, local_moran

AREAS, DRAWS, PLAIN = 5_000, 9_999, 50


def plain_moran(values: FloatVector, weights: SpatialWeights) -> FloatVector:
    """Return two-sided p-values of the first areas, one draw at a time."""
    rng = np.random.default_rng(2)
    z = values - values.mean()
    shares = []
    for area in range(PLAIN):
        links = slice(weights.first[area], weights.first[area + 1])
        weight, others = weights.scaled[links], np.delete(z, area)
        sums = np.array(
            [
                weight @ rng.choice(others, weight.size, replace=False)
                for _ in range(DRAWS // 10)
            ]
        )
        seen = weight @ z[weights.neighbour[links]]
        tail = min((sums >= seen).sum(), (sums <= seen).sum())
        shares.append(min(1.0, 2 * (1 + tail) / (1 + sums.size)))
    return np.array(shares)


def main() -> None:
    """Time them and compare p-values."""
    rng = np.random.default_rng(1)
    weights = SpatialWeights.k_nearest(rng.random((AREAS, 2)), k=6)
    values = rng.gamma(2.0, size=AREAS)
    timings = time_calls(
        {
            "local_moran": lambda: local_moran(values, weights, rng=1),
            "getis_ord, star": lambda: getis_ord(values, weights, rng=1),
            f"plain, {PLAIN} areas": lambda: plain_moran(values, weights),
        }
    )
    report(timings)
    fast = timings[0].value.table["p_value"].to_numpy()[:PLAIN]
    error = np.sqrt(2 * np.maximum(fast, 2e-3) / (DRAWS // 10))
    if (np.abs(fast - timings[2].value) > 5 * error).any():
        raise SystemExit("draws and the plain answer disagree")


if __name__ == "__main__":
    main()
