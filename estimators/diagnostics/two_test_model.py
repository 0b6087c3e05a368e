"""Two dependent tests of a hidden status: parameters, priors and cell probabilities.

Cells are ordered ++, +-, -+, --. Among cases the tests have covariance c: the chance of
++ is Se1 Se2 + c, of +- Se1 (1 - Se2) - c and so on, with c between
max(-Se1 Se2, -(1 - Se1)(1 - Se2)) and min(Se1, Se2) - Se1 Se2; likewise among others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import expit

from estimators.diagnostics.distributions import BetaPrior, PointMass
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["CovariancePrior", "TwoTestModel", "read_two_test_priors"]

CovariancePrior: TypeAlias = "float | tuple[float, float] | None"
_KEYS = {
    "prevalence", "sensitivity", "specificity", "covariance_cases",
    "covariance_others", "second_given_first",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoTestModel:
    """Priors of the shares, in the order of the model, and of both covariances.

    With `conditional` the shares are prevalence, Se1, Sp1 and the second test's chances
    of being right, given the status and the first result (cases + and -, others - and
    +), and there are no covariances.
    """

    shares: tuple[BetaPrior | PointMass, ...]
    covariances: tuple[CovariancePrior, CovariancePrior]
    conditional: bool = False

    @property
    def free(self) -> tuple[BetaPrior, ...]:
        """Priors of the shares that are not known."""
        return tuple(prior for prior in self.shares if isinstance(prior, BetaPrior))

    @property
    def n_covariances(self) -> int:
        """Covariances that are estimated."""
        if self.conditional:
            return 0
        return sum(not isinstance(prior, int | float) for prior in self.covariances)

    def sample(self, n: int, rng: np.random.Generator) -> FloatMatrix:
        """Return prior draws on the logit scale, shape (n, free parameters)."""
        columns = [rng.beta(prior.alpha, prior.beta, n) for prior in self.free]
        columns.extend(rng.random(n) for _ in range(self.n_covariances))
        share = np.clip(np.column_stack(columns), 1e-14, 1 - 1e-14)
        return np.asarray(np.log(share) - np.log1p(-share))

    def log_density(self, draws: FloatMatrix) -> FloatVector:
        """Return the log density of draws from `sample`."""
        total = np.zeros(draws.shape[0])
        for column, prior in enumerate(self.free):
            unit = BetaPrior(prior.alpha, prior.beta)
            total += unit.log_density(expit(draws[:, column]))
        # d share / d logit, by parameter; positions in a range are uniform.
        total -= (np.logaddexp(0, draws) + np.logaddexp(0, -draws)).sum(axis=1)
        return total

    def unpack(
        self, draws: FloatMatrix
    ) -> tuple[FloatMatrix, FloatMatrix, FloatVector]:
        """Return shares, covariances and the log weight of the covariances' ranges."""
        n = draws.shape[0]
        shares = np.empty((n, len(self.shares)))
        column = 0
        for place, prior in enumerate(self.shares):
            if isinstance(prior, PointMass):
                shares[:, place] = prior.value
                continue
            position = expit(draws[:, column])
            shares[:, place] = prior.low + (prior.high - prior.low) * position
            column += 1
        covariances = np.zeros((n, 2))
        weight = np.zeros(n)
        if self.conditional:
            return shares, covariances, weight
        for place, given in enumerate(self.covariances):
            first, second = shares[:, 1 + 2 * place], shares[:, 2 + 2 * place]
            least = np.maximum(-first * second, -(1 - first) * (1 - second))
            most = np.minimum(first, second) - first * second
            if isinstance(given, int | float):
                covariances[:, place] = given
                weight[(given < least) | (given > most)] = -np.inf
                continue
            width = most - least
            if given is not None:
                least, most = np.maximum(least, given[0]), np.minimum(most, given[1])
                width = np.maximum(most - least, 0)
                with np.errstate(divide="ignore"):
                    weight += np.log(width)
            covariances[:, place] = least + width * expit(draws[:, column])
            column += 1
        return shares, covariances, weight

    def accuracies(self, shares: FloatMatrix) -> FloatMatrix:
        """Return prevalence, Se1, Se2, Sp1, Sp2 by draw."""
        if not self.conditional:
            return shares
        p, se, sp, a, b, c, d = shares.T
        return np.column_stack(
            [p, se, se * a + (1 - se) * b, sp, sp * c + (1 - sp) * d]
        )

    def cells(self, shares: FloatMatrix, covariances: FloatMatrix) -> FloatMatrix:
        """Return the chances of ++, +-, -+, -- by draw."""
        if self.conditional:
            p, se, sp, a, b, c, d = shares.T
            case = [se * a, se * (1 - a), (1 - se) * b, (1 - se) * (1 - b)]
            other = [(1 - sp) * (1 - d), (1 - sp) * d, sp * (1 - c), sp * c]
        else:
            p, se1, se2, sp1, sp2 = shares.T
            hit, miss = covariances.T
            case = _joint(se1, se2, hit)
            other = _joint(sp1, sp2, miss)[::-1]
        return np.stack(
            [p * x + (1 - p) * y for x, y in zip(case, other, strict=True)], axis=1
        )


def _joint(
    first: FloatVector, second: FloatVector, covariance: FloatVector
) -> list[FloatVector]:
    """Return chances of both right, first alone, second alone, none."""
    return [
        first * second + covariance,
        first * (1 - second) - covariance,
        (1 - first) * second - covariance,
        (1 - first) * (1 - second) + covariance,
    ]


def read_two_test_priors(priors: Mapping[str, object]) -> TwoTestModel:
    """Return the model that a mapping of priors describes.

    Raises
    ------
    InputError
        With every problem.
    """
    unknown = sorted(set(priors) - _KEYS)
    if unknown:
        raise InputError(
            f"priors has unknown entries {', '.join(unknown)}; known are "
            f"{', '.join(sorted(_KEYS))}."
        )
    problems: list[str] = []
    conditional = "second_given_first" in priors
    wanted = {"prevalence": 1, "sensitivity": 2, "specificity": 2}
    if conditional:
        wanted.update(sensitivity=1, specificity=1, second_given_first=4)
    found = {
        name: _shares(name, priors.get(name), size, problems)
        for name, size in wanted.items()
    }
    covariances: list[CovariancePrior] = [
        0.0 if conditional else _covariance(name, priors.get(name), problems)
        for name in ("covariance_cases", "covariance_others")
    ]
    if problems:
        raise InputError("; ".join(problems) + ".")
    return TwoTestModel(
        shares=tuple(prior for name in wanted for prior in found[name]),
        covariances=(covariances[0], covariances[1]),
        conditional=conditional,
    )


def _shares(
    name: str, given: object, size: int, problems: list[str]
) -> list[BetaPrior | PointMass]:
    several = isinstance(given, Sequence) and not isinstance(given, str)
    values = list(given) if several else [given]  # type: ignore[call-overload]  # a sequence, see above
    if len(values) != size:
        problems.append(f"priors[{name!r}] needs {size} entries, {len(values)} came")
        return []
    read: list[BetaPrior | PointMass] = []
    for value in values:
        if isinstance(value, BetaPrior):
            read.append(value)
        elif isinstance(value, int | float) and 0 <= value <= 1:
            read.append(PointMass(value=float(value)))
        else:
            problems.append(
                f"priors[{name!r}] holds {value!r}: a BetaPrior or a number in [0, 1] "
                "was expected"
            )
    return read


def _covariance(name: str, given: object, problems: list[str]) -> CovariancePrior:
    if given is None:
        return None
    if isinstance(given, int | float):
        return float(given)
    pair = tuple(given) if isinstance(given, Sequence) else ()
    if len(pair) == 2 and pair[0] < pair[1]:
        return float(pair[0]), float(pair[1])
    problems.append(
        f"priors[{name!r}]={given!r}: a number, (least, greatest) or None was expected"
    )
    return None
