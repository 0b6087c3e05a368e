"""The one style of the report's figures, and their reproducible SVG and PNG bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "EVENT",
    "FAINT",
    "INK",
    "MUTED",
    "PERSON",
    "Drawing",
    "clean_axes",
    "drawing",
    "every_script",
    "house_style",
]

INK = "#1b2733"
MUTED = "#5b6875"
FAINT = "#d9dfe5"
ACCENT = "#16436b"
EVENT = "#16436b"
PERSON = "#b3592a"
PNG_DPI = 160
# Bundled with matplotlib, so present everywhere; scripts it lacks come from the system.
FIRST_FONT = "DejaVu Sans"
SCRIPT_FONTS = (
    "Noto Sans Khmer",
    "Khmer OS",
    "Noto Sans Lao",
    "Phetsarath OT",
    "Noto Sans Thai",
    "Leelawadee UI",
    "Noto Sans Myanmar",
    "Myanmar Text",
    "Noto Sans CJK SC",
)
SVG_FONTS = (
    "'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', "
    "'Noto Sans Khmer', 'Khmer UI', 'Noto Sans Lao', 'Noto Sans Thai', "
    "'Leelawadee UI', 'Noto Sans Myanmar', 'Myanmar Text', sans-serif"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A finished figure.

    Attributes
    ----------
    name : str
        File name without extension.
    title, alt : str
        `title` is printed as its caption; `alt` says in words what it shows.
    svg : str
    png : bytes
    width : float
        Inches, for the page's layout.
    """

    name: str
    title: str
    alt: str
    svg: str
    png: bytes
    width: float


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the report's fonts, sizes and a fixed hash for SVG identifiers."""
    import matplotlib as mpl

    settings: Any = {
        "font.size": 8.5,
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 8.5,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": FAINT,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": INK,
        "svg.hashsalt": "sentinel",
        "svg.fonttype": "none",
        "path.simplify": False,
    }
    with every_script(), mpl.rc_context(settings):
        yield


@contextmanager
def every_script() -> Iterator[None]:
    """Draw Khmer, Lao, Thai, Burmese where the system can, and text as typed."""
    import matplotlib as mpl

    settings: Any = {
        "font.family": [FIRST_FONT, *_installed_script_fonts()],
        "text.parse_math": False,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A script without a font here is drawn by the reader's browser from the SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings(
            "ignore", message="Matplotlib currently does not support"
        )
        yield


def drawing(figure: Figure, *, name: str, title: str, alt: str) -> Drawing:
    """Turn a matplotlib figure into bytes that do not change from run to run."""
    vector, pixels = io.StringIO(), io.BytesIO()
    figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(pixels, format="png", dpi=PNG_DPI, metadata={"Software": None})
    svg = vector.getvalue()
    svg = svg[svg.index("<svg") :].replace(_matplotlib_fonts(), SVG_FONTS)
    return Drawing(
        name=name,
        title=title,
        alt=alt,
        svg=svg,
        png=pixels.getvalue(),
        width=float(figure.get_size_inches()[0]),
    )


def clean_axes(axes: Axes, *, grid: str = "x") -> None:
    """Keep the axis that is read, and light lines along it."""
    for side in ("top", "right", "left" if grid == "x" else "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="x" if grid == "x" else "y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


@lru_cache(maxsize=1)
def _installed_script_fonts() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    installed = {entry.name for entry in fontManager.ttflist}
    return tuple(name for name in SCRIPT_FONTS if name in installed)


def _matplotlib_fonts() -> str:
    """Return the font list as matplotlib writes it into an SVG."""
    return ", ".join(f"'{name}'" for name in (FIRST_FONT, *_installed_script_fonts()))
