"""The figures of monitoring: series with alarms, funnels, scores before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sentinel.report.drawing import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    PERSON,
    Drawing,
    clean_axes,
    drawing,
    house_style,
)
from sentinel.report.formats import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sentinel.monitoring import MonitoredPart

__all__ = ["monitoring_drawings"]

WIDTH = 7.2
MOST_TICKS = 12
SIMULATED = "simulated data"


def monitoring_drawings(part: MonitoredPart, *, simulated: bool) -> tuple[Drawing, ...]:
    """Draw one part of monitoring; empty where its table says all there is."""
    if part.frame.empty:
        return ()
    if part.kind == "series":
        return (_series(part, simulated=simulated),)
    if part.kind == "segments":
        return (_segments(part, simulated=simulated),)
    if part.kind in ("rounds", "nowcast"):
        return (_foretold(part, simulated=simulated),)
    if part.kind == "funnel":
        return (_funnel(part, simulated=simulated),)
    if part.kind == "scores":
        return (_scores(part, simulated=simulated),)
    return ()


def _series(part: MonitoredPart, *, simulated: bool) -> Drawing:
    from matplotlib.figure import Figure

    frame = part.frame
    places = range(len(frame))
    with house_style():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(
            places, 0, frame["upper_bound"].astype(float), color="#e9eff5", zorder=1,
            label="up to the limit of an alarm",
        )  # fmt: skip
        axes.plot(
            places, frame["expected"].astype(float), color=MUTED, linewidth=1.2,
            linestyle=(0, (4, 2)), zorder=2, label="expected",
        )  # fmt: skip
        axes.plot(
            places, frame["observed"].astype(float), color=ACCENT, linewidth=1.3,
            marker="o", markersize=2.6, zorder=3, label="observed",
        )  # fmt: skip
        alarms = [place for place in places if frame["alarm"].iloc[place]]
        axes.plot(
            alarms, frame["observed"].astype(float).iloc[alarms], linestyle="none",
            marker="^", markersize=8, markerfacecolor=PERSON, markeredgecolor="white",
            zorder=4, label="alarm",
        )  # fmt: skip
        _period_ticks(axes, frame["period"].tolist())
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"count a {part.unit or 'period'}")
        clean_axes(axes, grid="y")
        axes.legend(
            loc="upper left", frameon=False, fontsize=7.5, ncols=4,
            bbox_to_anchor=(0, 1.13), borderaxespad=0, handlelength=1.6,
        )  # fmt: skip
        _stamp(axes, simulated=simulated)
        said = ", ".join(frame.loc[frame["alarm"], "period"]) or "none"
        return drawing(
            figure,
            name=part.name,
            title=part.title,
            alt=f"{part.title}, {frame['period'].iloc[0]} to "
            f"{frame['period'].iloc[-1]}. Periods in alarm: {said}. The table gives "
            "the numbers.",
        )


def _segments(part: MonitoredPart, *, simulated: bool) -> Drawing:
    """Draw a series with its stretches as steps, or its trends by their ends."""
    from matplotlib.figure import Figure

    counts = next(iter(part.series.values()))
    periods = list(counts)
    with house_style():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(
            range(len(periods)), list(counts.values()), color=ACCENT, linewidth=1.1,
            marker="o", markersize=2.6, zorder=3,
        )  # fmt: skip
        steps = part.unit.startswith("count")
        said = []
        for _, row in part.frame.iterrows():
            ends = [periods.index(str(row[name])) for name in ("first", "last")]
            if steps:
                low, high = row["ci_low"], row["ci_high"]
                axes.fill_between(ends, low, high, color="#e9eff5", zorder=1)
                axes.plot(ends, [row["estimate"]] * 2, color=PERSON, zorder=4)
            else:
                axes.axvline(ends[1], color=FAINT, linewidth=0.8, zorder=1)
                axes.annotate(
                    f"{row['estimate']:+.1f} %", (sum(ends) / 2, 0.97), ha="center",
                    va="top", fontsize=8, color=INK,
                    xycoords=("data", "axes fraction"),
                )  # fmt: skip
            said.append(f"{row['first']} to {row['last']} {row['estimate']:.1f}")
        _period_ticks(axes, periods)
        axes.set_ylim(0, 1.15 * max(counts.values()))
        axes.set_ylabel("count")
        clean_axes(axes, grid="y")
        _stamp(axes, simulated=simulated)
        return drawing(
            figure,
            name=part.name,
            title=part.title,
            alt=f"{part.title}: {'; '.join(said)}. The table gives the numbers.",
        )


def _foretold(part: MonitoredPart, *, simulated: bool) -> Drawing:
    """Draw what was seen beside what was foretold, with its limits."""
    from matplotlib.figure import Figure

    frame = part.frame
    label, seen, expected = (
        ("round", "share", "expected")
        if part.kind == "rounds"
        else ("period", "reported", "estimate")
    )
    factor = 100.0 if part.kind == "rounds" else 1.0
    numbers = frame[[seen, expected, "ci_low", "ci_high"]].astype("float64") * factor
    places = range(len(frame))
    with house_style():
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        axes = figure.add_subplot()
        axes.vlines(
            places, numbers["ci_low"], numbers["ci_high"], color="#c9d6e3", linewidth=7,
            label="foretold, with limits",
        )  # fmt: skip
        axes.plot(
            places, numbers[expected], linestyle="none", marker="_", markersize=11,
            color=MUTED,
        )  # fmt: skip
        axes.plot(
            places, numbers[seen], linestyle="none", marker="o", markersize=4,
            color=ACCENT, label="seen" if part.kind == "rounds" else "reported so far",
        )  # fmt: skip
        axes.set_xticks(list(places), frame[label].astype(str).tolist())
        axes.set_ylim(bottom=0)
        axes.set_ylabel("%" if part.kind == "rounds" else "reports")
        clean_axes(axes, grid="y")
        axes.legend(loc="best", frameon=False, fontsize=7.5)
        _stamp(axes, simulated=simulated)
        return drawing(
            figure,
            name=part.name,
            title=part.title,
            alt=f"{part.title}: what was seen beside what was foretold for "
            f"{', '.join(frame[label].astype(str))}. The table gives the numbers.",
        )


def _period_ticks(axes: Axes, periods: list[str]) -> None:
    """Name the first period of each year; every few periods of a short series."""
    years = [place for place, text in enumerate(periods) if _opens_a_year(text)]
    if len(years) > 1:
        shown = years[:: max(1, len(years) // MOST_TICKS)]
    else:
        shown = list(range(0, len(periods), max(1, len(periods) // MOST_TICKS)))
    axes.set_xticks(shown, [periods[place] for place in shown])


def _opens_a_year(text: str) -> bool:
    return text.endswith(("-01", "-Q1"))


def _funnel(part: MonitoredPart, *, simulated: bool) -> Drawing:
    from matplotlib.figure import Figure

    frame = part.frame
    groups = list(dict.fromkeys(frame["group"].astype(str)))
    stages = list(dict.fromkeys(frame["stage"].astype(str)))
    with house_style():
        figure = Figure(figsize=(WIDTH, 0.5 + 0.34 * len(stages)), layout="constrained")
        panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
        for axes, group in zip(panels, groups, strict=True):
            _funnel_panel(axes, frame[frame["group"].astype(str) == group], stages)
            axes.set_title(group or "all cases", fontsize=8.5)
        panels[0].set_yticks(range(len(stages)), stages)
        panels[0].invert_yaxis()
        panels[0].legend(loc="lower right", frameon=False, fontsize=7, handlelength=1.2)
        _stamp(panels[-1], simulated=simulated)
        return drawing(
            figure,
            name=part.name,
            title=part.title,
            alt=f"{part.title}: cases at each of the stages {', '.join(stages)}, and "
            "of these how many went on. The table gives the numbers.",
        )


def _funnel_panel(axes: Axes, part: pd.DataFrame, stages: list[str]) -> None:
    entered = part["entered"].astype("float64").to_numpy()
    went_on = part["went_on"].astype("float64").fillna(0).to_numpy()
    places = range(len(stages))
    axes.barh(places, entered, height=0.62, color="#c9d6e3", label="reached")
    axes.barh(places, went_on, height=0.62, color=ACCENT, label="and went on")
    axes.set_xlim(0, 1.18 * max(float(pd.Series(entered).max() or 0), 1.0))
    for place, amount in zip(places, part["entered"], strict=True):
        text = "withheld" if pd.isna(amount) else count(amount)
        at = 0.0 if pd.isna(amount) else float(amount)
        axes.text(at, place, f" {text}", va="center", fontsize=8, color=INK)
    axes.set_xlabel("cases")
    clean_axes(axes, grid="x")


def _scores(part: MonitoredPart, *, simulated: bool) -> Drawing:
    from matplotlib.figure import Figure

    frame = part.frame
    with house_style():
        figure = Figure(figsize=(4.6, 2.9), layout="constrained")
        axes = figure.add_subplot()
        for place, (_, row) in enumerate(frame.iterrows()):
            colour = (ACCENT, PERSON, MUTED, INK)[place % 4]
            axes.plot(
                [0, 1], [row["before"], row["after"]], color=colour, marker="o",
                markersize=5, linewidth=1.6,
                label=f"{row['group'] or 'seen twice'} (n = {count(row['n_both'])})",
            )  # fmt: skip
            if pd.notna(row["before_lost"]):
                axes.plot(
                    [0], [row["before_lost"]], linestyle="none", marker="o",
                    markersize=5.5, markerfacecolor="white", markeredgecolor=colour,
                    label=f"not seen again (n = {count(row['n_lost'])})",
                )  # fmt: skip
        axes.set_xlim(-0.25, 1.25)
        axes.set_xticks([0, 1], ["before", "after"])
        axes.set_ylabel(f"mean, {part.unit}" if part.unit else "mean")
        axes.margins(y=0.25)
        clean_axes(axes, grid="y")
        axes.legend(loc="upper left", frameon=False, fontsize=7.5)
        _stamp(axes, simulated=simulated)
        return drawing(
            figure,
            name=part.name,
            title=part.title,
            alt=f"{part.title}: mean before and after of persons seen twice, and mean "
            "before of those not seen again. The table gives the numbers.",
        )


def _stamp(axes: Axes, *, simulated: bool) -> None:
    if simulated:
        axes.text(
            1.0, 1.02, SIMULATED, transform=axes.transAxes, ha="right", va="bottom",
            fontsize=7, color=PERSON,
        )  # fmt: skip
    axes.spines["bottom"].set_color(FAINT)
