"""Which places stand out beyond chance, judged by released numbers alone.

What is drawn here follows from numbers that a reader has already, so that it tells
nothing about a place whose number is withheld.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd

from estimators.checks import check_choice, check_columns
from estimators.errors import InputError, NotEstimableError
from estimators.spatial import getis_ord, local_moran, spatial_scan
from sentinel.mapping.areas import AreaMap, Cluster, area_layers
from sentinel.mapping.hotspots import (
    cluster_categories,
    graded_categories,
    local_categories,
    scan_clusters,
)
from sentinel.mapping.released_places import ReleasedPlaces
from sentinel.mapping.scene import located_places
from sentinel.study.config import HotspotMethod

if TYPE_CHECKING:
    import geopandas as gpd

    from sentinel.mapping.plane import Plane

__all__ = [
    "HOTSPOT_METHODS",
    "PlaceTest",
    "find_hotspots",
    "judged_layers",
]

HOTSPOT_METHODS: tuple[HotspotMethod, ...] = get_args(HotspotMethod)
TITLES = {
    "getis_ord": "Hotspots (Getis-Ord Gi*)",
    "local_moran": "Like and unlike neighbours (local Moran)",
    "scan": "Clusters (spatial scan)",
}
# Below twelve places even the rarest draw of four neighbours has 2 / 330 on two sides:
# at 90 % no place could pass the adjustment for the others.
LEAST_COMPARED = 12
LEAST_SCANNED = 6
ONE_ROUND = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceTest:
    """What one method says of the places of a table.

    Attributes
    ----------
    method : {"getis_ord", "local_moran", "scan"}
    title : str
        In words.
    table : DataFrame
        ``round_id, place, category, detail, suppressed``, as `area_layers` takes it. A
        withheld place has no category; a place without a row has no data.
    clusters : mapping of round label to tuple of Cluster
        Of a scan.
    notes : mapping of round label to tuple of str
        How it was judged, and doubts.
    """

    method: HotspotMethod
    title: str
    table: pd.DataFrame
    clusters: Mapping[str, tuple[Cluster, ...]] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def find_hotspots(
    frame: pd.DataFrame,
    places: pd.DataFrame,
    *,
    methods: Sequence[HotspotMethod] = HOTSPOT_METHODS,
    boundaries: gpd.GeoDataFrame | None = None,
    neighbours: int = 4,
    n_resamples: int = 9999,
    rng: int | None = None,
) -> tuple[list[PlaceTest], tuple[str, ...]]:
    """Judge the places of a protected table by each method, round by round.

    Parameters
    ----------
    frame : DataFrame
        Protected shares: ``place, estimate, std_error, n_obs`` and, where there are,
        ``suppressed, round_id``. Withheld rows hold no number, and none of theirs is
        used: they are no neighbour and no member of a zone.
    places : DataFrame
        As `load_places` returns it.
    methods : sequence of {"getis_ord", "local_moran", "scan"}
    boundaries : GeoDataFrame, optional
        As `match_boundaries` returns it. Where every released place has a polygon,
        those that meet are neighbours; otherwise the nearest places are.
    neighbours : int
        How many nearest places are neighbours where polygons do not tell.
    n_resamples : int
        Draws for each place; a scan takes a tenth.
    rng : int, optional

    Returns
    -------
    found : list of PlaceTest
        One for each method that could judge any round.
    reasons : tuple of str
        Which methods could not judge which rounds, and why.

    Raises
    ------
    InputError
        If columns are missing or a method is unknown.

    Notes
    -----
    Shares of unequal numbers of respondents are not exchangeable. For Gi* and local
    Moran each is taken as its distance from the pooled share, in standard deviations of
    ``max(a, 0) + b (1 - b) / m`` (Assunção and Reis 1999, with the variance of a share
    in place of Poisson's), b the pooled share, m the effective respondents and a the
    variance between places by moments. m is the number of respondents over one design
    effect: the mean over places of ``std_error^2 n / (p (1 - p))``, weighted by n, and
    at least 1. The scan is `spatial_scan` of the Bernoulli model with that design
    effect.
    """
    for method in methods:
        check_choice("methods", method, HOTSPOT_METHODS)
    needed = ("place", "estimate", "std_error", "n_obs")
    check_columns(frame, {name: name for name in needed})
    located = located_places(places)
    table = frame.assign(
        round_id=frame["round_id"].astype("str") if "round_id" in frame else ONE_ROUND,
        suppressed=frame["suppressed"].astype(bool) if "suppressed" in frame else False,
    )
    reasons: dict[str, list[str]] = {}
    found = []
    for method in methods:
        parts = []
        for round_id in table["round_id"].unique().tolist():
            rows = table[table["round_id"] == round_id]
            try:
                known = ReleasedPlaces.of(rows, located, boundaries, neighbours)
                judged = _JUDGES[method](known, n_resamples, rng)
            except (InputError, NotEstimableError) as error:
                about = f" of {round_id}" if round_id != ONE_ROUND else ""
                why = " ".join(str(error).split())
                reasons.setdefault(why, []).append(f"{TITLES[method]}{about}")
                continue
            parts.append((str(round_id), known, judged))
        if parts:
            found.append(_joined(method, parts))
    return found, tuple(f"{', '.join(names)}: {why}" for why, names in reasons.items())


def judged_layers(
    test: PlaceTest,
    places: pd.DataFrame,
    plane: Plane,
    *,
    titles: Mapping[str, str] | None = None,
    periods: Mapping[str, str] | None = None,
    boundaries: gpd.GeoDataFrame | None = None,
) -> list[AreaMap]:
    """Place what was found on a plane; see `area_layers` for the arguments."""
    layers = area_layers(
        test.table,
        places,
        plane,
        titles=titles,
        periods=periods,
        boundaries=boundaries,
    )
    return [
        replace(
            layer,
            clusters=test.clusters.get(layer.round_id, ()),
            notes=(*test.notes.get(layer.round_id, ()), *layer.notes),
            heading=test.title,
        )
        for layer in layers
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """Categories of the released places of one round, in their order."""

    category: Sequence[str]
    detail: Sequence[str]
    notes: tuple[str, ...]
    clusters: tuple[Cluster, ...] = ()


def _gi_star(known: ReleasedPlaces, n_resamples: int, rng: int | None) -> _Judged:
    known.need(LEAST_COMPARED)
    result = getis_ord(
        known.deviates(), known.links().binary(), n_resamples=n_resamples, rng=rng
    )
    return _Judged(
        category=graded_categories(result),
        detail=_details(known, result.table),
        notes=(
            "Hot: the place and its neighbours are higher together than places drawn "
            "at random; cold: lower.",
            *_fdr_notes(known),
        ),
    )


def _moran(known: ReleasedPlaces, n_resamples: int, rng: int | None) -> _Judged:
    known.need(LEAST_COMPARED)
    result = local_moran(
        known.deviates(),
        known.links().row_standardised(),
        n_resamples=n_resamples,
        rng=rng,
    )
    return _Judged(
        category=local_categories(result, known.codes)["category"].tolist(),
        detail=_details(known, result.table),
        notes=(
            "A place is coloured where it and its neighbours are more alike, or less, "
            "than places drawn at random (95 %).",
            *_fdr_notes(known),
        ),
    )


def _scan(known: ReleasedPlaces, n_resamples: int, rng: int | None) -> _Judged:
    known.need(LEAST_SCANNED)
    scan = spatial_scan(
        known.share * known.persons,
        known.persons,
        known.at.to_numpy(),
        model="bernoulli",
        metric="great_circle",
        direction="both",
        design_effect=known.design_effect,
        n_resamples=max(n_resamples // 10, 99),
        rng=rng,
    )
    clusters = scan_clusters(scan, known.codes)
    likeliest = (
        f" The likeliest has LLR {scan.clusters[0].log_likelihood_ratio:.3g}, "
        f"p = {scan.clusters[0].p_value:.2g}."
        if scan.clusters and not clusters
        else ""
    )
    none = "" if clusters else f"No zone stands out at p <= 0.05.{likeliest} "
    return _Judged(
        category=cluster_categories(clusters, known.codes),
        detail=_details(known),
        notes=(
            f"{none}Circular zones of released places, by their middles; cases are "
            "the weighted share of the respondents, who count as "
            f"{1 / known.design_effect:.2g} of a person each (design effect "
            f"{known.design_effect:.3g}). p pays for the search; relative risks of "
            "what was searched for are overstated.",
            *_withheld_notes(known),
        ),
        clusters=clusters,
    )


_JUDGES = {"getis_ord": _gi_star, "local_moran": _moran, "scan": _scan}


def _details(known: ReleasedPlaces, table: pd.DataFrame | None = None) -> list[str]:
    """Return each place's number, and its p-value where a table has one."""
    told = [
        f"{100 * share:.1f} %, {int(persons):,} respondents"
        for share, persons in zip(known.share, known.persons, strict=True)
    ]
    if table is None:
        return told
    return [
        text if np.isnan(p) else f"{text}\nadjusted p = {p:.2g}"
        for text, p in zip(told, table["p_adjusted"].astype(float), strict=True)
    ]


def _fdr_notes(known: ReleasedPlaces) -> tuple[str, ...]:
    return (
        f"{known.linked} Shares are compared in standard deviations that the pooled "
        "share, the number of respondents and their design effect "
        f"({known.design_effect:.3g}) leave them, so that few respondents make no "
        "hotspot; p-values are adjusted for the number of places (false discovery "
        "rate).",
        *_withheld_notes(known),
    )


def _withheld_notes(known: ReleasedPlaces) -> tuple[str, ...]:
    if not known.withheld:
        return ()
    return (
        f"Judged by released numbers alone: {len(known.withheld)} withheld places are "
        "no neighbours and in no zone. They are often those with few cases.",
    )


def _joined(
    method: HotspotMethod, parts: Sequence[tuple[str, ReleasedPlaces, _Judged]]
) -> PlaceTest:
    frames = []
    for round_id, known, judged in parts:
        shown = pd.DataFrame(
            {
                "place": list(known.codes),
                "category": list(judged.category),
                "detail": list(judged.detail),
                "suppressed": False,
            }
        )
        hidden = pd.DataFrame(
            {"place": list(known.withheld), "category": None, "detail": ""}
        ).assign(suppressed=True)
        both = pd.concat([shown, hidden]) if known.withheld else shown
        frames.append(both.assign(round_id=round_id))
    return PlaceTest(
        method=method,
        title=TITLES[method],
        table=pd.concat(frames, ignore_index=True),
        clusters={
            round_id: judged.clusters
            for round_id, _, judged in parts
            if judged.clusters
        },
        notes={round_id: judged.notes for round_id, _, judged in parts},
    )
