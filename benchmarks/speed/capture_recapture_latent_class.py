"""Latent-class capture-recapture: one and four chains of 100 000 sweeps, five lists."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed._timing import report, time_calls
from benchmarks.speed.capture_recapture_graphs import make_input
from estimators.capture_recapture import latent_class_capture
from estimators.capture_recapture._kernels_latent_class import gibbs_chain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from estimators.array_types import IntVector
    from estimators.capture_recapture import CaptureHistories

SWEEPS = 100_000
NUMPY_SWEEPS = 500


def by_kernel(histories: CaptureHistories, sweeps: int, classes: int = 10) -> IntVector:
    """Run one chain and keep every sweep."""
    generator = np.random.default_rng(1)
    unobserved, _ = gibbs_chain(
        generator,
        histories.matrix(),
        histories.count.copy(),
        (classes, 0, sweeps, 1),
        (0.25, 0.25, np.inf),
    )
    return unobserved


def by_numpy(histories: CaptureHistories, sweeps: int, classes: int = 10) -> IntVector:
    """Run the textbook sampler with one numpy call per cell or table."""
    rng = np.random.default_rng(2)
    member = np.vstack([np.zeros(histories.n_lists, np.int64), histories.matrix()])
    rates = rng.random((classes, histories.n_lists))
    share, alpha, kept = np.full(classes, 1 / classes), 1.0, []
    for _ in range(sweeps):
        chance = np.where(member[:, None], rates, 1 - rates).prod(axis=2) * share
        seen = 1 - chance[0].sum()
        missing = rng.negative_binomial(histories.n_observed, seen)
        cells = np.r_[missing, histories.count]
        table = rng.multinomial(cells, chance / chance.sum(axis=1, keepdims=True))
        sizes, yes = table.sum(axis=0), table.T @ member
        rates = rng.beta(1 + yes, 1 + sizes[:, None] - yes)
        later = sizes.sum() - np.cumsum(sizes)
        stick = rng.beta(1 + sizes[:-1], alpha + later[:-1])
        rest = np.cumsum(np.log1p(-np.minimum(stick, 1 - 1e-15)))
        share = np.r_[stick, 1] * np.exp(np.r_[0, rest])
        alpha = (
            rng.gamma(0.25 + classes - 1, 1 / (0.25 - rest[-1])) if classes > 1 else 1
        )
        kept.append(missing)
    return np.array(kept)


def check(histories: CaptureHistories) -> None:
    """Compare both samplers where they mix at once: one class."""
    fast = by_kernel(histories, 20_000, classes=1)
    slow = np.array(
        [
            _one_class_mean(histories, stream)
            for stream in np.random.default_rng(3).spawn(4)
        ]
    )
    np.testing.assert_allclose(fast.mean(), slow.mean(), rtol=0.02)


def _one_class_mean(histories: CaptureHistories, rng: np.random.Generator) -> float:
    sizes, missing, kept = histories.list_sizes(), 0, []
    for _ in range(5_000):
        total = histories.n_observed + missing
        rates = rng.beta(1 + sizes, 1 + total - sizes)
        missing = rng.negative_binomial(histories.n_observed, 1 - (1 - rates).prod())
        kept.append(missing)
    return float(np.mean(kept[100:]))


def cases() -> dict[str, Callable[[], Any]]:
    """Return the timed calls by name."""
    five = make_input()
    four_chains = partial(
        latent_class_capture, five, burn_in=20_000, n_samples=2000, thinning=40, rng=1
    )
    return {
        f"kernel, {SWEEPS} sweeps": partial(by_kernel, five, SWEEPS),
        f"numpy, {NUMPY_SWEEPS} sweeps": partial(by_numpy, five, NUMPY_SWEEPS),
        f"4 chains of {SWEEPS}, 1 thread": four_chains,
        f"4 chains of {SWEEPS}, 2 threads": partial(four_chains, n_jobs=2),
    }


def main() -> None:
    """Check the answer, then time."""
    check(make_input())
    report(time_calls(cases()))


if __name__ == "__main__":
    main()
