"""The geometry of flows: curved to the right, stopping short of what they join."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from estimators.array_types import FloatMatrix, FloatVector

__all__ = ["Curve", "flow_curve", "line_width", "nice_steps", "symbol_radius"]

WIDEST = 13.0
NARROWEST = 0.8
LARGEST_RADIUS = 21.0
SMALLEST_RADIUS = 2.6
LEAST_BEND = 0.10
MORE_BEND = 0.10
STEPS = (1.0, 2.0, 5.0)


class Curve(NamedTuple):
    """A quadratic Bezier curve and the head at its end.

    ``start``, ``control``, ``end`` are points; the line ends at the base of the head,
    ``tip`` is the point of the head and ``left``, ``right`` its corners.
    """

    start: tuple[float, float]
    control: tuple[float, float]
    end: tuple[float, float]
    tip: tuple[float, float]
    left: tuple[float, float]
    right: tuple[float, float]

    def points(self, count: int) -> list[tuple[float, float]]:
        """Return points along the line."""
        ends = [np.array(point) for point in self[:3]]
        found = _bezier(ends[0], ends[1], ends[2], np.linspace(0.0, 1.0, count))
        return [_pair(point) for point in found]


def line_width(value: float, largest: float) -> float:
    """Return the width of a line, linear in its value, in points.

    Examples
    --------
    >>> line_width(50, 100)
    6.5
    """
    return max(NARROWEST, WIDEST * value / largest)


def symbol_radius(value: float, largest: float) -> float:
    """Return the radius of a symbol whose area is linear in its value, in points.

    Examples
    --------
    >>> symbol_radius(25, 100)
    10.5
    """
    return max(SMALLEST_RADIUS, LARGEST_RADIUS * math.sqrt(value / largest))


def head_size(width: float) -> tuple[float, float]:
    """Return length and half width of an arrow head."""
    half = max(2.6, 1.15 * width)
    return max(5.0, 1.9 * half), half


def flow_curve(
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    width: float,
    gaps: tuple[float, float],
    longest: float,
) -> Curve:
    """Return the curve from one place to another.

    Parameters
    ----------
    start, end : (x, y)
        Places; y points down.
    width : float
        Of the line.
    gaps : (float, float)
        Distance to keep from the start and from the end: radii of their symbols.
    longest : float
        Length of the longest flow: longer flows bend more. All bend to the right of
        their direction, so that the two directions between two places part.
    """
    a, b = np.array(start), np.array(end)
    vector = b - a
    length = float(np.hypot(*vector)) or 1e-9
    bend = LEAST_BEND + MORE_BEND * min(1.0, length / longest)
    right = np.array([-vector[1], vector[0]]) / length
    control = (a + b) / 2 + bend * length * right
    head, half = head_size(width)
    # Between near places there is little room: shrink what is in the way.
    room = max(length - sum(gaps), 1.0)
    head = min(head, 0.6 * room)
    t = np.linspace(0.0, 1.0, 201)
    points = _bezier(a, control, b, t)
    from_start = np.hypot(*(points - a).T)
    from_end = np.hypot(*(points - b).T)
    first = _first(from_start >= min(gaps[0], 0.4 * length))
    tip = _last(from_end >= min(gaps[1], 0.4 * length))
    base = _last(from_end >= min(gaps[1], 0.4 * length) + head)
    base = max(base, first + 1)
    tip = max(tip, base + 1) if base + 1 < t.size else t.size - 1
    q0, q1, q2 = _cut(a, control, b, float(t[first]), float(t[base]))
    point = points[tip]
    along = point - q2
    size = float(np.hypot(*along)) or 1e-9
    normal = np.array([-along[1], along[0]]) / size * half
    return Curve(
        start=_pair(q0),
        control=_pair(q1),
        end=_pair(q2),
        tip=_pair(point),
        left=_pair(q2 + normal),
        right=_pair(q2 - normal),
    )


def nice_steps(largest: float, count: int = 3) -> list[float]:
    """Return round values up to `largest` for a legend, largest first.

    Examples
    --------
    >>> nice_steps(187)
    [100.0, 50.0, 20.0]
    """
    if largest <= 0:
        return []
    power = math.floor(math.log10(largest))
    steps = [
        step * 10.0**exponent
        for exponent in range(power, power - 3, -1)
        for step in reversed(STEPS)
        if step * 10.0**exponent <= largest
    ]
    return [step for step in steps if step >= 1][:count]


def _bezier(
    a: FloatVector, control: FloatVector, b: FloatVector, t: FloatVector
) -> FloatMatrix:
    u = t[:, None]
    curve: FloatMatrix = (1 - u) ** 2 * a + 2 * u * (1 - u) * control + u**2 * b
    return curve


def _cut(
    a: FloatVector, control: FloatVector, b: FloatVector, first: float, last: float
) -> tuple[FloatVector, FloatVector, FloatVector]:
    """Return the control points of a piece of the curve (de Casteljau)."""

    def blossom(s: float, t: float) -> FloatVector:
        near = (1 - s) * a + s * control
        far = (1 - s) * control + s * b
        point: FloatVector = (1 - t) * near + t * far
        return point

    return blossom(first, first), blossom(first, last), blossom(last, last)


def _first(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    return int(np.argmax(mask)) if mask.any() else 0


def _last(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    found = np.flatnonzero(mask)
    return int(found[-1]) if found.size else 1


def _pair(point: FloatVector) -> tuple[float, float]:
    return (round(float(point[0]), 2), round(float(point[1]), 2))
