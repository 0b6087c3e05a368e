"""Which graphs, and which pairs of lists, the posterior of dependence rests on."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from estimators.capture_recapture._histories_argument import check_histories
from estimators.capture_recapture.graph_posterior import MOST_LISTS, GraphPosterior
from estimators.capture_recapture.graph_sampling import (
    GraphSchedule,
    posterior_of_graphs,
)
from estimators.checks import as_generator

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = ["edge_probabilities", "graph_probabilities"]

LIST_NAMES = "123456789X"


def graph_probabilities(
    histories: CaptureHistories,
    *,
    prior_strength: float | None = None,
    largest: int | None = None,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Return the posterior probability of each decomposable graph, largest first.

    Parameters
    ----------
    histories : CaptureHistories
    prior_strength, largest, rng, n_jobs
        As in `decomposable_graphs`.

    Returns
    -------
    pandas.DataFrame
        Columns ``graph`` (its cliques, as "[12,3]"; list 10 is "X") and
        ``probability``: from 7 lists on its share of the draws. Graphs of less than
        about 1e-17, or never drawn, are left out.

    Raises
    ------
    InputError
        As `decomposable_graphs`.

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> graph_probabilities(histories).head(2).round(3)
         graph  probability
    0   [1,23]        0.722
    1  [12,23]        0.158
    """
    check_histories(histories)
    posterior, _ = posterior_of_graphs(
        histories,
        prior_strength,
        largest,
        GraphSchedule(n_jobs=n_jobs),
        rng=as_generator(rng),
    )
    cliques = _cliques(posterior, histories.n_lists)
    order = np.argsort(-posterior.probability, kind="stable")
    return pd.DataFrame(
        {
            "graph": [_words(cliques[place]) for place in order],
            "probability": posterior.probability[order],
        }
    )


def edge_probabilities(
    histories: CaptureHistories,
    *,
    prior_strength: float | None = None,
    largest: int | None = None,
    rng: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Return the posterior probability that each pair of lists is joined by an edge.

    Parameters
    ----------
    histories : CaptureHistories
    prior_strength, largest, rng, n_jobs
        As in `decomposable_graphs`.

    Returns
    -------
    pandas.DataFrame
        Columns ``one`` and ``other`` (lists), ``probability``, and its
        ``monte_carlo_error``: 0 up to 6 lists, a standard error beyond.

    Raises
    ------
    InputError
        As `decomposable_graphs`.

    Examples
    --------
    >>> from estimators.capture_recapture import CaptureHistories
    >>> histories = CaptureHistories.from_counts(
    ...     {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142,
    ...      "111": 12})
    >>> edge_probabilities(histories).round(3)
      one other  probability  monte_carlo_error
    0   A     B        0.161                0.0
    1   A     C        0.119                0.0
    2   B     C        1.000                0.0
    """
    check_histories(histories)
    posterior, chains = posterior_of_graphs(
        histories,
        prior_strength,
        largest,
        GraphSchedule(n_jobs=n_jobs),
        rng=as_generator(rng),
    )
    cliques = _cliques(posterior, histories.n_lists)
    pairs = list(combinations(range(histories.n_lists), 2))
    masks = np.array([1 << one | 1 << other for one, other in pairs])
    joined = np.array([(masks & ~of[:, None] == 0).any(axis=0) for of in cliques])
    return pd.DataFrame(
        {
            "one": [histories.lists[one] for one, _ in pairs],
            "other": [histories.lists[other] for _, other in pairs],
            "probability": posterior.probability @ joined,
            "monte_carlo_error": 0.0 if chains is None else chains.edge_errors(),
        }
    )


def _cliques(posterior: GraphPosterior, n_lists: int) -> list[IntVector]:
    """Return the bit masks of each graph's cliques."""
    starts, subsets, signs = posterior.graphs
    clique = (signs > 0) & (subsets > 0) & (subsets < 1 << n_lists)
    ends = np.cumsum(clique)[starts[1:] - 1]
    return np.split(subsets[clique], ends[:-1])


def _words(cliques: IntVector) -> str:
    names = [
        "".join(LIST_NAMES[place] for place in range(MOST_LISTS) if mask >> place & 1)
        for mask in cliques.tolist()
    ]
    return f"[{','.join(sorted(names))}]"
