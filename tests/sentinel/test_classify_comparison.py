"""Definitions on one sample: by hand, with unknowns, and what may be printed."""

import io
import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from estimators.errors import InputError
from sentinel.classify import compare_definitions, load_definition
from sentinel.disclosure import ReleasePolicy, protect_marginals
from sentinel.report import (
    comparison_file,
    release_classification,
    release_comparison,
)
from sentinel.study.config import StudyConfig

TEMPLATE = """
[definition]
name = "{name}"
title = "A definition"

[settings.base]

[indicators.A]
label = "a"
phase = "work"
when = "{when}"

[outcomes]
d_traff = "A"
"""


def _definition(tmp_path, name, when):
    path = tmp_path / f"{name}.toml"
    path.write_text(TEMPLATE.format(name=name, when=when), encoding="utf-8")
    return load_definition(path)


def _interviews(locked, violence):
    frame = pd.DataFrame({"locked": locked, "violence": violence}, dtype="str")
    frame["rec_id"] = [f"secret-{row}" for row in range(len(frame))]
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=frame.columns)
    states[["locked", "violence"]] = np.where(
        frame[["locked", "violence"]] == "9", 2, 0
    ).astype(np.uint8)
    return SimpleNamespace(frame=frame.mask(states != 0), states=states)


#         both yes   first only  second only  neither    unknown in one
COUNTS = {"11": 30, "10": 20, "01": 15, "00": 60, "91": 12, "09": 13}


@pytest.fixture(name="found")
def _found(tmp_path):
    answers = [pair for pair, count in COUNTS.items() for _ in range(count)]
    interviews = _interviews([a[0] for a in answers], [a[1] for a in answers])
    return compare_definitions(
        interviews,
        [
            _definition(tmp_path, "confined", "locked = 1"),
            _definition(tmp_path, "beaten", "violence = 1"),
        ],
    )


def test_compare__counts_shares_and_bounds_by_hand(found):
    row = found.prevalence.set_index("definition").loc["confined"]
    assert row[["n", "yes", "no", "unknown"]].tolist() == [150, 50, 88, 12]
    assert row["estimate"] == pytest.approx(50 / 138)
    assert row["lower"] == pytest.approx(50 / 150)
    assert row["upper"] == pytest.approx(62 / 150)
    assert row["bound_low"] < row["lower"] < row["upper"] < row["bound_high"]


def test_compare__agreement_and_who_moves_by_hand(found):
    row = found.agreement.iloc[0]
    cells = ["both_yes", "first_only", "second_only", "both_no"]
    assert row[cells].tolist() == [30, 20, 15, 60]
    # Cohen's kappa from its definition.
    observed = 90 / 125
    chance = (50 * 45 + 75 * 80) / 125**2
    assert row["share"] == pytest.approx(observed)
    assert row["kappa"] == pytest.approx((observed - chance) / (1 - chance))
    assert found.patterns["count"].sum() == 150
    assert found.patterns.iloc[0].tolist() == ["no", "no", 60]


def test_compare__ids_stay_in_the_internal_object(found):
    assert found.records.frame["rec_id"].str.startswith("secret-").all()
    released = release_comparison(found, ReleasePolicy())
    for shown in (repr(found), str(found.records), repr(found.records), repr(released)):
        assert "secret-" not in shown
    for table in (found.prevalence, found.agreement, found.patterns, found.persons):
        assert "secret-" not in table.to_csv()


def test_compare__only_one_answer_can_be_settled(tmp_path):
    interviews = _interviews(["1"] * 20 + ["9"] * 30, ["0"] * 50)
    definitions = [
        _definition(tmp_path, "confined", "locked = 1"),
        _definition(tmp_path, "beaten", "violence = 1"),
    ]
    found = compare_definitions(interviews, definitions)
    row = found.prevalence.set_index("definition").loc["confined"]
    # 20 of the 20 who are settled: no prevalence of 100 %, but bounds.
    assert np.isnan(row["estimate"])
    assert (row["lower"], row["upper"]) == (0.4, 1.0)
    assert found.compared == ("beaten",)
    assert any("only bounds are given" in note for note in found.notes)


def test_compare__bad_input(tmp_path):
    twice = [_definition(tmp_path, "a", "locked = 1")] * 2
    with pytest.raises(InputError, match="twice: a"):
        compare_definitions(_interviews(["1"], ["1"]), twice)
    with pytest.raises(InputError, match="at least one"):
        compare_definitions(_interviews(["1"], ["1"]), [])
    with pytest.raises(InputError, match="no interviews"):
        compare_definitions(_interviews([], []), twice[:1])


def test_release__shows_what_is_large_and_hides_what_tells_small(tmp_path, found):
    released = release_comparison(found, ReleasePolicy())
    assert not released.prevalence["hidden"].any()
    assert released.agreement.iloc[0]["kappa"] == found.agreement.iloc[0]["kappa"]
    answers = [
        pair
        for pair, count in (COUNTS | {"01": 4}).items()
        for _ in range(count)
    ]  # fmt: skip
    interviews = _interviews([a[0] for a in answers], [a[1] for a in answers])
    definitions = [
        _definition(tmp_path, "confined", "locked = 1"),
        _definition(tmp_path, "beaten", "violence = 1"),
    ]
    released = release_comparison(
        compare_definitions(interviews, definitions), ReleasePolicy()
    )
    row = released.agreement.iloc[0]
    assert pd.isna(row["second_only"])
    assert np.isnan(row["kappa"])
    assert released.n_hidden >= 2


def test_release__a_comparison_as_a_file_says_what_is_shown_and_no_more(found):
    released = release_comparison(found, ReleasePolicy())
    config = StudyConfig.model_validate(
        {
            "study": {"title": "t", "population": "p", "reference_period": "r"},
            "rounds": [
                {"label": "A", "files": ["a.csv"], "fieldwork_start": "2010-01-01",
                 "fieldwork_end": "2010-01-02"}
            ],
        }
    )  # fmt: skip
    counted = comparison_file(released, config, (), setting="base")
    shown = pd.read_csv(io.StringIO(counted.text), dtype=str)
    confined = shown[(shown["definition"] == "confined") & shown["other"].isna()]
    values = confined.set_index("quantity")["value"]
    assert values[["yes", "no", "unknown"]].tolist() == ["50", "88", "12"]
    assert float(values["estimate"]) == pytest.approx(50 / 138, abs=1e-6)
    family = counted.cells.cells["class d_traff"]
    # Beaten: 30 of both, 15 alone, 12 of whom the other is not known.
    assert family["definition=beaten base|value=yes|persons"] == 57
    moves = counted.cells.cells["definitions compared"]
    assert sorted(n for n in moves.values() if n) == [15, 20, 25, 30, 60]


def test_release__a_classification_counts_types_too():
    uniap = load_definition("uniap")
    frame = pd.DataFrame(
        {name: ["1"] * 40 + ["0"] * 3 for name in ("d_traff", "d_worst")}
    ).astype("Int8")
    for name in uniap.outcome_names:
        if name not in frame:
            frame[name] = pd.array([1] * 43, dtype="Int8")
    result = SimpleNamespace(definition=uniap, frame=frame)
    shown, n_hidden = release_classification(result, ReleasePolicy())
    cells = shown.set_index(["class", "value"])["count"]
    assert cells["d_deceived", "yes"] == 43
    assert pd.isna(cells["d_traff", "no"])
    assert n_hidden == 4


def _limits(frame, tables, shown, combination):
    """Return least and most of a joint cell that fit everything that is shown."""
    names = list(frame)
    keys = [
        dict(zip(names, key, strict=True))
        for key in frame.value_counts(sort=False).index
    ]
    rows, right = [np.ones(len(keys))], [len(frame)]
    for columns, table in zip(tables, shown, strict=True):
        for *values, count in table.itertuples(index=False, name=None):
            if not pd.isna(count):
                wanted = dict(zip(columns, values, strict=True))
                rows.append([wanted.items() <= key.items() for key in keys])
                right.append(count)
    target = np.array([tuple(key.values()) == combination for key in keys], dtype=float)
    found = [
        linprog(sign * target, A_eq=np.array(rows, float), b_eq=right).fun * sign
        for sign in (1, -1)
    ]
    return tuple(found)


@given(entropy=st.integers(0, 2**32 - 1))
@settings(max_examples=3, deadline=None, derandomize=True)
def test_marginals__no_small_joint_cell_can_be_solved_for(entropy):
    rng = np.random.default_rng(entropy)
    base = rng.normal(size=400)
    frame = pd.DataFrame(
        {
            name: np.where(base + rng.normal(0, 0.5, 400) > cut, "yes", "no")
            for name, cut in (("a", 0.3), ("b", 0.8), ("c", 1.2))
        }
    )
    tables = [["a"], ["b"], ["c"], *map(list, itertools.combinations("abc", 2))]
    found = protect_marginals(frame, tables, ReleasePolicy())
    joint = frame.value_counts(sort=False)
    for combination, count in joint.items():
        if 0 < count < 11:
            low, high = _limits(frame, tables, found.tables, combination)
            assert high - low >= 9.99 or (low <= 1.01 and high >= 9.99)
    for columns, table in zip(tables, found.tables, strict=True):
        true = frame[columns].value_counts()
        for *key, count in table.itertuples(index=False, name=None):
            assert pd.isna(count) or count == true[tuple(key)]


def test_marginals__bad_input():
    frame = pd.DataFrame({"a": ["x", None]})
    with pytest.raises(InputError, match="no column b"):
        protect_marginals(frame, [["b"]], ReleasePolicy())
    with pytest.raises(InputError, match="Missing values"):
        protect_marginals(frame, [["a"]], ReleasePolicy())
    with pytest.raises(InputError, match="no persons"):
        protect_marginals(frame.iloc[:0], [["a"]], ReleasePolicy())
