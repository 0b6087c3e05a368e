"""Colours and words that the printed and the interactive map share.

Blue and orange differ for every kind of colour vision (Okabe and Ito) and in grey; the
shapes differ as well.
"""

from __future__ import annotations

__all__ = [
    "CASING",
    "CATEGORIES",
    "CLUSTER_LINE",
    "DISCLAIMER",
    "FAINT",
    "FEW_HATCH",
    "FLOW_IN",
    "FLOW_ON",
    "FLOW_WORDS",
    "GROUND",
    "INK",
    "MUTED",
    "NO_DATA",
    "ORIGIN",
    "OUTLINE",
    "QUIET_FLOW",
    "ROLE_COLOUR",
    "ROLE_LABEL",
    "SEA",
    "SEQUENTIAL",
    "TARGET",
    "WIDE_HATCH",
    "Category",
    "Words",
    "class_colours",
    "line_of",
    "stands_out",
]

from dataclasses import dataclass
from typing import NamedTuple

from sentinel.mapping.basemap import BASEMAP_NOTE

FAINT = "#8b97a2"
INK = "#1b2733"
MUTED = "#55616d"
SEA = "#eef3f6"
GROUND = "#fbfaf6"
OUTLINE = "#b9c2c9"
CASING = "#ffffff"
NO_DATA = "#b3bcc4"
ORIGIN = "#1f5f94"
TARGET = "#e08a1e"
FLOW_IN = "#5b93c4"
FLOW_ON = "#eeb05f"
# Told by place as well as by colour: on grey paper one is only darker.
FLOW_WORDS = ("left, blue (darker): to the crossing", "right, orange: onward")
QUIET_FLOW = "#a3acb4"
# ColorBrewer YlOrRd without its palest: lightness falls evenly, so that the order holds
# in grey and for every kind of colour vision.
SEQUENTIAL = ("#fed976", "#feb24c", "#fd8d3c", "#f03b20", "#bd0026")
WIDE_HATCH = "////"
FEW_HATCH = "...."
CLUSTER_LINE = "#1b2733"
DARK = 130.0
ROLE_COLOUR = {"origin": ORIGIN, "destination": TARGET, "crossing": "#ffffff"}
ROLE_LABEL = {
    "origin": "Home province",
    "crossing": "Border crossing used on the way out",
    "destination": "Destination province",
}
DISCLAIMER = (
    "Boundaries and names shown imply no opinion on the status of any territory or the "
    "course of any boundary; places at province level or coarser."
)


class Category(NamedTuple):
    """How a category of places is drawn; the hatch tells colours apart in grey."""

    colour: str
    hatch: str
    label: str

    @property
    def is_dark(self) -> bool:
        """Whether a hatch must be white to be seen."""
        red, green, blue = (int(self.colour[at : at + 2], 16) for at in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue < DARK


# Local Moran and Getis-Ord Gi*, in the order of the key (colours: anchor of LISA maps).
CATEGORIES = {
    "high-high": Category("#d7191c", "", "high among high"),
    "low-low": Category("#2c7bb6", "xx", "low among low"),
    "low-high": Category("#abd9e9", "\\\\\\", "low among high"),
    "high-low": Category("#fdae61", "//", "high among low"),
    "hot 99": Category("#b2182b", "", "hotspot, 99 %"),
    "hot 95": Category("#ef8a62", "", "hotspot, 95 %"),
    "hot 90": Category("#fddbc7", "//", "hotspot, 90 %"),
    "cold 90": Category("#d1e5f0", "xx", "coldspot, 90 %"),
    "cold 95": Category("#67a9cf", "xx", "coldspot, 95 %"),
    "cold 99": Category("#2166ac", "xx", "coldspot, 99 %"),
    "hotspot": Category("#d7191c", "", "hotspot"),
    "coldspot": Category("#2c7bb6", "xx", "coldspot"),
    "in a high cluster": Category("#d7191c", "", "in a cluster, high"),
    "in a low cluster": Category("#2c7bb6", "xx", "in a cluster, low"),
    "in no cluster": Category("#eeeeee", "", "in no cluster"),
    "not significant": Category("#eeeeee", "", "not significant"),
    "no neighbours": Category("#ffffff", "--", "no neighbours: not tested"),
}


DULL = ("", "not significant", "no neighbours", "in no cluster")


def stands_out(category: str) -> bool:
    """Return whether a category is a finding.

    Examples
    --------
    >>> stands_out("hot 95"), stands_out("not significant")
    (True, False)
    """
    return category not in DULL


def line_of(*parts: str) -> str:
    """Return what there is of a heading's second line, nothing twice.

    Examples
    --------
    >>> line_of("2014", "2014", "", "90 respondents")
    '2014 \u00b7 90 respondents'
    """
    return " \u00b7 ".join(part for part in dict.fromkeys(parts) if part)


def class_colours(count: int) -> tuple[str, ...]:
    """Return the colours of 1 to 5 ordered classes, from low to high.

    Examples
    --------
    >>> class_colours(3)
    ('#fed976', '#fd8d3c', '#bd0026')
    """
    last = len(SEQUENTIAL) - 1
    if count <= 1:
        return (SEQUENTIAL[last // 2],)
    return tuple(SEQUENTIAL[round(k * last / (count - 1))] for k in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is written round a map.

    Attributes
    ----------
    title : str
    source : str
        Who asked whom, when.
    notes : tuple of str
        What a reader must know of these numbers.
    simulated : bool
        Say so on the map itself.
    boundaries : str
        Source of the boundaries; empty where there are none.
    weighted : str
        What weighted totals count, in words; empty to leave them out.
    """

    title: str
    source: str = ""
    notes: tuple[str, ...] = ()
    simulated: bool = False
    boundaries: str = ""
    weighted: str = "deportations"

    def stands_for(self, weight: float | None) -> str:
        """Return ", standing for about 1,040 deportations", or nothing."""
        if weight is None or not self.weighted:
            return ""
        return f", standing for about {weight:,.0f} {self.weighted}"

    def below(self, *, ground: bool = True) -> tuple[str, ...]:
        """Return what stands under every map; without its ground, under a diagram."""
        source = (f"Source: {self.source.rstrip('.')}.",) if self.source else ()
        if not ground:
            return (*self.notes, *source)
        lines = f"Boundaries: {self.boundaries}. " if self.boundaries else ""
        return (*self.notes, *source, f"{lines}{BASEMAP_NOTE} {DISCLAIMER}")
