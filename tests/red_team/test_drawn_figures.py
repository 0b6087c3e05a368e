"""Red team: what a figure's coordinates say beyond the digits that are printed."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
import pandas as pd

MARKER = re.compile(r'<use [^>]*?x="([\d.]+)" y="[\d.]+" style="fill: #\w+; stroke: #')
DRAWN_TO = 0.01  # per cent; printed to 0.1, so an unrounded figure is off by 0.03


def marks(text: str) -> np.ndarray:
    """Return where the estimates are drawn, from left to right."""
    before, _, _ = text.partition('<g id="legend_1">')
    return np.sort([float(found[1]) for found in MARKER.finditer(before)])


def test_estimates_are_drawn_where_they_are_printed_and_no_finer(demo: Any) -> None:
    printed = pd.read_csv(demo.folder / "estimates.csv")
    n_checked = 0
    for path in sorted((demo.folder / "figures").glob("d_*.svg")):
        same = printed["table"].str.removesuffix("_event").str.removesuffix("_person")
        rows = printed[(same == path.stem) & printed["estimate"].notna()]
        values = np.sort(100 * rows["estimate"].to_numpy())
        drawn = marks(path.read_text(encoding="utf-8"))
        assert drawn.size == values.size, path.name
        slope, start = np.polyfit(drawn, values, 1)
        assert np.abs(slope * drawn + start - values).max() < DRAWN_TO, path.name
        n_checked += drawn.size
    assert n_checked > 20


def test_figures_that_were_drawn_unrounded_would_be_found() -> None:
    values = np.sort(np.random.default_rng(0).uniform(5, 30, 8))
    slope, start = np.polyfit(values, values.round(1), 1)
    assert np.abs(slope * values + start - values.round(1)).max() > DRAWN_TO


def test_models_are_released_with_three_digits(demo: Any) -> None:
    models = pd.read_csv(demo.folder / "models.csv", dtype=str)
    for name in ("estimate", "std_error", "statistic", "ci_low", "odds_ratio"):
        digits = models[name].dropna().str.replace(r"e.*|[-.]|^0+", "", regex=True)
        digits = digits.str.lstrip("0").str.rstrip("0")
        assert (digits.str.len() <= 3).all(), name


def test_pictures_carry_no_text_of_their_own(demo: Any) -> None:
    pictures = sorted(demo.folder.rglob("*.png"))
    assert pictures
    for path in pictures:
        data, at, kinds = path.read_bytes(), 8, set()
        while at < len(data):
            (size,) = struct.unpack(">I", data[at : at + 4])
            kinds.add(data[at + 4 : at + 8])
            at += 12 + size
        assert not kinds & {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}, path.name
