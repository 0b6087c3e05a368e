"""Change between the rounds of a site, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from estimators.errors import InputError, NotEstimableError
from sentinel.analysis.design import PERSON_KNOWN, StudyDesign
from sentinel.analysis.estimates import QUANTITIES, result_rows

if TYPE_CHECKING:
    from sentinel.study.config import StudyConfig

__all__ = ["comparable_rounds", "round_trend"]

TIME = "round_year"
DAYS_PER_YEAR = 365.25
SLOPE = "slope per year"


def round_trend(
    design: StudyDesign, config: StudyConfig
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Estimate every comparable round's difference from the first, and the slope.

    Rounds at different sites are different populations: only rounds that share a site
    are compared. Time is the middle of the fieldwork, in years.

    Returns
    -------
    trend : DataFrame
        ``contrast, quantity``, the result columns, ``p_value`` and ``notes``.
    skipped : tuple of str
    """
    from estimators.survey import trend

    tables: list[pd.DataFrame] = []
    skipped: list[str] = []
    years = {item.label: _middle(item.fieldwork_start, item.fieldwork_end)
             for item in config.rounds}  # fmt: skip
    frame = design.frame.assign(**{TIME: design.frame["round_id"].map(years)})
    for labels in comparable_rounds(design.frame, config.design.comparable):
        if len({years[label] for label in labels}) < len(labels):
            skipped.append(
                f"trend of {', '.join(labels)}: two rounds share their dates"
            )
            continue
        for quantity in QUANTITIES if design.has_person_weights else ("event",):
            where = frame["round_id"].isin(labels)
            if quantity == "person":
                where &= frame[PERSON_KNOWN]
            try:
                result = trend(
                    design.survey(quantity, frame),
                    config.classify.outcome,
                    time=TIME,
                    where=where,
                    level=config.design.level,
                )
            except (InputError, NotEstimableError) as error:
                skipped.append(f"trend, {QUANTITIES[quantity]}: {error}")
                continue
            rows = result_rows(result).drop(columns="design_effect")
            rows["contrast"] = _contrast_names(labels, years)
            rows["quantity"] = quantity
            rows["p_value"] = [
                row.diagnostics.get("p_value", float("nan")) for row in result
            ]
            rows["reference_period"] = config.study.reference_period
            tables.append(rows)
    joined = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return joined, tuple(skipped)


def comparable_rounds(
    frame: pd.DataFrame, stated: tuple[tuple[str, ...], ...] | None = None
) -> list[list[str]]:
    """Return the groups of two or more rounds that may be compared.

    Those that the study states; if it is silent, rounds linked by a common site.
    """
    if stated is not None:
        present = set(frame["round_id"])
        groups = [[name for name in group if name in present] for group in stated]
        return [labels for labels in groups if len(labels) > 1]
    sites = (
        frame.groupby("round_id")["site_code"].agg(set)
        if "site_code" in frame
        else pd.Series({label: {""} for label in frame["round_id"].unique()})
    )
    found: list[tuple[set[str], list[str]]] = []
    for label in sorted(sites.index):
        linked = [group for group in found if group[0] & sites[label]]
        merged = (
            set(sites[label]).union(*(group[0] for group in linked)),
            sorted([label, *(name for group in linked for name in group[1])]),
        )
        found = [group for group in found if group not in linked]
        found.append(merged)
    return [labels for _, labels in found if len(labels) > 1]


def _middle(start: object, end: object) -> float:
    first, last = pd.Timestamp(str(start)), pd.Timestamp(str(end))
    middle = first + (last - first) / 2
    return (middle - pd.Timestamp(2000, 1, 1)).days / DAYS_PER_YEAR + 2000


def _contrast_names(labels: list[str], years: dict[str, float]) -> list[str]:
    ordered = sorted(labels, key=lambda label: years[label])
    return [
        # Every round by name: disclosure control withholds what leans on a hidden one.
        f"{SLOPE} over {', '.join(ordered)}",
        *(f"{label} - {ordered[0]}" for label in ordered[1:]),
    ]
