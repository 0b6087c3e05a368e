"""Posterior of a true prevalence by deterministic quadrature, no draws.

For a prevalence P the likelihood a^x (1 - a)^(n - x) of a = P Se + (1 - P) (1 - Sp) is
averaged over the priors of Se and of F = 1 - Sp. Of the two, the one whose uncertainty
moves a the more is integrated by Gauss-Legendre inside the window that data and prior
leave, the other by Gauss-Jacobi; P by panels of Gauss-Legendre that are dense where the
posterior lies. Nothing is sampled, so equal inputs give equal digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.polynomial import legendre
from scipy.special import betaincinv, betaln

from estimators.diagnostics.distributions import BetaPrior, PointMass
from estimators.errors import ConvergenceError, NotEstimableError

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatMatrix, FloatVector

__all__ = [
    "Panels",
    "Posterior",
    "PriorLike",
    "marginal_posterior",
    "prevalence_panels",
]

PriorLike = BetaPrior | PointMass
_PANEL = 8
# Numbers of nodes (outer, inner). A rule is taken when mean and standard deviation
# differ from the rule before by less than _CLOSE: Gaussian rules then agree with finer
# ones to the square of that, roughly (checked: 1e-7 or better on the references).
_RULES = ((12, 16), (20, 24), (40, 32), (80, 48), (160, 64), (320, 64))
_CLOSE = 1e-5
_TAIL = 1e-16
_NEGLIGIBLE = 1e-25  # weight of an outer node; its likelihood may be large
_STEPS = (0.5, 1.0, 1.75, 2.5, 3.5, 5.0, 7.0, 10.0, 15.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panels:
    """Gauss-Legendre panels over the prevalence, in the scale t of P = sin^2(pi t / 2).

    That scale makes a density that is infinite at 0 or 1, as Jeffreys' prior is, flat.
    """

    edges: FloatVector
    t: FloatMatrix
    prevalence: FloatMatrix
    weight: FloatMatrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posterior:
    """Density of the prevalence at the panels' nodes, with averages of the accuracies.

    Attributes
    ----------
    panels : Panels
    mass : ndarray of shape (panels, nodes)
        Probability at each node; sums to 1.
    mean_sensitivity, mean_specificity : float
    log_evidence : float
        Log of the average likelihood, without binomial coefficients.
    """

    panels: Panels
    mass: FloatMatrix
    mean_sensitivity: float
    mean_specificity: float
    log_evidence: float

    @property
    def mean(self) -> float:
        """Posterior mean of the prevalence."""
        return float((self.mass * self.panels.prevalence).sum())

    @property
    def std(self) -> float:
        """Posterior standard deviation of the prevalence."""
        away = self.panels.prevalence - self.mean
        return math.sqrt(float((self.mass * away**2).sum()))

    def quantile(self, probability: float) -> float:
        """Return the prevalence below which `probability` lies."""
        by_panel = self.mass.sum(axis=1)
        reached = np.cumsum(by_panel)
        panel = min(int(np.searchsorted(reached, probability)), by_panel.size - 1)
        before = reached[panel] - by_panel[panel]
        nodes, weights = _legendre_rule(_PANEL)
        density = self.mass[panel] / weights
        # Integrate the polynomial through the nodes from the panel's left edge on.
        series = legendre.legint(legendre.legfit(nodes, density, _PANEL - 1), lbnd=-1)
        low, high = -1.0, 1.0
        for _ in range(7):  # 256 parts each time: 2^-55 of the panel
            grid = np.linspace(low, high, 257)
            reached_here = before + legendre.legval(grid, series)
            place = int(np.argmax(reached_here >= probability))
            if reached_here[place] < probability:
                place = grid.size - 1
            low, high = grid[max(place - 1, 0)], grid[max(place, 1)]
        left, right = self.panels.edges[panel : panel + 2]
        t = left + (right - left) * (1 + (low + high) / 2) / 2
        return float(np.sin(np.pi * t / 2) ** 2)


def prevalence_panels(centre: float, spread: float) -> Panels:
    """Return panels over [0, 1], dense around `centre` in steps of `spread`."""
    steps = np.array([0.0, *_STEPS])
    nearest = min(max(centre, 0.0), 1.0)
    points = [
        *(centre + spread * steps),
        *(centre - spread * steps),
        *(nearest + spread * steps),
        *(nearest - spread * steps),
        *np.linspace(0, 1, 5),
    ]
    shares = np.unique(np.clip(points, 0.0, 1.0))
    edges = np.arcsin(np.sqrt(shares)) * 2 / np.pi
    keep = np.diff(edges, append=2.0) > 1e-12
    keep[-1] = True
    edges = edges[keep]
    edges[0], edges[-1] = 0.0, 1.0
    nodes, weights = _legendre_rule(_PANEL)
    width = np.diff(edges)[:, None]
    t = edges[:-1, None] + width * (1 + nodes) / 2
    slope = np.pi / 2 * np.sin(np.pi * t)
    return Panels(
        edges=edges,
        t=t,
        prevalence=np.sin(np.pi * t / 2) ** 2,
        weight=width / 2 * weights * slope,
    )


def marginal_posterior(
    counts: tuple[float, float],
    prior: BetaPrior,
    sensitivity: PriorLike,
    false_positive: PriorLike,
) -> Posterior:
    """Return the posterior of the prevalence behind x positives in n persons.

    Parameters
    ----------
    counts : pair of float
        Positives and persons; real-valued for an effective sample size.
    prior : BetaPrior
        Of the prevalence.
    sensitivity, false_positive : BetaPrior or PointMass

    Raises
    ------
    NotEstimableError
        If data and priors exclude each other.
    ConvergenceError
        If the averages over the accuracies do not settle.
    """
    x, n = counts
    youden = max(sensitivity.mean - false_positive.mean, 0.02)
    rate = (x + 1) / (n + 2)
    centre = (rate - false_positive.mean) / youden
    inside = min(max(centre, 0.0), 1.0)
    spread = math.sqrt(
        rate * (1 - rate) / (n + 3)
        + (inside * sensitivity.std) ** 2
        + ((1 - inside) * false_positive.std) ** 2
    )
    panels = prevalence_panels(centre, spread / youden)
    before: Posterior | None = None
    for rule in _RULES:
        found = _posterior(counts, panels, (prior, sensitivity, false_positive), rule)
        if before is not None:
            change = max(abs(found.mean - before.mean), abs(found.std - before.std))
            if change < _CLOSE:
                return found
        if before is None:  # the prior of the prevalence may have moved it elsewhere
            panels = prevalence_panels(found.mean, found.std)
        before = found
    raise ConvergenceError(
        "The quadrature over sensitivity and specificity did not settle: the priors "
        f"are too wide for {n:g} persons to be averaged. Use priors from validation "
        "counts, or give the accuracy that is certain as a number."
    )


def _posterior(
    counts: tuple[float, float],
    panels: Panels,
    priors: tuple[BetaPrior, PriorLike, PriorLike],
    rule: tuple[int, int],
) -> Posterior:
    prior, sensitivity, false_positive = priors
    x, n = counts
    moments = _average(
        counts, panels.prevalence.ravel(), (sensitivity, false_positive), rule
    )
    shape = panels.prevalence.shape
    with np.errstate(divide="ignore"):
        log_mass = np.log(moments[0]).reshape(shape)
    log_mass = log_mass + prior.log_density(panels.prevalence) + np.log(panels.weight)
    top = float(log_mass.max())
    if not math.isfinite(top):
        raise NotEstimableError(
            "Data and priors exclude each other: no prevalence, sensitivity and "
            "specificity that the priors allow gives the share seen. Widen the priors."
        )
    mass = np.exp(log_mass - top)
    total = float(mass.sum())
    mass /= total
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(moments[0] > 0, moments[1:] / moments[0], 0.0)
    means = (mass.ravel() * ratios).sum(axis=1)
    return Posterior(
        panels=panels,
        mass=mass,
        mean_sensitivity=float(means[0]),
        mean_specificity=1 - float(means[1]),
        log_evidence=top + math.log(total) + float(betaln(x + 1, n - x + 1)),
    )


def _average(
    counts: tuple[float, float],
    prevalence: FloatVector,
    accuracies: tuple[PriorLike, PriorLike],
    rule: tuple[int, int],
) -> FloatMatrix:
    """Return averages over the accuracies of L, L Se and L F, shape (3, prevalences).

    L is the likelihood as a density of the apparent share, Beta(x + 1, n - x + 1).
    """
    sensitivity, false_positive = accuracies
    result = np.empty((3, prevalence.size))
    by_wrong = (1 - prevalence) * false_positive.std >= prevalence * sensitivity.std
    for inner_is_wrong in (True, False):
        rows = np.flatnonzero(by_wrong == inner_is_wrong)
        if not rows.size:
            continue
        share = prevalence[rows]
        pair = [(share, sensitivity), (1 - share, false_positive)]
        outer, inner = pair if inner_is_wrong else pair[::-1]
        found = _window(counts, outer, inner, rule)
        order = [0, 1, 2] if inner_is_wrong else [0, 2, 1]
        result[:, rows] = found[order]
    return result


def _window(
    counts: tuple[float, float],
    outer: tuple[FloatVector, PriorLike],
    inner: tuple[FloatVector, PriorLike],
    rule: tuple[int, int],
) -> FloatMatrix:
    """Return averages of L, L outer and L inner, shape (3, prevalences)."""
    x, n = counts
    outer_factor, outer_prior = outer
    inner_factor, inner_prior = inner
    value, weight = outer_prior.nodes(rule[0])
    known = np.multiply.outer(outer_factor, value)
    if isinstance(inner_prior, PointMass):
        apparent = known + inner_factor[:, None] * inner_prior.value
        mass = _likelihood(x, n, apparent) * weight
        total = mass.sum(axis=1)
        return np.stack([total, mass @ value, total * inner_prior.value])
    least, most = _likely_range(x, n)
    low = np.maximum(
        (least - known) / inner_factor[:, None], inner_prior.quantile(_TAIL)
    )
    high = np.minimum(
        (most - known) / inner_factor[:, None], inner_prior.upper_quantile(_TAIL)
    )
    width = np.maximum(high - low, 0.0)
    nodes, weights = _legendre_rule(rule[1])
    # Most windows are empty: far prevalences, and outer values that explain nothing.
    kept = (width > 0) & (weight > _NEGLIGIBLE)
    factor = np.broadcast_to(inner_factor[:, None], kept.shape)[kept]
    points = low[kept][:, None] + width[kept][:, None] * (1 + nodes) / 2
    apparent = known[kept][:, None] + factor[:, None] * points
    mass = _likelihood(x, n, apparent, inner_prior.log_density(points))
    mass *= (width / 2 * weight)[kept][:, None] * weights
    summed, inner_sum = np.zeros(kept.shape), np.zeros(kept.shape)
    summed[kept] = mass.sum(axis=1)
    inner_sum[kept] = (mass * points).sum(axis=1)
    return np.stack([summed.sum(axis=1), summed @ value, inner_sum.sum(axis=1)])


@lru_cache(maxsize=16)
def _legendre_rule(n_nodes: int) -> tuple[FloatVector, FloatVector]:
    """Return nodes in [-1, 1] and weights of the Gauss-Legendre rule."""
    nodes, weights = legendre.leggauss(n_nodes)
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights


def _likely_range(x: float, n: float) -> tuple[float, float]:
    """Return the apparent shares outside which the likelihood is negligible."""
    low = float(betaincinv(x + 1, n - x + 1, _TAIL))
    high = 1 - float(betaincinv(n - x + 1, x + 1, _TAIL))
    return low, high


def _likelihood(
    x: float, n: float, apparent: FloatArray, log_prior: FloatArray | float = 0.0
) -> FloatArray:
    """Return the density of Beta(x + 1, n - x + 1), times exp(log_prior)."""
    # Ordinary logs of bounded shares take half the time of xlogy.
    exponent = np.log(np.maximum(apparent, 1e-300))
    exponent *= x
    rest = np.log(np.maximum(1 - apparent, 1e-300))
    rest *= n - x
    exponent += rest
    exponent += log_prior
    exponent -= betaln(x + 1, n - x + 1)
    return cast("FloatArray", np.exp(exponent, out=exponent))
