"""What a scan returns: clusters, each with its relative risk, and the null maxima."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.intervals import critical_value
from estimators.results import Estimate, Estimates, Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from estimators.array_types import FloatVector, IntMatrix, IntVector
    from estimators.spatial.cluster_search import Judged
    from estimators.spatial.scan_models import ScanModel

__all__ = ["Cluster", "FlowClusters", "ScanClusters", "describe_clusters", "risk_rows"]

SEARCHED = (
    "Limits of a relative risk are those of a zone chosen beforehand; the zone was "
    "searched for, so its relative risk tends to be overstated."
)
NOTHING = "No zone has more (or fewer) cases than the null model gives it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster.

    Attributes
    ----------
    members : tuple of int
        Areas by their row in the data (from 0); of circles and ellipses in order of
        distance from the centre, which comes first.
    direction : {"high", "low"}
    observed, expected : float
        Cases, and cases under the null.
    size : float
        Persons at risk or interviewed; of a Poisson model its expected cases.
    relative_risk : float
        Rate inside over rate outside; over the expected rate where the model says what
        was to be expected everywhere.
    log_likelihood_ratio, statistic : float
        `statistic` ranks: the ratio times the penalty of an ellipse.
    p_value, gumbel_p_value : float
        Of the greatest statistic of a map, by simulation and by a Gumbel distribution
        fitted to the simulated maxima.
    axis_ratio, angle : float
        Shape of an ellipse, angle of its long axis in degrees from the x axis; several
        ellipses may hold the same areas.
    period : tuple of int, optional
        First and last period (from 0).
    destinations : tuple of int, optional
        Of a cluster of flows; `members` are then its origins.
    """

    members: tuple[int, ...]
    direction: str
    observed: float
    expected: float
    size: float
    relative_risk: float
    log_likelihood_ratio: float
    statistic: float
    p_value: float
    gumbel_p_value: float
    axis_ratio: float = 1.0
    angle: float = 0.0
    period: tuple[int, int] | None = None
    destinations: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanClusters(Estimates):
    """Clusters by likelihood; the rows are their relative risks.

    Attributes
    ----------
    clusters : tuple of Cluster
    null_maxima : ndarray of shape (n_resamples,)
        Greatest statistic of every simulated map; read-only.
    n_areas : int
        Areas in the data.
    """

    clusters: tuple[Cluster, ...]
    null_maxima: FloatVector
    n_areas: int

    def __post_init__(self) -> None:
        Estimates.__post_init__(self)
        self.null_maxima.setflags(write=False)

    def area_clusters(self) -> IntVector:
        """Return each area's cluster, from 1, and 0 for areas in none."""
        numbers = np.zeros(self.n_areas, dtype=np.int64)
        for number, cluster in enumerate(self.clusters, start=1):
            numbers[list(cluster.members)] = number
        return numbers

    def cluster_table(self) -> pd.DataFrame:
        """Return one row per cluster with everything but its members' list."""
        lists = ("members", "destinations")
        names = [name for name in Cluster.__slots__ if name not in lists]
        columns = ["cluster", "n_members", *names]
        records = [
            {
                "cluster": number,
                "n_members": len(cluster.members),
                **{name: getattr(cluster, name) for name in names},
            }
            for number, cluster in enumerate(self.clusters, start=1)
        ]
        return pd.DataFrame(records, columns=columns)

    def summary(self) -> str:
        """Return the clusters as text, followed by the notes."""
        lines = [
            f"cluster {number} ({cluster.direction}, {len(cluster.members)} areas): "
            f"{cluster.observed:,.6g} cases, {cluster.expected:,.6g} expected, "
            f"relative risk {cluster.relative_risk:.4g} "
            f"[{row.ci.low:.4g}, {row.ci.high:.4g}], log likelihood ratio "
            f"{cluster.log_likelihood_ratio:.6g}, p = {cluster.p_value:.3g}"
            for number, (cluster, row) in enumerate(
                zip(self.clusters, self.rows, strict=True), start=1
            )
        ]
        head = [f"{self.rows[0].estimand}, {self.rows[0].method}"] if lines else []
        return "\n".join([*head, *lines, *(f"note: {note}" for note in self.notes)])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every cluster's relative risk; returns the axes drawn on."""
        from estimators.plotting import forest_plot

        frame = self.to_frame()
        frame["cluster"] = [
            f"cluster {number} ({len(one.members)} areas, p = {one.p_value:.2g})"
            for number, one in enumerate(self.clusters, start=1)
        ]
        return forest_plot(frame, label="cluster", ax=ax)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowClusters(ScanClusters):
    """Clusters of flows: origins (`members`) times `destinations`.

    Attributes
    ----------
    n_destinations : int
        Destinations in the data; `n_areas` are its origins.
    """

    n_destinations: int

    def pair_clusters(self) -> IntMatrix:
        """Return each pair's cluster (origins, destinations), from 1; 0 in none."""
        numbers = np.zeros((self.n_areas, self.n_destinations), dtype=np.int64)
        for number, cluster in reversed(list(enumerate(self.clusters, start=1))):
            destinations = list(cluster.destinations or ())
            numbers[np.ix_(list(cluster.members), destinations)] = number
        return numbers


def describe_clusters(judged: list[Judged], model: ScanModel) -> tuple[Cluster, ...]:
    """Join what was found with what it means; `model` holds all rows of the data."""
    return tuple(_describe(one, model) for one in judged)


def _describe(one: Judged, model: ScanModel) -> Cluster:
    rows = list(one.found.cells)
    cases, size = float(model.cases[rows].sum()), float(model.size[rows].sum())
    return Cluster(
        members=one.found.members,
        direction="high" if one.side > 0 else "low",
        observed=cases,
        expected=model.null_cases(size),
        size=size,
        relative_risk=relative_risk(model, cases, size),
        log_likelihood_ratio=one.found.ratio,
        statistic=one.found.statistic,
        p_value=one.p_value,
        gumbel_p_value=one.gumbel_p_value,
        axis_ratio=one.found.ellipse.ratio,
        angle=math.degrees(one.found.ellipse.angle),
        period=one.found.period,
        destinations=one.found.destinations,
    )


def relative_risk(model: ScanModel, cases: float, size: float) -> float:
    """Return the rate inside over the rate outside (or over what was expected)."""
    if model.kind == "expectation":
        return cases / size
    rest_cases, rest = model.total - cases, model.mass - size
    if rest_cases <= 0:
        return math.inf
    return (cases / size) / (rest_cases / rest)


def risk_rows(
    clusters: tuple[Cluster, ...],
    model: ScanModel,
    *,
    method: str,
    level: float,
    n_obs: int,
) -> tuple[tuple[Estimate, ...], tuple[Mapping[str, Any], ...]]:
    """Return one `Estimate` of relative risk per cluster and its group labels."""
    rows = tuple(_risk_row(c, model, method, level, n_obs) for c in clusters)
    groups: tuple[Mapping[str, Any], ...] = tuple(
        {
            "cluster": number,
            "direction": cluster.direction,
            "n_members": len(cluster.members),
            "observed": cluster.observed,
            "expected": cluster.expected,
            "log_likelihood_ratio": cluster.log_likelihood_ratio,
            "p_value": cluster.p_value,
        }
        for number, cluster in enumerate(clusters, start=1)
    )
    return rows, groups


def _risk_row(
    cluster: Cluster, model: ScanModel, method: str, level: float, n_obs: int
) -> Estimate:
    """Give the limits of the log of a ratio of rates, half a case added at 0.

    The standard error of the log is that of a ratio of two Poisson rates or of two
    proportions, as the model has it.
    """
    cases, size, risk = cluster.observed, cluster.size, cluster.relative_risk
    rest_cases, rest = model.total - cases, model.mass - size
    add = 0.5 if cases <= 0 or (rest_cases <= 0 and model.kind != "expectation") else 0
    inside, outside = cases + add, rest_cases + add
    variance, middle = 1 / inside, inside / size
    if model.kind != "expectation":
        variance += 1 / outside
        middle = (inside / (size + add)) / (outside / (rest + add))
    if model.kind == "bernoulli":
        variance -= 1 / (size + add) + 1 / (rest + add)
    error = math.sqrt(max(variance, 0.0))
    reach = critical_value(level) * error
    return Estimate(
        estimand="relative risk inside the cluster",
        unit="ratio",
        estimate=risk,
        std_error=risk * error if math.isfinite(risk) else math.inf,
        ci=Interval(
            low=min(middle * math.exp(-reach), risk),
            high=max(middle * math.exp(reach), risk),
            level=level,
            method="Wald on the log, zone taken as given",
        ),
        method=method,
        n_obs=n_obs,
    )
