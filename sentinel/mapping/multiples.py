"""Small multiples: the rounds of a study side by side, on one scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Scene
from sentinel.mapping.sheet import LEGEND, LETTERS, Pen, new_sheet
from sentinel.mapping.style import MUTED, Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["small_multiples"]

GAP = 26.0
TITLE = 34.0
MOST_COLUMNS = 3


def small_multiples(
    scene: Scene,
    titles: Sequence[str],
    words: Words,
    *,
    draw: Callable[[Pen, int], None],
    key: Callable[[Pen], None],
    subtitle: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """Draw one panel for each title, row by row, and one key for all.

    Parameters
    ----------
    scene : Scene
        Ground of every panel.
    titles : sequence of str
        Above the panels.
    words : Words
    draw : callable
        Draws the panel with a given number by a given pen.
    key : callable
        Draws the key by the pen of the sheet.
    subtitle : str
    notes : sequence of str
    """
    columns = min(len(titles), 2 if len(titles) <= 4 else MOST_COLUMNS)
    rows = math.ceil(len(titles) / columns)
    wide = (WIDTH - GAP * (columns - 1)) / columns
    zoom = wide / WIDTH
    high = scene.height * zoom
    height = max(rows * (high + TITLE) + (rows - 1) * GAP, 560.0)
    figure, sheet = new_sheet((WIDTH + LEGEND, height), words, subtitle, notes)
    left, right = sheet.axes.get_xlim()
    bottom, top = sheet.axes.get_ylim()
    for number, title in enumerate(titles):
        row, column = divmod(number, columns)
        x = column * (wide + GAP)
        y = row * (high + TITLE + GAP) + TITLE
        sheet.text(x, y - TITLE / 2, title, LETTERS, weight="bold", color=MUTED)
        box = (
            (x - left) / (right - left),
            (bottom - y - high) / (bottom - top),
            wide / (right - left),
            high / (bottom - top),
        )
        axes = figure.add_axes(box)
        axes.set_axis_off()
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(scene.height, 0)
        draw(Pen(axes, zoom), number)
    key(sheet)
    return figure
