"""A printed sheet: heading, panels, notes; and the pen that draws on it to scale."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sentinel.mapping.curves import nice_steps
from sentinel.mapping.lettering import Box, country_names
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Scene
from sentinel.mapping.style import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    NO_DATA,
    OUTLINE,
    ROLE_COLOUR,
    SEA,
    Words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from estimators.array_types import FloatMatrix

__all__ = [
    "LEGEND",
    "LETTERS",
    "SIDE",
    "Pen",
    "draw_background_names",
    "draw_ground",
    "draw_rings",
    "draw_scale_bar",
    "draw_symbol",
    "new_sheet",
]

UNITS_PER_INCH = 145.0
LEGEND = 330.0
SIDE = 14.0
LETTERS = 15.5
COUNTRY_LETTERS = 16.0
ROW = 19.0
HEAD = 92.0
WARNING = 26.0


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in the units of its axes.

    Attributes
    ----------
    axes : Axes
    zoom : float
        Sheet units in one unit of these axes: less than 1 in a small panel.
    """

    axes: Axes
    zoom: float = 1.0

    @property
    def letters(self) -> float:
        """Height of the letters of names, in units of the axes."""
        # Small panels have room for fewer names, but those must be readable.
        return LETTERS * 0.85 / self.zoom if self.zoom < 1 else LETTERS

    def points(self, units: float) -> float:
        """Return a width in typographic points."""
        return units * self.zoom * 72.0 / UNITS_PER_INCH

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        **options: Any,  # noqa: ANN401 - what Axes.text takes
    ) -> None:
        """Write a line of text; `size` in units of the axes."""
        # parse_math off: a "$" in a title is a dollar.
        style = {"color": INK, "va": "center", "ha": "left", "zorder": 20, **options}
        self.axes.text(
            x, y, text, fontsize=self.points(size), parse_math=False, **style
        )


def new_sheet(
    size: tuple[float, float],
    words: Words,
    subtitle: str,
    notes: Sequence[str],
    *,
    ground: bool = True,
) -> tuple[Figure, Pen]:
    """Return a figure with heading and notes, and the pen for what lies between.

    Parameters
    ----------
    size : (width, height)
        Room for the drawing, whose upper left corner is (0, 0), y down.
    words : Words
    subtitle : str
    notes : sequence of str
        Written below, before those of `words`.
    ground : bool
        Whether it is a map, which says where its outlines come from.
    """
    from matplotlib.figure import Figure

    lines = _wrapped((*notes, *words.below(ground=ground)), size[0], LETTERS)
    title = textwrap.wrap(words.title, max(int(size[0] / 13.5), 20)) or [""]
    head = HEAD + 30.0 * (len(title) - 1) + (WARNING if words.simulated else 0.0)
    foot = 22.0 + ROW * len(lines)
    width, height = size[0] + 2 * SIDE, size[1] + head + foot
    figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH))
    figure.set_facecolor("white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(-SIDE, width - SIDE)
    axes.set_ylim(size[1] + foot, -head)
    pen = Pen(axes)
    top = -head + 24.0
    if words.simulated:
        warning = "SIMULATED DATA - NOT A FINDING"
        pen.text(0, top, warning, 15, weight="bold", color="#8a4b00")
        top += WARNING
    for row, line in enumerate(title):
        pen.text(0, top + 30.0 * row, line, 24, weight="bold")
    pen.text(0, top + 30.0 * len(title), subtitle, 17, color=MUTED)
    for row, line in enumerate(lines):
        pen.text(0, size[1] + 24 + ROW * row, line, LETTERS - 2.5, color=MUTED)
    return figure, pen


def draw_ground(pen: Pen, scene: Scene) -> Any:  # noqa: ANN401 - of matplotlib
    """Draw sea, countries and boundaries; return the frame, to clip by."""
    from matplotlib.patches import Rectangle

    frame = Rectangle((0, 0), WIDTH, scene.height, facecolor=SEA, edgecolor="none")
    pen.axes.add_patch(frame)
    lines = [(country.rings, GROUND, 1.4) for country in scene.countries]
    if scene.outlines:
        lines.append((scene.outlines, "none", 0.8))
    for rings, fill, width in lines:
        style = {"facecolor": fill, "edgecolor": OUTLINE}
        draw_rings(pen, rings, frame, linewidth=width, **style)
    return frame


def draw_background_names(
    pen: Pen, scene: Scene, taken: Sequence[Box], used: Collection[str] = ()
) -> None:
    """Name the countries where nothing lies, and dot the provinces not in use."""
    size = COUNTRY_LETTERS * pen.letters / LETTERS
    words = country_names(scene, taken, size)
    for name, x, y, _ in words:
        pen.text(x, y, name, size, ha="center", color=FAINT, zorder=3)
    for dot in scene.dots:
        if dot.code in used or any(box.covers(dot.x, dot.y) for *_, box in words):
            continue
        pen.axes.plot(
            dot.x, dot.y, "o", ms=pen.points(3.4), mec="none", mfc=NO_DATA, zorder=2
        )


def draw_rings(
    pen: Pen,
    rings: Sequence[FloatMatrix],
    frame: Any,  # noqa: ANN401 - a patch of matplotlib
    *,
    linewidth: float,
    **style: Any,  # noqa: ANN401 - what PathPatch takes
) -> None:
    """Draw polygons with their holes, clipped to the frame."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    path = Path.make_compound_path(*(Path(ring, closed=True) for ring in rings))
    options = {"zorder": 1, "joinstyle": "round", **style}
    patch = PathPatch(path, linewidth=pen.points(linewidth), **options)
    pen.axes.add_patch(patch)
    patch.set_clip_path(frame)


def draw_symbol(
    pen: Pen, at: tuple[float, float], role: str, radius: float, *, hidden: bool
) -> None:
    """Draw a place: circle, square or diamond by role, hollow where hidden."""
    from matplotlib.patches import Circle, Polygon, Rectangle

    x, y = at
    colour = ROLE_COLOUR[role]
    style: dict[str, Any] = {
        "facecolor": colour,
        "edgecolor": "white",
        "linewidth": pen.points(1.6),
        "zorder": 8,
    }
    if role == "crossing":
        style |= {"edgecolor": INK, "linewidth": pen.points(2.6), "zorder": 9}
    if hidden:
        # Hollow and dotted: something is there, and its size is not told.
        style |= {
            "facecolor": "white",
            "linestyle": (0, (1.2, 1.1)),
            "edgecolor": INK if role == "crossing" else colour,
            "linewidth": pen.points(2.4),
        }
    if role == "crossing":
        corner = (x - radius, y - radius)
        pen.axes.add_patch(Rectangle(corner, 2 * radius, 2 * radius, **style))
    elif role == "destination":
        corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]
        pen.axes.add_patch(Polygon(corners, closed=True, **style))
    else:
        pen.axes.add_patch(Circle((x, y), radius, **style))


def draw_scale_bar(pen: Pen, scene: Scene) -> None:
    """Draw a bar of a round number of kilometres, true at the middle of the map."""
    km = nice_steps(0.28 * WIDTH * scene.km_per_unit, 1)[0]
    length, y = km / scene.km_per_unit, scene.height - 18
    ends = (16, 16 + length)
    pen.axes.plot(ends, [y, y], color=INK, lw=pen.points(2.2), zorder=15)
    for x in ends:
        pen.axes.plot([x, x], [y - 5, y + 5], color=INK, lw=pen.points(2.2), zorder=15)
    pen.text(24 + length, y, f"{km:,.0f} km", pen.letters - 2, zorder=15)


def _wrapped(texts: Sequence[str], width: float, size: float) -> list[str]:
    letters = int(width / (0.47 * size))
    return [line for text in texts for line in textwrap.wrap(text, letters)]
