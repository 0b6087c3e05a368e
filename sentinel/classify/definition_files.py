"""Reads case definitions from TOML and lists everything wrong with one."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from estimators.errors import InputError
from sentinel.classify.definition_checks import check_against_codebook, check_names
from sentinel.classify.definitions import Definition, Indicator, NamedCondition
from sentinel.classify.expressions import ExpressionError, parse_expression
from sentinel.classify.ordering import in_order
from sentinel.classify.syntax_tree import AnyOf, AtLeast, Condition, Reference
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.schema.variables import Codebook

__all__ = ["available_definitions", "load_definition"]

_UNREADABLE: Condition = AnyOf(())


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Section):
    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    codebook: str = "deportee"
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _IndicatorEntry(_Section):
    label: str = Field(min_length=1)
    phase: Literal["recruitment", "travel", "work", "custody"]
    when: str
    not_asked: Literal["no", "unknown"] = "unknown"


class _DimensionEntry(_Section):
    label: str = ""
    any_of: tuple[str, ...] | None = Field(default=None, min_length=1)
    at_least: int | None = Field(default=None, ge=1)
    of: tuple[str, ...] | None = Field(default=None, min_length=1)
    when: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> _DimensionEntry:
        ways = [
            way for way in (self.any_of, self.at_least, self.when) if way is not None
        ]
        if len(ways) != 1 or (self.at_least is None) != (self.of is None):
            raise ValueError(
                "give exactly one of any_of = [...], at_least = k with of = [...], "
                "when = '...'"
            )
        if self.of is not None and (self.at_least or 0) > len(self.of):
            raise ValueError(f"at_least = {self.at_least} of {len(self.of)} cannot be")
        return self


class _DefinitionFile(_Section):
    definition: _Head
    parameters: dict[str, str] = Field(default_factory=dict)
    settings: dict[Literal["strict", "base", "broad"], dict[str, float]]
    indicators: dict[str, _IndicatorEntry] = Field(min_length=1)
    dimensions: dict[str, _DimensionEntry] = Field(default_factory=dict)
    outcomes: dict[str, str] = Field(min_length=1)
    tiers: dict[int, str] = Field(default_factory=dict)


def available_definitions() -> tuple[str, ...]:
    """Return the names of the definitions that come with the package.

    Examples
    --------
    >>> "uniap" in available_definitions()
    True
    """
    folder = resources.files("sentinel.classify") / "shipped"
    names = [Path(item.name) for item in folder.iterdir()]
    return tuple(sorted(path.stem for path in names if path.suffix == ".toml"))


def load_definition(
    name_or_path: str | Path, *, codebook: Codebook | None = None
) -> Definition:
    """Read a case definition, shipped or from a file, and check it.

    Parameters
    ----------
    name_or_path : str or Path
        A name of `available_definitions`, or a TOML file.
    codebook : Codebook, optional
        Variables and codes that the conditions may use; by default the codebook that
        the definition names.

    Raises
    ------
    InputError
        If there is no such file, or it is no text.
    IngestError
        Listing every problem with its line: syntax with position, unknown indicator,
        variable, code or parameter, a parameter missing from a setting, a cycle.

    Examples
    --------
    >>> load_definition("uniap").outcome_names
    ('d_deceived', 'd_coerced', 'd_exploited', 'd_child', 'd_traff', 'd_worst')
    """
    file, text = _definition_text(name_or_path)
    return _Reader(file, text).definition(codebook)


def _definition_text(name_or_path: str | Path) -> tuple[str, str]:
    if str(name_or_path) in available_definitions():
        file = f"{name_or_path}.toml"
        shipped = resources.files("sentinel.classify") / "shipped" / file
        return file, shipped.read_text("utf-8")
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"{name_or_path!s} is neither a file nor a shipped definition; shipped are "
            f"{', '.join(available_definitions())}."
        )
    try:
        return path.name, path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8 text ({error.reason} at byte {error.start}): "
            "save it as UTF-8."
        ) from error


class _Reader:
    """Turns the text of a definition file into a `Definition`, noting problems."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._problems = Problems()

    def definition(self, codebook: Codebook | None) -> Definition:
        content = self._validated()
        definition = Definition(
            **content.definition.model_dump(),
            parameters=content.parameters,
            settings={str(key): values for key, values in content.settings.items()},
            indicators=tuple(
                self._indicator(code, entry)
                for code, entry in content.indicators.items()
            ),
            dimensions=self._ordered(
                "dimensions",
                [self._dimension(*item) for item in content.dimensions.items()],
            ),
            outcomes=self._ordered(
                "outcomes",
                [
                    self._named("outcomes", name, text)
                    for name, text in content.outcomes.items()
                ],
            ),
            tiers={
                number: self._named("tiers", str(number), text)
                for number, text in sorted(content.tiers.items())
            },
        )
        for section, name, expected in check_names(definition):
            self._note(section, name, expected)
        if codebook is None:
            from sentinel.schema.codebook import load_codebook

            codebook = load_codebook(definition.codebook)
        for section, name, expected in check_against_codebook(definition, codebook):
            self._note(section, name, expected)
        self._problems.raise_errors()
        return definition

    def _validated(self) -> _DefinitionFile:
        try:
            content = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            self._problems.add(
                Problem(file=self._file, hint=f"Not valid TOML: {error}.")
            )
        else:
            try:
                return _DefinitionFile.model_validate(content)
            except ValidationError as error:
                for item in error.errors():
                    self._note_invalid(item["loc"], item["msg"], item["input"])
        self._problems.raise_errors()
        raise AssertionError("unreachable: problems were noted")

    def _note_invalid(
        self,
        location: tuple[int | str, ...],
        message: str,
        came: Any,  # noqa: ANN401 - whatever stood in the file
    ) -> None:
        section, name, *rest = (*map(str, location), "", "")
        value = came if isinstance(came, str | int | float) else ""
        self._note(section, name, message, value=str(value), key=rest[0])

    def _indicator(self, code: str, entry: _IndicatorEntry) -> Indicator:
        return Indicator(
            code=code,
            label=entry.label,
            phase=entry.phase,
            text=entry.when,
            condition=self._condition("indicators", code, entry.when),
            not_asked_is_no=entry.not_asked == "no",
        )

    def _dimension(self, name: str, entry: _DimensionEntry) -> NamedCondition:
        label = entry.label or name
        if entry.when is not None:
            return self._named("dimensions", name, entry.when, label=label)
        members = entry.any_of or entry.of or ()
        items = tuple(Reference(member) for member in members)
        listed = ", ".join(members)
        if entry.at_least is None:
            return NamedCondition(
                name=name, label=label, text=f"any({listed})", condition=AnyOf(items)
            )
        return NamedCondition(
            name=name,
            label=label,
            text=f"at_least({entry.at_least}, {listed})",
            condition=AtLeast(entry.at_least, items),
        )

    def _named(
        self, section: str, name: str, text: str, *, label: str = ""
    ) -> NamedCondition:
        return NamedCondition(
            name=name,
            label=label or name,
            text=text,
            condition=self._condition(section, name, text),
        )

    def _condition(self, section: str, name: str, text: str) -> Condition:
        try:
            return parse_expression(text)
        except ExpressionError as error:
            self._note(section, name, f"a readable expression: {error}", value=text)
            return _UNREADABLE

    def _ordered(
        self, section: str, items: list[NamedCondition]
    ) -> tuple[NamedCondition, ...]:
        ordered, cycle = in_order(items)
        if cycle:
            self._note(
                section,
                cycle[0],
                "no condition that needs itself: " + " -> ".join(cycle),
            )
        return ordered

    def _note(
        self, section: str, name: str, expected: str, *, value: str = "", key: str = ""
    ) -> None:
        self._problems.add(
            Problem(
                file=self._file,
                row=_line_of(self._text, section, name),
                column=".".join(part for part in (section, name, key) if part),
                value=value,
                expected=expected,
            )
        )


def _line_of(text: str, section: str, name: str) -> int | None:
    """Return the line of an entry, of its section where it has none, or None."""
    quoted = rf"[\"']?{re.escape(name)}[\"']?"
    own = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\.\s*{quoted}\s*\]")
    opening = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]")
    entry = re.compile(rf"\s*{quoted}\s*=")
    inside, section_line = False, None
    for number, line in enumerate(text.splitlines(), start=1):
        if name and own.match(line):
            return number
        if line.lstrip().startswith("["):
            inside = opening.match(line) is not None
            section_line = number if inside and section_line is None else section_line
        elif inside and name and entry.match(line):
            return number
    return section_line
