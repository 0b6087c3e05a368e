"""Population size averaged over decomposable graphs of list dependence."""

from __future__ import annotations

import numpy as np

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.chain_diagnostics import check_chains
from estimators.capture_recapture.graph_grid import FAR
from estimators.capture_recapture.graph_posterior import (
    CUSTOMARY_LIMIT,
    GraphPosterior,
    graph_catalogue,
)
from estimators.capture_recapture.graph_sampling import (
    BURN_IN,
    N_CHAINS,
    N_SAMPLES,
    THINNING,
    GraphChains,
    GraphSchedule,
    posterior_of_graphs,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.simulated_coverage import coverage_notes
from estimators.checks import as_generator, check_level
from estimators.registry import estimator
from estimators.results import Estimate, Interval

__all__ = ["decomposable_graphs"]

# The mean is taken up to 30 times the observed, as is customary, and further in
# doublings for as long as this much probability lies beyond.
LEFT_OUT = 0.01
ONLY_GRAPHS = (
    "intervals know only dependence that a graph can draw: in those simulations misses "
    "were nearly all too low where lists depended or persons differed"
)


@estimator(
    family="capture_recapture",
    label="Bayesian averaging over decomposable graphs",
    source="Madigan and York 1997",
    example=lambda: {
        "histories": CaptureHistories.from_counts(
            {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142}
            | {"111": 12}
        )
    },
)
def decomposable_graphs(  # noqa: PLR0913 - a sampler's options, all by keyword
    histories: CaptureHistories,
    *,
    prior_strength: float | None = None,
    largest: int | None = None,
    level: float = 0.95,
    n_samples: int = N_SAMPLES,
    burn_in: int = BURN_IN,
    thinning: int = THINNING,
    n_chains: int = N_CHAINS,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
) -> Estimate:
    """Average the population size over the decomposable graphs of 3 to 10 lists.

    Every way in which lists may depend on each other that can be drawn as a chordal
    graph is a model: 8, 61, 822 and 18 154 of them for 3, 4, 5 and 6 lists. All are
    equally likely beforehand, cell probabilities are hyper-Dirichlet, and the prior of
    the size N is proportional to 1 / N. Up to 6 lists sums over graphs and over N are
    exact: nothing is drawn at random. From 7 lists on graphs are sampled by several
    Markov chains, and the sum over N given each graph is exact.

    Parameters
    ----------
    histories : CaptureHistories
        3 to 10 lists; the population is closed and records are linked without error.
    prior_strength : float, optional
        Prior count delta in each of the 2 ** t cells, above 0; by default 2 ** -t, one
        person in all.
    largest : int, optional
        Largest number of unobserved persons thought possible. By default there is
        none: sums run to 1e18, so that nothing of the tail is cut off.
    level : float
        Probability of the equal-tailed interval.
    n_samples : int
        Graphs kept of each chain. This and what follows matters from 7 lists on.
    burn_in : int
        Steps thrown away at the start of each chain.
    thinning : int
        Steps per kept graph.
    n_chains : int
        At least 2, from different random graphs.
    rng : int, numpy.random.Generator or None
        Chain k draws from the k-th stream spawned from it, on any number of threads.
    n_jobs : int, optional
        Threads, as joblib understands it.

    Returns
    -------
    Estimate
        Posterior mean and standard deviation, in persons. Without `largest` they leave
        out what lies beyond 30 times the observed, or beyond the next doubling that
        leaves out at most 1 %: the complete graph's tail falls as x ** (delta - 2 **
        t delta - 1), and with the default strength no mean exists. The interval and
        ``diagnostics["median"]`` leave out nothing. Other diagnostics: ``mode``,
        ``graphs`` (all, or those drawn), ``top_graph_probability``, ``mean_limit`` and
        ``probability_beyond_mean_limit``. Sampled graphs add ``r_hat``, ``ess_bulk``
        and ``ess_tail`` of the size, ``r_hat_edges`` and ``ess_edges`` (the worst pair
        of lists), and ``monte_carlo_error_low``, ``_median`` and ``_high``, in persons.

    Raises
    ------
    InputError
        If the number of lists or an option is out of range, or more than 100 million
        persons were observed.
    NotEstimableError
        If nobody is on two lists or all persons have the same history; or if the prior
        strength is so small that the posterior's tail does not fall fast enough to be
        summed: a bound `largest` helps.

    Notes
    -----
    Let L(S) be the sum of log Gamma(y + delta_S) - log Gamma(delta_S) over the 2 ** s
    cells of the margin of s lists S, with delta_S = 2 ** (t - s) delta. The posterior
    of graph G and x unobserved persons, N = n + x, is proportional to (1 / N)
    Gamma(N + 1) / Gamma(x + 1) exp(sum of L over cliques - sum of L over separators).
    Only one cell of each margin contains x, which is why six lists are quick. Up to
    20 000 (or `largest`, if that is at most a million) every whole number has its
    probability; beyond, the sum is a trapezoid rule on a grid that opens smoothly.
    Graphs are left out where a bound proves them below exp(-40) of the best, and
    without `largest` the density between 256 and 20 000 is interpolated from a
    grid of a tenth of a standard deviation: both together change probabilities by less
    than 1e-10.

    Beyond six lists a Metropolis-Hastings walk adds or removes the edge of one pair of
    lists or, half of the time, changes more at once; graphs that are not chordal are
    refused. Its stationary distribution is the posterior of the graph with N
    summed out. Graphs of less probability than about one in the number of draws are
    not seen, and nor is what they add to the far tail.

    References
    ----------
    Giudici, P. and Green, P. J. (1999). Decomposable graphical Gaussian model
    determination. Biometrika 86(4): 785-801.

    Madigan, D. and York, J. C. (1997). Bayesian methods for estimation of the size of
    a closed population. Biometrika 84(1): 19-31.

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> result = decomposable_graphs(histories)
    >>> round(result.estimate), round(result.ci.low), round(result.ci.high)
    (734, 694, 787)
    """
    check_histories(histories)
    check_level(level)
    schedule = GraphSchedule(
        **check_chains(
            n_samples=n_samples, burn_in=burn_in, thinning=thinning, n_chains=n_chains
        ),
        n_jobs=n_jobs,
    )
    tail = (1 - level) / 2
    shares = (tail, 0.5, 1 - tail)
    generator = as_generator(rng)
    posterior, chains = posterior_of_graphs(
        histories, prior_strength, largest, schedule, rng=generator, shares=shares
    )
    n = histories.n_observed
    limit = _mean_limit(posterior, n) if largest is None else float(largest)
    mean, deviation = posterior.moments(limit)
    low, median, high = (posterior.quantile(share) for share in shares)
    diagnostics = {
        "median": n + median,
        "mode": float(round(n + posterior.mode)),
        "graphs": float(posterior.probability.size),
        "top_graph_probability": float(posterior.probability.max()),
        "mean_limit": n + limit,
        "probability_beyond_mean_limit": posterior.beyond(limit),
    }
    if chains is None:
        diagnostics["graphs"] = float(len(graph_catalogue(histories.n_lists)))
    else:
        diagnostics |= chains.diagnostics() | _errors(posterior, chains, shares)
    return Estimate(
        estimand="population size",
        unit="persons",
        estimate=n + mean,
        std_error=deviation,
        ci=Interval(
            low=n + low, high=n + high, level=level, method="equal-tailed posterior"
        ),
        method="decomposable_graphs",
        n_obs=n,
        notes=(
            *histories.notes,
            *(chains.doubts() if chains else ()),
            *_doubts(posterior, limit, largest, n),
            *coverage_notes("decomposable_graphs"),
            ONLY_GRAPHS,
        ),
        diagnostics=diagnostics,
    )


def _errors(
    posterior: GraphPosterior, chains: GraphChains, shares: tuple[float, ...]
) -> dict[str, float]:
    """Turn errors of probabilities into half the persons between their quantiles."""
    names = ("low", "median", "high")
    return {
        f"monte_carlo_error_{name}": (
            posterior.quantile(min(share + error, 1.0))
            - posterior.quantile(max(share - error, 0.0))
        )
        / 2
        for name, share, error in zip(names, shares, chains.share_errors(), strict=True)
    }


def _mean_limit(posterior: GraphPosterior, n: int) -> float:
    limit = float(CUSTOMARY_LIMIT * n)
    while posterior.beyond(limit) > LEFT_OUT and limit < FAR:
        limit *= 2
    return limit


def _doubts(
    posterior: GraphPosterior, limit: float, largest: int | None, n: int
) -> list[str]:
    notes: list[str] = []
    if largest is not None:
        last = posterior.mass[posterior.grid > largest / 2].sum()
        if last > LEFT_OUT:
            notes.append(
                f"{last:.0%} of the probability lies in the upper half of the range up "
                f"to largest={largest:,}: the answer depends on that bound"
            )
        return notes
    farther = posterior.moments(1e3 * limit)[0]
    mean = posterior.moments(limit)[0]
    if farther > mean + 0.01 * (n + mean):
        notes.append(
            f"the posterior mean depends on where its tail is cut: it leaves out the "
            f"{posterior.beyond(limit):.2%} beyond {n + limit:,.0f} persons, and would "
            f"be {n + farther:,.0f} with a limit 1,000 times as far; the median, "
            f"{n + posterior.quantile(0.5):,.0f}, and the interval leave out nothing"
        )
    return notes
