"""A model's levels need as many cases and others as a printed row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.analysis.model_levels import check_levels, merge_rare

K = 11


def people(**levels):
    """Return one column and the outcome from (cases, others) by level."""
    rows = [
        (level, answer)
        for level, numbers in levels.items()
        for answer, number in zip((1, 0), numbers, strict=True)
        for _ in range(number)
    ]
    frame = pd.DataFrame(rows, columns=["sector", "case"])
    frame["sector"] = frame["sector"].astype("str")
    return frame


def merged(frame):
    column, gone = merge_rare(frame["sector"], frame["case"], K)
    return list(column.cat.categories), gone


def test_an_odds_ratio_and_its_error_give_the_cases_of_a_level_back():
    """Why levels are merged: 4 of 34 against 66 of 369, from three printed digits."""
    error = float(f"{np.sqrt(1 / 4 + 1 / 30 + 1 / 66 + 1 / 303):.3g}")
    ratio = float(f"{np.log(4 / 30 / (66 / 303)):.3g}")
    fitting = [
        cases
        for cases in range(1, 34)
        if abs(np.sqrt(1 / cases + 1 / (34 - cases) + 1 / 66 + 1 / 303) - error) < 1e-3
        and abs(np.log(cases / (34 - cases) / (66 / 303)) - ratio) < 1e-2
    ]
    assert fitting == [4]


def test_merge_rare__few_cases_few_others_and_few_respondents():
    frame = people(
        build=(66, 303), port=(4, 30), sea=(24, 9), beg=(1, 7), farm=(41, 190)
    )
    assert merged(frame) == (["build", "farm", "other"], ["beg", "port", "sea"])


def test_merge_rare__other_is_joined_until_it_has_enough_itself():
    frame = people(build=(66, 303), farm=(41, 190), port=(4, 30))
    assert merged(frame) == (["build", "other"], ["farm", "port"])
    assert merged(people(build=(66, 303), farm=(41, 190))) == (["build", "farm"], [])


def test_merge_rare__a_level_called_other_is_there_once():
    frame = people(build=(66, 303), other=(40, 40), port=(4, 30))
    levels, gone = merged(frame)
    assert levels == ["build", "other"]
    assert gone == ["other", "port"]


def test_check_levels__rounds_and_combinations_are_refused_by_name():
    frame = people(a=(66, 303), b=(40, 60))
    frame["sector"] = pd.Categorical(frame["sector"])
    frame["sex"] = pd.Categorical(np.where(frame.index % 2, "1", "2"))
    check_levels(frame, "case", "case ~ C(sector) * sex", K)
    rare = frame[(frame["sector"] == "a") | (frame["sex"] == "1") | (frame.index < 375)]
    check_levels(rare, "case", "case ~ C(sector) + sex", K)
    with pytest.raises(InputError, match=r"sector x sex: b x 2\. Leave"):
        check_levels(rare, "case", "case ~ C(sector) * sex", K)
    few = pd.concat([frame[frame["sector"] == "a"], frame[-30:]])
    with pytest.raises(InputError, match=r"behind sector: b\."):
        check_levels(few, "case", "case ~ sector", K)
