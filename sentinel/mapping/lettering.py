"""Where names go: beside their symbols, larger ones first, never over each other."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from sentinel.mapping.ground import Country
from sentinel.mapping.plane import WIDTH
from sentinel.mapping.scene import Scene

__all__ = [
    "Box",
    "Label",
    "country_names",
    "name_spots",
    "place_labels",
    "short_name",
    "text_width",
]

# Mean advance of a letter of a sans-serif face, in ems: measured on DejaVu Sans.
LETTER = 0.58
LINE = 1.15
PAD = 3.0
EDGE = 8.0
COUNTRY = 16.0
MOST_HIDDEN = 0.8


class Box(NamedTuple):
    """A rectangle, y down."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def about(cls, x: float, y: float, radius: float) -> Box:
        """Return the square about a point."""
        return cls(x - radius, y - radius, x + radius, y + radius)

    @property
    def area(self) -> float:
        """Width times height."""
        return max((self.right - self.left) * (self.bottom - self.top), 1.0)

    def covers(self, x: float, y: float) -> bool:
        """Return whether a point lies inside."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def overlap(self, other: Box) -> float:
        """Return the common area."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0


class Label(NamedTuple):
    """A name at the middle of its left, right or centre, and the room it takes."""

    text: str
    x: float
    y: float
    anchor: str
    key: str
    box: Box


def short_name(name: str) -> str:
    """Return the name that fits on a map.

    Examples
    --------
    >>> short_name("Poipet (KH) - Aranyaprathet/Ban Khlong Luek (TH)")
    'Poipet'
    """
    short = re.split(r" \(| - |/|,", name, maxsplit=1)[0].strip()
    return short or name


def text_width(text: str, size: float) -> float:
    """Return the approximate width of a text."""
    return LETTER * size * len(text)


def place_labels(
    items: Sequence[tuple[str, str, float, float, float]],
    *,
    size: float,
    frame: Box,
    symbols: Iterable[Box] = (),
    lines: Iterable[Box] = (),
    always: Collection[str] = (),
) -> list[Label]:
    """Place names beside points.

    Parameters
    ----------
    items : sequence of (key, text, x, y, radius)
        In order of importance; a name that fits nowhere is left out.
    size : float
        Of the letters.
    frame : Box
        Names stay inside.
    symbols : iterable of Box
        What names should not cover.
    lines : iterable of Box
        What names had better not cover.
    always : collection of str
        Keys whose names are written even over symbols, if not over other names.
    """
    marks, strokes = list(symbols), list(lines)
    written: list[Box] = []
    labels = []
    for key, text, x, y, radius in items:
        width, height = text_width(text, size), LINE * size
        gap = radius + 0.3 * size
        slant = 0.75 * gap
        options = [
            (x + gap, y, "start"),
            (x - gap, y, "end"),
            (x, y - gap - height / 2, "middle"),
            (x, y + gap + height / 2, "middle"),
            (x + slant, y - slant - height / 3, "start"),
            (x + slant, y + slant + height / 3, "start"),
            (x - slant, y - slant - height / 3, "end"),
            (x - slant, y + slant + height / 3, "end"),
        ]
        if radius == 0:
            # An area is named in its middle, if it can be.
            options.insert(0, (x, y, "middle"))
        best: tuple[float, Label, Box] | None = None
        for order, (left, middle, anchor) in enumerate(options):
            box = _box(left, middle, width, height, anchor)
            if not _inside(box, frame) or any(box.overlap(other) for other in written):
                continue
            # A covered symbol weighs by its own size: small ones must stay visible.
            hidden = sum(
                box.overlap(other) / min(other.area, width * height) for other in marks
            )
            hidden += sum(box.overlap(other) for other in strokes) / (
                3 * width * height
            )
            score = hidden + 0.02 * order
            if best is None or score < best[0]:
                best = (score, Label(text, left, middle, anchor, key, box), box)
        if best is not None and (best[0] < MOST_HIDDEN or key in always):
            labels.append(best[1])
            written.append(best[2])
    return labels


def country_names(
    scene: Scene, taken: Sequence[Box] = (), size: float = COUNTRY
) -> list[tuple[str, float, float, Box]]:
    """Return spaced capitals, their middle and box, inside their countries.

    Parameters
    ----------
    scene : Scene
    taken : sequence of Box
        Symbols and names, which come first; a country with no room is not named.
    size : float
        Of the letters.
    """
    names: list[tuple[str, float, float, Box]] = []
    for country in scene.countries:
        if not country.name:
            continue
        name = " ".join(country.name.upper())
        half = text_width(name, size) / 2
        for x, y in name_spots(country, scene, half, size):
            box = Box(x - half, y - 0.7 * size, x + half, y + 0.7 * size)
            others = (*taken, *(item[3] for item in names))
            if not any(box.overlap(o) for o in others):
                names.append((name, x, y, box))
                break
    return names


def name_spots(
    country: Country, scene: Scene, half: float = 60.0, size: float = COUNTRY
) -> Iterator[tuple[float, float]]:
    """Give the places inside a country where its name may stand, best first."""
    for dx, dy in _STEPS:
        x = min(max(country.x + dx, half + EDGE), WIDTH - half - EDGE)
        y = min(max(country.y + dy, size), scene.height - 3 * size)
        if country.holds(x, y):
            yield x, y


_STEPS = [
    (0.0, 0.0),
    *(
        (dx, dy)
        for reach in (30, 60, 100, 150)
        for dx, dy in ((0, -reach), (0, reach), (-reach, 0), (reach, 0))
    ),
    *((dx, dy) for dx in (-90, 90) for dy in (-60, 60)),
]


def _box(x: float, y: float, width: float, height: float, anchor: str) -> Box:
    left = {"start": x, "end": x - width, "middle": x - width / 2}[anchor]
    return Box(left - PAD, y - height / 2, left + width + PAD, y + height / 2)


def _inside(box: Box, frame: Box) -> bool:
    return (
        box.left >= frame.left
        and box.right <= frame.right
        and box.top >= frame.top
        and box.bottom <= frame.bottom
    )
