"""Where respondents come from, as a smooth surface: of aggregated places alone."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from estimators.checks import check_columns
from estimators.errors import InputError, NotEstimableError
from estimators.plotting import cell_grid
from estimators.spatial import KernelIntensity, kernel_intensity
from sentinel.mapping.areas import area_scene, nice_breaks
from sentinel.mapping.boundaries import rings
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.projection import EqualArea
from sentinel.mapping.saving import SHEETS, MapFile, save_sheets
from sentinel.mapping.scene import Scene, located_places
from sentinel.mapping.sheet import (
    LEGEND,
    LETTERS,
    Pen,
    draw_background_names,
    draw_ground,
    draw_rings,
    draw_scale_bar,
    new_sheet,
)
from sentinel.mapping.style import GROUND, OUTLINE, Words, class_colours

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.study.config import SheetFormat

__all__ = ["draw_intensity", "least_bandwidth"]

# A kernel narrower than this would point at a town.
LEAST_KM = 25.0
LEAST_PLACES = 5
GRID = 220
PER_KM2 = 1000.0
# A place off the simplified coast gets ground of its own.
FOOTHOLD_KM = 10.0


def draw_intensity(
    frame: pd.DataFrame,
    places: pd.DataFrame,
    words: Words,
    folder: Path,
    *,
    name: str,
    minimum_cell: int,
    bandwidth_km: float | None = None,
    formats: Sequence[SheetFormat] = SHEETS,
) -> list[MapFile]:
    """Write a map of respondents per area, smoothed from counts by place.

    Parameters
    ----------
    frame : DataFrame
        Protected counts ``place, n`` and ``suppressed``, such as the origins of
        `protect_flows`, one row per place. Withheld places are left out and told.
    places : DataFrame
        As `load_places` returns it.
    words : Words
    folder : Path
        Created if need be.
    name : str
        Of the files.
    minimum_cell : int
        Smallest number that is released; a smaller one is refused.
    bandwidth_km : float, optional
        Standard deviation of the kernel; the least lawful one by default: see
        `least_bandwidth`.
    formats : sequence of {"svg", "png", "pdf"}

    Returns
    -------
    list of MapFile

    Raises
    ------
    InputError
        If columns are missing, a number is below the minimum, a place comes twice or
        the bandwidth is too narrow.
    NotEstimableError
        If fewer than five places have a released number and coordinates.

    Notes
    -----
    The surface is that of `kernel_intensity` in the equal-area plane of the map, over
    the land of the countries concerned, with the mass that a kernel would leak over
    coast and border put back. Persons count at the middle of their province: it tells
    nothing finer, and nothing that the released counts do not.
    """
    shown, hidden = _released(frame, places, minimum_cell)
    least = least_bandwidth(shown)
    width = least if bandwidth_km is None else float(bandwidth_km)
    if not least <= width < np.inf:
        raise InputError(
            f"bandwidth_km={bandwidth_km!r}: {least:.0f} km or more was expected; a "
            "narrower kernel shows single places as if persons had been there."
        )
    scene = area_scene([shown], places, minimum_cell=minimum_cell)
    surface = _surface(shown, scene, width)
    notes = (
        f"Respondents at the middles of their {len(shown)} released provinces, spread "
        f"by a kernel of {width:,.0f} km (standard deviation), edge-corrected on the "
        "land shown; it tells nothing finer than the provinces.",
        *((f"{hidden} withheld places are left out.",) if hidden else ()),
    )
    figure, pen = new_sheet(
        (WIDTH + LEGEND, scene.height),
        words,
        "Respondents per 1,000 square kilometres",
        notes,
    )
    breaks = _draw(pen, scene, surface)
    _legend(pen, breaks)
    most = shown.sort_values("n", ascending=False).head(5)
    told = "; ".join(
        f"{place}, {n:,}" for place, n in zip(most["name"], most["n"], strict=True)
    )
    alt = f"Surface of respondents per area. Most from: {told}."
    return save_sheets(figure, folder / name, "", (words.title, alt), formats)


def least_bandwidth(shown: pd.DataFrame) -> float:
    """Return the narrowest kernel that may be drawn, in kilometres.

    25 km, or half of the places' median distance to the nearest other one if that is
    more: a kernel narrower than the places are apart draws each as a spot.

    Parameters
    ----------
    shown : DataFrame
        ``lat, lon`` of the places.

    Examples
    --------
    >>> import pandas as pd
    >>> round(least_bandwidth(pd.DataFrame({"lat": [0, 0, 0], "lon": [0, 1, 2]})), 1)
    55.6
    """
    lat, lon = shown["lat"].to_numpy(float), shown["lon"].to_numpy(float)
    at = np.column_stack(EqualArea.about(lat, lon).project(lat, lon))
    apart = np.sqrt(((at[:, None] - at[None]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    return max(LEAST_KM, float(np.median(apart.min(axis=1))) / 2)


def _released(
    frame: pd.DataFrame, places: pd.DataFrame, minimum: int
) -> tuple[pd.DataFrame, int]:
    """Return the released counts with names and coordinates, and how many are not."""
    check_columns(frame, {name: name for name in ("place", "n", "suppressed")})
    hidden = frame["suppressed"].astype(bool)
    told = frame[~hidden]
    small = told["n"].astype("float64") < minimum
    twice = frame["place"].duplicated()
    problems = []
    if small.any():
        problems.append(f"{int(small.sum())} released counts are below {minimum}")
    if frame.loc[hidden, "n"].notna().any():
        problems.append("withheld places hold a number")
    if twice.any():
        problems.append(f"{int(twice.sum())} places come twice")
    if problems:
        raise InputError(
            f"{'; '.join(problems)}. Draw what sentinel.disclosure.protect_flows gives."
        )
    located = located_places(places)[["name", "lat", "lon"]]
    shown = told[["place", "n"]].merge(located, left_on="place", right_index=True)
    if len(shown) < LEAST_PLACES:
        raise NotEstimableError(
            f"{len(shown)} places have a released number and coordinates; a surface "
            f"needs {LEAST_PLACES} or more."
        )
    return shown.astype({"n": int, "lat": float, "lon": float}), int(hidden.sum())


def _surface(shown: pd.DataFrame, scene: Scene, width: float) -> KernelIntensity:
    """Smooth in kilometres of the plane of the map, on the land of the countries."""
    import shapely

    at = scene.plane.place(shown["lat"].to_numpy(), shown["lon"].to_numpy())
    involved = {code.partition("-")[0] for code in shown["place"]}
    frame = shapely.box(0, 0, WIDTH, scene.height)
    land = shapely.intersection(
        shapely.union_all(
            [country.shape for country in scene.countries if country.code in involved]
        ),
        frame,
    )
    points = shapely.points(at)
    foothold = shapely.buffer(points, FOOTHOLD_KM / scene.km_per_unit)
    ground = shapely.union_all([land, *foothold])
    # Islands far from every place would only be 0.
    parts = [
        part
        for part in shapely.get_parts(ground)
        if shapely.distance(part, shapely.multipoints(at)) < 3 * width
    ]
    scale = scene.km_per_unit
    window = [ring * scale for ring in rings(shapely.unary_union(parts))]
    return kernel_intensity(
        at * scale,
        window,
        bandwidth=width,
        weights=shown["n"].to_numpy(float),
        grid=GRID,
        unit="km",
    )


def _draw(pen: Pen, scene: Scene, surface: KernelIntensity) -> tuple[float, ...]:
    """Draw ground, surface and borders; return the limits of the classes."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    frame = draw_ground(pen, scene)
    table = surface.to_frame()
    scale = scene.km_per_unit
    # Cells come in kilometres; the sheet has units of its own, y down.
    table = table.assign(
        x=table["x"] / scale,
        y=table["y"] / scale,
        density=PER_KM2 * table["intensity"],
    )
    cell = float(np.sqrt(surface.cell_area)) / scale
    grid, (left, right, low, high) = cell_grid(table, value="density", cell=cell)
    breaks = nice_breaks([0.0, float(np.nanmax(grid))])
    colours = class_colours(len(breaks) - 1)
    image = pen.axes.imshow(
        grid,
        extent=(left, right, high, low),
        origin="upper",
        cmap=ListedColormap(list(colours)),
        norm=BoundaryNorm(breaks, len(colours)),
        interpolation="nearest",
        aspect="auto",
        zorder=1.5,
    )
    image.set_clip_path(frame)
    for country in scene.countries:
        style: dict[str, Any] = {"facecolor": "none", "edgecolor": OUTLINE}
        draw_rings(pen, country.rings, frame, linewidth=1.4, **style, zorder=2)
    draw_background_names(pen, scene, [])
    draw_scale_bar(pen, scene)
    return breaks


def _legend(pen: Pen, breaks: Sequence[float]) -> None:
    from matplotlib.patches import Rectangle

    left, y = WIDTH + 26.0, 12.0
    for row, line in enumerate(textwrap.wrap("Respondents per 1,000 km\u00b2", 32)):
        pen.text(left, y + 20 * row, line, LETTERS, weight="bold")
    limits = itertools.pairwise(breaks)
    for colour, (low, high) in zip(class_colours(len(breaks) - 1), limits, strict=True):
        y += 27
        pen.axes.add_patch(
            Rectangle((left, y - 10), 40, 20, facecolor=colour, edgecolor=OUTLINE)
        )
        pen.text(left + 54, y, f"{low:.4g} to {high:.4g}", LETTERS)
    y += 30
    pen.axes.add_patch(
        Rectangle((left, y - 10), 40, 20, facecolor=GROUND, edgecolor=OUTLINE)
    )
    pen.text(left + 54, y, "not part of the surface", LETTERS)
