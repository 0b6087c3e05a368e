"""The way of the rows, from the files to the classified, one line per round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.report.drawing import (
    ACCENT,
    INK,
    MUTED,
    Drawing,
    drawing,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FlowLine", "flow_figure"]

WIDTH = 7.2
HEAD = 0.30
BOX_WIDTH, BOX_HEIGHT = 1.15, 0.42
EXIT_HEIGHT = 0.14
GAP = 0.42


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLine:
    """One round: what stayed at each stage and what left on the way to the next.

    `stages` holds (stage, count as printed); `exits[i]` the lines printed under the
    arrow from stage i to stage i + 1.
    """

    label: str
    stages: tuple[tuple[str, str], ...]
    exits: tuple[tuple[str, ...], ...]


def flow_figure(lines: Sequence[FlowLine], *, title: str, alt: str) -> Drawing | None:
    """Draw the rounds below each other; None if there are none."""
    if not lines:
        return None
    from matplotlib.figure import Figure

    deepest = [max((len(leave) for leave in line.exits), default=0) for line in lines]
    heights = [BOX_HEIGHT + EXIT_HEIGHT * max(1, depth) + GAP for depth in deepest]
    height = HEAD + sum(heights) - GAP + 0.12
    with house_style():
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        axes.set_axis_off()
        top = height - HEAD
        for line, tall in zip(lines, heights, strict=True):
            _draw_line(axes, line, top)
            top -= tall
        return drawing(figure, name="data_flow", title=title, alt=alt)


def _draw_line(axes: Axes, line: FlowLine, top: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.text(0.05, top + 0.13, line.label, weight="bold", fontsize=8.5)
    gap = (WIDTH - 0.1 - BOX_WIDTH * len(line.stages)) / max(1, len(line.stages) - 1)
    middle = top - BOX_HEIGHT / 2
    for place, (stage, count) in enumerate(line.stages):
        left = 0.05 + place * (BOX_WIDTH + gap)
        last = place == len(line.stages) - 1
        axes.add_patch(
            FancyBboxPatch(
                (left, top - BOX_HEIGHT),
                BOX_WIDTH,
                BOX_HEIGHT,
                boxstyle="square,pad=0",
                facecolor=ACCENT if last else "#eef2f6",
                edgecolor=ACCENT,
                linewidth=0.8,
            )
        )
        ink = "white" if last else INK
        axes.text(
            left + BOX_WIDTH / 2, middle + 0.075, count,
            ha="center", va="center", weight="bold", fontsize=9.5, color=ink,
        )  # fmt: skip
        axes.text(
            left + BOX_WIDTH / 2, middle - 0.11, stage,
            ha="center", va="center", fontsize=7.5, color=ink,
        )  # fmt: skip
        if not last:
            _draw_exit(axes, line.exits[place], (left + BOX_WIDTH, gap, middle))


def _draw_exit(
    axes: Axes, leaving: Sequence[str], place: tuple[float, float, float]
) -> None:
    left, gap, middle = place
    axes.annotate(
        "",
        xy=(left + gap, middle),
        xytext=(left, middle),
        arrowprops={"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.9},
    )
    if leaving:
        axes.text(
            left + gap / 2, middle - BOX_HEIGHT / 2 - 0.06, "\n".join(leaving),
            ha="center", va="top", fontsize=7.2, color=MUTED, linespacing=1.25,
        )  # fmt: skip
