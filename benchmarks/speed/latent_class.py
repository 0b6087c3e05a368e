"""Latent classes: 20 items, 10 000 persons, 4 classes, 20 starts, against numpy EM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.speed._timing import report, time_calls
from estimators.latent_class import latent_class_analysis

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix

PERSONS, ITEMS, CLASSES, STARTS = 10_000, 20, 4, 20


def make_input(rng: np.random.Generator) -> pd.DataFrame:
    """Draw binary items of four unlike classes."""
    share = np.array([0.55, 0.25, 0.14, 0.06])
    level = np.array([0.05, 0.25, 0.5, 0.8])
    rates = np.clip(
        level[:, None] * rng.uniform(0.4, 1.3, (CLASSES, ITEMS)), 0.01, 0.95
    )
    member = rng.choice(CLASSES, size=PERSONS, p=share)
    answers = rng.random((PERSONS, ITEMS)) < rates[member]
    names = [f"i{item:02d}" for item in range(ITEMS)]
    return pd.DataFrame(answers.astype(int), columns=names)


def by_numpy(items: pd.DataFrame, rng: np.random.Generator) -> float:
    """Climb once by plain EM on all rows, the log likelihood to 1e-10 (relative)."""
    yes = items.to_numpy(float)
    share = np.full(CLASSES, 1 / CLASSES)
    rates: FloatMatrix = rng.random((CLASSES, ITEMS))
    value = -np.inf
    for _ in range(5_000):
        with np.errstate(divide="ignore", invalid="ignore"):
            joint = yes @ np.log(rates).T + (1 - yes) @ np.log1p(-rates).T
        joint += np.log(share)
        largest = joint.max(axis=1, keepdims=True)
        chance = np.exp(joint - largest)
        total = chance.sum(axis=1, keepdims=True)
        new = float((np.log(total) + largest).sum())
        posterior = chance / total
        size = posterior.sum(axis=0)
        share, rates = size / PERSONS, posterior.T @ yes / size[:, None]
        if new - value < 1e-10 * abs(new):
            break
        value = new
    return new


def main() -> None:
    """Compare the maxima, then print seconds; one BLAS thread, as `sentinel` runs."""
    items = make_input(np.random.default_rng(1))
    with threadpool_limits(limits=1, user_api="blas"):
        timings = time_calls(
            {
                "latent_class_analysis, 20 starts and errors": lambda: (
                    latent_class_analysis(
                        items, n_classes=CLASSES, n_starts=STARTS, rng=1
                    )
                ),
                "plain numpy EM, 1 start, no errors": lambda: by_numpy(
                    items, np.random.default_rng(2)
                ),
            }
        )
    fast, slow = timings[0].value, timings[1].value
    # The numpy climb stops when a step gains less than 1e-10 of the whole.
    assert -1e-6 < fast.climb.log_likelihood - slow < 1e-3
    report(timings)


if __name__ == "__main__":
    main()
