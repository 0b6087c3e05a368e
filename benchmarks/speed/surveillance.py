"""Farrington flexible over 500 weeks; the bound is 0.2 s.

The plain answer beside it fits one week at a time with statsmodels, on every tenth
week, and the bounds must be equal.
"""

from __future__ import annotations

import numpy as np

from benchmarks.speed._timing import report, time_calls
from estimators.surveillance import farrington_flexible
from tests.twins.surveillance import farrington_bound

FIRST, WEEKS = 211, 500


def series() -> np.ndarray:
    """Return counts with a season and overdispersion, 500 of them testable."""
    time = np.arange(FIRST + WEEKS)
    mean = np.exp(1.5 + 0.5 * np.sin(2 * np.pi * time / 52))
    return np.random.default_rng(1).negative_binomial(4, 4 / (4 + mean))


def main() -> None:
    """Time both and compare the bounds of every tenth week."""
    counts = series()
    rule = {"years_back": 4, "half": 3, "seasons": 10, "excluded": 26}
    places = range(FIRST, FIRST + WEEKS, 10)
    timings = time_calls(
        {
            "farrington_flexible, 500 weeks": lambda: farrington_flexible(counts),
            "one at a time, every tenth week": lambda: [
                farrington_bound(counts, place, **rule) for place in places
            ],
        }
    )
    report(timings)
    fast = np.array([timings[0].value.get(period=at + 1).ci.high for at in places])
    slow = np.array([bound for _, _, bound in timings[1].value])
    print(f"bounds that differ: {(fast != slow).sum()} of {slow.size}")
    if (fast != slow).any():
        raise SystemExit("the batched fit and the plain one disagree")


if __name__ == "__main__":
    main()
