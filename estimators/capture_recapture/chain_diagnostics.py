"""How far to trust draws from several Markov chains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.checks import check_counts
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix

__all__ = [
    "chain_diagnostics",
    "chain_doubts",
    "check_chains",
    "effective_sample_size",
    "split_r_hat",
]

# Thresholds of Vehtari et al. 2021: above, or below, draws should not be used.
LARGEST_R_HAT, LEAST_EFFECTIVE = 1.01, 400
FEWEST_DRAWS = 8
# What each option of a sampler must be at least.
LEAST = {
    "n_classes": 1,
    "n_samples": FEWEST_DRAWS,
    "burn_in": 0,
    "thinning": 1,
    "n_chains": 2,
}


def check_chains(**options: int) -> dict[str, int]:
    """Return a sampler's options as ints; raise if one is too small."""
    sizes = check_counts(**options)
    low = [
        f"{name}={size} is below {LEAST[name]}"
        for name, size in sizes.items()
        if size < LEAST[name]
    ]
    if low:
        raise InputError("The sampler needs more: " + "; ".join(low) + ".")
    return sizes


def chain_diagnostics(draws: FloatMatrix) -> dict[str, float]:
    """Return ``r_hat``, effective sample sizes and the Monte-Carlo error of the mean.

    Parameters
    ----------
    draws : ndarray of shape (chains, draws)

    Returns
    -------
    dict
        ``r_hat`` (the larger of the rank-normalised and the folded one),
        ``ess_bulk``, ``ess_tail`` (the smaller of those of the 5 % and 95 %
        quantiles), ``ess_mean``, and ``monte_carlo_error`` of the mean.

    Raises
    ------
    InputError
        If there are fewer than 8 draws a chain.

    Examples
    --------
    >>> draws = np.random.default_rng(1).normal(size=(4, 1000))
    >>> diagnostics = chain_diagnostics(draws)
    >>> diagnostics["r_hat"] < 1.01, diagnostics["ess_bulk"] > 3000
    (True, True)
    """
    if draws.ndim != 2 or draws.shape[1] < FEWEST_DRAWS:
        raise InputError(
            f"At least {FEWEST_DRAWS} draws a chain are needed, shape (chains, draws); "
            f"{draws.shape} came."
        )
    low, high = np.quantile(draws, [0.05, 0.95])
    folded = np.abs(draws - np.median(draws))
    mean_size = effective_sample_size(draws)
    return {
        "r_hat": max(split_r_hat(_normalised(x)) for x in (draws, folded)),
        "ess_bulk": effective_sample_size(_normalised(draws)),
        "ess_tail": min(
            effective_sample_size((draws <= limit).astype(float))
            for limit in (low, high)
        ),
        "ess_mean": mean_size,
        "monte_carlo_error": float(draws.std(ddof=1)) / math.sqrt(mean_size),
    }


def chain_doubts(diagnostics: dict[str, float]) -> list[str]:
    """Say in words what the chains do not support."""
    notes: list[str] = []
    if diagnostics["r_hat"] > LARGEST_R_HAT:
        notes.append(
            f"the chains disagree (R-hat {diagnostics['r_hat']:.3f}, above "
            f"{LARGEST_R_HAT}): the posterior may have several modes; run more and "
            "longer chains before using any figure"
        )
    least = min(diagnostics["ess_bulk"], diagnostics["ess_tail"])
    if least < LEAST_EFFECTIVE:
        notes.append(
            f"the draws are worth {least:,.0f} independent ones (fewer than "
            f"{LEAST_EFFECTIVE}): raise n_samples or thinning"
        )
    return notes


def split_r_hat(draws: FloatMatrix) -> float:
    """Return R-hat of half chains: 1 if they cannot be told from each other."""
    halves = _split(draws)
    length = halves.shape[1]
    within = float(halves.var(axis=1, ddof=1).mean())
    between = length * float(halves.mean(axis=1).var(ddof=1))
    if within == 0:
        return 1.0 if between == 0 else math.inf
    return math.sqrt(((length - 1) / length * within + between / length) / within)


def effective_sample_size(draws: FloatMatrix) -> float:
    """Return how many independent draws estimate the mean as well.

    Half chains, autocovariances by Fourier transform, summed in pairs for as long as
    these are positive and made monotone (Geyer).
    """
    halves = _split(draws)
    chains, length = halves.shape
    centred = halves - halves.mean(axis=1, keepdims=True)
    size = 1 << (2 * length - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, size, axis=1)[:, :length].mean(axis=0) / length
    within = covariance[0] * length / (length - 1)
    pooled = covariance[0] + float(halves.mean(axis=1).var(ddof=1))
    if pooled == 0:
        return float(chains * length)
    correlation = 1 - (within - covariance * length / (length - 1)) / pooled
    correlation[0] = 1.0
    even = length - length % 2
    pairs = correlation[:even].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = pairs[: negative[0]] if negative.size else pairs
    time = 2 * float(np.minimum.accumulate(kept).sum()) - 1
    total = chains * length
    # Negatively correlated chains beat independent draws by a bounded factor only.
    return total / max(time, 1 / math.log10(total))


def _split(draws: FloatMatrix) -> FloatMatrix:
    half = draws.shape[1] // 2
    parts: FloatMatrix = np.vstack([draws[:, :half], draws[:, -half:]])
    return parts


def _normalised(draws: FloatMatrix) -> FloatMatrix:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(draws, method="average").reshape(draws.shape)
    scores: FloatMatrix = ndtri((ranks - 0.375) / (draws.size + 0.25))
    return scores
