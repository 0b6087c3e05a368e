"""What stands in a definition file, section by section."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "CrosswalkEntry",
    "DefinitionFile",
    "DimensionEntry",
    "Head",
    "IndicatorEntry",
    "TypologyEntry",
]

Phase = Literal["recruitment", "travel", "work", "custody"]
Strength = Literal["strong", "medium", "weak"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Section):
    """``[definition]``."""

    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    codebook: str = "deportee"
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    headline: str = ""
    reference_period: str = ""
    indicator_set: str = ""


class IndicatorEntry(_Section):
    """``[indicators.CODE]``."""

    label: str = Field(min_length=1)
    phase: Phase
    when: str
    not_asked: Literal["no", "unknown"] = "unknown"
    strength: Strength | None = None
    off: str = ""


class CrosswalkEntry(_Section):
    """A line of ``[crosswalk]``: how the codebook measures an indicator of the set.

    A text alone is the condition.
    """

    when: str = ""
    not_asked: Literal["no", "unknown"] = "unknown"
    strength: Strength | None = None
    phase: Phase | None = None
    off: str = ""

    @model_validator(mode="before")
    @classmethod
    def _condition_alone(cls, data: Any) -> Any:  # noqa: ANN401 - raw TOML
        return {"when": data} if isinstance(data, str) else data


class DimensionEntry(_Section):
    """``[dimensions.NAME]``."""

    label: str = ""
    any_of: tuple[str, ...] | None = Field(default=None, min_length=1)
    at_least: int | None = Field(default=None, ge=1)
    of: tuple[str, ...] | None = Field(default=None, min_length=1)
    of_set: str | None = None
    counts: str | None = None
    when: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> DimensionEntry:
        ways = [self.any_of, self.at_least, self.when, self.counts]
        given = [way for way in ways if way is not None]
        members = [item for item in (self.of, self.of_set) if item is not None]
        needed = int(self.at_least is not None or self.counts is not None)
        if len(given) != 1 or len(members) != needed:
            raise ValueError(
                "give exactly one of any_of = [...], when = '...', and at_least = k or "
                "counts = '...', these two with of = [...] or of_set = '...'"
            )
        if self.of is not None and (self.at_least or 0) > len(self.of):
            raise ValueError(f"at_least = {self.at_least} of {len(self.of)} cannot be")
        return self


class TypologyEntry(_Section):
    """``[typology]``: which dimensions make a pattern, and what patterns are called."""

    of: tuple[str, ...] = Field(min_length=1, max_length=8)
    types: dict[str, str] = Field(min_length=1)


class DefinitionFile(_Section):
    """A whole definition file."""

    definition: Head
    parameters: dict[str, str] = Field(default_factory=dict)
    settings: dict[Literal["strict", "base", "broad"], dict[str, float]]
    indicators: dict[str, IndicatorEntry] = Field(default_factory=dict)
    crosswalk: dict[str, CrosswalkEntry] = Field(default_factory=dict)
    switched_on: dict[str, str] = Field(default_factory=dict)
    dimensions: dict[str, DimensionEntry] = Field(default_factory=dict)
    outcomes: dict[str, str] = Field(min_length=1)
    tiers: dict[int, str] = Field(default_factory=dict)
    typology: TypologyEntry | None = None

    @model_validator(mode="after")
    def _some_indicator(self) -> DefinitionFile:
        if not self.indicators and not self.definition.indicator_set:
            raise ValueError("give [indicators.CODE] or an indicator_set")
        return self
