"""Raw answers of ten million persons to 67 questions: decode, settle, list what fired.

The table is what reading leaves: one column of answers and one of cell states per
question, 20 % yes, 10 % without an answer. Three layouts of the same answers:
categories, small integers, and texts (objects), whose decoding is a hash per cell.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.speed._timing import report, time_calls
from sentinel.classify import classify, indicator_set, load_definition
from sentinel.classify.definitions import Indicator
from sentinel.classify.expressions import parse_expression
from sentinel.classify.syntax_tree import CountRule, Reference
from sentinel.schema.states import CellState
from tests.twins import classify as twin

if TYPE_CHECKING:
    from sentinel.classify import Definition

N_PERSONS = 1_000_000
SET = "ilo_ec_2009_adult_labour"
CODES = ("0", "1", "2")
LAYOUTS = ("category", "Int8", "str", "object")


def whole_set() -> Definition:
    """Return the adult labour definition with one question for each of its 67 items."""
    shipped = load_definition("ilo_adult_labour")
    members = indicator_set(SET)
    indicators = tuple(
        Indicator(
            code=item.code,
            label=item.text,
            phase=item.phase,
            text=f"q_{item.code} = 1",
            condition=parse_expression(f"q_{item.code} = 1"),
            strength=item.strength,
        )
        for item in members
    )
    dimensions = []
    for dimension in shipped.dimensions:
        by_strength = {
            strength: tuple(
                Reference(item.code)
                for item in members
                if item.code[3:5] == dimension.name and item.strength == strength
            )
            for strength in ("strong", "medium", "weak")
        }
        rule = CountRule(**by_strength, unweighted=(), rule=dimension.condition.rule)
        dimensions.append(replace(dimension, condition=rule))
    return replace(shipped, indicators=indicators, dimensions=tuple(dimensions))


def make_input(n_persons: int, layout: str, definition: Definition) -> SimpleNamespace:
    """Return interviews whose answers are stored as `layout` says."""
    rng = np.random.default_rng(20260101)
    frame, states = {}, {}
    for name in definition.variables:
        drawn = rng.random(n_persons, dtype=np.float32)
        lost = drawn > 0.9
        codes = (drawn > 0.6).astype(np.int8) + (drawn > 0.8)
        states[name] = np.where(lost, CellState.REFUSED, CellState.VALUE).astype("u1")
        frame[name] = answers(codes, lost, layout)
    return SimpleNamespace(
        frame=pd.DataFrame(frame, copy=False), states=pd.DataFrame(states, copy=False)
    )


def answers(
    codes: np.ndarray, lost: np.ndarray, layout: str
) -> pd.api.extensions.ExtensionArray:
    """Return one column of answers."""
    if layout == "Int8":
        return pd.arrays.IntegerArray(codes, lost)
    column = pd.Categorical.from_codes(np.where(lost, -1, codes), categories=CODES)
    return column if layout == "category" else column.astype(layout)


def check(layout: str, definition: Definition, n_persons: int = 300) -> None:
    """Compare lists, dimensions and pattern with the twin, person by person."""
    interviews = make_input(n_persons, layout, definition)
    found = classify(interviews, definition).frame
    for row in range(n_persons):
        values = {
            item.code: None
            if interviews.states[f"q_{item.code}"].iloc[row] != CellState.VALUE
            else str(interviews.frame[f"q_{item.code}"].iloc[row]) == "1"
            for item in definition.indicators
        }
        for column, sought in {"fired": True, "unknown": None}.items():
            listed = ";".join(code for code, value in values.items() if value is sought)
            assert found[column].iloc[row] == listed
        marks = {True: "1", False: "0", None: "?"}
        pattern = ""
        for name in ("DR", "CR", "RV", "EX", "CD", "VD"):
            members = [m for m in definition.indicators if m.code[3:5] == name]
            pattern += marks[
                twin.dimension(
                    [values[member.code] for member in members],
                    [member.strength for member in members],
                )
            ]
        assert found["d_pattern"].iloc[row] == pattern


def main(n_persons: int = N_PERSONS) -> None:
    """Check the answers, then time every layout."""
    definition = whole_set()
    for layout in LAYOUTS:
        check(layout, definition)
    calls = {
        f"classify {n_persons} x 67, {layout}": partial(
            classify, make_input(n_persons, layout, definition), definition
        )
        for layout in LAYOUTS
    }
    report(time_calls(calls))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
