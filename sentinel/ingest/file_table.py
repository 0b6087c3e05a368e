"""One data file with its mapping: which column makes which variable, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.cells import CellReader, Recode, canonical
from sentinel.ingest.crosswalk import Crosswalk
from sentinel.ingest.findings import add_rows
from sentinel.ingest.form_answers import FormAnswers
from sentinel.ingest.mapping import RoundMapping, UnitRule
from sentinel.ingest.missing_codes import STATE_NAMES, MissingCodes, state_of_label
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.typed_columns import TypedColumn, read_texts, typed_values
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.skip_logic import Condition, parse_condition
from sentinel.schema.states import CellState
from sentinel.schema.variables import Codebook, Variable

__all__ = ["Change", "FileTable", "Recipe"]

IndexVector = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a file makes a variable: section of the mapping and source columns."""

    section: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What reading a variable changed: cells recoded, cells lost, and how."""

    recoded: int = 0
    lost: int = 0
    how: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class FileTable:
    """A raw table, the plan of its variables, and the rows still in.

    `kept` shrinks as rows are excluded by rule, withdrawn or found to be duplicates;
    `answers` are what the round's form judges after the consent gate. `tables` hold
    crosswalks and rates by section and variable, `first_day` is that of fieldwork, and
    `changes` say what reading did to each variable.
    """

    round_label: str
    raw: RawTable
    mapping: RoundMapping
    codebook: Codebook
    recipes: Mapping[str, Recipe]
    columns: Mapping[str, str]
    fates: Mapping[str, str]
    kept: IndexVector
    excluded: dict[str, int] = field(default_factory=dict)
    withdrawn: int = 0
    duplicates: int = 0
    answers: FormAnswers | None = None
    tables: Mapping[str, Crosswalk] = field(default_factory=dict)
    first_day: date | None = None
    changes: dict[str, Change] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name of the file as the study names it."""
        return self.raw.origin.file

    def column_of(self, variable: str) -> str:
        """Return what a person finds in the file for a variable."""
        recipe = self.recipes.get(variable)
        return ", ".join(recipe.sources) if recipe and recipe.sources else variable

    def texts(self, column: str, rows: IndexVector) -> pd.Series:
        """Return the raw cells of one column."""
        return pd.Series(self.raw.frame[column].array.take(rows))

    def read(self, name: str, rows: IndexVector, problems: Problems) -> TypedColumn:
        """Return a variable of the given rows and list its faulty cells."""
        recipe, variable = self.recipes[name], self.codebook[name]
        if recipe.section == "combine":
            self.changes[name] = Change(how=("put together of several columns",))
            return self._combined(variable, recipe, rows)
        texts = self._texts_for(name, recipe, rows)
        reader = self._reader(variable, recipe)
        rule = self.mapping.units.get(name)
        column = (
            read_texts(reader, texts)
            if rule is None
            else self._converted(reader, texts, rule, rows)
        )
        for expected, places in column.faults.items():
            listed = [
                (int(self.raw.rows[rows[place]]), texts.iloc[place]) for place in places
            ]
            add_rows(
                problems,
                listed,
                file=self.label,
                column=self.column_of(name),
                expected=expected,
                hint=_advice(variable, [value for _, value in listed]),
            )
        change = _change(reader, texts, column, self.mapping, recipe)
        if name in self.mapping.crosswalk:
            column, change = self._crosswalked(name, column, rows, change, problems)
        self.changes[name] = change
        return column

    def _crosswalked(
        self,
        name: str,
        column: TypedColumn,
        rows: IndexVector,
        change: Change,
        problems: Problems,
    ) -> tuple[TypedColumn, Change]:
        table = self.tables.get(f"crosswalk.{name}")
        if table is None:
            return column, change
        days = self._days(self.mapping.crosswalk[name].at, rows)
        values, changed, kept = table.apply(column.values, days)
        for code, count in kept.items():
            problems.add(
                Problem(
                    severity="warning",
                    file=self.label,
                    column=self.column_of(name),
                    value=code,
                    expected=f"a counterpart in {table.label} on the day of the record",
                    hint=f"{count} cells keep it: not comparable between rounds.",
                )
            )
        pairs = ", ".join(f"{pair} ({count})" for pair, count in changed.items())
        return replace(column, values=values), Change(
            recoded=change.recoded + sum(changed.values()),
            lost=change.lost + sum(kept.values()),
            how=(*change.how, f"crosswalk {table.label}: {pairs or 'no cell'}"),
        )

    def _days(self, name: str, rows: IndexVector) -> pd.Series:
        """Return the day of each record, the first of fieldwork where it is unknown."""
        first = pd.Series([self.first_day] * len(rows), dtype="datetime64[s]")
        if name not in self.recipes or not self.codebook[name].is_dated:
            return first
        days = self.read(name, rows, Problems()).values
        return days.where(days.notna(), first)

    def mask(self, condition: Condition, rows: IndexVector) -> npt.NDArray[np.bool_]:
        """Return where a condition on source columns holds."""
        names = {
            part.variable: self.columns.get(part.variable)
            for part in condition.comparisons
        }
        frame = pd.DataFrame(
            {
                name: [""] * len(rows)
                if column is None
                else _canonical(self.texts(column, rows))
                for name, column in names.items()
            },
            dtype="str",
        )
        states = pd.DataFrame(0, index=frame.index, columns=frame.columns)
        return condition.evaluate(frame, states)[0]

    def _texts_for(self, name: str, recipe: Recipe, rows: IndexVector) -> pd.Series:
        if recipe.section == "constants":
            value = str(self.mapping.constants[name])
            return pd.Series([value] * len(rows), dtype="str")
        if recipe.section != "join":
            return self.texts(recipe.sources[0], rows)
        rule = self.mapping.join[name]
        parts = [_canonical(self.texts(column, rows)) for column in recipe.sources]
        joined = parts[0]
        for part in parts[1:]:
            joined = joined + rule.separator + part
        if rule.per_file:
            # Encrypting a file must not change the ids that are made of its name.
            name = self.label.rsplit("/", 1)[-1].removesuffix(".age")
            stem = name.rsplit(".", 1)[0]
            joined = stem + rule.separator + joined
        whole = np.logical_and.reduce([(part != "").to_numpy() for part in parts])
        return joined.where(whole, "")

    def _reader(self, variable: Variable, recipe: Recipe) -> CellReader:
        mapping, name = self.mapping, variable.name
        if recipe.section == "constants":
            return CellReader(variable=variable)
        own = mapping.missing_of(name)
        table = mapping.recode.get(name)
        return CellReader(
            variable=variable,
            recode=None if table is None else Recode(table),
            own_missing=None if own is None else _states(own),
            general_missing=_states(mapping.general_missing),
            declared_missing=self._declared(recipe),
            date_format=mapping.dates.get(name, ""),
            decimal_comma=mapping.decimal_comma,
        )

    def _declared(self, recipe: Recipe) -> MissingCodes:
        column = recipe.sources[0] if len(recipe.sources) == 1 else ""
        labels = self.raw.value_labels.get(column, {})
        return MissingCodes(
            {
                code: state_of_label(labels.get(code, ""))
                for code in self.raw.missing_codes.get(column, ())
            }
        )

    def _converted(
        self, reader: CellReader, texts: pd.Series, rule: UnitRule, rows: IndexVector
    ) -> TypedColumn:
        if rule.by is None:
            return read_texts(replace(reader, factor=rule.factor or 1.0), texts)
        units = _canonical(self.texts(self.columns[rule.by], rows))
        factors = self._factors(reader.variable.name, units, rule, rows)
        values = typed_values(reader.variable, [None] * len(texts))
        states = np.full(len(texts), CellState.MISSING, dtype=np.uint8)
        faults: dict[str, IndexVector] = {}
        for factor in np.unique(factors):
            known = not np.isnan(factor)
            same = factors == factor if known else np.isnan(factors)
            places = np.flatnonzero(same)
            part = read_texts(
                replace(reader, factor=float(factor) if known else 1.0),
                texts.iloc[places],
            )
            values.iloc[places] = part.values.to_numpy()
            states[places] = part.states
            for expected, wrong in part.faults.items():
                earlier = faults.get(expected, np.empty(0, dtype=np.intp))
                faults[expected] = np.sort(np.r_[earlier, places[wrong]])
            if not known:
                given = places[part.states == CellState.VALUE]
                if given.size:
                    faults[_unknown_unit(rule)] = given
        return TypedColumn(values=values, states=states, faults=faults)

    def _factors(
        self, name: str, units: pd.Series, rule: UnitRule, rows: IndexVector
    ) -> npt.NDArray[np.float64]:
        table = self.tables.get(f"units.{name}")
        if table is not None:
            return table.factors(units, self._days(rule.at, rows))
        found = [rule.factors.get(unit, np.nan) for unit in units]
        return np.array(found, dtype=np.float64)

    def _combined(
        self, variable: Variable, recipe: Recipe, rows: IndexVector
    ) -> TypedColumn:
        chosen = pd.Series([""] * len(rows), dtype="str")
        for code, text in self.mapping.combine[variable.name].items():
            held = self.mask(parse_condition(text), rows)
            if variable.kind == "multi":
                chosen = chosen.where(~held, chosen + ";" + code)
            else:
                chosen = chosen.where(~held | (chosen != "").to_numpy(), code)
        states = self._source_states(variable, recipe, rows)
        some = (chosen != "").to_numpy()
        states[some] = CellState.VALUE
        if variable.kind == "multi":
            chosen = chosen.map(
                lambda text: ";".join(sorted(text.strip(";").split(";")))
            )
            if "none" in variable.codes:
                chosen = chosen.where(some, "none")
        elif not variable.is_numeric:
            # Answered, yet no condition holds: the category is not known.
            states[~some & (states == CellState.VALUE)] = CellState.MISSING
        texts = chosen.where(states == CellState.VALUE)
        values = [None if pd.isna(text) else text for text in texts]
        return TypedColumn(values=typed_values(variable, values), states=states)

    def _source_states(
        self, variable: Variable, recipe: Recipe, rows: IndexVector
    ) -> npt.NDArray[np.uint8]:
        """VALUE where a source was answered, else the state that all sources share."""
        own = self.mapping.missing_of(variable.name)
        codes = _states(self.mapping.general_missing if own is None else own)
        found = np.empty((len(recipe.sources), len(rows)), dtype=np.uint8)
        for place, column in enumerate(recipe.sources):
            index, distinct = pd.factorize(_canonical(self.texts(column, rows)))
            states = [
                (codes.state(text) or CellState.VALUE) if text else CellState.MISSING
                for text in distinct
            ]
            found[place] = np.array(states, dtype=np.uint8)[index]
        shared = np.where((found == found[0]).all(axis=0), found[0], CellState.MISSING)
        answered = (found == CellState.VALUE).any(axis=0)
        return np.where(answered, CellState.VALUE, shared).astype(np.uint8)


def _change(
    reader: CellReader,
    texts: pd.Series,
    column: TypedColumn,
    mapping: RoundMapping,
    recipe: Recipe,
) -> Change:
    lost = sum(len(places) for places in column.faults.values())
    how: list[str] = []
    recoded = 0
    if recipe.section != "columns":
        how.append(f"by [{recipe.section}]")
    if reader.recode is not None:
        counts = texts.value_counts()
        for text, count in counts.items():
            old = canonical(str(text))
            new = reader.recode.apply(old) if old else old
            recoded += int(count) if new != old else 0
            lost += int(count) if old and not new else 0
        how.append(f"by [recode.{reader.variable.name}]")
    if reader.variable.name in mapping.units:
        how.append(f"by [units.{reader.variable.name}]")
    return Change(recoded=recoded, lost=lost, how=tuple(how))


def _states(table: Mapping[str, str]) -> MissingCodes:
    return MissingCodes({code: STATE_NAMES[name] for code, name in table.items()})


def _canonical(texts: pd.Series) -> pd.Series:
    places, distinct = pd.factorize(texts)
    plain = pd.Series([canonical(str(text)) for text in distinct], dtype="str")
    return pd.Series(plain.array.take(places))


def _unknown_unit(rule: UnitRule) -> str:
    listed = ", ".join(rule.factors) or f"see {rule.table}"
    return f"a unit in {rule.by} that has a factor: {listed}"


def _advice(variable: Variable, values: list[str]) -> str:
    labels = {label.casefold(): code for code, label in variable.codes.items()}
    for value in values:
        code = labels.get(value.casefold())
        if code is not None and code != value:
            return (
                f"The file holds labels: write [recode.{variable.name}] with "
                f'"{value}" = "{code}".'
            )
    if variable.is_dated:
        return f"Another order of day and month? Write [dates] {variable.name} = ..."
    if variable.is_closed:
        return f"Correct it, or write [recode.{variable.name}] or [missing]."
    return ""
