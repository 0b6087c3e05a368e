"""Corridors: sub-paths of routes that travellers share more than chance gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.binomial_limits import binomial_limits
from estimators.checks import as_generator, check_counts, check_level, check_resamples
from estimators.errors import InputError, NotEstimableError
from estimators.registry import estimator
from estimators.results import Estimate, Estimates, Interval
from estimators.spatial.example import travelled_routes
from estimators.spatial.route_paths import Routes, simulate_routes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector
    from estimators.spatial.route_paths import FoundPaths, NullPaths

__all__ = ["Corridor", "Corridors", "corridors"]

_WILSON = "Wilson, expected support taken as known"
_LARGEST_CODE = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Corridor:
    """One sub-path.

    Attributes
    ----------
    stages : tuple of str
        Columns that follow each other: origin, crossing.
    places : tuple of str
        One place per stage.
    support : int
        Routes that take it, of the `known` ones in which all its stages are known.
    known : int
    expected : float
        Support if travellers chose each stage by itself.
    expected_by_legs : float
        Of paths with three stages or more: support if the way on depended only on the
        place before; otherwise `expected`.
    p_value, family_p_value, q_value : float
        Chance of such a support of this path; of any path as unlikely; share of false
        corridors among those at least as unlikely.
    """

    stages: tuple[str, ...]
    places: tuple[str, ...]
    support: int
    known: int
    expected: float
    expected_by_legs: float
    p_value: float
    family_p_value: float
    q_value: float

    @property
    def lift(self) -> float:
        """Support over expected support."""
        return self.support / self.expected


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corridors(Estimates):
    """Sub-paths from the least likely on; the rows are their lifts.

    Attributes
    ----------
    corridors : tuple of Corridor
    unknown : mapping of str to int
        Routes whose stage is not known, by stage.
    """

    corridors: tuple[Corridor, ...]
    unknown: dict[str, int]

    def summary(self) -> str:
        """Return the corridors as text, followed by the notes."""
        head = "lift of corridors, corridors"
        lines = [
            f"{' > '.join(one.places)}: {one.support} of {one.known} routes, "
            f"{one.expected:.3g} expected, lift {one.lift:.3g} [{row.ci.low:.3g}, "
            f"{row.ci.high:.3g}], p = {one.p_value:.3g}, q = {one.q_value:.3g}"
            for one, row in zip(self.corridors, self.rows, strict=True)
        ]
        return "\n".join([head, *lines, *(f"note: {note}" for note in self.notes)])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every corridor's lift; returns the axes drawn on."""
        from estimators.plotting import forest_plot

        return forest_plot(self.to_frame(), label="corridor", ax=ax)


@estimator(
    family="spatial",
    label="Corridors: sub-paths of routes shared beyond chance",
    source="Agrawal and Srikant 1995; Tusher et al. 2001 (false discoveries)",
    example=lambda: {"routes": travelled_routes(), "n_resamples": 99},
)
def corridors(
    routes: pd.DataFrame,
    *,
    min_support: int = 5,
    max_stages: int | None = None,
    n_resamples: int = 999,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> Corridors:
    """Find the sub-paths of routes that more travellers take than chance gives.

    Parameters
    ----------
    routes : pandas.DataFrame of shape (n, stages)
        One row per person, one column per stage in the order of travel (origin,
        crossing, transit, destination); a missing value is a stage not known.
    min_support : int
        Fewest routes of a corridor, at least 2. Small numbers tell on persons: show
        nothing below the release minimum.
    max_stages : int, optional
        Stages of a corridor at most; all unless given.
    n_resamples : int
        Sets of routes drawn under the null.
    level : float
        Of the limits of lifts.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Corridors
        `corridors` with support, lift and p-values, the least likely first.

    Raises
    ------
    InputError
        If there are fewer than two stages, or numbers are not lawful.
    NotEstimableError
        If no sub-path has the least support.

    Notes
    -----
    A sub-path is a run of stages that follow each other, with a place for each; its
    support counts the routes that know all its stages. Under the null the known places
    of every stage are dealt out anew among the routes that know that stage, so what is
    unknown stays so. Paths are ranked by ``c log(c / e) + e - c`` with support c above
    its expectation e, over the share of a Poisson variance that is left with the totals
    of every stage held. Drawn routes are searched as the data are, with the same least
    support: `q_value` is the mean number of paths as unlikely in drawn routes over the
    number in the data, `family_p_value` the share of drawn sets with any such path.
    Unknown stages are taken as unknown at random within a stage.

    References
    ----------
    Agrawal, R. and Srikant, R. (1995). Mining sequential patterns. Proceedings of the
    11th International Conference on Data Engineering, 3-14.

    Tusher, V. G., Tibshirani, R. and Chu, G. (2001). Significance analysis of
    microarrays applied to the ionizing radiation response. PNAS 98, 5116-5121.

    Examples
    --------
    >>> from estimators.spatial import corridors
    >>> from estimators.spatial.example import travelled_routes
    >>> found = corridors(travelled_routes(), rng=1)
    >>> found.corridors[0].places, found.corridors[0].support
    (('north', 'bridge', 'capital'), 30)
    """
    check_level(level)
    least = _check(routes, min_support, max_stages)
    coded = Routes.of(routes)
    windows = coded.windows(max_stages or len(coded.stages))
    candidates = [coded.search(coded.codes, window, least) for window in windows]
    if not sum(found.key.size for found in candidates):
        raise NotEstimableError(
            f"No sub-path of routes is shared by {least} persons (min_support) and by "
            "more than expected; join places to larger ones."
        )
    null = simulate_routes(
        coded, windows, candidates, least,
        check_resamples(n_resamples, least=9), as_generator(rng),
    )  # fmt: skip
    listed = _judge(coded, windows, candidates, null)
    rows = tuple(_lift_row(one, level) for one in listed)
    groups = tuple(
        {
            "corridor": " > ".join(one.places),
            "stages": " > ".join(one.stages),
            "support": one.support,
            "expected": one.expected,
            "p_value": one.p_value,
            "q_value": one.q_value,
        }
        for one in listed
    )
    unknown = {
        stage: int((coded.codes[:, at] < 0).sum())
        for at, stage in enumerate(coded.stages)
    }
    return Corridors(
        rows=rows,
        groups=groups,
        notes=_notes(unknown, len(coded.codes)),
        corridors=tuple(listed),
        unknown=unknown,
    )


def _check(routes: pd.DataFrame, min_support: int, max_stages: int | None) -> int:
    if not isinstance(routes, pd.DataFrame) or routes.shape[1] < 2 or routes.empty:
        raise InputError(
            "routes must be a DataFrame with one row per person and two or more "
            f"columns of stages; {type(routes).__name__} of shape "
            f"{np.shape(routes)} came."
        )
    counts = check_counts(min_support=min_support)
    if counts["min_support"] < 2:
        raise InputError(f"min_support={min_support}: a shared path needs two or more.")
    if max_stages is not None and check_counts(max_stages=max_stages)["max_stages"] < 2:
        raise InputError(f"max_stages={max_stages}: a path has two stages or more.")
    if math.prod(max(routes[c].nunique(), 1) for c in routes.columns) > _LARGEST_CODE:
        raise InputError("routes name too many places: join them to larger ones.")
    return counts["min_support"]


def _judge(
    coded: Routes,
    windows: list[tuple[int, int]],
    candidates: list[FoundPaths],
    null: NullPaths,
) -> list[Corridor]:
    score = np.concatenate([found.score for found in candidates])
    q_value = _false_shares(score, null)
    n_resamples = null.greatest.size
    listed: list[tuple[float, Corridor]] = []
    at = 0
    for window, found, reached in zip(windows, candidates, null.reached, strict=True):
        known = coded.keys(coded.codes, window).size
        for k in range(found.key.size):
            places = coded.places(int(found.key[k]), window)
            expected = float(found.expected[k])
            any_path = int((null.greatest >= score[at] - 1e-9).sum())
            one = Corridor(
                stages=coded.stages[slice(*window)],
                places=tuple(
                    coded.names[stage][place]
                    for stage, place in zip(range(*window), places, strict=True)
                ),
                support=int(found.support[k]),
                known=known,
                expected=expected,
                expected_by_legs=_by_legs(coded, window, places, expected),
                p_value=(1 + int(reached[k])) / (1 + n_resamples),
                family_p_value=(1 + any_path) / (1 + n_resamples),
                q_value=float(q_value[at]),
            )
            listed.append((float(score[at]), one))
            at += 1
    return [one for _, one in sorted(listed, key=lambda pair: -pair[0])]


def _false_shares(score: FloatVector, null: NullPaths) -> FloatVector:
    """Return expected false over found corridors at every score, never falling."""
    order = np.argsort(-score, kind="stable")
    beyond = null.scores.size - np.searchsorted(null.scores, score[order] - 1e-9)
    # One more than were drawn: an estimate of 0 would promise too much.
    false = (1 + beyond) / (1 + null.greatest.size)
    share = np.minimum(false / np.arange(1, score.size + 1), 1.0)
    least_beyond = np.minimum.accumulate(share[::-1])[::-1]
    result = np.empty_like(score)
    result[order] = least_beyond
    return result


def _by_legs(
    coded: Routes, window: tuple[int, int], places: tuple[int, ...], expected: float
) -> float:
    """Return the support if the way on depended on the place before alone."""
    if len(places) == 2:
        return expected
    part = coded.codes[:, slice(*window)]
    part = part[(part >= 0).all(axis=1)]
    here = part == np.array(places)
    chain = float(here[:, 0].sum())
    for at in range(1, len(places)):
        leaving = int(here[:, at - 1].sum())
        chain *= int((here[:, at - 1] & here[:, at]).sum()) / leaving
    return chain


def _lift_row(one: Corridor, level: float) -> Estimate:
    n, share = one.known, one.support / one.known
    low, high = binomial_limits(one.support, n, "wilson", level=level)
    scale = n / one.expected
    return Estimate(
        estimand="lift of a corridor",
        unit="ratio",
        estimate=one.lift,
        std_error=scale * math.sqrt(share * (1 - share) / n),
        ci=Interval(
            low=min(scale * low, one.lift),
            high=max(scale * high, one.lift),
            level=level,
            method=_WILSON,
        ),
        method="corridors",
        n_obs=n,
    )


def _notes(unknown: dict[str, int], n: int) -> tuple[str, ...]:
    notes = [
        "Paths were searched for, so the lifts of those listed tend to be overstated."
    ]
    gaps = ", ".join(f"{stage} {count}" for stage, count in unknown.items() if count)
    if gaps:
        notes.append(
            f"Not known, of {n} routes: {gaps}. A path counts the routes that know all "
            "its stages."
        )
    return tuple(notes)
