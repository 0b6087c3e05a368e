"""Find out which column of a file makes which variable; refuse direct identifiers."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase

import numpy as np

from sentinel.ingest.crosswalk import Crosswalk
from sentinel.ingest.exports.tools import NOT_A_KEY
from sentinel.ingest.file_table import FileTable, Recipe
from sentinel.ingest.form_answers import keep_answers
from sentinel.ingest.forms.versions import RoundForms
from sentinel.ingest.mapping import RoundMapping
from sentinel.ingest.raw_table import RawTable
from sentinel.schema.identifiers import (
    identifier_in_label,
    identifier_in_name,
    identifier_in_values,
)
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.skip_logic import parse_condition
from sentinel.schema.variables import Codebook, Variable
from sentinel.study.toml_lines import TomlLines, shown_key

__all__ = ["MappingFile", "is_read", "plan_file"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappingFile:
    """A mapping with the name and lines of its file, its tables, and the first day."""

    mapping: RoundMapping
    lines: TomlLines
    label: str
    tables: Mapping[str, Crosswalk] = field(default_factory=dict)
    first_day: date | None = None


@dataclass(slots=True, kw_only=True)
class _Plan:
    raw: RawTable
    source: MappingFile
    codebook: Codebook
    problems: Problems
    columns: dict[str, str] = field(default_factory=dict)
    recipes: dict[str, Recipe] = field(default_factory=dict)

    def fold(self, name: str) -> str:
        return name.casefold() if self.source.mapping.ignore_case else name

    def find(self, key: tuple[str | int, ...], name: str) -> str | None:
        """Return the file's column of this name; list it where it must be there."""
        if name in self.columns:
            return self.columns[name]
        by_fold = {self.fold(column): column for column in self.raw.frame.columns}
        column = by_fold.get(self.fold(name))
        if column is not None:
            self.columns[name] = column
            return column
        optional = {self.fold(item) for item in self.source.mapping.optional}
        if self.fold(name) not in optional:
            self.absent(key, name)
        return None

    def absent(self, key: tuple[str | int, ...], name: str) -> None:
        near = difflib.get_close_matches(
            name.casefold(),
            {column.casefold(): column for column in self.raw.frame.columns},
            n=3,
        )
        originals = [item for item in self.raw.frame.columns if item.casefold() in near]
        hint = f"Near names: {', '.join(originals)}. " if originals else ""
        if name.casefold() in near:
            hint += "Write ignore_case = true if only the case differs. "
        self.problems.add(
            Problem(
                file=self.source.label,
                row=self.source.lines.find(key),
                column=shown_key(key),
                value=name,
                expected=f"a column of {self.raw.origin.file}",
                hint=f"{hint}Columns that some files lack go under optional.",
            )
        )


def plan_file(
    raw: RawTable,
    source: MappingFile,
    codebook: Codebook,
    *,
    round_label: str,
    supplied: frozenset[str],
    problems: Problems,
    forms: RoundForms | None = None,
) -> FileTable:
    """Return the file with its recipes and list everything that stands in the way.

    `supplied` names computed variables that this study takes from its files, such as a
    column of ready weights.
    """
    plan = _Plan(raw=raw, source=source, codebook=codebook, problems=problems)
    dropped = _dropped(raw, source.mapping, plan.fold)
    _check_case(plan)
    _plan_columns(plan)
    _plan_made(plan)
    _plan_same_names(plan, dropped, supplied)
    for number, rule in enumerate(source.mapping.exclude):
        for part in parse_condition(rule.condition).comparisons:
            plan.find(("exclude", number, rule.key), part.variable)
    for name, unit in source.mapping.units.items():
        if name in plan.recipes and unit.by is not None:
            plan.find(("units", name, "by"), unit.by)
    fates = _fates(plan, dropped)
    _refuse_row_numbers(plan)
    _refuse_identifiers(plan, fates)
    _hint_at_case(plan, fates)
    used = [column for column, fate in fates.items() if fate == "used"]
    return FileTable(
        round_label=round_label,
        # What is dropped or unmapped is forgotten here and never read.
        raw=replace(raw, frame=raw.frame[used]),
        mapping=source.mapping,
        codebook=codebook,
        recipes=plan.recipes,
        columns=plan.columns,
        fates=fates,
        kept=np.arange(len(raw.frame), dtype=np.intp),
        tables=source.tables,
        first_day=source.first_day,
        answers=None
        if forms is None
        else keep_answers(raw, forms, drop=source.mapping.drop, fold=plan.fold),
    )


def _dropped(
    raw: RawTable, mapping: RoundMapping, fold: Callable[[str], str]
) -> frozenset[str]:
    patterns = [fold(pattern) for pattern in mapping.drop]
    return frozenset(
        column
        for column in raw.frame.columns
        if any(fnmatchcase(fold(column), pattern) for pattern in patterns)
    )


def _check_case(plan: _Plan) -> None:
    seen: dict[str, str] = {}
    for column in plan.raw.frame.columns:
        twin = seen.setdefault(plan.fold(column), column)
        if twin != column:
            plan.problems.add(
                Problem(
                    file=plan.raw.origin.file,
                    row=1,
                    column=column,
                    expected=f"names that differ by more than case, {twin!r} is there",
                    hint="Rename or drop one, or write ignore_case = false.",
                )
            )


def _plan_columns(plan: _Plan) -> None:
    by_variable: dict[str, list[str]] = {}
    for name, variable in plan.source.mapping.columns.items():
        by_variable.setdefault(variable, []).append(name)
    for variable, names in by_variable.items():
        folded = {plan.fold(column) for column in plan.raw.frame.columns}
        there = [name for name in names if plan.fold(name) in folded]
        if not there:
            optional = {plan.fold(item) for item in plan.source.mapping.optional}
            if not any(plan.fold(name) in optional for name in names):
                plan.absent(("columns", names[0]), names[0])
            continue
        found = [plan.find(("columns", name), name) for name in there]
        columns = tuple(dict.fromkeys(column for column in found if column))
        if len(columns) > 1:
            plan.problems.add(
                Problem(
                    file=plan.source.label,
                    row=plan.source.lines.find(("columns", there[1])),
                    column=f"columns.{there[1]}",
                    expected=f"one source of {variable} in {plan.raw.origin.file}",
                    hint=f"It has {' and '.join(columns)}.",
                )
            )
        plan.recipes[variable] = Recipe(section="columns", sources=columns[:1])


def _plan_made(plan: _Plan) -> None:
    mapping = plan.source.mapping
    for variable in mapping.constants:
        plan.recipes[variable] = Recipe(section="constants")
    for variable, rule in mapping.join.items():
        found = [
            plan.find(("join", variable, "columns"), name) for name in rule.columns
        ]
        sources = tuple(column for column in found if column)
        if len(sources) == len(rule.columns):
            plan.recipes[variable] = Recipe(section="join", sources=sources)
    for variable, conditions in mapping.combine.items():
        names: dict[str, None] = {}
        for code, text in conditions.items():
            for part in parse_condition(text).comparisons:
                column = plan.find(("combine", variable, code), part.variable)
                if column:
                    names[column] = None
        if names:
            plan.recipes[variable] = Recipe(section="combine", sources=tuple(names))


def _plan_same_names(
    plan: _Plan, dropped: frozenset[str], supplied: frozenset[str]
) -> None:
    by_fold = {plan.fold(column): column for column in plan.raw.frame.columns}
    taken = dropped | {
        by_fold[plan.fold(name)]
        for name in plan.source.mapping.columns
        if plan.fold(name) in by_fold
    }
    for variable in plan.codebook:
        column = by_fold.get(plan.fold(variable.name))
        if column is None or column in taken or variable.name in plan.recipes:
            continue
        if is_read(variable, supplied):
            plan.columns[variable.name] = column
            plan.recipes[variable.name] = Recipe(section="columns", sources=(column,))


def is_read(variable: Variable, supplied: frozenset[str]) -> bool:
    """Return whether a variable comes from the files of interviews."""
    return (
        variable.record == "interview"
        and variable.name != "round_id"
        and (variable.derived in {"", "ingest"} or variable.name in supplied)
    )


def _fates(plan: _Plan, dropped: frozenset[str]) -> dict[str, str]:
    used = {column for recipe in plan.recipes.values() for column in recipe.sources}
    used |= set(plan.columns.values())
    return {
        column: "dropped"
        if column in dropped
        else ("used" if column in used else "unmapped")
        for column in plan.raw.frame.columns
    }


def _refuse_identifiers(plan: _Plan, fates: Mapping[str, str]) -> None:
    held: dict[str, list[Variable]] = {}
    for name, recipe in plan.recipes.items():
        for column in recipe.sources:
            held.setdefault(column, []).append(plan.codebook[name])
    for column, fate in fates.items():
        variables = held.get(column, [])
        if fate == "dropped":
            if variables:
                _refused(plan, column, "not both mapped and dropped", "Choose one.")
            continue
        if variables and all(_cannot_hold(variable) for variable in variables):
            continue
        found = identifier_in_name(column) or identifier_in_label(
            plan.raw.column_labels.get(column, "")
        )
        if not found and variables:
            found = _in_values(plan, column, variables)
        if found:
            _refused(
                plan,
                column,
                f"no direct identifiers; this column looks like {found}",
                "Take it out of the file, or name it under drop in the mapping.",
            )


def _refuse_row_numbers(plan: _Plan) -> None:
    for name, recipe in plan.recipes.items():
        if plan.codebook[name].kind == "id" and set(recipe.sources) & NOT_A_KEY:
            expected = f"a key that stays: {recipe.sources[0]} numbers the rows of one"
            hint = "Map _uuid, which every submission keeps."
            _refused(plan, recipe.sources[0], f"{expected} export", hint)


def _hint_at_case(plan: _Plan, fates: Mapping[str, str]) -> None:
    for column, fate in fates.items():
        name = column.casefold()
        if fate == "unmapped" and name in plan.codebook and name not in plan.recipes:
            variable = plan.codebook[name]
            if column == name or variable.record != "interview" or variable.derived:
                continue
            plan.problems.add(
                Problem(
                    severity="warning",
                    file=plan.raw.origin.file,
                    row=1,
                    column=column,
                    expected=f"the codebook's spelling {name!r}",
                    hint="The column was not read. Write ignore_case = true.",
                )
            )


def _cannot_hold(variable: Variable) -> bool:
    # Closed codes, numbers and dates are checked value by value: nothing else passes.
    return variable.is_closed or variable.is_numeric or variable.is_dated


def _in_values(plan: _Plan, column: str, variables: Sequence[Variable]) -> str:
    pseudonym = all(variable.kind == "id" for variable in variables)
    found = identifier_in_values(plan.raw.frame[column], free_text=not pseudonym)
    # A random record id may have the shape of a document number by chance.
    return "" if pseudonym and found == "document numbers" else found


def _refused(plan: _Plan, column: str, expected: str, hint: str) -> None:
    plan.problems.add(
        Problem(
            file=plan.raw.origin.file,
            row=1,
            column=column,
            expected=expected,
            hint=hint,
        )
    )
