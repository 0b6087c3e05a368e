"""Families and links of generalised linear models, safe far out in the tails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, log_ndtr, logit, ndtr, ndtri, xlogy

from estimators.array_types import FloatArray
from estimators.errors import InputError

__all__ = ["FamilyName", "LinkName", "Model", "glm_model"]

FamilyName: TypeAlias = Literal["binomial", "poisson", "gaussian", "gamma"]
LinkName: TypeAlias = Literal[
    "logit", "probit", "cloglog", "log", "identity", "inverse"
]
_Curve: TypeAlias = Callable[[FloatArray], FloatArray]

_CANONICAL: dict[str, LinkName] = {
    "binomial": "logit",
    "poisson": "log",
    "gaussian": "identity",
    "gamma": "log",
}
_LINKS: dict[str, tuple[LinkName, ...]] = {
    "binomial": ("logit", "probit", "cloglog", "log", "identity"),
    "poisson": ("log", "identity"),
    "gaussian": ("identity", "log"),
    "gamma": ("log", "inverse", "identity"),
}
_ROOT_TWO_PI = np.sqrt(2 * np.pi)


@dataclass(frozen=True, slots=True)
class _Link:
    """A link by its inverse: mean, 1 - mean, and the mean's first two derivatives."""

    link: _Curve
    mean: _Curve
    complement: _Curve
    slope: _Curve
    bend: _Curve


def _density(eta: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * eta**2) / _ROOT_TWO_PI)


def _logit_slope(eta: FloatArray) -> FloatArray:
    return np.asarray(expit(eta) * expit(-eta))


def _cloglog_slope(eta: FloatArray) -> FloatArray:
    return np.asarray(np.exp(eta - np.exp(eta)))


_CURVES: dict[str, _Link] = {
    "logit": _Link(
        link=logit,
        mean=expit,
        complement=lambda eta: np.asarray(expit(-eta)),
        slope=_logit_slope,
        bend=lambda eta: np.asarray(_logit_slope(eta) * (expit(-eta) - expit(eta))),
    ),
    "probit": _Link(
        link=ndtri,
        mean=ndtr,
        complement=lambda eta: np.asarray(ndtr(-eta)),
        slope=_density,
        bend=lambda eta: np.asarray(-eta * _density(eta)),
    ),
    "cloglog": _Link(
        link=lambda mu: np.asarray(np.log(-np.log1p(-mu))),
        mean=lambda eta: np.asarray(-np.expm1(-np.exp(eta))),
        complement=lambda eta: np.asarray(np.exp(-np.exp(eta))),
        slope=_cloglog_slope,
        bend=lambda eta: np.asarray(_cloglog_slope(eta) * -np.expm1(eta)),
    ),
    "log": _Link(
        link=np.log,
        mean=np.exp,
        complement=lambda eta: np.asarray(-np.expm1(eta)),
        slope=np.exp,
        bend=np.exp,
    ),
    "identity": _Link(
        link=lambda mu: mu,
        mean=lambda eta: eta,
        complement=lambda eta: np.asarray(1 - eta),
        slope=np.ones_like,
        bend=np.zeros_like,
    ),
    "inverse": _Link(
        link=lambda mu: np.asarray(1 / mu),
        mean=lambda eta: np.asarray(1 / eta),
        complement=lambda eta: np.asarray(1 - 1 / eta),
        slope=lambda eta: np.asarray(-1 / eta**2),
        bend=lambda eta: np.asarray(2 / eta**3),
    ),
}


@dataclass(frozen=True, slots=True)
class Model:
    """One family with one link; every method works on arrays of any shape."""

    family: FamilyName
    link: LinkName

    def start(self, mean: float) -> float:
        """Return the linear predictor of a mean."""
        return float(_CURVES[self.link].link(np.array(mean)))

    def mean(self, eta: FloatArray) -> FloatArray:
        """Return the mean."""
        return _CURVES[self.link].mean(eta)

    def slope(self, eta: FloatArray) -> FloatArray:
        """Return the derivative of the mean."""
        return _CURVES[self.link].slope(eta)

    def bend(self, eta: FloatArray) -> FloatArray:
        """Return the second derivative of the mean."""
        return _CURVES[self.link].bend(eta)

    def variance(self, eta: FloatArray) -> FloatArray:
        """Return the variance function at the mean, without dispersion."""
        curve = _CURVES[self.link]
        if self.family == "binomial":
            return np.asarray(curve.mean(eta) * curve.complement(eta))
        if self.family == "gaussian":
            return np.ones_like(eta)
        mu = curve.mean(eta)
        return mu if self.family == "poisson" else np.asarray(mu**2)

    def pull(self, eta: FloatArray) -> FloatArray:
        """Return slope / variance: what a residual counts for in the score."""
        if (self.family, self.link) in _PLAIN:
            return np.ones_like(eta)
        return np.asarray(self.slope(eta) / self.variance(eta))

    @property
    def canonical(self) -> bool:
        """Whether expected and observed information are the same."""
        return (self.family, self.link) in _PLAIN

    def parts(
        self, eta: FloatArray
    ) -> tuple[FloatArray, FloatArray | None, FloatArray]:
        """Return mean, pull (None for 1) and expected information per weight."""
        if self.link == "logit":
            mean = np.asarray(expit(eta))
            return mean, None, mean * (1 - mean)
        mean = self.mean(eta)
        if self.canonical:
            return mean, None, self.slope(eta)
        pull = self.pull(eta)
        return mean, pull, np.asarray(self.slope(eta) * pull)

    @property
    def has_edge(self) -> bool:
        """Whether the predictor may reach a probability of 0 or 1."""
        return self.family == "binomial" and self.link in {"log", "identity"}

    def room(self, eta: FloatArray) -> FloatArray:
        """Return how far a probability is from where its link ends."""
        curve = _CURVES[self.link]
        if self.link == "log":
            return curve.complement(eta)
        return np.asarray(np.minimum(curve.mean(eta), curve.complement(eta)))

    def working(
        self, eta: FloatArray, weight: FloatArray, total: FloatArray
    ) -> FloatArray:
        """Return each cell's weight in the matrix of a step.

        Expected information; where probabilities have an edge, what was observed, with
        which Newton's steps stay short of the edge.
        """
        if not self.has_edge:
            return np.asarray(weight * self.slope(eta) * self.pull(eta))
        curve = _CURVES[self.link]
        mu, rest = curve.mean(eta), curve.complement(eta)
        if self.link == "log":
            return np.asarray((weight - total) * mu / rest**2)
        return np.asarray(total / mu**2 + (weight - total) / rest**2)

    def valid(self, eta: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Return where the predictor gives a mean that the family can have."""
        finite = np.isfinite(eta)
        if self.family == "binomial" and self.link == "log":
            return np.asarray(finite & (eta < 0))
        if self.family == "binomial" and self.link == "identity":
            return np.asarray(finite & (eta > 0) & (eta < 1))
        if self.family != "gaussian" and self.link in {"identity", "inverse"}:
            return np.asarray(finite & (eta > 0))
        return np.asarray(finite)

    def log_likelihood(
        self, eta: FloatArray, weight: FloatArray, total: FloatArray
    ) -> FloatArray:
        """Return each cell's quasi log likelihood up to a constant.

        `weight` is the sum of weights of a cell, `total` that of weight times outcome.
        """
        curve = _CURVES[self.link]
        if self.family == "binomial":
            log_mean, log_rest = self._log_probabilities(eta)
            return np.asarray(total * log_mean + (weight - total) * log_rest)
        if self.family == "gaussian":
            mu = curve.mean(eta)
            return np.asarray(mu * (total - 0.5 * weight * mu))
        mu = curve.mean(eta)
        if self.family == "poisson":
            return np.asarray(xlogy(total, mu) - weight * mu)
        return np.asarray(-total / mu - weight * np.log(mu))

    def _log_probabilities(self, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.link == "logit":
            return -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)
        if self.link == "probit":
            return log_ndtr(eta), log_ndtr(-eta)
        if self.link == "cloglog":
            rate = np.exp(eta)
            return np.log(-np.expm1(-rate)), -rate
        if self.link == "log":
            return eta, np.log(-np.expm1(eta))
        return np.log(eta), np.log1p(-eta)

    def deviance(
        self, outcome: FloatArray, eta: FloatArray, weight: FloatArray
    ) -> float:
        """Return the weighted deviance: twice the loss against a perfect fit."""
        fitted = self.log_likelihood(eta, weight, weight * outcome)
        if self.family == "binomial":
            best = xlogy(outcome, outcome) + xlogy(1 - outcome, 1 - outcome)
        elif self.family == "poisson":
            best = xlogy(outcome, outcome) - outcome
        elif self.family == "gaussian":
            best = 0.5 * outcome**2
        else:
            best = -1 - np.log(outcome)
        return float(2 * (weight * best - fitted).sum())


# Canonical links: slope and variance are the same function.
_PLAIN = {("binomial", "logit"), ("poisson", "log"), ("gaussian", "identity")}


def glm_model(family: str, link: str | None = None) -> Model:
    """Return the model of a family and a link, the family's usual one by default.

    Raises
    ------
    InputError
        If there is no such family, or the family has no such link.
    """
    if family not in _LINKS:
        raise InputError(
            f"family={family!r} is not known; choose one of {', '.join(_LINKS)}."
        )
    chosen = _CANONICAL[family] if link is None else link
    for name in _LINKS[family]:
        if name == chosen:
            return Model(_known(family), name)
    raise InputError(
        f"family={family!r} has no link={link!r}; choose one of "
        f"{', '.join(_LINKS[family])}."
    )


def _known(family: str) -> FamilyName:
    names: tuple[FamilyName, ...] = ("binomial", "poisson", "gaussian", "gamma")
    return next(name for name in names if name == family)
