"""All rounds of a study into one table of interviews, every row accounted for."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from estimators.errors import InputError
from sentinel.ingest.consent import GatedFile, gate, record_id
from sentinel.ingest.crosswalk import read_tables
from sentinel.ingest.derive import add_age_band
from sentinel.ingest.duplicates import (
    exclude_by_rule,
    record_ids,
    remove_duplicates,
    remove_withdrawn,
)
from sentinel.ingest.exports.completeness import check_completeness
from sentinel.ingest.exports.repeat_rows import take_repeats
from sentinel.ingest.file_table import FileTable
from sentinel.ingest.flow import count_flow, harmonisation_table
from sentinel.ingest.forms.versions import RoundForms, join_versions
from sentinel.ingest.forms.xlsform import read_form
from sentinel.ingest.interviews import Interviews
from sentinel.ingest.mapping import read_mapping
from sentinel.ingest.mapping_checks import check_mapping
from sentinel.ingest.planning import MappingFile, is_read, plan_file
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.readers import read_table
from sentinel.ingest.typed_columns import TypedColumn, absent_column
from sentinel.ingest.validate import (
    Assembled,
    apply_skip_logic,
    check_design,
    check_together,
)
from sentinel.safekeeping.withdrawals import Withdrawals, read_withdrawals
from sentinel.schema.codebook import SHIPPED_CODEBOOKS, Codebook, load_codebook
from sentinel.schema.problems import IngestError, Problem, Problems
from sentinel.schema.states import CellState
from sentinel.schema.variables import Variable
from sentinel.study.config import RoundSection, StudyConfig
from sentinel.study.loading import read_study

__all__ = ["check_study", "count_record", "ingest_study", "read_checked"]

Tell = Callable[[str], None]
BoolVector = npt.NDArray[np.bool_]
IndexVector = npt.NDArray[np.intp]


def ingest_study(config: StudyConfig, *, progress: Tell | None = None) -> Interviews:
    """Read, gate, validate and harmonise every round of a study.

    Parameters
    ----------
    config : StudyConfig
        As `load_study` returns it.
    progress : callable, optional
        Told the name of each file as its reading begins.

    Raises
    ------
    IngestError
        With every problem of mappings and data, not the first.
    """
    name = config.study.codebook
    codebook = load_codebook(name if name in SHIPPED_CODEBOOKS else config.path(name))
    problems = Problems()
    run = _Run(config, codebook, problems, progress or (lambda _: None))
    interviews = run.ingest()
    problems.raise_errors()
    if interviews is None:
        raise IngestError(problems)
    return interviews


def check_study(path: str | Path) -> Problems:
    """Return everything wrong with a study's file, codebook, mappings and data.

    Nothing is written.
    """
    return read_checked(path)[0]


def read_checked(path: str | Path) -> tuple[Problems, Interviews | None]:
    """Return what `check_study` does, and the interviews that could be read."""
    config, codebook, problems = read_study(path)
    if config is None or codebook is None or not len(codebook):
        return problems, None
    run = _Run(config, codebook, problems, lambda _: None, skip_absent=True)
    return problems, run.ingest()


def count_record(config: StudyConfig, record: str) -> int:
    """Return how many rows of a study's files bear a record id; reads nothing else.

    Raises
    ------
    IngestError
        If a file cannot be read, or none has a record id.
    """
    name = config.study.codebook
    codebook = load_codebook(name if name in SHIPPED_CODEBOOKS else config.path(name))
    problems = Problems()
    run = _Run(config, codebook, problems, lambda _: None)
    files = [file for item in config.rounds for file in run.read_round(item)]
    problems.raise_errors()
    variable = record_id(codebook)
    plain = unicodedata.normalize("NFC", record).strip()
    with_ids = [file for file in files if variable in file.recipes]
    if variable is None or not with_ids:
        hint = "Map the record id: without it no record can be found."
        raise IngestError(Problems([Problem(expected="a record id", hint=hint)]))
    return sum(int((record_ids(file, variable) == plain).sum()) for file in with_ids)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One pass over a study; `skip_absent` leaves out files already known to lack."""

    config: StudyConfig
    codebook: Codebook
    problems: Problems
    tell: Tell
    skip_absent: bool = False

    @property
    def supplied(self) -> frozenset[str]:
        """Computed variables that this study takes from its files."""
        return frozenset(filter(None, [self.config.design.weight]))

    def ingest(self) -> Interviews | None:
        """Return the interviews, or None if no respondent is left."""
        config, codebook, problems = self.config, self.codebook, self.problems
        files = [file for item in config.rounds for file in self.read_round(item)]
        for file in files:
            exclude_by_rule(file)
        tombstones = self._tombstones()
        remove_withdrawn(
            files, config.privacy.withdrawn, problems, tombstones=tombstones
        )
        remove_duplicates(files, problems)
        gated = [gate(file, config, problems) for file in files]
        _check_rounds(config, gated, problems)
        if not any(item.consented.any() for item in gated):
            return None
        variables = [item for item in codebook if is_read(item, self.supplied)]
        data = _assemble(gated, variables, problems)
        apply_skip_logic(data, codebook, problems)
        check_together(data, config, problems)
        check_design(data, config, problems)
        add_age_band(data.frame, data.states)
        return Interviews(
            frame=data.frame,
            states=data.states,
            dispositions=pd.concat(
                [item.dispositions for item in gated], ignore_index=True
            ),
            flow=count_flow(config, gated),
            origins=tuple(file.raw.origin for file in files),
            codebook=codebook,
            problems=Problems(problems.warnings),
            harmonisation=harmonisation_table(config, files, data.frame, data.states),
            withdrawals="" if tombstones is None else tombstones.head,
        )

    def _tombstones(self) -> Withdrawals | None:
        """Return who withdrew; that it cannot be known is an error like others."""
        try:
            return read_withdrawals(self.config)
        except InputError as error:
            self.problems.add(Problem(column="privacy.withdrawals", hint=str(error)))
            return None

    def read_round(self, item: RoundSection) -> Iterator[FileTable]:
        """Yield the readable files of a round with their plans."""
        path = None if item.mapping is None else self.config.path(item.mapping)
        if path is not None and self.skip_absent and not path.is_file():
            return
        forms = self._read_forms(item)
        label = item.mapping or ""
        mapping, lines, found = read_mapping(path, file=label)
        found.extend(check_mapping(mapping, self.codebook, file=label, lines=lines))
        tables = read_tables(mapping, self.config.folder, found)
        self._list_once(found)
        source = MappingFile(
            mapping=mapping,
            lines=lines,
            label=label,
            tables=tables,
            first_day=item.fieldwork_start,
        )
        read: list[RawTable] = []
        for name in item.files:
            if self.skip_absent and not self.config.path(name).is_file():
                continue
            self.tell(name)
            try:
                raw = read_table(
                    self.config.path(name),
                    sheet=item.sheet,
                    file_label=name,
                    form=None if forms is None else forms.reading,
                )
            except IngestError as error:
                self.problems.extend(error.problems)
                continue
            self.problems.extend(raw.problems)
            read.append(raw)
            if not found.errors:
                yield plan_file(
                    take_repeats(raw, mapping.repeats, self.problems),
                    source,
                    self.codebook,
                    round_label=item.label,
                    supplied=self.supplied,
                    problems=self.problems,
                    forms=forms,
                )
        if len(read) == len(item.files):
            self.problems.extend(check_completeness(item, read))

    def _read_forms(self, item: RoundSection) -> RoundForms | None:
        """Return the forms of a round, or None where it names none that can be read."""
        forms = []
        for name in item.form:
            path = self.config.path(name)
            if self.skip_absent and not path.is_file():
                continue
            try:
                forms.append(read_form(path, file_label=name))
            except IngestError as error:
                self._list_once(error.problems)
        if not forms:
            return None
        joined = join_versions(forms)
        self._list_once(joined.problems)
        return joined

    def _list_once(self, found: Problems) -> None:
        # Rounds often share a mapping file: its problems are one, not one per round.
        known = set(self.problems)
        self.problems.extend(problem for problem in found if problem not in known)


def _check_rounds(
    config: StudyConfig, gated: Sequence[GatedFile], problems: Problems
) -> None:
    for item in config.rounds:
        mine = [each for each in gated if each.file.round_label == item.label]
        if mine and not any(each.consented.any() for each in mine):
            problems.add(
                Problem(
                    file=", ".join(item.files),
                    expected=f"consenting respondents in round {item.label}",
                    hint="None of its rows has consent on record.",
                )
            )
    for each in gated:
        name = record_id(each.file.codebook)
        if name is None or name in each.columns:
            continue
        problems.add(
            Problem(
                severity="warning",
                file=each.file.label,
                row=1,
                column=name,
                expected="a record id",
                hint="Without it duplicates cannot be seen and nobody can withdraw.",
            )
        )


def _assemble(
    gated: Sequence[GatedFile], variables: Sequence[Variable], problems: Problems
) -> Assembled:
    parts: dict[str, list[TypedColumn]] = {item.name: [] for item in variables}
    for each in gated:
        chosen = np.flatnonzero(each.consented)
        not_asked = _not_asked(each, chosen, problems)
        # Absent columns of a kind are all alike, and most of a codebook is absent.
        absent: dict[tuple[bool, bool], TypedColumn] = {}
        for variable in variables:
            column = _column(each, variable, chosen, problems)
            if column is None:
                kind = variable.is_numeric, variable.is_dated
                if kind not in absent:
                    absent[kind] = absent_column(variable, len(chosen))
                column = absent[kind]
            elif variable.name in not_asked:
                column = _without(column, not_asked[variable.name])
            parts[variable.name].append(column)
    sizes = [int(each.consented.sum()) for each in gated]
    labels = [
        label
        for each, size in zip(gated, sizes, strict=True)
        for label in [each.file.round_label] * size
    ]
    values = {"round_id": pd.Series(labels, dtype="str")}
    states = {"round_id": np.zeros(len(labels), dtype=np.uint8)}
    for name, columns in parts.items():
        values[name] = pd.concat([item.values for item in columns], ignore_index=True)
        states[name] = np.concatenate([item.states for item in columns])
    return Assembled(
        frame=pd.DataFrame(values),
        states=pd.DataFrame(states),
        files=[each.file for each in gated],
        file_numbers=np.repeat(np.arange(len(gated)), sizes).astype(np.intp),
        rows=np.concatenate(
            [each.file.raw.rows[each.file.kept[each.consented]] for each in gated]
        ),
    )


def _not_asked(
    each: GatedFile, chosen: IndexVector, problems: Problems
) -> dict[str, BoolVector]:
    """Return by variable where its form did not ask; lists what the form forbids."""
    if each.file.answers is None:
        return {}
    by_column = each.file.answers.judge(each.file.kept[chosen], problems)
    return {
        name: by_column[recipe.sources[0]]
        for name, recipe in each.file.recipes.items()
        if len(recipe.sources) == 1 and recipe.sources[0] in by_column
    }


def _without(column: TypedColumn, not_asked: BoolVector) -> TypedColumn:
    """Return a column whose blanks are "not asked" where the form did not ask."""
    blank = not_asked & (column.states == CellState.MISSING)
    states = np.where(blank, np.uint8(CellState.NOT_ASKED), column.states)
    return replace(column, states=states.astype(np.uint8))


def _column(
    each: GatedFile, variable: Variable, chosen: IndexVector, problems: Problems
) -> TypedColumn | None:
    name = variable.name
    if name in each.columns:
        column = each.columns[name]
        return TypedColumn(
            values=column.values.iloc[chosen].reset_index(drop=True),
            states=column.states[chosen],
        )
    if name in each.file.recipes:
        return each.file.read(name, each.file.kept[chosen], problems)
    return None
