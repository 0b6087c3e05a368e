"""A results framework as it may be shown: counts of few persons hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from sentinel.monitoring.achievement import read_cell
from sentinel.monitoring.framework import Framework
from sentinel.monitoring.parts import MonitoredPart, few

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy
    from sentinel.study.monitoring_section import FrameworkEntry

__all__ = ["framework_part"]

RULE = (
    "status by the rule: Fully if the value reaches the marker, Not if it is 0, else "
    "Partly; of countries, all alike or else Partly. The rule is ours; where a printed "
    "status differs, both are shown"
)
_PERSONS = re.compile(
    r"\b(persons?|people|victims?|survivors?|wom[ae]n|m[ae]n|child(?:ren)?|girls?|boys?"
    r"|migrants?|callers?|beneficiar(?:y|ies)|workers?|cases?|referred)\b",
    re.IGNORECASE,
)


def framework_part(
    framework: Framework, entry: FrameworkEntry, policy: ReleasePolicy
) -> MonitoredPart:
    """Return the table of a framework, one row per indicator.

    Parameters
    ----------
    framework : Framework
    entry : FrameworkEntry
    policy : ReleasePolicy

    Returns
    -------
    MonitoredPart
        Kind "framework": ``indicator, name, marker``, a column per country, ``value,
        status, status_printed, fault`` as text. Where an indicator counts persons and a
        cell is small, all values of the row are withheld: they may add up.
    """
    wide = framework.by_country.pivot_table(
        index="indicator",
        columns="country",
        values="value",
        aggfunc="first",
        sort=False,
    ).reindex(framework.frame["indicator"])
    states = framework.by_country.set_index(["indicator", "country"])["state"]
    countries = list(dict.fromkeys(framework.by_country["country"]))
    rows, hidden = [], 0
    counts: dict[str, int | None] = {}
    for _, row in framework.frame.iterrows():
        code = str(row["indicator"])
        cells = {country: _cell(wide, states, code, country) for country in countries}
        value = str(row["value"])
        numbers = [
            number
            for text in (value, *cells.values())
            for number in read_cell(text).numbers
        ]
        small = any(few(number, policy.minimum_cell) for number in numbers)
        persons = _counts_persons(row, entry)
        withhold = small and persons
        hidden += withhold
        if persons:
            texts = {"value": value, **cells}
            counts |= _numbered(code, texts, withheld=withhold or bool(row["fault"]))
        unused = bool(row["fault"])
        if withhold or unused:
            mark = "withheld" if withhold else "not used"
            cells = {country: text and mark for country, text in cells.items()}
            value = value and mark
        rows.append(
            {
                "indicator": code,
                "name": row["name"],
                "marker": "not used" if unused else row["marker"],
                **cells,
                "value": value,
                "status": "" if withhold else row["status"],
                "status_printed": row["status_printed"],
                "fault": row["fault"],
            }
        )
    notes = [RULE]
    if hidden:
        notes.append(
            f"{hidden} indicators count persons and hold a count under "
            f"{policy.minimum_cell}: their values are withheld"
        )
    notes += [
        f"row {row['row']} of the sheet is not used: {row['fault']}"
        for _, row in framework.frame.iterrows()
        if row["fault"]
    ]
    return MonitoredPart(
        name=entry.name,
        kind="framework",
        title=entry.title,
        frame=pd.DataFrame(rows, dtype="str"),
        notes=tuple(notes),
        source=entry.source,
        counts=counts,
    )


def _numbered(
    code: str, texts: Mapping[str, str], *, withheld: bool
) -> dict[str, int | None]:
    """Return every number of persons of a row by its cell and place in it."""
    return {
        f"indicator={code}|cell={name}|number={place}|n": None
        if withheld
        else round(number)
        for name, text in texts.items()
        for place, number in enumerate(read_cell(text).numbers)
    }


def _cell(wide: pd.DataFrame, states: pd.Series, code: str, country: str) -> str:
    if states.get((code, country)) == "not applicable":
        return "N/A"
    value = wide[country].get(code) if country in wide else None
    return "" if value is None or pd.isna(value) else f"{float(value):g}"


def _counts_persons(row: pd.Series, entry: FrameworkEntry) -> bool:
    code, name = str(row["indicator"]), str(row["name"])
    if code in entry.persons:
        return True
    percent = "%" in name or "%" in str(row["marker"])
    spoken = bool(_PERSONS.search(name)) and not percent
    return spoken and code not in entry.not_persons
