"""Conditions of a form on 200 000 rows, and a whole export read with its form."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sentinel.ingest import read_table
from sentinel.ingest.forms import (
    Choice,
    Question,
    Rows,
    Texts,
    evaluate,
    read_form,
)
from sentinel.ingest.forms.choice_filters import left_out
from sentinel.ingest.forms.xpath_syntax import parse_expression
from tests.sentinel.exports import exports
from tests.sentinel.forms.xlsforms import write_form
from tests.twins import form_expressions as twin

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 5
N = 200_000
RULES = (
    "${age} >= 12 and ${age} < 18",
    "selected(${means}, 'debt') or count-selected(${means}) > 1",
    "not(selected(${means}, 'dk')) or count-selected(${means}) = 1",
    "if(${sex} = '2', ${age} * 2, ${age}) > 30",
    "regex(${means}, '[a-z ]+') and ${sex} != ''",
)


def main() -> None:
    """Print CPU seconds: median of warm runs."""
    rng = np.random.default_rng(1)
    age = rng.integers(5, 99, N).astype(str)
    sex = rng.choice(["1", "2", ""], N)
    means = rng.choice(["debt", "debt docs", "", "dk", "docs"], N)
    frame = pd.DataFrame({"age": age, "sex": sex, "means": means}, dtype="str")

    def judge() -> None:
        columns = {
            str(name): Texts.of(frame[name], is_number=name == "age") for name in frame
        }
        rows = Rows(n=N, columns=columns)
        for rule in RULES:
            evaluate(rule, rows)

    print(f"{len(RULES)} rules on {N:,} rows: {_median(judge):.3f} s")
    _check(frame)
    _filters(rng)
    with tempfile.TemporaryDirectory() as folder:
        form = read_form(write_form(Path(folder) / "form.xlsx"))
        table = (exports.KOBO[0], *(exports.KOBO[1:] * 5_000))
        path = exports.write_csv(Path(folder) / "export.csv", table)
        seconds = _median(lambda: read_table(path, form=form))
    print(f"an export of 20 000 rows x {len(table[0])} columns: {seconds:.3f} s")


def _filters(rng: np.random.Generator) -> None:
    """Answers of a list of 50 000 villages, against the province of their row."""
    lines = tuple(
        Choice(name=str(village), columns={"province": f"p{province}"})
        for province in range(500)
        for village in range(100)
    )
    question = Question(
        name="village",
        kind="select_one",
        choices=lines[:100],
        listed=lines,
        choice_filter="province = ${province}",
    )
    homes = pd.Series("p" + pd.Series(rng.integers(0, 555, N)).astype("str"))
    own = Texts.of(pd.Series(rng.integers(0, 100, N).astype(str)))
    rows = Rows(n=N, columns={"province": Texts.of(homes)})
    shut = left_out(question, own, rows).true
    if shut.sum() != (homes.str[1:].astype(int) >= 500).sum():
        raise SystemExit("the filter differs from what was drawn")
    seconds = _median(lambda: left_out(question, own, rows))
    print(f"a choice filter over 50 000 choices on {N:,} rows: {seconds:.3f} s")


def _check(frame: pd.DataFrame) -> None:
    """Compare the first rows with the twin."""
    part = frame.head(500)
    columns = {
        str(name): Texts.of(part[name], is_number=name == "age") for name in part
    }
    for rule in RULES[:4]:
        found = evaluate(rule, Rows(n=len(part), columns=columns))
        tree = parse_expression(rule)
        for place, row in enumerate(part.itertuples(index=False)):
            answers = {"age": twin.Number(row.age), "sex": row.sex, "means": row.means}
            if found.true[place] != twin.truth(twin.evaluate(tree, answers)):
                raise SystemExit(f"{rule} differs from its twin in row {place}")


def _median(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
