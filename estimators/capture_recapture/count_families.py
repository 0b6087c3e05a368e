"""Distributions of how often a person is seen, given that it was at least once.

A family gives, for its linear predictor eta and shape tau, the log probability of a
count y >= 1 among the seen and the log probability of being seen at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import gammaln

from estimators.capture_recapture.second_order import SecondOrder, log_sum_exp

if TYPE_CHECKING:
    from estimators.array_types import FloatArray, FloatVector

__all__ = ["FAMILIES", "CountFamily", "FamilyName", "detection"]

FamilyName: TypeAlias = Literal[
    "poisson",
    "geometric",
    "negative_binomial",
    "chao",
    "zelterman",
    "one_inflated_poisson",
    "one_inflated_geometric",
    "one_inflated_positive_poisson",
    "one_inflated_positive_geometric",
]
Terms: TypeAlias = "list[SecondOrder]"
LogMass: TypeAlias = "Callable[[FloatVector, Terms], SecondOrder]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFamily:
    """One distribution.

    Attributes
    ----------
    log_mass : callable
        Maps counts of shape (cells,) and [eta] or [eta, tau] to log P(y | y >= 1).
    log_seen : callable
        Maps [eta] or [eta, tau] to the log probability of being seen at all.
    shape : str
        Name of tau, empty for families without.
    at_lower_bound : str
        What the family becomes as tau goes to minus infinity.
    most : int
        Greatest count that enters the likelihood; 0 takes all.
    finite_limit : bool
        The size stays finite where eta goes to minus infinity.
    """

    log_mass: LogMass
    log_seen: Callable[[Terms], SecondOrder]
    shape: str = ""
    at_lower_bound: str = ""
    most: int = 0
    finite_limit: bool = False


def _poisson_mass(y: FloatVector, terms: Terms) -> SecondOrder:
    mean = terms[0].exp()
    return terms[0].times(y) - mean + (-gammaln(y + 1))


def _poisson_seen(terms: Terms) -> SecondOrder:
    return terms[0].exp().log1m_exp_minus()


def _geometric_mass(y: FloatVector, terms: Terms) -> SecondOrder:
    return terms[0].times(y) - terms[0].softplus().times(y + 1)


def _geometric_seen(terms: Terms) -> SecondOrder:
    return terms[0] - terms[0].softplus()


def _binomial_mass(y: FloatVector, terms: Terms) -> SecondOrder:
    """Return log P(y) of y = sum of r = 1 / alpha geometric parts; tau = log alpha."""
    eta, tau = terms
    alpha = tau.exp()
    steps = np.arange(1, y.max(initial=1.0))
    mass = eta.times(y) + (-gammaln(y + 1))
    for step in steps:
        mass = mass + alpha.times(step).log1p().times((y > step).astype(np.float64))
    spread = (tau + eta).softplus()
    return mass - spread.times(y) - tau.times(-1.0).exp() * spread


def _binomial_seen(terms: Terms) -> SecondOrder:
    eta, tau = terms
    return (tau.times(-1.0).exp() * (tau + eta).softplus()).log1m_exp_minus()


def _truncated(
    mass: LogMass, seen: Callable[[Terms], SecondOrder]
) -> Callable[[FloatVector, Terms], SecondOrder]:
    return lambda y, terms: mass(y, terms) - seen(terms)


def _inflate(y: FloatVector, tau: SecondOrder, plain: SecondOrder) -> SecondOrder:
    """Return log(omega [y = 1] + (1 - omega) e^plain) with omega = expit(tau)."""
    log_one, log_rest = _shares(tau)
    rest = log_rest + plain
    return log_sum_exp(log_one, rest).where((y == 1).astype(np.float64), rest)


def _shares(tau: SecondOrder) -> tuple[SecondOrder, SecondOrder]:
    return tau - tau.softplus(), tau.softplus().times(-1.0)


def _inflated_seen(
    seen: Callable[[Terms], SecondOrder],
) -> Callable[[Terms], SecondOrder]:
    def log_seen(terms: Terms) -> SecondOrder:
        log_one, log_rest = _shares(terms[1])
        return log_sum_exp(log_one, log_rest + seen(terms))

    return log_seen


def _one_inflated(
    mass: LogMass, seen: Callable[[Terms], SecondOrder], plain: str
) -> CountFamily:
    inflated_seen = _inflated_seen(seen)
    return CountFamily(
        log_mass=lambda y, terms: (
            _inflate(y, terms[1], mass(y, terms)) - inflated_seen(terms)
        ),
        log_seen=inflated_seen,
        shape="logit(omega)",
        at_lower_bound=plain,
        finite_limit=True,
    )


def _one_inflated_positive(
    mass: LogMass, seen: Callable[[Terms], SecondOrder], plain: str
) -> CountFamily:
    return CountFamily(
        log_mass=lambda y, terms: _inflate(y, terms[1], mass(y, terms) - seen(terms)),
        log_seen=seen,
        shape="logit(omega)",
        at_lower_bound=plain,
    )


def _two_mass(y: FloatVector, terms: Terms) -> SecondOrder:
    """Return log P(y | y in {1, 2}): a logistic model with eta = log(lambda / 2)."""
    return terms[0].times(y - 1) - terms[0].softplus()


def _two_seen(terms: Terms) -> SecondOrder:
    return (terms[0] + float(np.log(2))).exp().log1m_exp_minus()


FAMILIES: dict[str, CountFamily] = {
    "poisson": CountFamily(
        log_mass=_truncated(_poisson_mass, _poisson_seen), log_seen=_poisson_seen
    ),
    "geometric": CountFamily(
        log_mass=_truncated(_geometric_mass, _geometric_seen), log_seen=_geometric_seen
    ),
    "negative_binomial": CountFamily(
        log_mass=_truncated(_binomial_mass, _binomial_seen),
        log_seen=_binomial_seen,
        shape="log(alpha)",
        at_lower_bound="poisson",
    ),
    "chao": CountFamily(log_mass=_two_mass, log_seen=_two_seen, most=2),
    "zelterman": CountFamily(log_mass=_two_mass, log_seen=_two_seen, most=2),
    "one_inflated_poisson": _one_inflated(_poisson_mass, _poisson_seen, "poisson"),
    "one_inflated_geometric": _one_inflated(
        _geometric_mass, _geometric_seen, "geometric"
    ),
    "one_inflated_positive_poisson": _one_inflated_positive(
        _poisson_mass, _poisson_seen, "poisson"
    ),
    "one_inflated_positive_geometric": _one_inflated_positive(
        _geometric_mass, _geometric_seen, "geometric"
    ),
}


def detection(name: str, y: FloatArray, terms: Terms) -> tuple[SecondOrder, FloatArray]:
    """Return persons of the population per person seen, and their binomial variance.

    All families but Chao's weigh a person by 1 / P(seen), with variance (1 - p) / p^2.
    Chao's adds, to each person seen once or twice, 1 / (lambda + lambda^2 / 2) unseen.
    """
    if name != "chao":
        size = FAMILIES[name].log_seen(terms).times(-1.0).exp()
        return size, size.value * (size.value - 1)
    # lambda + lambda^2 / 2 = 2 e^eta (1 + e^eta)
    unseen = (terms[0] + terms[0].softplus() + float(np.log(2))).times(-1.0).exp()
    low = (y <= 2).astype(np.float64)
    mean = 2 * np.exp(terms[0].value)
    one_or_two = np.exp(-mean) / unseen.value
    variance = low * (1 - one_or_two) * (1 + unseen.value) ** 2
    return unseen.times(low) + 1.0, variance
