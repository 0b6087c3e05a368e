"""Figures as files whose bytes depend on nothing but the figure."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.disclosure import release_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sentinel.study.config import SheetFormat

__all__ = ["SHEETS", "MapFile", "file_stem", "save_figure", "save_sheets"]

SHEETS: tuple[SheetFormat, ...] = ("svg", "png")
PNG_DPI = 180
COLOURS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFile:
    """A written file.

    Attributes
    ----------
    path : Path
    format : str
        "svg", "png", "pdf" or "html".
    round_id : str
        Empty for files that hold all rounds.
    title, alt : str
        Heading, and what the picture shows for those who cannot see it.
    """

    path: Path
    format: str
    round_id: str
    title: str
    alt: str


def file_stem(text: str) -> str:
    """Return what a file may be called after a round or a method.

    Examples
    --------
    >>> file_stem("Poipet 2009/1")
    'Poipet_2009_1'
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "round"


def save_figure(figure: Figure, path: Path) -> None:
    """Release a figure whose bytes depend on nothing but the figure.

    Parameters
    ----------
    figure : Figure
    path : Path
        Ending in .svg, .png or .pdf.
    """
    import matplotlib as mpl

    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    kind = path.suffix.lstrip(".")
    drawn = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "sentinel", "svg.fonttype": "path"}):
        figure.savefig(drawn, format=kind, dpi=PNG_DPI, metadata=dates.get(kind))
    content = _fewer_colours(drawn) if kind == "png" else drawn.getvalue()
    release_file(path, content.decode("utf-8") if kind == "svg" else content)


def _fewer_colours(drawn: io.BytesIO) -> bytes:
    """Return a PNG of 256 colours: half of the size, and it looks the same."""
    from PIL import Image

    picture = Image.open(drawn).convert("RGB")
    few = picture.quantize(
        COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    found = io.BytesIO()
    few.save(found, "PNG", dpi=(PNG_DPI, PNG_DPI))
    return found.getvalue()


def save_sheets(
    figure: Figure,
    stem: Path,
    round_id: str,
    told: tuple[str, str],
    formats: Sequence[SheetFormat] = SHEETS,
) -> list[MapFile]:
    """Release a figure in some formats; `told` is its title and what it shows."""
    written = []
    for kind in formats:
        path = stem.with_name(f"{stem.name}.{kind}")
        save_figure(figure, path)
        written.append(
            MapFile(
                path=path, format=kind, round_id=round_id, title=told[0], alt=told[1]
            )
        )
    return written
