"""How many points per area, smoothed: kernel intensity with edge correction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.optimize import minimize_scalar

from estimators.checks import check_choice
from estimators.errors import InputError, NotEstimableError
from estimators.spatial.intensity_surface import Edge, KernelIntensity
from estimators.spatial.plane_window import PlaneWindow, read_window

if TYPE_CHECKING:
    from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["kernel_intensity"]

BandwidthRule = Literal["likelihood", "scott"]
_MOST_FOR_RULE = 4_000  # all pairs are held: 128 MB
_BATCH = 1_000_000  # pairs of place and point at a time: 8 MB
_LEAST_MASS, _LITTLE_MASS = 1e-9, 0.1
_TRIED = 30
_COARSE = 0.02
_PRIVATE = (
    "a surface of few points shows where single persons were: it is for analysis, not "
    "for release"
)


def kernel_intensity(
    points: Any,  # noqa: ANN401 - any array of numbers
    window: Any,  # noqa: ANN401 - a ring or several
    *,
    bandwidth: float | BandwidthRule = "likelihood",
    weights: Any = None,  # noqa: ANN401 - any vector of numbers
    edge: Edge = "diggle",
    grid: Any = 64,  # noqa: ANN401 - a number of cells, or places
    unit: str | None = None,
) -> KernelIntensity:
    """Smooth points to an intensity: how many lie per squared unit around each place.

    ``sum_i w_i k(u - x_i) / e_i`` with a round Gaussian k and the mass e_i of a point's
    kernel inside the window (Jones 1993; Diggle 1985): what would leak over the border
    is kept, so that the surface holds all points.

    Parameters
    ----------
    points : array_like of shape (n, 2)
        Projected x and y of the points, all inside the window.
    window : array_like of shape (k, 2), or list of such
        Corners of the ring around the study area, or rings: a ring inside another is a
        hole, one beside it a further part. Rings must not cross.
    bandwidth : float, "likelihood" or "scott"
        Standard deviation of the kernel in the unit of the coordinates; or the one that
        makes each point likeliest given the others (leave-one-out); or Scott's rule
        ``n ** (-1 / 6)`` times the geometric mean of the standard deviations.
    weights : array_like of shape (n,), optional
        Of the points, from 0 on: survey weights, persons per place.
    edge : {"diggle", "none"}
        Without correction the surface sinks towards the border.
    grid : int or array_like of shape (m, 2)
        Cells along the longer side of the window, or the places themselves.
    unit : str, optional
        Unit of the coordinates, in words. Needed where they could be degrees.

    Returns
    -------
    KernelIntensity

    Raises
    ------
    InputError
        If coordinates are degrees or might be and no `unit` says otherwise, points are
        missing or outside, rings cross, or an option is out of range.
    NotEstimableError
        If the bandwidth is to be found from fewer than two places.

    Notes
    -----
    The correction keeps the number of points, not flatness: where points are evenly
    spread the surface still falls to log(2) = 0.69 of their intensity on a straight
    border (without correction to 0.5). No limits are given. Cases follow people: divide
    by the intensity of all persons interviewed, smoothed with the same bandwidth,
    before places are compared.

    References
    ----------
    Diggle, P. (1985). A kernel method for smoothing point process data. Applied
    Statistics 34, 138-147. https://doi.org/10.2307/2347366
    Jones, M. C. (1993). Simple boundary correction for kernel density estimation.
    Statistics and Computing 3, 135-146. https://doi.org/10.1007/BF00147776

    Examples
    --------
    >>> from estimators.spatial import kernel_intensity
    >>> square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    >>> result = kernel_intensity(
    ...     [[2, 2], [3, 2], [8, 7]], square, bandwidth=1.5, grid=20, unit="km")
    >>> round(float(result.intensity.sum() * result.cell_area), 1)
    3.0
    """
    check_choice("edge", edge, ("diggle", "none"))
    area = read_window(window)
    _refuse_degrees(area, unit)
    centres, weight = _points(points, weights, area)
    notes: tuple[str, ...] = (_PRIVATE,)
    if isinstance(bandwidth, str):
        check_choice("bandwidth", bandwidth, ("likelihood", "scott"))
        width, found = _chosen(bandwidth, (centres, weight), area, edge)
        notes = (*found, *notes)
    elif 0 < bandwidth < np.inf:
        width = float(bandwidth)
    else:
        raise InputError(f"bandwidth={bandwidth!r}: a number above 0 was expected.")
    mass = _kernel_mass(area, centres, width)
    if edge == "diggle" and (mass < _LITTLE_MASS).any():
        notes = (
            f"{int((mass < _LITTLE_MASS).sum())} points have less than a tenth of "
            "their kernel inside the window: there the surface is mostly correction",
            *notes,
        )
    height = weight / mass if edge == "diggle" else weight
    places, cell, intensity = _surface(grid, area, (centres, height), width)
    total = float(weight.sum())
    held = float((weight if edge == "diggle" else weight * mass).sum())
    if np.isfinite(cell) and abs(intensity.sum() * cell / held - 1) > _COARSE:
        notes = (
            f"the cells hold {intensity.sum() * cell:,.4g} where the surface holds "
            f"{held:,.4g}: take a finer grid",
            *notes,
        )
    return KernelIntensity(
        places=places,
        intensity=intensity,
        cell_area=cell,
        bandwidth=width,
        edge_mass=mass,
        edge=edge,
        n_points=len(centres),
        total=total,
        unit=unit or "unit of the coordinates",
        notes=notes,
    )


def _kernel_mass(area: PlaneWindow, centres: FloatMatrix, width: float) -> FloatVector:
    mass = area.kernel_mass(centres, width)
    if (mass < _LEAST_MASS).any():
        raise InputError(
            f"bandwidth={width:.4g} spreads {int((mass < _LEAST_MASS).sum())} points "
            f"over far more than the window ({area.diagonal:.4g} across): take a "
            "narrower one."
        )
    return mass


def _refuse_degrees(area: PlaneWindow, unit: str | None) -> None:
    told = unit is not None and unit.strip().lower().rstrip("s") not in ("degree", "°")
    small = (np.abs([area.low, area.high]) <= (180, 90)).all()
    if unit is not None and not told:
        raise InputError(
            "A kernel that is round in degrees is not round on the ground: project the "
            "coordinates to metres or kilometres first."
        )
    if small and not told:
        raise InputError(
            "The window fits into 180 by 90: these may be degrees. Project them to "
            'metres or kilometres, or say unit="km" (or another) if they are.'
        )


def _points(
    points: Any,  # noqa: ANN401
    weights: Any,  # noqa: ANN401
    area: PlaneWindow,
) -> tuple[FloatMatrix, FloatVector]:
    centres = _places(points, "points")
    weight = np.ones(len(centres))
    if weights is not None:
        weight = np.asarray(weights, dtype=np.float64)
    lawful = weight.shape == (len(centres),) and (weight >= 0).all()
    if not lawful or not np.isfinite(weight).all() or not weight.sum():
        raise InputError(
            f"weights of shape {weight.shape} came for {len(centres)} points: finite "
            "numbers from 0 on, one per point and not all 0, were expected."
        )
    outside = np.flatnonzero(~(area.contains(centres) | area.touches(centres)))
    if outside.size:
        raise InputError(
            f"{outside.size} of {len(centres)} points lie outside the window (rows "
            f"{outside[:5].tolist()}, counted from 0): widen the window or leave them "
            "out, and say how many."
        )
    return centres, weight


def _places(values: Any, name: str) -> FloatMatrix:  # noqa: ANN401
    try:
        places = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be numbers: {error}.") from error
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        raise InputError(
            f"{name} have shape {places.shape}; rows of x and y, (n, 2), were expected."
        )
    wrong = np.flatnonzero(~np.isfinite(places).all(axis=1))
    if wrong.size:
        raise InputError(
            f"{wrong.size} of {len(places)} {name} have no place (rows "
            f"{wrong[:5].tolist()}, counted from 0): leave them out, and say how many."
        )
    return places


def _surface(
    grid: Any,  # noqa: ANN401
    area: PlaneWindow,
    kernels: tuple[FloatMatrix, FloatVector],
    width: float,
) -> tuple[FloatMatrix, float, FloatVector]:
    """Return places, area of a cell and intensity."""
    centres, height = kernels
    is_number = np.ndim(grid) == 0
    if is_number and (not isinstance(grid, int | np.integer) or not 2 <= grid <= 4096):
        raise InputError(
            f"grid={grid!r}: from 2 to 4096 cells along the longer side, or places of "
            "shape (m, 2), were expected."
        )
    size = float((area.high - area.low).max()) / (int(grid) if is_number else 64)
    across, up = (
        low + size * (np.arange(max(1, np.ceil((high - low) / size - 1e-9))) + 0.5)
        for low, high in zip(area.low, area.high, strict=True)
    )
    x, y = np.meshgrid(across, up)
    cells = np.column_stack([x.ravel(), y.ravel()])
    if not area.is_simple_at(cells):
        raise InputError(
            "Rings of the window cross themselves or each other, or one comes twice: "
            "give simple rings."
        )
    if not is_number:
        places = _places(grid, "places of the grid")
        intensity = np.empty(len(places))
        size = max(1, _BATCH // len(centres))
        for at in range(0, len(places), size):
            far = places[at : at + size, None, :] - centres
            near = _gauss((far**2).sum(axis=2), width)
            intensity[at : at + size] = near @ height
        return places, float("nan"), intensity
    # The round Gaussian is a product of two: one matrix product gives all cells.
    row, column = (
        np.exp(-0.5 * ((along[:, None] - centres[:, axis]) / width) ** 2)
        for axis, along in ((1, up), (0, across))
    )
    surface = (row * height) @ column.T / (2 * np.pi * width**2)
    inside = area.contains(cells)
    return cells[inside], size**2, surface.ravel()[inside]


def _gauss(squared: FloatMatrix, width: float) -> FloatMatrix:
    density: FloatMatrix = np.exp(-0.5 * squared / width**2) / (2 * np.pi * width**2)
    return density


def _chosen(
    rule: BandwidthRule,
    points: tuple[FloatMatrix, FloatVector],
    area: PlaneWindow,
    edge: Edge,
) -> tuple[float, tuple[str, ...]]:
    """Return the bandwidth of a rule, and what is to be said about it."""
    centres, weight = points
    n = len(centres)
    if len(np.unique(centres, axis=0)) < 2 or (
        rule == "scott" and not centres.std(axis=0).all()
    ):
        raise NotEstimableError(
            f"{n} points lie in one place or on a line along an axis: no rule finds a "
            "bandwidth from them. Give one."
        )
    if rule == "scott":
        width = float(np.sqrt(centres.std(axis=0, ddof=1).prod())) * n ** (-1 / 6)
        return width, (
            "bandwidth by Scott's rule, made for one normal cloud: it smooths several "
            "clusters into each other",
        )
    if n > _MOST_FOR_RULE:
        raise InputError(
            f"{n:,} points: the likelihood rule compares all pairs, of at most "
            f'{_MOST_FOR_RULE:,}. Give a bandwidth, or bandwidth="scott".'
        )
    squared = ((centres[:, None, :] - centres) ** 2).sum(axis=2)

    def loss(log_width: float) -> float:
        width = float(np.exp(log_width))
        mass = area.kernel_mass(centres, width)
        kernels = _gauss(squared, width)
        np.fill_diagonal(kernels, 0.0)
        left = kernels @ (weight / mass if edge == "diggle" else weight)
        held = weight.sum() if edge == "diggle" else weight @ mass
        return float(held - weight @ np.log(np.maximum(left, 1e-300)))

    low = max(float(np.sqrt(squared[squared > 0].min())), area.diagonal / 1000)
    tried = np.linspace(np.log(low), np.log(area.diagonal / 2), _TRIED)
    best = int(np.argmin([loss(at) for at in tried]))
    ends = tried[max(best - 1, 0)], tried[min(best + 1, _TRIED - 1)]
    found = minimize_scalar(
        loss, bounds=ends, method="bounded", options={"xatol": 1e-5}
    )
    notes = ["bandwidth by leave-one-out likelihood"]
    if best in (0, _TRIED - 1):
        side = "narrowest" if best == 0 else "widest"
        notes.append(
            f"the {side} bandwidth tried is the likeliest: points repeat, or do not "
            "cluster; choose one by the question"
        )
    return float(np.exp(found.x)), tuple(notes)
