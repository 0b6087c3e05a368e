"""Figures and a table that belong together, and how a template gets them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentinel.report.drawing import Drawing
    from sentinel.report.tables import PrintedTable

__all__ = ["Part", "data_uri", "shown_drawing", "shown_part"]

CSS_PIXELS_PER_INCH = 96
POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Figures and a table that belong together."""

    anchor: str
    title: str
    drawings: tuple[Drawing, ...]
    table: PrintedTable
    notes: tuple[str, ...] = ()


def shown_part(part: Part) -> dict[str, Any]:
    """Return a part as a template reads it."""
    return {
        "anchor": part.anchor,
        "title": part.title,
        "figures": [shown_drawing(drawn) for drawn in part.drawings],
        "table": part.table,
        "notes": part.notes,
    }


def shown_drawing(drawn: Drawing) -> Mapping[str, Any]:
    """Return a drawing as a template reads it, its picture inside."""
    match = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn.svg)
    points = [float(size) for size in match.groups()] if match else []
    return {
        "name": drawn.name,
        "title": drawn.title,
        "alt": drawn.alt,
        "data_uri": data_uri(drawn.svg.encode(), "image/svg+xml"),
        "size": [
            round(size * CSS_PIXELS_PER_INCH / POINTS_PER_INCH) for size in points
        ],
        "links": (),
    }


def data_uri(content: bytes, media_type: str) -> str:
    """Return bytes as an address that needs no other file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
