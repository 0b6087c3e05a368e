"""Areas and options of a spatial scan, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from estimators.checks import check_choice, check_counts
from estimators.errors import InputError, NotEstimableError
from estimators.spatial.adjacency import read_adjacency
from estimators.spatial.flexible_windows import (
    FlexibleWindows,
    RestrictedWindows,
    least_raised,
)
from estimators.spatial.neighbour_order import (
    Metric,
    areas_within,
    neighbour_order,
    read_places,
)
from estimators.spatial.scan_models import bernoulli_model, poisson_model, read_counts
from estimators.spatial.windows import nested_windows

if TYPE_CHECKING:
    from estimators.array_types import (
        BoolMatrix,
        BoolVector,
        FloatMatrix,
        FloatVector,
        IntVector,
    )
    from estimators.spatial.scan_models import Direction, ScanModel
    from estimators.spatial.windows import Windows

__all__ = [
    "SIDES",
    "Areas",
    "Model",
    "Settings",
    "Shape",
    "Side",
    "check_areas",
    "check_options",
    "check_penalty",
    "read_areas",
    "share_between",
]

Model = Literal["poisson", "bernoulli"]
Shape = Literal["circular", "elliptic", "flexible", "restricted"]
Side = Literal["high", "low", "both"]
SIDES: dict[str, tuple[Direction, ...]] = {
    "high": (1,),
    "low": (-1,),
    "both": (1, -1),
}
_MOST_FLEXIBLE, _MOST_RESTRICTED = 15, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked options of one scan."""

    model: Model
    shape: Shape
    metric: Metric
    cap: float
    max_distance: float
    sides: tuple[Direction, ...]
    max_areas: int
    restriction: float
    penalty: float
    min_cases: int
    max_clusters: int
    n_resamples: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Areas:
    """The checked data of one scan; `weight` are persons or expected cases."""

    cases: FloatVector
    weight: FloatVector
    population: FloatVector
    places: FloatMatrix
    adjacency: BoolMatrix | None
    n_obs: int
    notes: tuple[str, ...]

    def model(self, settings: Settings, kept: BoolVector) -> ScanModel:
        """Return the null model of the kept areas."""
        make = poisson_model if settings.model == "poisson" else bernoulli_model
        return make(self.cases[kept], self.weight[kept], min_cases=settings.min_cases)

    def windows(
        self, settings: Settings, kept: BoolVector, model: ScanModel
    ) -> Windows:
        """Return the zones of the kept areas."""
        places, share = self.places[kept], self.population[kept]
        share = share / self.population.sum()
        if settings.shape in ("circular", "elliptic"):
            return nested_windows(
                places,
                share,
                cap=settings.cap,
                metric=settings.metric,
                max_distance=settings.max_distance,
                elliptic=settings.shape == "elliptic",
                strength=settings.penalty,
            )
        if self.adjacency is None:
            raise InputError(_NO_ADJACENCY)
        touching = self.adjacency[np.ix_(kept, kept)]
        order = neighbour_order(places, metric=settings.metric)
        order = np.ascontiguousarray(order[:, : settings.max_areas])
        within = areas_within(
            places, metric=settings.metric, max_distance=settings.max_distance
        )
        order[np.arange(order.shape[1]) >= within[:, None]] = -1
        if settings.shape == "flexible":
            return FlexibleWindows(
                near=order, touching=touching, share=share, cap=settings.cap
            )
        return RestrictedWindows(
            near=order,
            touching=touching,
            share=share,
            cap=settings.cap,
            least=least_raised(model, settings.restriction),
        )


_NO_ADJACENCY = (
    "adjacency=None: flexible shapes need to know which areas touch; give a matrix or "
    "pairs of rows, or take shape='circular'."
)


def read_areas(  # noqa: PLR0917 - the data arguments of the public door
    cases: Any,  # noqa: ANN401
    population: Any,  # noqa: ANN401
    coordinates: Any,  # noqa: ANN401
    settings: Settings,
    expected: Any,  # noqa: ANN401
    design_effect: Any,  # noqa: ANN401
    adjacency: Any,  # noqa: ANN401
) -> Areas:
    """Return the data of a scan, or say everything that is wrong with them."""
    places = read_places(coordinates, settings.metric, "coordinates")
    shape = (len(places),)
    found = read_counts(cases, "cases", shape)
    persons = read_counts(population, "population", shape)
    weight, notes = persons, list[str]()
    n_obs = round(persons.sum() if settings.model == "bernoulli" else found.sum())
    if expected is not None:
        weight = read_counts(expected, "expected", shape)
    if design_effect is not None:
        found, weight = _effective(found, persons, design_effect, notes)
    _check_cases(found, weight, persons, settings.model)
    _note_areas(found, weight, notes)
    return Areas(
        cases=found,
        weight=weight,
        population=persons,
        places=places,
        adjacency=None if adjacency is None else read_adjacency(adjacency, len(places)),
        n_obs=n_obs,
        notes=tuple(notes),
    )


def _effective(
    cases: FloatVector,
    persons: FloatVector,
    design_effect: Any,  # noqa: ANN401
    notes: list[str],
) -> tuple[FloatVector, FloatVector]:
    """Return cases and persons of a simple random sample worth as much, or less.

    Simulated maps hold whole persons. Rounding to the nearest would credit small areas
    with persons they are not worth: 6 persons at an effect of 1.7 would be 4 for 3.5,
    and null maps of such areas would show clusters 12 times in 100 at p <= 0.05.
    """
    if np.ndim(design_effect) == 0:
        design_effect = np.full(persons.shape, design_effect)
    effect = read_counts(design_effect, "design_effect", persons.shape)
    wrong = np.flatnonzero((effect <= 0) & (persons > 0))
    if wrong.size:
        raise InputError(
            f"design_effect must be above 0; rows {wrong[:5].tolist()} (counted from "
            "0) are not."
        )
    effect = np.where(persons > 0, effect, 1.0)
    _check_cases(cases, persons, persons, "bernoulli")
    worth = persons / effect
    effective = np.floor(worth * (1 + 1e-12))
    effective = np.where(persons > 0, np.maximum(effective, 1.0), 0.0)
    share = np.divide(cases, persons, out=np.zeros_like(cases), where=persons > 0)
    notes.append(
        f"{persons.sum():,.0f} persons count as {effective.sum():,.0f} because of the "
        "design, rounded down area by area; observed and expected cases are effective "
        "ones."
    )
    small = int(((worth < 1) & (persons > 0)).sum())
    if small:
        notes.append(
            f"{small} areas have fewer persons than their design effect and count as "
            "one person each, more than they are worth: join them to others."
        )
    return share * effective, effective


def _check_cases(
    cases: FloatVector, weight: FloatVector, persons: FloatVector, model: Model
) -> None:
    problems: list[str] = []
    nobody = np.flatnonzero((cases > 0) & ((weight <= 0) | (persons <= 0)))
    if nobody.size:
        problems.append(
            f"rows {nobody[:5].tolist()} have cases, but no population (or expected)"
        )
    if model == "bernoulli":
        over = np.flatnonzero(cases > weight * (1 + 1e-9))
        if over.size:
            problems.append(f"rows {over[:5].tolist()} have more cases than population")
        parts = np.flatnonzero(np.abs(persons - np.round(persons)) > 1e-9)
        if parts.size:
            problems.append(
                f"population of rows {parts[:5].tolist()} is not whole: give persons "
                "interviewed and say by design_effect what weights cost"
            )
    if problems:
        raise InputError(f"cases and population: {'; '.join(problems)} (from 0).")
    if cases.sum() <= 0:
        raise NotEstimableError("cases are all 0: there is nothing to cluster.")
    if model == "bernoulli" and cases.sum() >= weight.sum() * (1 - 1e-12):
        raise NotEstimableError("All of population are cases: no zone can stand out.")


def _note_areas(cases: FloatVector, weight: FloatVector, notes: list[str]) -> None:
    empty: IntVector = np.flatnonzero(weight <= 0)
    if empty.size:
        notes.append(
            f"{empty.size} of {weight.size} areas have no population (or expected "
            "cases) and belong to no zone."
        )
    total = float(cases.sum())
    if abs(total - round(total)) > 1e-6:
        notes.append(
            f"The data hold {total:,.2f} cases, simulated maps {max(round(total), 1):,}"
            ": cases come in fractions."
        )
    if weight.size - empty.size < 2:
        raise NotEstimableError("Fewer than two areas have population: no zone stands.")


def check_options(  # noqa: PLR0917 - the options that exclude each other
    model: str,
    shape: str,
    metric: str,
    direction: str,
    expected: object,
    design_effect: object,
) -> None:
    """Refuse unknown words and options that contradict each other."""
    check_choice("model", model, ("poisson", "bernoulli"))
    check_choice("shape", shape, ("circular", "elliptic", "flexible", "restricted"))
    check_choice("metric", metric, ("euclidean", "great_circle"))
    check_choice("direction", direction, tuple(SIDES))
    problems: list[str] = []
    if expected is not None and model != "poisson":
        problems.append("expected= goes with model='poisson'")
    if design_effect is not None and model != "bernoulli":
        problems.append("design_effect= goes with model='bernoulli'")
    if shape == "elliptic" and metric != "euclidean":
        problems.append("ellipses need projected coordinates (metric='euclidean')")
    if shape == "restricted" and direction != "high":
        problems.append("shape='restricted' looks for direction='high' only")
    if problems:
        raise InputError(f"Options contradict each other: {'; '.join(problems)}.")


def share_between(value: float, name: str, most: float) -> float:
    """Return `value` if it lies above 0 and is at most `most`."""
    if not (isinstance(value, int | float | np.floating) and 0 < value <= most):
        raise InputError(f"{name}={value!r} must lie above 0 and be at most {most:g}.")
    return float(value)


def check_penalty(penalty: float) -> float:
    """Return the strength of the penalty of long ellipses."""
    if not (isinstance(penalty, int | float | np.floating) and 0 <= penalty <= 10):
        raise InputError(f"penalty={penalty!r}: give 0 (none), 0.5 or 1 (strong).")
    return float(penalty)


def check_areas(shape: str, max_areas: int) -> int:
    """Return how many near areas flexible shapes are sought among."""
    areas = check_counts(max_areas=max_areas)["max_areas"]
    most = _MOST_RESTRICTED if shape == "restricted" else _MOST_FLEXIBLE
    if not 1 <= areas <= most:
        raise InputError(
            f"max_areas={areas}: shape={shape!r} takes 1 to {most}; the number of "
            "connected sets doubles with every area."
        )
    return areas
