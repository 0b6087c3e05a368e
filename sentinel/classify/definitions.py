"""Case definitions as data: who counts as deceived, coerced, exploited, trafficked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from estimators.errors import InputError
from sentinel.classify.syntax_tree import (
    Condition,
    CountRule,
    Expression,
    Member,
    Parameter,
    Reference,
    Selected,
    SelectedCount,
    Variable,
    walk,
)
from sentinel.classify.typology import Typology

__all__ = [
    "PHASES",
    "Definition",
    "Indicator",
    "NamedCondition",
    "SwitchedOff",
    "definition_table",
    "parameters_of",
    "variables_of",
]

PHASES = ("recruitment", "travel", "work", "custody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One item of a definition.

    Attributes
    ----------
    code : str
        Unique in the definition.
    label : str
    phase : str
        One of `PHASES`: an answer about work is no evidence about recruitment.
    text : str
        The condition as written.
    condition : Condition
    not_asked_is_no : bool
        A question that the form skipped counts as no; otherwise as unknown.
    strength : str
        "strong", "medium" or "weak" where the framework weighs its indicators.
    provenance : str
        Where wording and strength are from.
    """

    code: str
    label: str
    phase: str
    text: str
    condition: Condition
    not_asked_is_no: bool = False
    strength: str = ""
    provenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedOff:
    """An indicator of the framework that is not used, and why.

    `text` is its condition as written, empty where no question measures it.
    """

    code: str
    label: str
    phase: str
    strength: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCondition:
    """A dimension, an outcome or a tier: a condition on indicators and dimensions."""

    name: str
    label: str
    text: str
    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A whole case definition.

    Attributes
    ----------
    name, title, codebook : str
    sources, notes : tuple of str
        Where the rule is from, and what a reader must know about it.
    parameters : mapping of str to str
        Meaning of every parameter.
    settings : mapping of str to mapping of str to float
        Values of the parameters by setting: strict, base, broad.
    indicators : tuple of Indicator
    dimensions, outcomes : tuple of NamedCondition
        Each in an order in which no condition refers to a later one.
    tiers : mapping of int to NamedCondition
        A person's tier is the highest whose condition holds, 0 if none does.
    headline : str
        The outcome that is compared with those of other definitions; empty where the
        framework has none.
    reference_period : str
        What time the answers speak of; printed with every number.
    switched_off : tuple of SwitchedOff
        Indicators of the framework that are not used; a rule counts the others.
    typology : Typology, optional
        Names for the patterns of the dimensions.
    """

    name: str
    title: str
    codebook: str
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    parameters: Mapping[str, str]
    settings: Mapping[str, Mapping[str, float]]
    indicators: tuple[Indicator, ...]
    dimensions: tuple[NamedCondition, ...]
    outcomes: tuple[NamedCondition, ...]
    tiers: Mapping[int, NamedCondition]
    headline: str = ""
    reference_period: str = ""
    switched_off: tuple[SwitchedOff, ...] = ()
    typology: Typology | None = None

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Columns that `classify` makes, without the tier."""
        return tuple(item.name for item in self.outcomes)

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable that an indicator reads, sorted."""
        found = {
            name for item in self.indicators for name in variables_of(item.condition)
        }
        return tuple(sorted(found))

    def values(self, setting: str) -> Mapping[str, float]:
        """Return the parameters of a setting; the error lists the settings."""
        if setting not in self.settings:
            raise InputError(
                f"Definition {self.name!r} has no setting {setting!r}; "
                f"it has {', '.join(self.settings)}."
            )
        return self.settings[setting]


def variables_of(condition: Expression) -> tuple[str, ...]:
    """Return the variables that a condition reads, in order and once each."""
    names: list[str] = []
    for node in walk(condition):
        if isinstance(node, Variable):
            names.append(node.name)
        elif isinstance(node, Member | Selected | SelectedCount):
            names.append(node.variable)
    return tuple(dict.fromkeys(names))


def parameters_of(condition: Expression) -> tuple[str, ...]:
    """Return the parameters that a condition uses, in order and once each."""
    names: list[str] = []
    for node in walk(condition):
        if isinstance(node, Parameter):
            names.append(node.name)
        elif isinstance(node, CountRule):
            names += parameters_of(node.rule)
    return tuple(dict.fromkeys(names))


def definition_table(definition: Definition) -> pd.DataFrame:
    """Return what every indicator is, for the report.

    Returns
    -------
    DataFrame
        One row per indicator: ``code, label, dimensions, phase, strength, condition,
        variables, switched_off`` and one column per setting with the values of its
        parameters. Indicators that are switched off come last, with the reason.

    Examples
    --------
    >>> from sentinel.classify import load_definition
    >>> table = definition_table(load_definition("uniap")).set_index("code")
    >>> table.loc["EXP_HOURS", ["condition", "base"]].tolist()
    ['hours_day > $hours_over', 'hours_over = 12']
    """
    rows = [_table_row(definition, indicator) for indicator in definition.indicators]
    rows += [
        {
            "code": item.code,
            "label": item.label,
            "phase": item.phase,
            "strength": item.strength,
            "switched_off": item.reason,
            **dict.fromkeys(("dimensions", "condition", "variables"), ""),
            **dict.fromkeys(definition.settings, ""),
        }
        for item in definition.switched_off
    ]
    columns = ["code", "label", "dimensions", "phase", "strength", "condition"]
    columns += ["variables", "switched_off"]
    return pd.DataFrame(rows, columns=[*columns, *definition.settings])


def _table_row(definition: Definition, indicator: Indicator) -> dict[str, str]:
    used = parameters_of(indicator.condition)
    holders = [
        item.label
        for item in definition.dimensions
        if Reference(indicator.code) in walk(item.condition)
    ]
    values = {
        setting: ", ".join(f"{name} = {chosen[name]:g}" for name in used)
        for setting, chosen in definition.settings.items()
    }
    return {
        "code": indicator.code,
        "label": indicator.label,
        "dimensions": ", ".join(holders),
        "phase": indicator.phase,
        "strength": indicator.strength,
        "condition": indicator.text,
        "variables": ", ".join(variables_of(indicator.condition)),
        "switched_off": "",
        **values,
    }
