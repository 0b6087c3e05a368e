"""Checks that need more than one cell: design, dates, skip logic, order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.file_table import FileTable
from sentinel.ingest.findings import add_rows
from sentinel.ingest.raw_table import cell_text
from sentinel.schema.problems import Problem, Problems
from sentinel.schema.states import CellState
from sentinel.schema.variables import Codebook
from sentinel.study.config import StudyConfig

__all__ = ["Assembled", "apply_skip_logic", "check_design", "check_together"]

BoolVector = npt.NDArray[np.bool_]
INTERVIEW_DATE = "int_date"
# Left must not exceed right, where both are known.
_IN_ORDER = (
    ("leave_date", "return_date"),
    ("leave_date", "int_date"),
    ("return_date", "int_date"),
    ("samp_r", "truck_n"),
    ("deport_12m", "n_deport"),
)
_ADULT = 18


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembled:
    """All consenting respondents with the place of each in the files."""

    frame: pd.DataFrame
    states: pd.DataFrame
    files: Sequence[FileTable]
    file_numbers: npt.NDArray[np.intp]
    rows: npt.NDArray[np.int64]

    def list_rows(
        self,
        problems: Problems,
        where: BoolVector,
        variable: str,
        expected: str,
        hint: str,
        *,
        is_error: bool = False,
    ) -> None:
        """Add one finding per row where a check fails, file by file."""
        for number in np.unique(self.file_numbers[where]):
            file = self.files[number]
            places = np.flatnonzero(where & (self.file_numbers == number))
            values = self.frame[variable].iloc[places]
            add_rows(
                problems,
                [
                    (int(row), _shown(value))
                    for row, value in zip(self.rows[places], values, strict=True)
                ],
                file=file.label,
                column=file.column_of(variable),
                expected=expected,
                hint=hint,
                severity="error" if is_error else "warning",
            )

    def is_value(self, variable: str) -> BoolVector:
        """Return where a variable has a value."""
        return np.asarray(self.states[variable].to_numpy() == CellState.VALUE)


def _shown(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return cell_text(value)


def apply_skip_logic(data: Assembled, codebook: Codebook, problems: Problems) -> None:
    """Tell "not asked" from "missing", and list answers to questions not asked.

    Only rows of files that hold both the question and the one it hangs on are judged.
    """
    for variable in codebook:
        condition = variable.asked_if
        needed = {variable.name} | (condition.variables if condition else set())
        if condition is None or not needed <= set(data.frame.columns):
            continue
        judged = np.array(
            [needed <= set(file.recipes) for file in data.files], np.bool_
        )
        inside = judged[data.file_numbers]
        if not inside.any():
            continue
        held, open_ = condition.evaluate(data.frame, data.states)
        not_asked = inside & ~held & ~open_
        states = data.states[variable.name].to_numpy().copy()
        answered = not_asked & (states == CellState.VALUE)
        if variable.kind == "multi":
            answered &= (data.frame[variable.name] != "none").to_numpy(
                np.bool_, na_value=False
            )
        states[not_asked & (states == CellState.MISSING)] = CellState.NOT_ASKED
        data.states[variable.name] = states
        data.list_rows(
            problems,
            answered,
            variable.name,
            f"no answer, because it is asked only if {condition}",
            "Both answers are kept; look at the form.",
        )


def check_together(data: Assembled, config: StudyConfig, problems: Problems) -> None:
    """List answers that contradict each other or the dates of fieldwork; warnings."""
    frame = data.frame
    for left, right in _IN_ORDER:
        if left in frame and right in frame:
            later = _exceeds(frame[left], frame[right])
            hint = "Both are kept; look at the form."
            data.list_rows(problems, later, left, f"at most {right}", hint)
    if {"age", "child_guard"} <= set(frame.columns):
        child = (frame["age"] < _ADULT).to_numpy(np.bool_, na_value=False)
        alone = child & ~frame["child_guard"].isin(["1", "2", "3"]).to_numpy(np.bool_)
        asked = data.states["child_guard"].to_numpy() != CellState.NOT_ASKED
        data.list_rows(
            problems,
            alone & asked,
            "child_guard",
            "a guardian, a social worker or a waiver on record for a child",
            "Ask the field team; without protection the interview should not be kept.",
        )
    if INTERVIEW_DATE in frame:
        for item in config.rounds:
            day = frame[INTERVIEW_DATE]
            start, end = (
                pd.Timestamp(item.fieldwork_start),
                pd.Timestamp(item.fieldwork_end),
            )
            outside = ((day < start) | (day > end)).to_numpy(np.bool_)
            data.list_rows(
                problems,
                outside & (frame["round_id"] == item.label).to_numpy(),
                INTERVIEW_DATE,
                f"a day of fieldwork, {item.fieldwork_start} to {item.fieldwork_end}",
                "Correct the day, or the dates of the round in the study file.",
            )


def _exceeds(left: pd.Series, right: pd.Series) -> BoolVector:
    if pd.api.types.is_datetime64_any_dtype(left):
        # Months are held as their first day: compare months with months.
        left, right = left.dt.to_period("M"), right.dt.to_period("M")
        return (left > right).to_numpy(np.bool_)
    return (left > right).to_numpy(np.bool_, na_value=False)


def check_design(data: Assembled, config: StudyConfig, problems: Problems) -> None:
    """List respondents without a stratum, cluster or weight; errors."""
    known = {(item.file, item.row, item.column) for item in problems}
    design = config.design
    names = [*design.strata, *design.cluster, *filter(None, [design.weight])]
    for name in dict.fromkeys(item for item in names if item != "round_id"):
        if name not in data.frame:
            continue
        problems.extend(_absent_in_files(data, name))
        gaps = ~data.is_value(name)
        gaps &= data.states[name].to_numpy() != CellState.NOT_ASKED
        if name == design.weight:
            gaps |= (data.frame[name] <= 0).to_numpy(np.bool_, na_value=False)
        for place in np.flatnonzero(gaps):
            file = data.files[data.file_numbers[place]]
            gaps[place] = (
                file.label,
                int(data.rows[place]),
                file.column_of(name),
            ) not in known
        expected = (
            "a weight above 0 for every respondent"
            if name == design.weight
            else "a value for every respondent: it belongs to the sampling design"
        )
        hint = "Complete it, exclude the rows by rule, or change [design]."
        data.list_rows(problems, gaps, name, expected, hint, is_error=True)
    size = design.cluster_size
    if design.weight is None and size is not None and size in data.frame:
        problems.extend(_rounds_without(data, config, size))


def _absent_in_files(data: Assembled, name: str) -> Iterator[Problem]:
    for number, file in enumerate(data.files):
        if name not in file.recipes and (data.file_numbers == number).any():
            yield Problem(
                file=file.label,
                row=1,
                column=name,
                expected=f"a column that makes {name}: it belongs to the design",
                hint="Map it, give it under [constants], or change [design].",
            )


def _rounds_without(
    data: Assembled, config: StudyConfig, name: str
) -> Iterator[Problem]:
    for item in config.rounds:
        inside = (data.frame["round_id"] == item.label).to_numpy()
        if inside.any() and not data.is_value(name)[inside].any():
            yield Problem(
                file=", ".join(item.files),
                column=name,
                expected=f"the size of the clusters of round {item.label}",
                hint='Map it, or write cluster_size = "": all then count alike.',
            )
