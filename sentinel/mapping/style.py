"""Colours and words that the printed and the interactive map share.

Blue and orange differ for every kind of colour vision (Okabe and Ito) and in grey; the
shapes differ as well.
"""

from __future__ import annotations

__all__ = [
    "CASING",
    "DISCLAIMER",
    "FAINT",
    "FLOW_IN",
    "FLOW_ON",
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
    "TARGET",
    "Words",
]

from dataclasses import dataclass

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
QUIET_FLOW = "#a3acb4"
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

    def below(self) -> tuple[str, ...]:
        """Return what stands under every map."""
        ground = f"Boundaries: {self.boundaries}. " if self.boundaries else ""
        ground += BASEMAP_NOTE
        source = (f"Source: {self.source.rstrip('.')}.",) if self.source else ()
        return (*self.notes, *source, f"{ground} {DISCLAIMER}")
