"""Maximum of the Fellegi-Sunter likelihood over patterns of agreement.

Other pairs than links are of two kinds: strangers, and people of one origin, who share
names, provinces and ages more often. Without the second kind the likelihood is largest
where "one person" means "one country", as soon as lists mix nationalities. With too few
fields to tell the two kinds from each other, there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import FloatVector, IntMatrix, IntVector

    Shares: TypeAlias = "tuple[FloatVector, ...]"

__all__ = ["AgreementModel", "fit_agreement"]

# The supposed shares of the levels count as much as this many true links.
PRIOR_LINKS = 20.0
_HALF = 0.5
# Of m, and of the prior relatively: far below what any number of links can tell.
_TOLERANCE = 1e-5
_MOST_ROUNDS = 5000
# Start of the second kind of other pairs: that many times more agreement.
_KINDRED = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreementModel:
    """Shares of levels among links (m) and other pairs (u), and of links among pairs.

    Attributes
    ----------
    m : tuple of ndarray
        One vector per field, by level from 0 (no agreement) up.
    kinds : tuple of (float, tuple of ndarray)
        Share of each kind among other pairs, and its vectors.
    prior : float
        Share of links among all pairs.
    """

    m: Shares
    kinds: tuple[tuple[float, Shares], ...]
    prior: float

    @property
    def u(self) -> Shares:
        """Shares of levels among all other pairs."""
        return tuple(
            np.sum([share * u[place] for share, u in self.kinds], axis=0)
            for place in range(len(self.m))
        )

    def weights(self, patterns: IntMatrix) -> FloatVector:
        """Return log2 of the odds of a link, shape (P,), for patterns (P, F)."""
        other = np.logaddexp2.reduce(
            [np.log2(share) + _log2(u, patterns) for share, u in self.kinds]
        )
        odds = np.log2(self.prior / (1 - self.prior))
        return np.asarray(_log2(self.m, patterns) - other + odds, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    """Patterns with their counts, and what is supposed before they are seen."""

    patterns: IntMatrix
    count: FloatVector
    expected: Shares
    marginal: Shares
    most_links: float

    def shares(self, weight: FloatVector, start: Shares, strength: float) -> Shares:
        """Return shares of levels under these weights, with so many pairs as start."""
        return tuple(
            _normed(
                _added(self.patterns[:, place], weight, share.size) + strength * share
            )
            for place, share in enumerate(start)
        )


def fit_agreement(
    patterns: IntMatrix,
    count: FloatVector,
    expected: Sequence[FloatVector],
    *,
    most_links: float,
) -> AgreementModel:
    """Fit m, u and the share of links by expectation and maximisation.

    Parameters
    ----------
    patterns : ndarray of int, shape (P, F)
        Distinct patterns of levels; -1 is unknown and says nothing.
    count : ndarray of float, shape (P,)
        Pairs with each pattern, counted or estimated.
    expected : sequence of F ndarrays
        Supposed m by level, above 0; it is the start, and counts as 20 links, which
        holds levels in place that few links reach. u gets half a pair per field.
    most_links : float
        Upper bound of the number of links: persons can be on both lists at most as
        often as the shorter has records.

    Raises
    ------
    ConvergenceError
        If the parameters still move after 5 000 rounds.
    """
    total = float(count.sum())
    data = _Data(
        patterns=patterns,
        count=np.asarray(count, dtype=np.float64),
        expected=tuple(_normed(start) for start in expected),
        marginal=tuple(
            _normed(
                # A level that no pair has keeps a little: no weight is infinite.
                _added(patterns[:, place], count, start.size) + _HALF / start.size
            )
            for place, start in enumerate(expected)
        ),
        most_links=most_links,
    )
    kindred = (1 / _KINDRED, tuple(map(_more_alike, data.marginal)))
    strangers = (1 - 1 / _KINDRED, data.marginal)
    model = AgreementModel(
        m=data.expected,
        kinds=(strangers, kindred)
        if _tells_kinds(expected)
        else ((1.0, data.marginal),),
        # Half of the most possible: the start of a search, not a belief.
        prior=min(_HALF * most_links / total, _HALF),
    )
    for _ in range(_MOST_ROUNDS):
        new = _one_round(model, data)
        moved = _distance(model, new)
        model = new
        if moved < _TOLERANCE:
            return model
    raise ConvergenceError(
        f"The linkage model still moved by {moved:.1e} after {_MOST_ROUNDS:,} rounds: "
        "the fields do not tell links from other pairs. Add a field, or check the "
        "lists."
    )


def _tells_kinds(expected: Sequence[FloatVector]) -> bool:
    """Return whether there are patterns enough to tell two kinds of other pairs."""
    free = sum(start.size - 1 for start in expected)
    return math.prod(start.size for start in expected) - 1 >= 3 * free + 2


def _one_round(model: AgreementModel, data: _Data) -> AgreementModel:
    link = 1 / (1 + np.exp2(-model.weights(data.patterns)))
    linked, other = data.count * link, data.count * (1 - link)
    logs = np.array(
        [np.log2(share) + _log2(u, data.patterns) for share, u in model.kinds]
    )
    parts = np.exp2(logs - np.logaddexp2.reduce(logs)) * other
    total = float(data.count.sum())
    return AgreementModel(
        m=data.shares(linked, data.expected, PRIOR_LINKS),
        kinds=tuple(
            (float(part.sum() / other.sum()), data.shares(part, data.marginal, _HALF))
            for part in parts
        ),
        # Half a link more than found: lists without any must not end at odds of 0.
        prior=float(
            min((linked.sum() + _HALF) / (total + 1), data.most_links / total, _HALF)
        ),
    )


def _log2(shares: Shares, patterns: IntMatrix) -> FloatVector:
    total = np.zeros(len(patterns))
    for place, share in enumerate(shares):
        level = patterns[:, place]
        total += np.where(level < 0, 0.0, np.log2(share)[level])
    return total


def _distance(old: AgreementModel, new: AgreementModel) -> float:
    # How others divide into kinds may drift for long; only the links matter.
    moved = [np.abs(a - b).max() for a, b in zip(old.m, new.m, strict=True)]
    return float(max(*moved, abs(old.prior - new.prior) / new.prior))


def _more_alike(share: FloatVector) -> FloatVector:
    more = share.copy()
    more[1:] *= _KINDRED
    return _normed(more)


def _normed(share: FloatVector) -> FloatVector:
    return np.asarray(share / share.sum(), dtype=np.float64)


def _added(level: IntVector, weight: FloatVector, n_levels: int) -> FloatVector:
    known = level >= 0
    found = np.bincount(level[known], weights=weight[known], minlength=n_levels)
    return found.astype(np.float64)
