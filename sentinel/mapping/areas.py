"""What a map of places shows: a value or a category for each, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from estimators.checks import check_columns
from estimators.errors import InputError
from sentinel.mapping.boundaries import rings
from sentinel.mapping.plane import WIDTH, Plane
from sentinel.mapping.scene import Scene, located_places, plain_scene

if TYPE_CHECKING:
    import geopandas as gpd

    from estimators.array_types import FloatMatrix

__all__ = [
    "Area",
    "AreaMap",
    "Cluster",
    "area_layers",
    "area_scene",
    "class_of",
    "nice_breaks",
]

WIDE_CV = 0.30
MOST_CLASSES = 5
ESTIMATES = ("place", "estimate", "std_error", "n_obs")
ONE_ROUND = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """A place on the map.

    Attributes
    ----------
    value, low, high : float or None
        Estimate and interval; None where it is withheld.
    n : int or None
        Respondents behind it.
    category : str
        Of a map of categories, else empty.
    detail : str
        What more is said of it when it is pointed at.
    state : str
        ``"shown"``; ``"wide"``: shown, but its coefficient of variation is over 30 %;
        ``"few"``: withheld. A place without a row is not in the list: no data.
    rings : tuple of array
        Of the user's boundaries, in the plane of the map; empty without.
    """

    code: str
    name: str
    x: float
    y: float
    state: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    category: str = ""
    detail: str = ""
    rings: tuple[FloatMatrix, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cluster:
    """Places that belong together, such as a zone of a spatial scan.

    `direction` is ``"high"``, ``"low"`` or, where it has none, empty.
    """

    label: str
    members: tuple[str, ...]
    p_value: float | None = None
    direction: str = ""

    @property
    def told(self) -> str:
        """What the key says of it."""
        chance = "" if self.p_value is None else f", p = {self.p_value:.2g}"
        return f"{self.label}{chance}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaMap:
    """One round of a map of places; the rounds of a set share `breaks`.

    Attributes
    ----------
    clusters : tuple of Cluster
        Encircled; numbered in the order given.
    heading : str
        Of its key where it shows categories.
    group : str
        Heading under which the interactive map offers it.
    """

    round_id: str
    title: str
    period: str
    areas: tuple[Area, ...]
    notes: tuple[str, ...] = ()
    breaks: tuple[float, ...] = ()
    largest: int = 1
    clusters: tuple[Cluster, ...] = ()
    heading: str = "Places compared with others"
    group: str = ""

    @property
    def is_categorical(self) -> bool:
        """Whether places have categories and not values."""
        return not self.breaks

    def category_counts(self) -> dict[str, int]:
        """Return how many places have each category, withheld ones left out."""
        counts: dict[str, int] = {}
        for area in self.areas:
            if area.category:
                counts[area.category] = counts.get(area.category, 0) + 1
        return counts


def area_scene(
    frames: Sequence[pd.DataFrame],
    places: pd.DataFrame,
    *,
    minimum_cell: int,
    boundaries: gpd.GeoDataFrame | None = None,
) -> Scene:
    """Return the ground for the places of some tables.

    Parameters
    ----------
    frames : sequence of DataFrame
        With the column ``place``: codes.
    places : DataFrame
        As `load_places` returns it.
    minimum_cell : int
    boundaries : GeoDataFrame, optional
        As `match_boundaries` returns it: only polygons of places are drawn.

    Raises
    ------
    InputError
        If no place has coordinates.
    """
    located = located_places(places)
    codes = sorted({str(code) for frame in frames for code in frame["place"]})
    known = [code for code in codes if code in located.index]
    if not known:
        raise InputError(
            "None of the places of the table has coordinates; give their latitude and "
            "longitude in the file of [maps] places."
        )
    return plain_scene(located, known, minimum_cell=minimum_cell, boundaries=boundaries)


def area_layers(
    frame: pd.DataFrame,
    places: pd.DataFrame,
    plane: Plane,
    *,
    titles: Mapping[str, str] | None = None,
    periods: Mapping[str, str] | None = None,
    boundaries: gpd.GeoDataFrame | None = None,
) -> list[AreaMap]:
    """Place protected estimates, or categories, on a plane.

    Parameters
    ----------
    frame : DataFrame
        ``place`` and either ``estimate, std_error, n_obs`` (and, where there are,
        ``ci_low, ci_high``), or ``category`` (and ``detail``, said of a place that is
        pointed at). ``round_id`` makes several layers.
        ``suppressed`` marks rows that are withheld: they hold no number.
    places : DataFrame
        As `load_places` returns it.
    plane : Plane
        That of a scene.
    titles, periods : mapping of round label to text, optional
        Titles also set the order of rounds.
    boundaries : GeoDataFrame, optional
        As `match_boundaries` returns it. Places without a polygon are symbols at their
        coordinates: no boundary is made up.

    Returns
    -------
    list of AreaMap
        All with one set of classes and one scale of symbols.

    Raises
    ------
    InputError
        Missing columns; a withheld row that holds a number; a place twice in a round.
    """
    needed = ("place", "category") if "category" in frame else ESTIMATES
    check_columns(frame, {name: name for name in needed})
    table = frame.assign(
        round_id=frame["round_id"].astype("str") if "round_id" in frame else ONE_ROUND,
        suppressed=frame["suppressed"].astype(bool) if "suppressed" in frame else False,
    )
    _refuse(table)
    located = located_places(places)
    shapes: dict[str, Any] = {}
    if boundaries is not None:
        shapes = dict(zip(boundaries["code"], boundaries.geometry, strict=True))
    order = list(dict.fromkeys([*(titles or {}), *table["round_id"]]))
    layers = []
    for round_id in order:
        rows = table[table["round_id"] == round_id]
        if len(rows):
            layer = _layer(rows, located, plane, shapes)
            layers.append(
                replace(
                    layer,
                    round_id=str(round_id),
                    title=(titles or {}).get(round_id, str(round_id)),
                    period=(periods or {}).get(round_id, ""),
                )
            )
    return _scaled(layers)


def class_of(value: float, breaks: Sequence[float]) -> int:
    """Return the number of the class, from 0; a break belongs to the class above.

    Examples
    --------
    >>> [class_of(value, (0.0, 0.1, 0.2)) for value in (0.0, 0.1, 0.2)]
    [0, 1, 1]
    """
    last = len(breaks) - 2
    return max(0, min(int(np.searchsorted(breaks, value, side="right")) - 1, last))


def nice_breaks(values: Sequence[float], most: int = MOST_CLASSES) -> tuple[float, ...]:
    """Return round, equally spaced limits of classes that hold all values.

    Examples
    --------
    >>> nice_breaks([0.042, 0.131, 0.37])
    (0.0, 0.1, 0.2, 0.3, 0.4)
    """
    low, high = min(values), max(values)
    span = max(high - low, abs(high) * 0.1, 1e-6)
    power = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0):
        step = factor * power
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
        if last - first <= most:
            return tuple(round(step * k, 10) for k in range(first, last + 1))
    return (low, high)


def _refuse(table: pd.DataFrame) -> None:
    numbers = [name for name in ("estimate", "std_error", "category") if name in table]
    told = table.loc[table["suppressed"], numbers].notna().any(axis=1)
    if told.any():
        listed = ", ".join(sorted(set(table.loc[told[told].index, "place"]))[:5])
        raise InputError(
            f"{int(told.sum())} withheld places hold a number or category ({listed}). "
            "Draw what sentinel.disclosure.protect_estimates returns."
        )
    twice = table.duplicated(["round_id", "place"])
    if twice.any():
        listed = ", ".join(sorted(set(table.loc[twice, "place"].astype("str")))[:5])
        raise InputError(
            f"{int(twice.sum())} places come twice in a round ({listed}); a map needs "
            "one row for each place and round."
        )


def _layer(
    rows: pd.DataFrame,
    located: pd.DataFrame,
    plane: Plane,
    shapes: Mapping[str, Any],
) -> AreaMap:
    areas, missing = [], []
    records: list[dict[Any, Any]] = rows.to_dict("records")
    for row in records:
        code = str(row["place"])
        if code not in located.index:
            missing.append(code or "not stated")
            continue
        place = located.loc[code]
        x, y = plane.place([place["lat"]], [place["lon"]])[0]
        shape = _in_plane(shapes[code], plane) if code in shapes else ()
        areas.append(
            Area(
                code=code,
                name=str(place["name"]),
                x=round(float(x), 1),
                y=round(float(y), 1),
                state=_state(row),
                value=_number(row, "estimate"),
                low=_number(row, "ci_low"),
                high=_number(row, "ci_high"),
                n=None if pd.isna(row.get("n_obs")) else int(row["n_obs"]),
                category="" if row["suppressed"] else _text(row.get("category")),
                detail="" if row["suppressed"] else _text(row.get("detail")),
                rings=shape,
            )
        )
    notes = []
    if missing:
        notes.append(f"Not drawn, no place on this map: {', '.join(sorted(missing))}.")
    return AreaMap(
        round_id="", title="", period="", areas=tuple(areas), notes=tuple(notes)
    )


def _state(row: Mapping[Any, Any]) -> str:
    if row["suppressed"] or ("estimate" in row and pd.isna(row["estimate"])):
        return "few"
    if "estimate" not in row:
        return "shown"
    error, estimate = row["std_error"], row["estimate"]
    # An estimate of 0 has no coefficient of variation; how sure it is, is not known.
    if pd.isna(error) or not estimate or error / abs(estimate) > WIDE_CV:
        return "wide"
    return "shown"


def _number(row: Mapping[Any, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else float(value)


def _text(value: Any) -> str:  # noqa: ANN401 - of a record
    return "" if pd.isna(value) else str(value)


def _in_plane(geometry: Any, plane: Plane) -> tuple[FloatMatrix, ...]:  # noqa: ANN401
    parts = (plane.place(ring[:, 1], ring[:, 0]) for ring in rings(geometry))
    return tuple(np.round(part, 1) for part in parts if _seen(part, plane))


def _seen(points: FloatMatrix, plane: Plane) -> bool:
    low, high = points.min(axis=0), points.max(axis=0)
    return bool(
        high[0] > 0 and high[1] > 0 and low[0] < WIDTH and low[1] < plane.height
    )


def _scaled(layers: list[AreaMap]) -> list[AreaMap]:
    areas = [area for layer in layers for area in layer.areas]
    values = [area.value for area in areas if area.value is not None]
    breaks = nice_breaks(values) if values else ()
    largest = max((area.n for area in areas if area.n), default=1)
    return [replace(layer, breaks=breaks, largest=largest) for layer in layers]
