"""Parameters of a simulated study, read from TOML and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from estimators.errors import InputError
from sentinel.schema.problems import Problem, Problems

__all__ = [
    "DestinationParameters",
    "OutcomeShares",
    "Parameters",
    "PersonTypes",
    "RiskParameters",
    "RoundParameters",
    "StateShares",
    "UnknownRates",
    "load_parameters",
]

Share = Annotated[float, Field(ge=0, le=1)]
Shares = dict[str, Share]
_TOLERANCE = 1e-9
_SHIPPED = "mekong"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonTypes(_Section):
    """Two types of migrants by how often they are deported.

    Attributes
    ----------
    repeat_share : float
        Share of repeat migrants among persons at risk of deportation.
    first_rate, repeat_rate : float
        Deportations through the site per person and year of each type.
    """

    repeat_share: Share
    first_rate: float = Field(gt=0)
    repeat_rate: float = Field(gt=0)


class RiskParameters(_Section):
    """What moves the probability of a trafficked trip, as log odds ratios.

    Attributes
    ----------
    prevalence : float
        Share of deportations that end a trafficked trip; the intercept is solved so
        that the model has exactly this event prevalence.
    icc : float
        Intraclass correlation of "trafficked" within a batch, for persons of equal
        risk.
    repeat, broker_origin : float
        Log odds ratios of repeat migrants and of a broker from home to the border.
    sector : mapping of str to float
        Log odds ratio by sector code; 0 where a sector is not named.
    """

    prevalence: float = Field(gt=0, lt=1)
    icc: float = Field(ge=0, lt=1)
    repeat: float = 0.0
    broker_origin: float = 0.0
    sector: dict[str, float] = Field(default_factory=dict)


class StateShares(_Section):
    """How the trips that are not trafficked, and those that are, divide.

    ``untroubled, cheated, means, exploited`` share out the trips that are not
    trafficked: no trouble; cheated only; deceived or coerced but not exploited;
    exploited without means. The others are shares within a state.
    """

    untroubled: Share
    cheated: Share
    means: Share
    exploited: Share
    worst_of_trafficked: Share
    unpaid_of_exploited: Share
    unpaid_of_trafficked: Share
    confined_of_means: Share
    confined_of_trafficked: Share
    cheated_of_means: Share
    cheated_of_exploited: Share
    cheated_of_trafficked: Share

    @model_validator(mode="after")
    def _sum_to_one(self) -> StateShares:
        total = self.untroubled + self.cheated + self.means + self.exploited
        if abs(total - 1) > _TOLERANCE:
            raise ValueError(
                f"untroubled + cheated + means + exploited must be 1, not {total:g}"
            )
        return self


class OutcomeShares(_Section):
    """Outcome of selection; the rest are complete interviews."""

    partial: Share = 0.0
    refused: Share = 0.0
    unavailable: Share = 0.0
    ineligible: Share = 0.0
    language: Share = 0.0
    stopped_for_distress: Share = 0.0


class UnknownRates(_Section):
    """Probability that an answer is "don't know" or "refused", at random by item."""

    ordinary: Share = 0.0
    sensitive: Share = 0.0
    prior_deportations: Share = 0.0


class DestinationParameters(_Section):
    """Where the trips of some sectors lead, by province code."""

    sectors: tuple[str, ...]
    provinces: Shares


class RoundParameters(_Section):
    """One round of fieldwork and the deportations that it samples.

    `stream` numbers the sample: another number draws another sample of the same model.
    """

    label: str
    name: str
    stream: int = Field(default=0, ge=0)
    form: str
    file: str = Field(pattern=r"[\w-]+\.(csv|xlsx|sav|parquet)")
    not_asked: tuple[str, ...] = ()
    nationality: str = Field(pattern="[A-Z]{3}")
    language: str
    site_code: str
    fieldwork_start: date
    fieldwork_end: date
    annual_events: float = Field(gt=0)
    annual_events_source: str
    batch_mean: float = Field(gt=1)
    batch_sd: float = Field(ge=0)
    sampled_batches: int = Field(ge=2)
    every_kth: int = Field(ge=1)
    male: Share
    children: Share
    broker_origin: Share
    no_promise: Share
    mean_months_away: float = Field(gt=0)
    median_pay: float = Field(gt=0)
    sectors_male: Shares
    sectors_female: Shares
    origins: Shares
    crossings: Shares
    destinations: tuple[DestinationParameters, ...]
    types: PersonTypes
    risk: RiskParameters
    states: StateShares
    outcomes: OutcomeShares = OutcomeShares()
    unknown: UnknownRates = UnknownRates()

    @model_validator(mode="after")
    def _consistent(self) -> RoundParameters:
        if self.fieldwork_end < self.fieldwork_start:
            raise ValueError("fieldwork_end lies before fieldwork_start")
        for name in ("sectors_male", "sectors_female", "origins", "crossings"):
            total = sum(getattr(self, name).values())
            if abs(total - 1) > _TOLERANCE:
                raise ValueError(f"the shares of {name} must sum to 1, not {total:g}")
        reached = {code for item in self.destinations for code in item.sectors}
        missing = (set(self.sectors_male) | set(self.sectors_female)) - reached
        if missing:
            raise ValueError(f"destinations miss sectors {', '.join(sorted(missing))}")
        return self


class Parameters(_Section):
    """All rounds and the arrival counts that shape the year."""

    title: str
    monthly_arrivals: dict[str, int] = Field(min_length=1)
    monthly_arrivals_source: str
    rounds: tuple[RoundParameters, ...] = Field(min_length=1)

    @property
    def month_weights(self) -> dict[int, float]:
        """Arrivals of a month over the mean month; months without a count are 1."""
        mean = sum(self.monthly_arrivals.values()) / len(self.monthly_arrivals)
        weights = dict.fromkeys(range(1, 13), 1.0)
        for month, count in self.monthly_arrivals.items():
            weights[int(month.split("-")[1])] = count / mean
        return weights


def load_parameters(name_or_path: str | Path = "mekong") -> Parameters:
    """Read the parameters of a simulated study.

    Parameters
    ----------
    name_or_path : str or Path
        "mekong", the shipped parameters, or a TOML file with the keys of `Parameters`.
        A ``[common]`` table holds what all ``[[rounds]]`` share; a
        round's own keys come before it.

    Raises
    ------
    IngestError
        Listing every key that is missing, unknown or out of range.

    Examples
    --------
    >>> [item.label for item in load_parameters().rounds]
    ['POI2009', 'POI2010', 'POI2012', 'LATH2013']
    """
    file, text = _parameter_text(name_or_path)
    problems = Problems()
    try:
        content = tomllib.loads(text)
        common = content.pop("common", {})
        content["rounds"] = [
            _merged(common, item) for item in content.get("rounds", [])
        ]
        return Parameters.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        problems.add(Problem(file=file, hint=f"Not valid TOML: {error}."))
    except ValidationError as error:
        for item in error.errors():
            problems.add(
                Problem(
                    file=file,
                    column=".".join(map(str, item["loc"])),
                    expected=item["msg"],
                )
            )
    problems.raise_errors()
    raise AssertionError("unreachable: problems were noted")


def _parameter_text(name_or_path: str | Path) -> tuple[str, str]:
    if str(name_or_path) == _SHIPPED:
        shipped = resources.files("sentinel.simulate") / f"{_SHIPPED}.toml"
        return f"{_SHIPPED}.toml", shipped.read_text("utf-8")
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"{name_or_path!s} is neither a parameter file nor {_SHIPPED!r}, the "
            "shipped parameters."
        )
    try:
        return path.name, path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text: save it as UTF-8.") from error


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(common)
    for key, value in own.items():
        inside = merged.get(key)
        if isinstance(value, dict) and isinstance(inside, dict) and key not in _WHOLE:
            merged[key] = _merged(inside, value)
        else:
            merged[key] = value
    return merged


_WHOLE = frozenset({"sectors_male", "sectors_female", "origins", "crossings", "sector"})
"""Tables of shares: a round replaces them whole, because they must sum to 1."""
