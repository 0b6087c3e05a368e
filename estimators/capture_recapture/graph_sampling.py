"""Decomposable graphs of more lists than can be enumerated, drawn by Markov chains."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from estimators.capture_recapture.chain_diagnostics import (
    LARGEST_R_HAT,
    LEAST_EFFECTIVE,
    chain_diagnostics,
    chain_doubts,
    effective_sample_size,
    split_r_hat,
)
from estimators.capture_recapture.graph_grid import unobserved_grid
from estimators.capture_recapture.graph_posterior import (
    MOST_SUMMED,
    checked_strength,
    graph_posterior,
    subset_terms,
    sum_sizes,
)
from estimators.errors import InputError

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector, IntMatrix, IntVector
    from estimators.capture_recapture._kernels_graph_chain import Target
    from estimators.capture_recapture.graph_posterior import GraphPosterior
    from estimators.capture_recapture.histories import CaptureHistories

__all__ = [
    "BURN_IN",
    "N_CHAINS",
    "N_SAMPLES",
    "THINNING",
    "GraphChains",
    "GraphSchedule",
    "posterior_of_graphs",
    "sampled_posterior",
]

# Steps are cheap once a graph's mass is known: large tables, whose modes lie far apart,
# have few graphs to know, and small ones mix at once.
N_SAMPLES, BURN_IN, THINNING, N_CHAINS = 2000, 20_000, 200, 4
# Entries of the table of log-gamma ratios: 256 MiB.
MOST_ENTRIES = 1 << 25
# Step of the chains' grid relative to x: n persons tell x to n ** -0.5 at best, and
# with steps of one standard deviation the trapezoid rule is right to 1e-8.
COARSEST = 0.1
# Random moves that part the starting points of the chains.
SCATTER = 20
# Pairs that nearly all draws join, or nearly none, have too few changes to judge by; a
# chain that is stuck moves the share of the draws by more than this.
RARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSchedule:
    """How long and how many chains are run."""

    n_samples: int = N_SAMPLES
    burn_in: int = BURN_IN
    thinning: int = THINNING
    n_chains: int = N_CHAINS
    n_jobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphChains:
    """Graphs and unobserved persons by chain and draw, both (chains, draws).

    Bit p of a graph is the p-th pair of lists in lexicographic order; `below` (graphs,
    cuts) is P(unobserved <= cut) given each of the `distinct` graphs, and `place` says
    which of these a draw is.
    """

    n_lists: int
    graphs: IntMatrix
    unobserved: FloatMatrix
    below: FloatMatrix
    place: IntMatrix

    @property
    def distinct(self) -> int:
        """Number of different graphs drawn."""
        return len(self.below)

    def edge_shares(self) -> FloatVector:
        """Return the share of draws in which each pair is joined."""
        return np.array([joined.mean() for joined in self._joined()])

    def edge_errors(self) -> FloatVector:
        """Return the Monte-Carlo standard error of each share."""
        return np.array(
            [
                joined.std() / np.sqrt(effective_sample_size(joined))
                for joined in self._joined()
            ]
        )

    def diagnostics(self) -> dict[str, float]:
        """Return R-hat and effective sizes of the unobserved count and of the edges."""
        sizes = chain_diagnostics(self.unobserved)
        judged = [x for x in self._joined() if RARE <= x.mean() <= 1 - RARE]
        most = float(self.graphs.size)
        return {
            "r_hat": sizes["r_hat"],
            "ess_bulk": sizes["ess_bulk"],
            "ess_tail": sizes["ess_tail"],
            "r_hat_edges": max([split_r_hat(x) for x in judged], default=1.0),
            "ess_edges": min([effective_sample_size(x) for x in judged], default=most),
            "graphs": float(self.distinct),
        }

    def share_errors(self) -> FloatVector:
        """Return the Monte-Carlo standard errors of P(unobserved <= cut), (cuts,)."""
        return np.array(
            [
                trace.std() / np.sqrt(effective_sample_size(trace))
                for trace in np.moveaxis(self.below[self.place], 2, 0)
            ]
        )

    def doubts(self) -> list[str]:
        """Say that graphs were sampled, and in words what the chains do not support."""
        found = self.diagnostics()
        notes = [
            f"graphs were sampled, not summed: {self.graphs.size:,} draws of "
            f"{len(self.graphs)} Markov chains hold {self.distinct:,} graphs; figures "
            "carry the Monte-Carlo errors that the diagnostics state",
            *chain_doubts(found),
        ]
        if found["r_hat_edges"] > LARGEST_R_HAT or found["ess_edges"] < LEAST_EFFECTIVE:
            notes.append(
                "the chains do not agree on which lists depend on each other (R-hat "
                f"of a pair {found['r_hat_edges']:.3f}, {found['ess_edges']:,.0f} "
                "effective draws): raise thinning, or merge lists"
            )
        return notes

    def _joined(self) -> list[FloatMatrix]:
        pairs = range(len(list(combinations(range(self.n_lists), 2))))
        return [(self.graphs >> pair & 1).astype(np.float64) for pair in pairs]


def posterior_of_graphs(
    histories: CaptureHistories,
    prior_strength: float | None,
    largest: int | None,
    schedule: GraphSchedule,
    *,
    rng: np.random.Generator,
    shares: tuple[float, ...] = (0.5,),
) -> tuple[GraphPosterior, GraphChains | None]:
    """Sum all graphs where they can be enumerated, draw them where not."""
    if histories.n_lists <= MOST_SUMMED:
        return graph_posterior(histories, prior_strength, largest), None
    return sampled_posterior(
        histories, prior_strength, largest, schedule, rng=rng, shares=shares
    )


def sampled_posterior(
    histories: CaptureHistories,
    prior_strength: float | None,
    largest: int | None,
    schedule: GraphSchedule,
    *,
    rng: np.random.Generator,
    shares: tuple[float, ...] = (0.5,),
) -> tuple[GraphPosterior, GraphChains]:
    """Draw graphs in proportion to their masses, then sum those drawn over all sizes.

    `shares` are the probabilities at whose quantiles `below` is taken.
    """
    from estimators.capture_recapture._kernels_graph_chain import (
        graph_masses,
        sparse_graphs,
    )

    strength = checked_strength(histories, prior_strength, largest)
    t = histories.n_lists
    target, grid = _target(histories, strength, largest)
    graphs, nodes = _run(t, schedule, target, rng)
    distinct, place, count = np.unique(graphs, return_inverse=True, return_counts=True)
    cuts = np.quantile(nodes, shares, method="inverted_cdf").astype(np.int64) + 1
    log_mass, below = graph_masses(distinct, t, target, cuts)
    starts, subsets, signs = sparse_graphs(distinct, t)
    constants = np.add.reduceat(signs * target[2][subsets], starts[:-1])
    # Each graph then has the mass of its share of the draws.
    log_share = np.log(count / count.sum())
    posterior = sum_sizes(
        histories,
        strength,
        largest,
        (starts, subsets, signs, constants - log_mass + log_share),
    )
    return posterior, GraphChains(
        n_lists=t,
        graphs=graphs,
        unobserved=grid[nodes],
        below=below,
        place=place.reshape(graphs.shape),
    )


def _target(
    histories: CaptureHistories, strength: float, largest: int | None
) -> tuple[Target, FloatVector]:
    from estimators.capture_recapture._kernels_graph_chain import log_gamma_ratios

    n = histories.n_observed
    offsets, constants = subset_terms(histories, strength)
    opening = min(COARSEST, n**-0.5)
    grid, weight, _ = unobserved_grid(largest, whole=256, opening=opening)
    if grid.size * offsets.size > MOST_ENTRIES:
        raise InputError(
            f"{n:,} persons on {histories.n_lists} lists need too fine a grid of "
            "sizes: join lists of one kind with `histories.merge(...)`, or leave some "
            "out with `histories.omit(...)`."
        )
    log_weight = np.log(weight) - np.log(n + grid)
    target = (log_gamma_ratios(grid, offsets), log_weight, np.append(constants, 0.0))
    return target, grid


def _run(
    n_lists: int, schedule: GraphSchedule, target: Target, rng: np.random.Generator
) -> tuple[IntMatrix, IntMatrix]:
    """Return graphs and nodes of the grid, both (chains, draws)."""
    import joblib

    from estimators.capture_recapture._kernels_graph_chain import (
        graph_chain,
        random_chordal,
    )

    steps = schedule.burn_in, schedule.n_samples, schedule.thinning

    def one_chain(stream: np.random.Generator) -> tuple[IntVector, IntVector]:
        start = random_chordal(stream, n_lists, SCATTER * n_lists * n_lists)
        return graph_chain(stream, start, n_lists, steps, target)

    chains = joblib.Parallel(n_jobs=schedule.n_jobs, prefer="threads")(
        joblib.delayed(one_chain)(stream) for stream in rng.spawn(schedule.n_chains)
    )
    return (
        np.vstack([graphs for graphs, _ in chains]),
        np.vstack([nodes for _, nodes in chains]),
    )
