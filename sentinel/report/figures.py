"""Interval figures: prevalence, sensitivity, trend and odds ratios in one form."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.report.drawing import (
    EVENT,
    FAINT,
    INK,
    MUTED,
    PERSON,
    Drawing,
    clean_axes,
    drawing,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "QUANTITY_MARKS",
    "UNKNOWN_MARKS",
    "FigureText",
    "IntervalRow",
    "MarkStyle",
    "interval_figure",
]

WIDTH = 7.2
ROW_HEIGHT = 0.30
LINE_HEIGHT = 0.17
TOP, BOTTOM, LEGEND = 0.08, 0.46, 0.28
INCH_PER_LETTER = 0.071
LABEL_LETTERS = 34
SPREAD = 0.24
INDENT = 0.14


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkStyle:
    """How one series is drawn and named."""

    label: str
    colour: str
    marker: str
    filled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """One line of the figure; a heading has no marks.

    `marks` maps a series to (estimate, low, high) in the axis' unit.
    """

    label: str
    marks: Mapping[str, tuple[float, float, float]]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureText:
    """All words of a figure."""

    name: str
    title: str
    alt: str
    axis: str
    note_heading: str = ""
    simulated: bool = False


QUANTITY_MARKS = {
    "event": MarkStyle(label="Event prevalence", colour=EVENT, marker="o"),
    "person": MarkStyle(
        label="Person prevalence", colour=PERSON, marker="s", filled=False
    ),
    "other": MarkStyle(label="Estimate", colour=EVENT, marker="o"),
}
UNKNOWN_MARKS = {
    "lower": MarkStyle(
        label="unknown counted as no", colour="#7b8794", marker="<", filled=False
    ),
    "observed": MarkStyle(label="unknown left out", colour=EVENT, marker="o"),
    "upper": MarkStyle(
        label="unknown counted as yes", colour="#7b8794", marker=">", filled=False
    ),
}


def interval_figure(
    rows: Sequence[IntervalRow],
    styles: Mapping[str, MarkStyle],
    text: FigureText,
    *,
    reference: float | None = None,
    log: bool = False,
) -> Drawing | None:
    """Draw estimates with their intervals, one line per row; None without any mark.

    Parameters
    ----------
    rows : sequence of IntervalRow
        From top to bottom.
    styles : mapping of series to MarkStyle
    text : FigureText
    reference : float, optional
        Value with a vertical line: 0 for differences, 1 for ratios.
    log : bool
        Logarithmic axis, for ratios.
    """
    used = [name for name in styles if any(name in row.marks for row in rows)]
    if not used:
        return None
    from matplotlib.figure import Figure

    labels = [textwrap.fill(row.label.strip(), LABEL_LETTERS) for row in rows]
    most_lines = max(label.count("\n") + 1 for label in labels)
    tall = max(
        ROW_HEIGHT * (1 + 0.45 * max(0, len(used) - 1)), LINE_HEIGHT * most_lines
    )
    top = TOP + (LEGEND if len(used) > 1 or text.note_heading else 0)
    height = top + tall * len(rows) + BOTTOM
    left = 0.3 + INCH_PER_LETTER * max(
        len(line) for label in labels for line in label.split("\n")
    )
    right = 0.35 + INCH_PER_LETTER * max(
        [len(text.note_heading), *(len(row.note) for row in rows)]
    )
    with house_style():
        figure = Figure(figsize=(WIDTH, height))
        figure.subplots_adjust(
            left=left / WIDTH,
            right=1 - right / WIDTH,
            top=1 - top / height,
            bottom=BOTTOM / height,
        )
        axes = figure.add_subplot()
        if log:
            axes.set_xscale("log")
        _draw_marks(axes, rows, {name: styles[name] for name in used})
        _draw_words(axes, rows, labels, text)
        _finish_axis(axes, rows, reference=reference, log=log)
        if len(used) > 1:
            axes.legend(
                loc="lower left",
                bbox_to_anchor=(_left_edge(axes), 1),
                ncols=len(used),
                frameon=False,
                borderpad=0.1,
                handletextpad=0.3,
                columnspacing=1.4,
                fontsize=8,
            )
        return drawing(figure, name=text.name, title=text.title, alt=text.alt)


def _draw_marks(
    axes: Axes, rows: Sequence[IntervalRow], styles: Mapping[str, MarkStyle]
) -> None:
    offsets = _offsets(len(styles))
    for (name, style), offset in zip(styles.items(), offsets, strict=True):
        places = [place for place, row in enumerate(rows) if name in row.marks]
        values = [rows[place].marks[name] for place in places]
        for place, (_, low, high) in zip(places, values, strict=True):
            axes.plot(
                [low, high],
                [place + offset] * 2,
                color=style.colour,
                linewidth=1.6,
                solid_capstyle="butt",
            )
        axes.plot(
            [value[0] for value in values],
            [place + offset for place in places],
            linestyle="none",
            marker=style.marker,
            markersize=5.5,
            color=style.colour,
            markerfacecolor=style.colour if style.filled else "white",
            markeredgewidth=1.4,
            label=style.label,
        )


def _draw_words(
    axes: Axes, rows: Sequence[IntervalRow], labels: Sequence[str], text: FigureText
) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    # Left-aligned at the figure's edge: headings and their groups read as a list.
    start = _left_edge(axes)
    for place, (row, label) in enumerate(zip(rows, labels, strict=True)):
        heading = not row.marks and not row.note
        inset = (
            INDENT / (axes.get_position().width * WIDTH)
            if row.label.startswith(" ")
            else 0.0
        )
        axes.text(
            start + inset, place, label.strip(),
            transform=axes.get_yaxis_transform(), va="center",
            weight="bold" if heading else "normal",
        )  # fmt: skip
        axes.text(
            1.02, place, row.note, transform=axes.get_yaxis_transform(),
            va="center", color=MUTED, fontsize=8,
        )  # fmt: skip
    if text.note_heading:
        axes.text(
            1.02, 1.0, text.note_heading, transform=axes.transAxes,
            va="bottom", color=MUTED, fontsize=8,
        )  # fmt: skip
    axes.set_xlabel(text.axis, loc="left")
    if text.simulated:
        axes.annotate(
            "simulated data", xy=(1, 0), xycoords="axes fraction", xytext=(0, -26),
            textcoords="offset points", ha="right", va="center", color="#8a5a00",
            fontsize=8, style="italic",
        )  # fmt: skip


def _left_edge(axes: Axes) -> float:
    """Return the figure's left edge in fractions of the axes' width."""
    box = axes.get_position()
    return float((0.01 - box.x0) / box.width)


def _finish_axis(
    axes: Axes, rows: Sequence[IntervalRow], *, reference: float | None, log: bool
) -> None:
    clean_axes(axes)
    axes.spines["bottom"].set_color(MUTED)
    for place, row in enumerate(rows):
        if not row.marks and not row.note and place:
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.8)
    if reference is not None:
        axes.axvline(reference, color=INK, linewidth=0.9)
    if log:
        _ratio_ticks(axes)
    elif reference is None:
        axes.set_xlim(left=0)


def _ratio_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_xlim()
    steps = [
        lead * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for lead in ((1, 2, 5) if high / low < 200 else (1,))
    ]
    axes.xaxis.set_major_locator(FixedLocator([s for s in steps if low <= s <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _offsets(count: int) -> list[float]:
    if count == 1:
        return [0.0]
    return [SPREAD * (2 * place / (count - 1) - 1) for place in range(count)]
