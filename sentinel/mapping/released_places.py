"""Released shares of places, made comparable: persons, neighbours, design effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import NotEstimableError
from estimators.spatial import SpatialWeights
from sentinel.mapping.contiguity import contiguity_weights

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from estimators.array_types import FloatVector

__all__ = ["ReleasedPlaces"]

# Borders that were drawn one by one leave slivers; about a kilometre, in degrees.
SLIVER = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedPlaces:
    """The released numbers of one round, with what makes them comparable."""

    codes: tuple[str, ...]
    withheld: tuple[str, ...]
    share: FloatVector
    persons: FloatVector
    design_effect: float
    at: pd.DataFrame
    weights: SpatialWeights | None
    linked: str

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        located: pd.DataFrame,
        boundaries: gpd.GeoDataFrame | None,
        neighbours: int,
    ) -> ReleasedPlaces:
        """Take the rows of one round that hold a number and lie on the map."""
        rows = rows[rows["place"].astype("str").isin(located.index)]
        numbers = rows[["estimate", "std_error", "n_obs"]].astype("float64")
        told = (~rows["suppressed"] & numbers.notna().all(axis=1)).to_numpy(bool)
        codes = tuple(rows["place"].astype("str")[told])
        share, error, persons = numbers[told].to_numpy().T
        at = located.loc[list(codes), ["lon", "lat"]].astype("float64")
        weights, linked = _linked(codes, at, boundaries, neighbours)
        return cls(
            codes=codes,
            withheld=tuple(rows["place"].astype("str")[~told]),
            share=share,
            persons=persons,
            design_effect=_design_effect(share, error, persons),
            at=at,
            weights=weights,
            linked=linked,
        )

    def need(self, least: int) -> None:
        """Refuse a table in which nothing could stand out."""
        if len(self.codes) < least:
            raise NotEstimableError(
                f"{len(self.codes)} places have a released number and coordinates; at "
                f"least {least} are needed for one to stand out from chance."
            )

    def links(self) -> SpatialWeights:
        """Return who neighbours whom."""
        if self.weights is None:
            raise NotEstimableError("A place has no other beside it.")
        return self.weights

    def deviates(self) -> FloatVector:
        """Return each share's distance from the pooled one, comparable over places."""
        effective = self.persons / self.design_effect
        pooled = float(np.average(self.share, weights=effective))
        noise = pooled * (1 - pooled)
        spread = np.average((self.share - pooled) ** 2, weights=effective)
        between = max(float(spread) - noise / float(effective.mean()), 0.0)
        values: FloatVector = (self.share - pooled) / np.sqrt(
            between + noise / effective
        )
        return values


def _design_effect(
    share: FloatVector, error: FloatVector, persons: FloatVector
) -> float:
    """Return the mean over places: that of one small place is mostly noise."""
    inside = (share > 0) & (share < 1) & (error > 0)
    if not inside.any():
        return 1.0
    p, n = share[inside], persons[inside]
    effects = error[inside] ** 2 * n / (p * (1 - p))
    return max(float(np.average(effects, weights=n)), 1.0)


def _linked(
    codes: Sequence[str],
    at: pd.DataFrame,
    boundaries: gpd.GeoDataFrame | None,
    neighbours: int,
) -> tuple[SpatialWeights | None, str]:
    """Return who neighbours whom, and that in words."""
    if boundaries is not None and set(codes) <= set(boundaries["code"]):
        shapes = boundaries.drop_duplicates("code").set_index("code")
        geodata = shapes.loc[list(codes)].reset_index()
        touching = contiguity_weights(geodata, areas="code", tolerance=SLIVER)
        return touching, "Neighbours are released places whose polygons meet."
    most = min(neighbours, len(codes) - 1)
    if most < 1:
        return None, ""
    nearest = SpatialWeights.k_nearest(
        at.to_numpy(), k=most, metric="great_circle", areas=codes
    )
    return nearest, (
        f"Neighbours are the {most} nearest released places, by the middles of their "
        "provinces."
    )
