"""The study's maps, drawn by `sentinel.mapping` from protected routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError, NotEstimableError, PrevalenceError
from sentinel.report.drawing import every_script
from sentinel.report.labels import QUANTITY_WORDS
from sentinel.report.maps.kept_maps import kept_maps

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from sentinel.mapping import MapFile, PlaceTest, Words
    from sentinel.report.outgoing.unfinished import Unfinished
    from sentinel.report.protected.release import Release, ReleasedTable
    from sentinel.study.config import MapsSection

__all__ = ["MapPicture", "write_maps"]

INTENSITY_TITLE = "Where respondents come from"
SECTORS_TITLE = "From border crossing by place of work to sector of work"
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
    release: Release, folder: Path, *, unfinished: Unfinished | None = None
) -> tuple[list[MapPicture], tuple[str, ...]]:
    """Draw the maps into `folder`, or take over those that an interrupted run drew.

    Returns
    -------
    pictures : list of MapPicture
        One for each sheet, linked to the files beside the report.
    reasons : tuple of str
        Why maps that were asked for could not be drawn, and which places have no
        polygon in the user's boundaries.
    """
    maps = release.config.maps
    if maps is None:
        return [], ()
    written, reasons = kept_maps(unfinished, folder, partial(_drawn, release, maps))
    return _pictures(written, folder), reasons


def _drawn(
    release: Release, maps: MapsSection, folder: Path
) -> tuple[list[MapFile], tuple[str, ...]]:
    reasons: list[str] = []
    written: list[MapFile] = []
    try:
        atlas = _Atlas.open(release, maps)
        reasons += atlas.unmatched
    except InputError as error:
        return [], (_reason(error),)
    with every_script():
        atlas, unjudged = _judge_places(release, atlas)
        reasons += unjudged
        for draw in _DRAWERS:
            try:
                written += draw(release, atlas, folder)
            except (InputError, NotEstimableError) as error:
                reasons.append(_reason(error))
    return written, tuple(reasons)


@dataclass(frozen=True, slots=True)
class _Atlas:
    """Places, boundaries and options that all maps of a study share."""

    maps: MapsSection
    places: pd.DataFrame
    boundaries: gpd.GeoDataFrame | None
    unmatched: tuple[str, ...]
    tests: Mapping[str, Sequence[PlaceTest]] = field(default_factory=dict)

    @classmethod
    def open(cls, release: Release, maps: MapsSection) -> _Atlas:
        from sentinel.mapping import load_places, match_boundaries, read_boundaries

        config = release.config
        own = config.path(maps.places) if maps.places else None
        places = load_places(own, name=maps.places or "")
        if not maps.boundaries:
            return cls(maps, places, None, ())
        read = read_boundaries(
            config.path(maps.boundaries), maps.boundary_key, name=maps.boundaries
        )
        matched, problems = match_boundaries(read, places, _mapped_codes(release))
        told = tuple(
            f"Maps: no polygon for {problem.value}. {problem.hint}"
            for problem in problems
        )
        return cls(maps, places, matched, told)

    def words(self, release: Release, title: str, note: str) -> Words:
        from sentinel.mapping import Words

        source = (release.config.study.source, _periods(release))
        return Words(
            title=title,
            source="; ".join(part for part in source if part),
            notes=(f"{note} Reference period: {release.reference_period}.",),
            simulated=release.config.study.simulated,
            boundaries=self.maps.boundary_source or self.maps.boundaries or "",
        )


def _draw_routes(release: Release, atlas: _Atlas, folder: Path) -> list[MapFile]:
    from sentinel.mapping import draw_maps

    if release.routes is None:
        return []
    return draw_maps(
        release.routes,
        atlas.places,
        atlas.words(release, atlas.maps.title, "Respondents, not weighted."),
        folder,
        minimum_cell=release.minimum_cell,
        titles=dict(release.labels.rounds),
        periods=dict(release.labels.periods),
        boundaries=atlas.boundaries,
        top_flows=atlas.maps.top_flows,
        rounds=atlas.maps.rounds,
        kinds=atlas.maps.show,
        estimates={
            table.label: _of_places(table, place)
            for table, place in _place_tables(release)
        },
        tests=atlas.tests,
        rng=release.rng,
        formats=atlas.maps.formats,
    )


def _draw_sectors(release: Release, atlas: _Atlas, folder: Path) -> list[MapFile]:
    from sentinel.mapping import draw_sectors

    if "sectors" not in atlas.maps.show or release.routes is None:
        return []
    sector = atlas.maps.sector or ""
    return draw_sectors(
        release.routes,
        release.sectors.assign(
            label=[
                release.labels.value(sector, code) for code in release.sectors["sector"]
            ]
        )
        if len(release.sectors)
        else release.sectors,
        atlas.places,
        atlas.words(release, SECTORS_TITLE, "Respondents, not weighted."),
        folder,
        minimum_cell=release.minimum_cell,
        formats=atlas.maps.formats,
    )


def _draw_places(release: Release, atlas: _Atlas, folder: Path) -> list[MapFile]:
    from sentinel.mapping import draw_area_maps

    if "places" not in atlas.maps.show:
        return []
    written = []
    for table, place in _place_tables(release):
        quantity = QUANTITY_WORDS.get(table.quantity, QUANTITY_WORDS["other"])
        written += draw_area_maps(
            _of_places(table, place),
            atlas.places,
            atlas.words(release, table.label, "Weighted."),
            folder,
            name=f"places_{table.name}",
            minimum_cell=release.minimum_cell,
            titles=dict(release.labels.rounds),
            periods=dict(release.labels.periods),
            boundaries=atlas.boundaries,
            quantity=quantity,
            formats=atlas.maps.formats,
        )
    return written


def _judge_places(release: Release, atlas: _Atlas) -> tuple[_Atlas, tuple[str, ...]]:
    """Find which places of the released tables stand out; say where none could be."""
    from sentinel.mapping import find_hotspots

    if "hotspots" not in atlas.maps.show:
        return atlas, ()
    tests: dict[str, Sequence[PlaceTest]] = {}
    reasons: list[str] = []
    for table, place in _place_tables(release):
        tests[table.label], why = find_hotspots(
            _of_places(table, place),
            atlas.places,
            methods=atlas.maps.hotspots,
            boundaries=atlas.boundaries,
            neighbours=atlas.maps.neighbours,
            rng=release.rng,
        )
        reasons += [f"Maps: {table.label}. {reason}" for reason in why]
    return replace(atlas, tests=tests), tuple(reasons)


def _draw_hotspots(release: Release, atlas: _Atlas, folder: Path) -> list[MapFile]:
    from sentinel.mapping import draw_place_test

    written = []
    for table, _ in _place_tables(release):
        for test in atlas.tests.get(table.label, ()):
            written += draw_place_test(
                test,
                atlas.places,
                atlas.words(release, table.label, "Weighted."),
                folder,
                name=f"{test.method}_{table.name}",
                minimum_cell=release.minimum_cell,
                titles=dict(release.labels.rounds),
                periods=dict(release.labels.periods),
                boundaries=atlas.boundaries,
                formats=atlas.maps.formats,
            )
    return written


def _draw_intensity(release: Release, atlas: _Atlas, folder: Path) -> list[MapFile]:
    from sentinel.mapping import draw_intensity

    if "intensity" not in atlas.maps.show or release.routes is None:
        return []
    origins = release.routes.origins
    whole = release.routes.totals["round_id"].iloc[-1]
    return draw_intensity(
        origins[origins["round_id"] == whole],
        atlas.places,
        atlas.words(release, INTENSITY_TITLE, "Respondents, not weighted."),
        folder,
        name="intensity",
        minimum_cell=release.minimum_cell,
        bandwidth_km=atlas.maps.intensity_km,
        formats=atlas.maps.formats,
    )


_DRAWERS = (
    _draw_routes,
    _draw_sectors,
    _draw_places,
    _draw_hotspots,
    _draw_intensity,
)


def _place_tables(release: Release) -> list[tuple[ReleasedTable, str]]:
    """Return the tables of shares by place, the first quantity of each plan entry."""
    maps = release.config.maps
    names = () if maps is None else (maps.origin, maps.crossing, maps.destination)
    found: dict[str, tuple[ReleasedTable, str]] = {}
    for table in release.estimates:
        group = [name for name in table.by if name != "round_id"]
        shares = (table.frame["unit"] == "proportion").all()
        if len(group) == 1 and group[0] in names and shares and len(table.frame):
            found.setdefault(table.label, (table, group[0]))
    return list(found.values())


def _of_places(table: ReleasedTable, place: str) -> pd.DataFrame:
    frame = table.frame.rename(columns={place: "place"})
    frame["place"] = frame["place"].astype("str").where(frame["place"].notna(), "")
    return frame


def _mapped_codes(release: Release) -> set[str]:
    codes: set[str] = set()
    if release.routes is not None:
        for role in PLACES:
            codes |= set(getattr(release.routes, f"{role}s")["place"].astype("str"))
    for table, place in _place_tables(release):
        codes |= set(_of_places(table, place)["place"])
    return codes


def _reason(error: PrevalenceError) -> str:
    return f"Maps: {' '.join(str(error).split())}"


def _pictures(written: list[MapFile], folder: Path) -> list[MapPicture]:
    interactive = [
        ("Interactive map (opens offline)", f"{folder.name}/{item.path.name}")
        for item in written
        if item.format == "html"
    ]
    sheets: dict[str, list[MapFile]] = {}
    for item in written:
        if item.format != "html":
            sheets.setdefault(item.path.stem, []).append(item)
    pictures = []
    for stem, kinds in sheets.items():
        # Lettering as outlines makes some sheets smaller as pixels: the page is mailed.
        shown = [item for item in kinds if item.format in MEDIA_TYPES]
        embedded = min(shown, key=lambda item: item.path.stat().st_size)
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
