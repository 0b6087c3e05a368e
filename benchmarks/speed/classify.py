"""Ten million persons by 67 indicators: dimension rule, pattern, type, outcome.

The input is what a definition's conditions leave: one row of 0, 1 (unknown) and 2 per
indicator of the ILO / EC adult labour set, all 67 of them, 10 % unknown.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed._timing import report, time_calls
from sentinel.classify import (
    apply_count_rule,
    indicator_set,
    load_definition,
    rule_table,
    settle_outcomes,
)
from tests.twins import classify as twin

if TYPE_CHECKING:
    import numpy.typing as npt

    from sentinel.classify import Definition

N_PERSONS = 10_000_000
SET = "ilo_ec_2009_adult_labour"
WORDS = {0: False, 1: None, 2: True}


def make_input(n_persons: int = N_PERSONS) -> npt.NDArray[np.int8]:
    """Return truths, shape (67, persons)."""
    rng = np.random.default_rng(20260101)
    truths = np.empty((len(indicator_set(SET)), n_persons), dtype=np.int8)
    for row in truths:
        drawn = rng.random(n_persons, dtype=np.float32)
        row[:] = (drawn > 0.72).astype(np.int8) + (drawn > 0.82)
    return truths


def dimensions(
    truths: npt.NDArray[np.int8], definition: Definition
) -> dict[str, npt.NDArray[np.int8]]:
    """Return the truth of every dimension from all indicators of its set."""
    members = indicator_set(SET)
    found = {}
    for name in ("DR", "CR", "RV", "EX", "CD", "VD"):
        rows = [i for i, item in enumerate(members) if item.code[3:5] == name]
        strengths = [members[row].strength for row in rows]
        rule = next(d for d in definition.dimensions if d.name == name).condition.rule
        sizes = tuple(strengths.count(w) for w in ("strong", "medium", "weak"))
        found[name] = apply_count_rule(
            truths[rows[0] : rows[-1] + 1], strengths, rule_table(rule, sizes)
        )
    return found


def whole(truths: npt.NDArray[np.int8], definition: Definition) -> npt.NDArray[np.int8]:
    """Return who is a case, with pattern and type made on the way."""
    found = dimensions(truths, definition)
    definition.typology.assign(list(found.values()))
    means = np.maximum(found["DR"], found["CR"])
    return np.minimum(np.minimum(means, found["EX"]), found["CD"])


def check(truths: npt.NDArray[np.int8], definition: Definition, n: int = 300) -> None:
    """Compare the first persons with the twin, who tries every completion."""
    found = dimensions(np.ascontiguousarray(truths[:, :n]), definition)
    members = indicator_set(SET)
    for name, got in found.items():
        rows = [i for i, item in enumerate(members) if item.code[3:5] == name]
        strengths = [members[row].strength for row in rows]
        for person in range(n):
            values = [WORDS[truths[row, person]] for row in rows]
            assert WORDS[got[person]] == twin.dimension(values, strengths)


def main() -> None:
    """Check the answer, then time."""
    definition = load_definition("ilo_adult_labour")
    truths = make_input()
    check(truths, definition)
    report(
        time_calls(
            {
                "six dimensions of 67 indicators": partial(
                    dimensions, truths, definition
                ),
                "dimensions, pattern, type, outcome": partial(
                    whole, truths, definition
                ),
                "settle_outcomes, the 37 in use": partial(
                    settle_outcomes, definition, truths[: len(definition.indicators)]
                ),
            }
        )
    )
