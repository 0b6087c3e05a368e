"""Sankey of protected legs: how many went which way, without a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.mapping.lettering import short_name
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Layer
from sentinel.mapping.sheet import LEGEND, LETTERS, Pen, new_sheet
from sentinel.mapping.style import FLOW_IN, FLOW_ON, INK, MUTED, ROLE_LABEL, Words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SECTOR_STAGES", "Band", "Stop", "route_bands", "sankey", "sector_bands"]

SECTOR_STAGES = {
    "crossing": "Border crossing",
    "destination": "Destination province",
    "sector": "Sector (sum of what is shown)",
}
BAR = 16.0
GAP = 7.0
LEAST = 13.0
FILL = 700.0
TOP = 46.0
MOST_HEIGHT = 1500.0


@dataclass(frozen=True, slots=True)
class Stop:
    """A bar of the diagram; `n` is None where it is withheld."""

    stage: str
    key: str
    label: str
    n: int | None


@dataclass(frozen=True, slots=True)
class Band:
    """What goes from one stop to another of the next stage: shown legs only."""

    start: tuple[str, str]
    end: tuple[str, str]
    n: int


def route_bands(layer: Layer) -> tuple[list[Stop], list[Band]]:
    """Return stops and bands of one round's protected legs."""
    stops = [
        Stop(node.role, node.code, short_name(node.name), node.n)
        for node in layer.nodes
    ]
    bands = [
        Band((leg.start.role, leg.start.code), (leg.end.role, leg.end.code), leg.n)
        for leg in layer.legs
    ]
    used = {end for band in bands for end in (band.start, band.end)}
    return [stop for stop in stops if (stop.stage, stop.key) in used], bands


def sector_bands(layer: Layer, sectors: pd.DataFrame) -> tuple[list[Stop], list[Band]]:
    """Return stops and bands from crossing by destination to sector of work.

    Parameters
    ----------
    layer : Layer
        Of all rounds.
    sectors : DataFrame
        ``destination, sector, n, label``: protected counts of destinations that the
        layer shows.
    """
    stops, bands = route_bands(layer)
    shown = {stop.key: stop for stop in stops if stop.stage == "destination"}
    rows = sectors[sectors["destination"].isin(list(shown))]
    bands = [band for band in bands if band.end[0] == "destination"]
    more = [
        Band(("destination", str(place)), ("sector", str(sector)), int(n))
        for place, sector, n in zip(
            rows["destination"], rows["sector"], rows["n"], strict=True
        )
    ]
    ends = {end for band in (*bands, *more) for end in (band.start, band.end)}
    kept = [stop for stop in stops if (stop.stage, stop.key) in ends]
    totals = rows.groupby(["sector", "label"], sort=True)["n"].sum().reset_index()
    kept += [
        Stop("sector", str(sector), str(label), int(n))
        for sector, label, n in zip(
            totals["sector"], totals["label"], totals["n"], strict=True
        )
    ]
    return kept, [*bands, *more]


def sankey(
    stops: Sequence[Stop],
    bands: Sequence[Band],
    words: Words,
    *,
    subtitle: str = "",
    notes: Sequence[str] = (),
    stages: Mapping[str, str] = ROLE_LABEL,
) -> Figure:
    """Draw bands between bars, stage by stage.

    Parameters
    ----------
    stops : sequence of Stop
    bands : sequence of Band
        From a stage to the next one that is there.
    words : Words
    subtitle : str
    notes : sequence of str
    stages : mapping of stage to heading
        In order, left to right.

    Returns
    -------
    Figure
        Widths are linear in the numbers, on one scale. A bar is as high as what is
        shown of it, or as its number if that is more; the rest of it is what is
        withheld, not stated or leads nowhere. Dotted bars have no number of their own.
    """
    columns = [
        (name, heading)
        for name, heading in stages.items()
        if any(stop.stage == name for stop in stops)
    ]
    sizes = _sizes(stops, bands)
    tallest = max(
        (
            sum(sizes[(stop.stage, stop.key)] for stop in stops if stop.stage == name)
            for name, _ in columns
        ),
        default=1.0,
    )
    unit = FILL / max(tallest, 1.0)
    places, height = _lay_out(stops, bands, columns, sizes, unit)
    figure, pen = new_sheet(
        (WIDTH + LEGEND, height), words, subtitle, notes, ground=False
    )
    for column, (_, heading) in enumerate(columns):
        x = _x(column, len(columns))
        side = {"left": "right", "right": "left"}.get(_side(column, len(columns)))
        x += {"right": BAR, "left": 0.0}.get(side or "", BAR / 2)
        pen.text(x, 12, heading, LETTERS, weight="bold", ha=side or "center")
    _bands(pen, bands, places, unit, columns)
    _bars(pen, stops, places, columns)
    return figure


def _sizes(
    stops: Sequence[Stop], bands: Sequence[Band]
) -> dict[tuple[str, str], float]:
    coming: dict[tuple[str, str], int] = {}
    going: dict[tuple[str, str], int] = {}
    for band in bands:
        going[band.start] = going.get(band.start, 0) + band.n
        coming[band.end] = coming.get(band.end, 0) + band.n
    return {
        (stop.stage, stop.key): float(
            max(
                stop.n or 0,
                coming.get((stop.stage, stop.key), 0),
                going.get((stop.stage, stop.key), 0),
            )
        )
        for stop in stops
    }


@dataclass(frozen=True, slots=True)
class _Place:
    column: int
    top: float
    bottom: float


def _lay_out(
    stops: Sequence[Stop],
    bands: Sequence[Band],
    columns: Sequence[tuple[str, str]],
    sizes: Mapping[tuple[str, str], float],
    unit: float,
) -> tuple[dict[tuple[str, str], _Place], float]:
    """Stack each column; after the first, by where its bands come from."""
    places: dict[tuple[str, str], _Place] = {}
    lowest = 0.0
    for column, (name, _) in enumerate(columns):
        mine = [(stop.stage, stop.key) for stop in stops if stop.stage == name]
        mine.sort(key=lambda key: (_source(key, bands, places), -sizes[key], key))
        y = TOP
        for key in mine:
            high = max(sizes[key] * unit, 2.0)
            places[key] = _Place(column, y, y + high)
            y += max(high, LEAST + 4.0) + GAP
        lowest = max(lowest, y)
    return places, min(lowest, MOST_HEIGHT) + 10.0


def _source(
    key: tuple[str, str],
    bands: Sequence[Band],
    places: Mapping[tuple[str, str], _Place],
) -> float:
    """Return the mean height that a stop's bands come from; 0 in the first column."""
    coming = [band for band in bands if band.end == key and band.start in places]
    total = sum(band.n for band in coming)
    if not total:
        return 0.0 if not places else float("inf")
    return sum(band.n * places[band.start].top for band in coming) / total


def _x(column: int, columns: int) -> float:
    left, right = 250.0, WIDTH + LEGEND - 250.0
    return left + (right - left - BAR) * column / max(columns - 1, 1)


def _side(column: int, columns: int) -> str:
    """Names stand outside the first and the last column, beside the others."""
    if column == 0:
        return "left"
    return "right" if column == columns - 1 else "center"


def _bands(
    pen: Pen,
    bands: Sequence[Band],
    places: Mapping[tuple[str, str], _Place],
    unit: float,
    columns: Sequence[tuple[str, str]],
) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    out = {key: place.top for key, place in places.items()}
    into = dict(out)
    order = sorted(
        (band for band in bands if band.start in places and band.end in places),
        key=lambda band: (places[band.start].top, places[band.end].top),
    )
    last, count = columns[-1][0], len(columns)
    for band in order:
        x0 = _x(places[band.start].column, count) + BAR
        x1 = _x(places[band.end].column, count)
        high = band.n * unit
        y0, y1 = out[band.start], into[band.end]
        out[band.start] += high
        into[band.end] += high
        mid = (x0 + x1) / 2
        path = Path(
            [
                (x0, y0),
                (mid, y0),
                (mid, y1),
                (x1, y1),
                (x1, y1 + high),
                (mid, y1 + high),
                (mid, y0 + high),
                (x0, y0 + high),
                (x0, y0),
            ],
            [
                Path.MOVETO,
                *[Path.CURVE4] * 3,
                Path.LINETO,
                *[Path.CURVE4] * 3,
                Path.CLOSEPOLY,
            ],
        )
        colour = FLOW_ON if band.end[0] == last and count > 2 else FLOW_IN
        pen.axes.add_patch(
            PathPatch(
                path,
                facecolor=colour,
                alpha=0.55,
                edgecolor="white",
                linewidth=pen.points(0.8),
                zorder=3,
            )
        )


def _bars(
    pen: Pen,
    stops: Sequence[Stop],
    places: Mapping[tuple[str, str], _Place],
    columns: Sequence[tuple[str, str]],
) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    halo = withStroke(linewidth=pen.points(4.0), foreground="white", alpha=0.85)
    for stop in stops:
        place = places[(stop.stage, stop.key)]
        x = _x(place.column, len(columns))
        withheld = stop.n is None
        pen.axes.add_patch(
            Rectangle(
                (x, place.top),
                BAR,
                place.bottom - place.top,
                facecolor="white" if withheld else INK,
                edgecolor=INK,
                linewidth=pen.points(1.4),
                linestyle=(0, (1.2, 1.1)) if withheld else "-",
                zorder=5,
            )
        )
        left = _side(place.column, len(columns)) == "left"
        at = x - 8 if left else x + BAR + 8
        number = "withheld" if withheld else f"{stop.n:,}"
        pen.text(
            at,
            (place.top + place.bottom) / 2,
            f"{stop.label}  {number}",
            LETTERS,
            ha="right" if left else "left",
            color=MUTED if withheld else INK,
            path_effects=[halo],
            zorder=6,
        )
