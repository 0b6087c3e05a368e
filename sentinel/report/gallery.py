"""The figures of one study, drawn from protected tables only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sentinel.report.drawing import Drawing
from sentinel.report.figures import (
    QUANTITY_MARKS,
    UNKNOWN_MARKS,
    FigureText,
    IntervalRow,
    interval_figure,
)
from sentinel.report.flow_figure import FlowLine, flow_figure
from sentinel.report.formats import MINUS, count, is_hidden
from sentinel.report.protected.released_models import RATIOS
from sentinel.report.sentences import odds_phrase

if TYPE_CHECKING:
    from sentinel.report.protected.release import Release, ReleasedModel, ReleasedTable

__all__ = [
    "flow_drawing",
    "model_drawing",
    "prevalence_drawings",
    "sensitivity_drawings",
    "trend_drawings",
]

MOST_ROWS = 30
STAGES = (
    ("rows_read", "rows read"),
    ("selected", "selected"),
    ("consented", "interviewed"),
    ("classified", "classified"),
)
EXITS = (
    (
        ("duplicates_removed", "duplicates"),
        ("excluded_by_rule", "excluded by rule"),
        ("withdrawn", "withdrew consent"),
    ),
    (
        ("ineligible", "ineligible"),
        ("unavailable", "unavailable"),
        ("refused", "refused"),
        ("no_consent", "no consent or privacy"),
    ),
    (("unknown", "outcome unknown"),),
)


def prevalence_drawings(
    tables: Sequence[ReleasedTable], release: Release, *, name: str, title: str
) -> list[Drawing]:
    """Draw event and person prevalence of the same groups; long lists in parts."""
    by = tables[0].by
    found: dict[tuple[str, ...], dict[str, pd.Series]] = {}
    for table in tables:
        for _, row in table.frame.iterrows():
            if _is_drawable(row):
                key = tuple(release.labels.value(column, row[column]) for column in by)
                found.setdefault(key, {})[table.quantity] = row
    proportion = _is_proportion(tables)
    return _in_parts(
        list(_group_rows(found, 100.0 if proportion else 1.0)),
        release,
        name=name,
        title=title,
        axis=f"{'%' if proportion else tables[0].frame['unit'].iloc[0]}, "
        f"{_level(tables[0].frame)} intervals",
    )


def sensitivity_drawings(release: Release) -> list[Drawing]:
    """Draw every setting under every treatment of unknowns, round by round."""
    rows: list[IntervalRow] = []
    for code, part in release.sensitivity.groupby("round_id", sort=False):
        shown = part[part.apply(_is_drawable, axis=1).astype(bool)]
        if shown.empty:
            continue
        rows.append(IntervalRow(label=release.labels.value("round_id", code), marks={}))
        for setting, variants in shown.groupby("setting", sort=False):
            marks = {
                str(row["unknowns"]): _mark(row, 100.0)
                for _, row in variants.iterrows()
            }
            observed = variants[variants["unknowns"] == "observed"]
            note = count(observed["n_obs"].iloc[0]) if len(observed) else ""
            rows.append(IntervalRow(label=f"  {setting}", marks=marks, note=note))
    drawn = interval_figure(
        rows,
        UNKNOWN_MARKS,
        FigureText(
            name="definition_sensitivity",
            title="Event prevalence by setting and treatment of unknown answers",
            alt=_alt(
                "Event prevalence by round, setting and treatment of unknowns", rows
            ),
            axis=f"%, {_level(release.sensitivity)} intervals" if rows else "",
            note_heading="n",
            simulated=release.config.study.simulated,
        ),
    )
    return [drawn] if drawn else []


def trend_drawings(release: Release) -> list[Drawing]:
    """Draw every difference between rounds, in percentage points."""
    found: dict[tuple[str, ...], dict[str, pd.Series]] = {}
    for _, row in release.trend.iterrows():
        if _is_drawable(row):
            key = (release.contrast(row["contrast"]),)
            found.setdefault(key, {})[str(row["quantity"])] = row
    rows = list(_group_rows(found, 100.0))
    drawn = interval_figure(
        rows,
        QUANTITY_MARKS,
        FigureText(
            name="trend",
            title="Change in prevalence between rounds",
            alt=_alt("Differences in percentage points", rows),
            axis=f"percentage points, {_level(release.trend)} intervals"
            if rows
            else "",
            note_heading="n",
            simulated=release.config.study.simulated,
        ),
        reference=0.0,
    )
    return [drawn] if drawn else []


def model_drawing(model: ReleasedModel, release: Release) -> list[Drawing]:
    """Draw the odds ratios of a model on a logarithmic axis."""
    terms = model.terms[model.terms["term"] != "Intercept"]
    limits = list(RATIOS)
    usable = terms[np.isfinite(terms[limits]).all(axis=1)]
    rows = []
    for _, row in usable.iterrows():
        ratio, low, high = row[limits].to_numpy(dtype=float)
        rows.append(
            IntervalRow(
                label=row["label"],
                marks={"other": (ratio, low, high)},
                note=odds_phrase(row),
            )
        )
    drawn = interval_figure(
        rows,
        QUANTITY_MARKS,
        FigureText(
            name=model.name,
            title=f"Odds ratios: {model.label}",
            alt=_alt("Odds ratios on a logarithmic axis", rows),
            axis=f"odds ratio, {model.ci_level:.0%} intervals",
            note_heading=f"n = {count(model.n_obs)}",
            simulated=release.config.study.simulated,
        ),
        reference=1.0,
        log=True,
    )
    return [drawn] if drawn else []


def flow_drawing(release: Release) -> Drawing | None:
    """Draw the counts at every step, one line per round."""
    lines = []
    for _, row in release.flow.iterrows():
        exits = tuple(
            tuple(
                f"{MINUS} {release.count_text(row[step])} {words}"
                for step, words in leaving
                if release.count_text(row[step]) != "0"
            )
            for leaving in EXITS
        )
        lines.append(
            FlowLine(
                label=release.labels.value("round_id", row["round_id"]),
                stages=tuple(
                    (words, release.count_text(row[step])) for step, words in STAGES
                ),
                exits=exits,
            )
        )
    alt = "; ".join(
        f"{line.label}: " + ", ".join(f"{cell} {stage}" for stage, cell in line.stages)
        for line in lines
    )
    return flow_figure(lines, title="From rows read to persons classified", alt=alt)


def _group_rows(
    found: Mapping[tuple[str, ...], Mapping[str, pd.Series]], scale: float
) -> Iterator[IntervalRow]:
    """Give one row per group; the first of two group columns becomes a heading."""
    heading = ""
    for key, rows in found.items():
        if len(key) > 1 and key[0] != heading:
            heading = key[0]
            yield IntervalRow(label=heading, marks={})
        yield IntervalRow(
            label="  " + " · ".join(key[1:]) if len(key) > 1 else (key or ("All",))[0],
            marks={name: _mark(row, scale) for name, row in rows.items()},
            note=" / ".join(
                dict.fromkeys(count(row["n_obs"]) for row in rows.values())
            ),
        )


def _in_parts(
    rows: list[IntervalRow], release: Release, *, name: str, title: str, axis: str
) -> list[Drawing]:
    drawn: list[Drawing] = []
    parts = list(_chunks(rows))
    for number, part in enumerate(parts, start=1):
        several = len(parts) > 1
        figure = interval_figure(
            part,
            QUANTITY_MARKS,
            FigureText(
                name=f"{name}_{number}" if several else name,
                title=f"{title} ({number} of {len(parts)})" if several else title,
                alt=_alt(title, part),
                axis=axis,
                note_heading="n",
                simulated=release.config.study.simulated,
            ),
        )
        if figure is not None:
            drawn.append(figure)
    return drawn


def _chunks(rows: list[IntervalRow]) -> Iterator[list[IntervalRow]]:
    """Split before a heading where a part would not fit on one page."""
    part: list[IntervalRow] = []
    blocks: list[list[IntervalRow]] = []
    for row in rows:
        if not row.marks or not blocks:
            blocks.append([])
        blocks[-1].append(row)
    for block in blocks:
        for start in range(0, len(block), MOST_ROWS):
            piece = block[start : start + MOST_ROWS]
            if part and len(part) + len(piece) > MOST_ROWS:
                yield part
                part = []
            part = [*part, *piece]
    if part:
        yield part


def _is_drawable(row: pd.Series) -> bool:
    return (
        not is_hidden(row) and not row[["estimate", "ci_low", "ci_high"]].isna().any()
    )


def _mark(row: pd.Series, scale: float) -> tuple[float, float, float]:
    return (
        scale * float(row["estimate"]),
        scale * float(row["ci_low"]),
        scale * float(row["ci_high"]),
    )


def _alt(what: str, rows: Sequence[IntervalRow]) -> str:
    """Say what is drawn; the numbers themselves are in the table below the figure."""
    groups = [row.label.strip() for row in rows if row.marks]
    return (
        f"{what}, with intervals, for {', '.join(groups)}. The table gives the numbers."
    )


def _is_proportion(tables: Sequence[ReleasedTable]) -> bool:
    return all(
        str(unit).startswith("proportion")
        for table in tables
        for unit in table.frame["unit"]
    )


def _level(frame: pd.DataFrame) -> str:
    levels = frame["ci_level"].dropna().unique()
    return f"{levels[0]:.0%}" if len(levels) == 1 else ""
