"""The study's maps, drawn by `sentinel.mapping` from protected routes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError
from sentinel.report.drawing import every_script
from sentinel.report.formats import count, is_missing
from sentinel.report.tables import Column, PrintedTable

if TYPE_CHECKING:
    from sentinel.mapping import MapFile
    from sentinel.report.release import Release

__all__ = ["MapPicture", "largest_legs", "routes_frame", "write_maps"]

SHOWN_LEGS = 15
PLACES = ("origin", "crossing", "destination")
MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPicture:
    """One map for the page: a picture, and the files beside the report."""

    name: str
    title: str
    alt: str
    image: bytes
    media_type: str
    links: tuple[tuple[str, str], ...] = ()


def write_maps(
    release: Release, folder: Path
) -> tuple[list[MapPicture], tuple[str, ...]]:
    """Draw the maps into `folder`; return pictures, and why there are none.

    Returns
    -------
    pictures : list of MapPicture
        One for each round, linked to the files beside the report.
    reasons : tuple of str
        Why maps that were asked for could not be drawn.
    """
    maps = release.config.maps
    if maps is None or release.routes is None:
        return [], ()
    from sentinel.mapping import Words, draw_maps, load_places, read_boundaries

    config = release.config
    words = Words(
        title="From home province by border crossing to place of work",
        source="; ".join(
            part for part in (config.study.source, _periods(release)) if part
        ),
        notes=(
            f"Respondents, not weighted. Reference period: {release.reference_period}.",
        ),
        simulated=config.study.simulated,
        boundaries=maps.boundaries or "",
    )
    try:
        outlines = (
            read_boundaries(
                config.path(maps.boundaries),
                maps.boundary_key or "code",
                name=maps.boundaries,
            )
            if maps.boundaries
            else None
        )
        with every_script():
            written = draw_maps(
                release.routes,
                load_places(
                    config.path(maps.places) if maps.places else None,
                    name=maps.places or "",
                ),
                words,
                folder,
                minimum_cell=release.minimum_cell,
                titles=dict(release.labels.rounds),
                periods=dict(release.labels.periods),
                boundaries=outlines,
                top_flows=maps.top_flows,
            )
    except InputError as error:
        return [], (f"Maps: {' '.join(str(error).split())}",)
    return _pictures(written, folder), ()


def routes_frame(release: Release) -> pd.DataFrame:
    """Return the protected legs with their places' names; withheld n are empty."""
    if release.routes is None:
        return pd.DataFrame()
    frame = release.routes.flows.copy()
    names = {
        f"{place}_name": [_place(code, release) for code in frame[place]]
        for place in PLACES
    }
    return frame.assign(**names, reference_period=release.reference_period)


def largest_legs(release: Release) -> PrintedTable | None:
    """Return the legs with most respondents: what the maps show, to be read."""
    frame = routes_frame(release)
    if frame.empty:
        return None
    shown = frame[~frame["suppressed"].astype(bool) & frame["n"].notna()]
    if (shown["round_id"] == "all rounds").any():
        shown = shown[shown["round_id"] == "all rounds"]
    shown = shown.sort_values("n", ascending=False, kind="stable").head(SHOWN_LEGS)
    rows = []
    for _, row in shown.iterrows():
        start, end = str(row["leg"]).split("-", 1)
        rows.append(
            (
                row[f"{start}_name"],
                row[f"{end}_name"],
                release.labels.value("round_id", row["round_id"]),
                count(row["n"]),
            )
        )
    if not rows:
        return None
    return PrintedTable(
        name="largest_legs",
        caption="The legs that most respondents took (unweighted)",
        columns=(
            Column(label="From", numeric=False),
            Column(label="To", numeric=False),
            Column(label="Round", numeric=False),
            Column(label="n"),
        ),
        rows=tuple(rows),
        n_headers=2,
    )


def _place(code: object, release: Release) -> str:
    if is_missing(code) or code == "":
        return "not stated"
    words = {"*": "any", "OTHER": "other places together"}
    text = str(code)
    return words.get(text) or release.labels.value("", text)


def _pictures(written: list[MapFile], folder: Path) -> list[MapPicture]:
    interactive = [
        ("Interactive map (opens offline)", f"{folder.name}/{item.path.name}")
        for item in written
        if item.format == "html"
    ]
    sheets: dict[str, list[MapFile]] = {}
    for item in written:
        if item.format in MEDIA_TYPES:
            sheets.setdefault(item.path.stem, []).append(item)
    pictures = []
    for stem, kinds in sheets.items():
        # Lettering as outlines makes some sheets smaller as pixels: the page is mailed.
        embedded = min(kinds, key=lambda item: item.path.stat().st_size)
        links = [
            (f"As {item.format.upper()}", f"{folder.name}/{item.path.name}")
            for item in kinds
        ]
        pictures.append(
            MapPicture(
                name=stem,
                title=embedded.title,
                alt=embedded.alt,
                image=embedded.path.read_bytes(),
                media_type=MEDIA_TYPES[embedded.format],
                links=(*interactive, *links),
            )
        )
    return pictures


def _periods(release: Release) -> str:
    labels = release.labels
    return "; ".join(
        f"{labels.rounds[code]}, {labels.periods[code]}" for code in labels.rounds
    )
