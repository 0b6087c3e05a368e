"""Maximum of the Fellegi-Sunter likelihood over a table of agreement.

Pairs fall in cells, one class of agreement per field. The expected count of a cell is
that of links, among whom fields are independent, plus that of other pairs, among whom
two fields go together where the counts demand it (a log-linear model; people of one
origin share names and provinces). Counts are Poisson. A cell may have been looked into
for a known share of its pairs only, its exposure: links in the rest are expected by the
model, so that what blocks keep apart is missing data and not agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from estimators.errors import ConvergenceError

if TYPE_CHECKING:
    from estimators.array_types import BoolVector, FloatVector, IntMatrix, IntVector

    Shares: TypeAlias = "tuple[FloatVector, ...]"

__all__ = ["AgreementModel", "AgreementTable", "fit_agreement"]

# The supposed shares count as much as this many true links, and independence of the
# fields as this many other pairs: no share is 0.
PRIOR_LINKS = 20.0
_HALF = 0.5
_TINY = 1e-12
# Of m, and of the number of links relatively: far below what links can tell.
_TOLERANCE = 1e-5
_MOST_ROUNDS = 5000
# Half of the 99th percentile of chi-squared with one degree of freedom.
_EVIDENCE = 3.32
# While fields that go together are looked for, maxima are compared by whole units.
_ROUGH = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreementTable:
    """Counts of pairs by classes of agreement.

    Attributes
    ----------
    cells : ndarray of int64, shape (C, F)
        Class of each field; 0 is unknown and says nothing.
    count : ndarray of float, shape (C,)
        Pairs seen.
    exposure : ndarray of float, shape (C,)
        Share of the cell's pairs that were looked at, in (0, 1].
    offset : ndarray of float, shape (C,)
        Share of links with these gaps and this frequency of values, as far as the
        fields do not have it independently.
    expected : tuple of F ndarrays
        Supposed share of every class among links; 0 for class 0.
    doubted : tuple of F ndarrays of bool
        Classes that count for links only where the table shows it.
    n_records : int
        Records that the pairs are made of: what is independent of each other.
    linked : ndarray of float, shape (C,), optional
        Links among the pairs seen, where they are known: to see what is lost by not
        knowing them.
    """

    cells: IntMatrix
    count: FloatVector
    exposure: FloatVector
    offset: FloatVector
    expected: Shares
    doubted: tuple[BoolVector, ...]
    n_records: int
    linked: FloatVector | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreementModel:
    """Links and other pairs expected in each cell.

    Attributes
    ----------
    m : tuple of ndarray
        Share of each class among links that have the field; 1 for class 0.
    associated : tuple of (int, int)
        Fields that go together among other pairs.
    told : tuple of ndarray of bool
        Classes in which links can be told from other pairs.
    n_links : float
        Links among all pairs, those in cells not looked at included.
    std_error : float
        Of `n_links`, from the curvature of the profile likelihood. In simulated lists
        it is rather too large for a thousand records, where pairs of strangers that
        share a record vary together; it does not hold links that cannot be told.
    links, others : ndarray of float, shape (C,)
        Expected among all pairs.
    """

    m: Shares
    associated: tuple[tuple[int, int], ...]
    told: tuple[BoolVector, ...]
    n_links: float
    std_error: float
    links: FloatVector
    others: FloatVector

    @property
    def weights(self) -> FloatVector:
        """Log2 of the odds of a link in every cell, shape (C,)."""
        return np.asarray(np.log2(self.links) - np.log2(self.others), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    m: Shares
    n_links: float
    others: FloatVector
    told: tuple[BoolVector, ...]
    margins: tuple[tuple[int, ...], ...]


class _Fitter:
    """One table, and what does not change while a model is fitted to it."""

    def __init__(self, table: AgreementTable, most_links: float) -> None:
        self.table, self.most_links = table, most_links
        cells = table.cells
        self.columns = [
            np.ascontiguousarray(cells[:, k]) for k in range(cells.shape[1])
        ]
        self.sizes = [share.size for share in table.expected]
        fields = range(len(self.sizes))
        self.pairs = list(combinations(fields, 2))
        self.places = {
            margin: self._margin(margin)
            for margin in (*((field,) for field in fields), *self.pairs)
        }
        self.used = [np.unique(column[table.count > 0]).size for column in self.columns]
        # Seen pairs if all were others and fields independent: the start of others.
        self.independent = self._independent() + _TINY
        self.few = self.independent * (PRIOR_LINKS / self.independent.sum())

    def start(self, associated: Sequence[tuple[int, int]] = ()) -> _State:
        held = {field for pair in associated for field in pair}
        alone = [(field,) for field in range(len(self.sizes)) if field not in held]
        return _State(
            m=tuple(
                _with_unknown(share / share.sum()) for share in self.table.expected
            ),
            # Half of the most possible: the start of a search, not a belief.
            n_links=_HALF * self.most_links,
            others=self.independent,
            told=tuple(np.ones(size, dtype=np.bool_) for size in self.sizes),
            margins=(*associated, *alone),
        )

    def links(self, state: _State) -> FloatVector:
        """Return the links expected among all pairs of each cell."""
        found = state.n_links * self.table.offset
        for column, share in zip(self.columns, state.m, strict=True):
            found = found * share[column]
        return found

    def climb(
        self, state: _State, *, fixed: bool = False, rough: bool = False
    ) -> _State:
        """Return the maximum reached from here; `fixed` holds the number of links."""
        ours = np.prod(
            [
                told[column]
                for column, told in zip(self.columns, state.told, strict=True)
            ],
            axis=0,
        ).astype(np.float64)
        for _ in range(_MOST_ROUNDS):
            new = self._round(state, ours, fixed=fixed)
            moved = max(
                abs(new.n_links / state.n_links - 1),
                *(np.abs(a - b).max() for a, b in zip(new.m, state.m, strict=True)),
            )
            state = new
            if moved < (_ROUGH if rough else _TOLERANCE):
                return state
        if rough:
            return state
        raise ConvergenceError(
            f"The linkage model still moved by {moved:.1e} after {_MOST_ROUNDS:,} "
            "rounds: the fields do not tell links from other pairs. Add a field, or "
            "check the lists."
        )

    def _round(self, state: _State, ours: FloatVector, *, fixed: bool) -> _State:
        table = self.table
        every = self.links(state)
        seen = table.exposure * every
        count_linked = table.count * seen / (seen + state.others)
        if table.linked is not None:
            count_linked = table.linked
        linked = (count_linked + (1 - table.exposure) * every) * ours
        m = []
        for column, size, expected in zip(
            self.columns, self.sizes, table.expected, strict=True
        ):
            added = np.bincount(column, linked, size) + PRIOR_LINKS * expected
            added[0] = 0.0
            m.append(_with_unknown(added / added.sum()))
        # Half a link more than found: lists without any must not end at odds of 0.
        n_links = min(float(linked.sum()) + _HALF, self.most_links)
        others = self._scaled(state, table.count - count_linked + self.few)
        return replace(
            state,
            m=tuple(m),
            n_links=state.n_links if fixed else n_links,
            others=others,
        )

    def _scaled(self, state: _State, target: FloatVector) -> FloatVector:
        """Return others with every margin of the target: one round of raking."""
        others = state.others
        for margin in state.margins:
            place, size = self.places[margin]
            wanted = np.bincount(place, target, size)
            had = np.bincount(place, others, size)
            others = (
                others
                * np.divide(wanted, had, out=np.ones_like(wanted), where=had > 0)[place]
            )
        return others

    def log_likelihood(self, state: _State) -> float:
        """Return the logarithm of the penalised likelihood, but for a constant."""
        mean = self.table.exposure * self.links(state) + state.others
        total = float((self.table.count * np.log(mean)).sum() - mean.sum())
        for share, expected in zip(state.m, self.table.expected, strict=True):
            total += PRIOR_LINKS * float((expected[1:] * np.log(share[1:])).sum())
        return total + float((self.few * np.log(state.others)).sum())

    def dispersion(self, state: _State) -> float:
        """Return Pearson's chi-squared per degree of freedom, 1 or more.

        Pairs share records, so that counts vary more than Poisson counts do.
        """
        mean = self.table.exposure * self.links(state) + state.others
        kept = mean > 1
        free = int(kept.sum()) - 1 - 2 * sum(size - 1 for size in self.used)
        free -= sum(
            self.parameters(pair) for pair in self.pairs if pair in state.margins
        )
        squares = (self.table.count[kept] - mean[kept]) ** 2 / mean[kept]
        return max(float(squares.sum()) / max(free, 1), 1.0)

    def parameters(self, pair: tuple[int, int]) -> int:
        """Return how many parameters say how two fields go together."""
        return (self.used[pair[0]] - 1) * (self.used[pair[1]] - 1)

    def best(self, state: _State, field: int) -> FloatVector:
        """Return the largest probability of a link among seen pairs of each class."""
        seen = self.table.exposure * self.links(state)
        probability = np.where(self.table.count > 0, seen / (seen + state.others), 0.0)
        found = np.zeros(self.sizes[field])
        np.maximum.at(found, self.columns[field], probability)
        return found

    def _margin(self, fields: Sequence[int]) -> tuple[IntVector, int]:
        shape = tuple(self.sizes[field] for field in fields)
        place = np.ravel_multi_index([self.columns[field] for field in fields], shape)
        return np.asarray(place, dtype=np.int64), int(np.prod(shape))

    def _independent(self) -> FloatVector:
        table = self.table
        found = table.exposure * (table.count.sum() / table.exposure.sum())
        for _ in range(_MOST_ROUNDS):
            before = found
            for column, size in zip(self.columns, self.sizes, strict=True):
                wanted = np.bincount(column, table.count, size)
                had = np.bincount(column, found, size)
                found = (
                    found
                    * np.divide(wanted, had, out=np.zeros_like(wanted), where=had > 0)[
                        column
                    ]
                )
            if np.abs(found - before).sum() < _TOLERANCE * found.sum():
                break
        return np.asarray(found, dtype=np.float64)


def fit_agreement(table: AgreementTable, *, most_links: float) -> AgreementModel:
    """Fit links and other pairs by expectation and conditional maximisation.

    Two fields go together among other pairs if the log-likelihood gains more per
    parameter than the iterated logarithm of the number of records (the criterion of
    Hannan and Quinn). Without those that do, people of one country are one person; with
    those that do not, a small table gives its links away to chance.

    Classes that are `doubted`, and in which no pair is likelier a link than not, count
    for links only if the likelihood falls without them by more than chance would have
    it (one per cent). Else the surplus of a class over what the model of other pairs
    says would be taken for links, which where others are a thousand times more is
    noise, and never negative.

    Parameters
    ----------
    table : AgreementTable
    most_links : float
        Upper bound of the number of links: persons can be on both lists at most as
        often as the shorter has records.

    Raises
    ------
    ConvergenceError
        If the parameters still move after 5 000 rounds.

    References
    ----------
    Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. Journal of the
    American Statistical Association 64, 1183-1210.

    Larsen, M. D. and Rubin, D. B. (2001). Iterative automated record linkage using
    mixture models. Journal of the American Statistical Association 96, 32-41.

    Hannan, E. J. and Quinn, B. G. (1979). The determination of the order of an
    autoregression. Journal of the Royal Statistical Society B 41, 190-195.
    """
    fitter = _Fitter(table, most_links)
    state = fitter.climb(fitter.start(_associated(fitter)))
    dispersion = fitter.dispersion(state)
    height = fitter.log_likelihood(state)
    known = table.linked is not None
    for _, field, number in [] if known else _candidates(fitter, state):
        told = [part.copy() for part in state.told]
        told[field][number] = False
        without = fitter.climb(replace(state, told=tuple(told)))
        lower = fitter.log_likelihood(without)
        if height - lower <= _EVIDENCE * dispersion:
            state, height = without, lower
    return AgreementModel(
        m=state.m,
        associated=tuple(pair for pair in fitter.pairs if pair in state.margins),
        told=state.told,
        n_links=state.n_links,
        std_error=_std_error(fitter, state, height),
        links=fitter.links(state),
        others=np.asarray(state.others / table.exposure, dtype=np.float64),
    )


def _associated(fitter: _Fitter) -> list[tuple[int, int]]:
    """Return the pairs of fields that go together among other pairs.

    Each is tried alone, then in the order of what it gained beside those admitted.
    """
    cost = float(np.log(np.log(max(fitter.table.n_records, 16))))

    def fitted(pairs: Sequence[tuple[int, int]]) -> float:
        return fitter.log_likelihood(fitter.climb(fitter.start(pairs), rough=True))

    height = fitted([])
    alone = {pair: fitted([pair]) for pair in fitter.pairs if fitter.parameters(pair)}
    kept: list[tuple[int, int]] = []
    for pair in sorted(alone, key=lambda pair: (-alone[pair], pair)):
        higher = fitted([*kept, pair]) if kept else alone[pair]
        if higher - height > cost * fitter.parameters(pair):
            kept, height = [*kept, pair], higher
    return kept


def _candidates(fitter: _Fitter, state: _State) -> list[tuple[float, int, int]]:
    found = []
    for field, doubted in enumerate(fitter.table.doubted):
        best = fitter.best(state, field)
        found += [
            (float(best[number]), field, int(number))
            for number in np.flatnonzero(doubted & (best < _HALF))
        ]
    return sorted(found)


def _std_error(fitter: _Fitter, state: _State, height: float) -> float:
    """Return the error of the number of links from its profile likelihood."""
    step = min(max(0.02, 2 / np.sqrt(state.n_links)), _HALF)
    falls = []
    for sign in (-1, 1):
        moved = replace(state, n_links=state.n_links * (1 + sign * step))
        falls.append(height - fitter.log_likelihood(fitter.climb(moved, fixed=True)))
    fall = float(np.mean(falls))
    # A flat profile tells nothing: as uncertain as large.
    if fall <= 0:
        return state.n_links
    return min(float(step / np.sqrt(2 * fall)), 1.0) * state.n_links


def _with_unknown(share: FloatVector) -> FloatVector:
    found = np.asarray(share, dtype=np.float64).copy()
    found[0] = 1.0
    return found
