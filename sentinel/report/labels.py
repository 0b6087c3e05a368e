"""Words for codes: rounds, variables, answers and places as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from sentinel.report.formats import is_missing

if TYPE_CHECKING:
    from sentinel.classify.definitions import Definition
    from sentinel.schema.variables import Codebook
    from sentinel.study.config import StudyConfig

__all__ = ["QUANTITY_WORDS", "Labels", "period_of", "study_labels"]

QUANTITY_WORDS = {
    "event": "Event prevalence",
    "person": "Person prevalence",
    "other": "Estimate",
}
_GROUP_WORDS = {
    "round_id": "Round",
    "sex": "Sex",
    "sector": "Sector of work",
    "origin_adm1": "Home province",
    "dest_adm1": "Destination province",
    "age_grp": "Age group",
    "site_code": "Interview point",
}
_OUTCOME_WORDS = {
    "d_traff": "possibly trafficked",
    "d_exploited": "exploited",
    "d_deceived": "deceived",
    "d_coerced": "coerced",
    "d_child": "under 18 at the event",
    "d_worst": "not free to leave and not paid",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What codes are called.

    Attributes
    ----------
    rounds, periods : mapping of round label to text
        Its name and the coarsened period of its fieldwork.
    variables : mapping of variable to text
    codes : mapping of variable to mapping of code to text
    places : mapping of place code to name
    outcome : str
        What the study's definition calls its cases.
    outcome_in_sentence : bool
        Whether `outcome` stands in a sentence: "a person possibly trafficked".
    """

    rounds: Mapping[str, str] = field(default_factory=dict)
    periods: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    outcome: str = _OUTCOME_WORDS["d_traff"]
    outcome_in_sentence: bool = True

    def variable(self, name: str) -> str:
        """Return the heading of a column."""
        text = (
            _GROUP_WORDS.get(name)
            or _OUTCOME_WORDS.get(name)
            or self.variables.get(name)
            or name
        )
        return text[:1].upper() + text[1:]

    def value(self, name: str, code: object) -> str:
        """Return what a code of a variable is called; the code itself if unknown."""
        if is_missing(code):
            return "unknown"
        text = str(code)
        if name == "round_id":
            return self.rounds.get(text, text)
        known = self.codes.get(name, {})
        label = known.get(text) or self.places.get(text) or text
        return label.replace("_", " ") if text in known else label


def period_of(start: date, end: date, unit: str) -> str:
    """Return a span of dates no finer than `unit`: "month", "quarter" or "year".

    Examples
    --------
    >>> period_of(date(2009, 8, 3), date(2009, 8, 28), "quarter")
    '2009, 3rd quarter'
    >>> period_of(date(2009, 8, 3), date(2010, 1, 5), "year")
    '2009 to 2010'
    """
    first, last = _coarse(start, unit), _coarse(end, unit)
    return first if first == last else f"{first} to {last}"


def _coarse(day: date, unit: str) -> str:
    if unit == "year":
        return str(day.year)
    if unit == "month":
        return f"{day.year}-{day.month:02d}"
    quarter = ("1st", "2nd", "3rd", "4th")[(day.month - 1) // 3]
    return f"{day.year}, {quarter} quarter"


def study_labels(
    config: StudyConfig,
    codebook: Codebook,
    definition: Definition,
    places: Mapping[str, str],
) -> Labels:
    """Gather the words of a study from its file, codebook, definition and places."""
    variables: dict[str, str] = {}
    codes: dict[str, Mapping[str, str]] = {}
    for name in _variables_used(config):
        if name in codebook:
            variables[name] = str(codebook[name].label)
            codes[name] = {str(k): str(v) for k, v in codebook[name].codes.items()}
    variables |= {
        item.name: item.label
        for item in definition.outcomes
        if item.label and item.label != item.name
    }
    outcome = config.classify.outcome
    return Labels(
        rounds={item.label: item.name or item.label for item in config.rounds},
        periods={
            item.label: period_of(
                item.fieldwork_start, item.fieldwork_end, config.privacy.time_unit
            )
            for item in config.rounds
        },
        variables=variables,
        codes=codes,
        places=dict(places),
        outcome=_OUTCOME_WORDS.get(outcome) or variables.get(outcome, outcome),
        outcome_in_sentence=outcome in _OUTCOME_WORDS,
    )


def _variables_used(config: StudyConfig) -> list[str]:
    names = {name for section in config.estimates for name in section.by}
    names |= {section.variable for section in config.estimates if section.variable}
    if config.maps is not None:
        names |= {
            name
            for name in (
                config.maps.origin,
                config.maps.crossing,
                config.maps.destination,
            )
            if name
        }
    for model in config.models:
        names |= set(re.findall(r"[A-Za-z_]\w*", model.formula))
    return sorted(names | {config.classify.outcome})
