"""The mapping file of a round: how its columns and answers become the codebook's.

Purely declarative. Sections, all optional:

``ignore_case``, ``decimal_comma``
    Read ``Age``, ``AGE`` and ``age`` as one name; read ``3,5`` as 3.5.
``drop``
    Columns left unread, ``*`` stands for anything. The only way past a column that is
    named like a direct identifier.
``optional``
    Source columns that some files of the round do not have.
``[columns]``
    Source column = variable. Several sources of one variable are names it has in
    different files: each file must have exactly one of them. Columns that bear a
    variable's name need no line.
``[constants]``
    Variable = value for the whole round.
``[join.variable]``
    ``columns`` put together with ``separator`` (``"-"``); ``per_file`` puts the file's
    name in front, for record numbers that start anew in every file.
``[recode.variable]``
    Old answer, range ``"18..24"`` or pattern ``"guate*"`` = new code; ``"*"`` =
    everything else.
``[units.variable]``
    ``factor``, or ``by`` (a source column) with ``factors``; ``source`` says whence.
    Rates that change: ``table``, a CSV of ``code, factor, valid_from, valid_to,
    source``.
``[crosswalk.variable]``
    ``table``: a shipped crosswalk (``provinces``) or a CSV of ``code, new, valid_from,
    valid_to, source``, applied after the recode. ``at`` is the variable that holds the
    day of a record (``int_date``); without a day the first of fieldwork counts.
``[missing]``, ``[missing.variable]``
    Code or range ``"-52..-1"`` = not_asked, dont_know, refused or missing. The general
    codes never touch a listed code of a variable; a number that is both lawful and
    listed here (97 years, 97 USD) is an error until ``[missing.variable]`` decides,
    which then stands alone for that variable.
``[combine.variable]``
    Code = condition on source columns, ``spouse = "p33_1=1"``. A multiple answer takes
    every code whose condition holds, a category the first.
``[dates]``
    Variable = format as of strptime, ``"%d/%m/%Y"``.
``[repeats.name]``
    ``take`` (first, last or only) or ``where`` (condition on the repeat's columns): the
    one row of a repeat that speaks for the interview. Its columns join the table, and
    ``name_count`` says how many rows there were.
``[[exclude]]``
    ``when`` (condition on source columns) and ``reason``: rows that are no interviews.
    ``unless`` in its place takes out every row for which the condition does not hold,
    an empty cell included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sentinel.schema.problems import Problems
from sentinel.study.loading import read_toml
from sentinel.study.toml_lines import TomlLines
from sentinel.study.validation_messages import explain_validation

__all__ = [
    "CrosswalkRule",
    "ExcludeRule",
    "JoinRule",
    "RepeatRule",
    "RoundMapping",
    "UnitRule",
    "read_mapping",
]


def _as_code(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole else value


Code = Annotated[str, BeforeValidator(_as_code)]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JoinRule(_Rule):
    """``[join.variable]``."""

    columns: tuple[str, ...] = Field(min_length=1)
    separator: str = "-"
    per_file: bool = False


class UnitRule(_Rule):
    """``[units.variable]``: value times factor; `source` says whence the rate is."""

    factor: float | None = Field(default=None, gt=0)
    by: str | None = None
    factors: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    table: str = ""
    at: str = "int_date"
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> UnitRule:
        if (self.factor is None) == (self.by is None):
            raise ValueError("give either factor, or by together with factors")
        if self.by is not None and bool(self.factors) == bool(self.table):
            raise ValueError("by needs factors, one for every unit code, or a table")
        return self


class CrosswalkRule(_Rule):
    """``[crosswalk.variable]``: codes that changed their meaning or their place."""

    table: str = Field(min_length=1)
    at: str = "int_date"


class RepeatRule(_Rule):
    """``[repeats.name]``: which row of a repeat speaks for the interview."""

    take: Literal["first", "last", "only"] = "only"
    where: str = ""


class ExcludeRule(_Rule):
    """``[[exclude]]``: rows `when` a condition holds, or all `unless` it holds."""

    when: str = ""
    unless: str = ""
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_condition(self) -> ExcludeRule:
        if bool(self.when) == bool(self.unless):
            raise ValueError("give either when or unless, a condition on columns")
        return self

    @property
    def key(self) -> str:
        """Which of the two the rule has."""
        return "when" if self.when else "unless"

    @property
    def condition(self) -> str:
        """The condition's text."""
        return self.when or self.unless


class RoundMapping(_Rule):
    """A whole mapping file; see the module."""

    ignore_case: bool = False
    decimal_comma: bool = False
    drop: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, Code | float | date] = Field(default_factory=dict)
    join: dict[str, JoinRule] = Field(default_factory=dict)
    recode: dict[str, dict[str, Code]] = Field(default_factory=dict)
    units: dict[str, UnitRule] = Field(default_factory=dict)
    crosswalk: dict[str, CrosswalkRule] = Field(default_factory=dict)
    missing: dict[str, str | dict[str, str]] = Field(default_factory=dict)
    combine: dict[str, dict[str, str]] = Field(default_factory=dict)
    dates: dict[str, str] = Field(default_factory=dict)
    repeats: dict[str, RepeatRule] = Field(default_factory=dict)
    exclude: tuple[ExcludeRule, ...] = ()

    @property
    def general_missing(self) -> Mapping[str, str]:
        """Missing codes of all variables: code or range to name of the state."""
        return {
            code: state
            for code, state in self.missing.items()
            if isinstance(state, str)
        }

    def missing_of(self, variable: str) -> Mapping[str, str] | None:
        """Missing codes of one variable, or None where only the general ones hold."""
        own = self.missing.get(variable)
        return own if isinstance(own, dict) else None

    def made_variables(self) -> Iterator[tuple[str, str]]:
        """Yield (section, variable) for every variable that the mapping makes."""
        for variable in dict.fromkeys(self.columns.values()):
            yield "columns", variable
        for section in ("constants", "join", "combine"):
            for variable in getattr(self, section):
                yield section, variable


def read_mapping(
    path: Path | None, *, file: str = ""
) -> tuple[RoundMapping, TomlLines, Problems]:
    """Return a mapping, the lines of its keys, and what is wrong with its shape.

    Without a path an empty mapping: the columns bear the codebook's names.
    """
    problems = Problems()
    if path is None:
        return RoundMapping(), TomlLines(""), problems
    data, lines = read_toml(path, problems, what="a mapping file")
    if data is None:
        return RoundMapping(), lines, problems
    try:
        return RoundMapping.model_validate(data), lines, problems
    except ValidationError as error:
        problems.extend(
            explain_validation(error, RoundMapping, file=file or path.name, lines=lines)
        )
        return RoundMapping(), lines, problems
