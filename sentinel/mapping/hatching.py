"""Hatches of the interactive map: the parts of lines that lie inside a shape."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["SPACING", "hatch_lines"]

SPACING = 6.0
# Hatches as the printed maps name them; "wide" is that of uncertain estimates.
DIRECTIONS = {
    "": "",
    "wide": "/",
    "//": "/",
    "\\\\\\": "\\",
    "xx": "/\\",
    "--": "-",
}


def hatch_lines(
    shape: Any,  # noqa: ANN401 - shapely
    kind: str,
    spacing: float = SPACING,
) -> str:
    """Return the SVG path of a hatch inside a shape: lines, or dots for "few".

    Lines and not a pattern fill: the page refers to nothing by address.
    """
    import shapely

    left, top, right, bottom = shape.bounds
    if kind == "few":
        x, y = np.meshgrid(
            np.arange(left + 3, right, spacing), np.arange(top + 3, bottom, spacing)
        )
        inside = shapely.contains_xy(shape, x.ravel(), y.ravel())
        return "".join(
            f"M{a:.1f} {b:.1f}h0"
            for a, b in zip(x.ravel()[inside], y.ravel()[inside], strict=True)
        )
    return "".join(
        _parallels(shape, direction, spacing) for direction in DIRECTIONS[kind]
    )


def _parallels(shape: Any, direction: str, spacing: float) -> str:  # noqa: ANN401 - shapely
    """Return the part of equally spaced lines of one direction inside a shape."""
    import shapely

    left, top, right, bottom = shape.bounds
    high = bottom - top
    if direction == "-":
        ends = [[(left, y), (right, y)] for y in np.arange(top + 3, bottom, spacing)]
    else:
        rise = (bottom, top) if direction == "/" else (top, bottom)
        ends = [
            [(x, rise[0]), (x + high, rise[1])]
            for x in np.arange(left - high, right, spacing)
        ]
    lines = shapely.linestrings(np.array(ends))
    parts = shapely.get_parts(shapely.intersection(lines, shape))
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in part.coords)
        for part in parts
        if part.geom_type == "LineString" and not part.is_empty
    )
