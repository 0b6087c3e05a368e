"""Population size where persons differ in how lists reach them: latent classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture._histories_argument import (
    check_histories,
    check_informative,
)
from estimators.capture_recapture.chain_diagnostics import (
    chain_diagnostics,
    chain_doubts,
    check_chains,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import as_generator, check_counts, check_level
from estimators.errors import InputError
from estimators.registry import estimator
from estimators.results import Estimate, Interval

if TYPE_CHECKING:
    from estimators.array_types import IntMatrix, IntVector

__all__ = ["latent_class_capture"]

# Gamma prior of the concentration: Manrique-Vallier's choice, few classes.
SHAPE, RATE = 0.25, 0.25
FEWEST_LISTS = 3
MISSES = "in those simulations misses were nearly all too low"


@estimator(
    family="capture_recapture",
    label="Bayesian latent-class capture-recapture (LCMCR)",
    source="Manrique-Vallier 2016",
    example=lambda: {
        "histories": CaptureHistories.from_counts(
            {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142}
            | {"111": 12}
        ),
        "n_samples": 500,
        "burn_in": 1000,
        "thinning": 4,
    },
)
def latent_class_capture(  # noqa: PLR0913 - a sampler's options, all by keyword
    histories: CaptureHistories,
    *,
    n_classes: int = 10,
    n_samples: int = 2000,
    burn_in: int = 10_000,
    thinning: int = 25,
    n_chains: int = 4,
    largest: int | None = None,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate the population size by a Dirichlet-process mixture of latent classes.

    Lists are independent within a class of persons; classes differ in their capture
    probabilities, and their number is learnt. Dependence between lists that
    heterogeneous persons cause is thereby modelled; dependence of one list on another
    (referral) is not.

    Parameters
    ----------
    histories : CaptureHistories
        At least 3 lists; the population is closed and records are linked without error.
    n_classes : int
        Most classes there may be.
    n_samples : int
        Draws kept of each chain.
    burn_in : int
        Sweeps thrown away at the start of each chain.
    thinning : int
        Sweeps per kept draw.
    n_chains : int
        At least 2, from different random starts.
    largest : int, optional
        Largest number of unobserved persons thought possible; by default there is
        none. (The R package LCMCR cuts at 20 times the observed and does not say so.)
    rng : int, numpy.random.Generator or None
        Chain k draws from the k-th stream spawned from it, on any number of threads.
    n_jobs : int, optional
        Threads, as joblib understands it.
    level : float
        Probability of the equal-tailed interval.

    Returns
    -------
    Estimate
        Posterior mean and standard deviation, in persons. Diagnostics: ``median``,
        ``r_hat``, ``ess_bulk``, ``ess_tail``, ``ess_mean``, ``monte_carlo_error``
        (of the mean), ``classes`` (mean number occupied), ``smallest_chain_mean`` and
        ``largest_chain_mean``. Notes say when chains disagree or are too short.

    Raises
    ------
    InputError
        If there are fewer than 3 lists or an option is out of range.
    NotEstimableError
        If nobody is on two lists, or all persons have the same history.

    Notes
    -----
    With x_j | class k ~ Bernoulli(l_jk), l_jk ~ Uniform(0, 1), class shares by stick
    breaking with V_k ~ Beta(1, a), a ~ Gamma(1/4, 1/4), and P(N) proportional to 1 / N,
    every conditional distribution is drawn from directly, on cells of the table and
    not on persons. Beyond the paper's sampler, neighbouring classes are offered to
    change places with the shares integrated out, without which chains on sparse tables
    stay with the order in which they found the classes.

    References
    ----------
    Manrique-Vallier, D. (2016). Bayesian population size estimation using Dirichlet
    process mixtures. Biometrics.

    Vehtari, A., Gelman, A., Simpson, D., Carpenter, B. and Buerkner, P.-C. (2021).
    Rank-normalization, folding, and localization: an improved R-hat for assessing
    convergence of MCMC. Bayesian Analysis 16(2): 667-718.
    https://doi.org/10.1214/20-BA1221

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> result = latent_class_capture(histories, rng=1)
    >>> 700 < result.estimate < 800, result.diagnostics["r_hat"] < 1.02
    (True, True)
    """
    check_level(level)
    sizes = _checked(
        histories,
        n_classes=n_classes,
        n_samples=n_samples,
        burn_in=burn_in,
        thinning=thinning,
        n_chains=n_chains,
    )
    if largest is not None and check_counts(largest=largest)["largest"] < 1:
        raise InputError(f"largest={largest}: at least one unobserved person, or None.")
    draws, occupied = _run_chains(histories, sizes, largest, as_generator(rng), n_jobs)
    n, persons = histories.n_observed, draws.astype(np.float64)
    means = n + persons.mean(axis=1)
    diagnostics = chain_diagnostics(persons)
    low, median, high = np.quantile(
        persons, [(1 - level) / 2, 0.5, (1 + level) / 2], method="inverted_cdf"
    )
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=float(means.mean()),
        std_error=float(persons.std(ddof=1)),
        ci=Interval(
            low=n + float(low),
            high=n + float(high),
            level=level,
            method="equal-tailed posterior",
        ),
        method="latent_class_capture",
        n_obs=n,
        notes=(
            *histories.notes,
            *chain_doubts(diagnostics),
            *_doubts(draws, largest, float(occupied.mean()), sizes["n_classes"]),
            *coverage_notes("latent_class_capture"),
            MISSES,
        ),
        diagnostics={
            "median": n + float(median),
            **diagnostics,
            "classes": float(occupied.mean()),
            "smallest_chain_mean": float(means.min()),
            "largest_chain_mean": float(means.max()),
        },
    )


def _checked(histories: CaptureHistories, **options: int) -> dict[str, int]:
    check_histories(histories)
    if histories.n_lists < FEWEST_LISTS:
        raise InputError(
            f"Latent classes need at least {FEWEST_LISTS} lists, {histories.n_lists} "
            "came: with two lists take `chapman`."
        )
    check_informative(histories)
    return check_chains(**options)


def _run_chains(
    histories: CaptureHistories,
    sizes: dict[str, int],
    largest: int | None,
    generator: np.random.Generator,
    n_jobs: int | None,
) -> tuple[IntMatrix, IntMatrix]:
    """Return unobserved persons and occupied classes, both (chains, draws)."""
    import joblib

    from estimators.capture_recapture._kernels_latent_class import gibbs_chain

    matrix = np.ascontiguousarray(histories.matrix())
    schedule = tuple(
        sizes[name] for name in ("n_classes", "burn_in", "n_samples", "thinning")
    )
    limits = (SHAPE, RATE, math.inf if largest is None else float(largest))
    chains: list[tuple[IntVector, IntVector]] = joblib.Parallel(
        n_jobs=n_jobs, prefer="threads"
    )(
        joblib.delayed(gibbs_chain)(
            stream, matrix, histories.count.copy(), schedule, limits
        )
        for stream in generator.spawn(sizes["n_chains"])
    )
    return (
        np.vstack([unobserved for unobserved, _ in chains]),
        np.vstack([occupied for _, occupied in chains]),
    )


def _doubts(
    draws: IntMatrix, largest: int | None, occupied: float, n_classes: int
) -> list[str]:
    notes: list[str] = []
    if largest is not None:
        last = float((draws > largest / 2).mean())
        if last > 0.01:
            notes.append(
                f"{last:.0%} of the probability lies in the upper half of the range up "
                f"to largest={largest:,}: the answer depends on that bound"
            )
    if n_classes > 1 and occupied > 0.9 * n_classes:
        notes.append(
            f"{occupied:.1f} of {n_classes} classes are in use on average: raise "
            "n_classes"
        )
    return notes
