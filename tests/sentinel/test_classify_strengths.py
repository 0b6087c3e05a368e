"""The rule of the ILO / EC set: printed vectors, the twin, patterns and types."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel.classify import (
    apply_count_rule,
    classify,
    indicator_set,
    load_definition,
    rule_table,
    settle_outcomes,
)
from sentinel.classify.expressions import parse_expression
from sentinel.classify.typology import holds
from sentinel.schema.states import CellState
from tests.twins import classify as twin

ADULT = load_definition("ilo_adult_labour")
DELPHI = next(item for item in ADULT.dimensions if item.name == "CD").condition.rule
DIMENSIONS = ("DR", "CR", "RV", "EX", "CD", "VD")
TRUTHS = {0: False, 1: None, 2: True}
WORDS = ("strong", "medium", "weak")


@pytest.mark.parametrize(
    ("counts", "positive"),
    [
        ((2, 0, 0), True),
        ((1, 1, 0), True),
        ((1, 0, 1), True),
        ((0, 3, 0), True),
        ((0, 2, 1), True),
        ((1, 0, 0), False),
        ((0, 2, 0), False),
        ((0, 1, 5), False),
        ((0, 0, 9), False),
        ((0, 0, 0), False),
    ],
)
def test_delphi_rule__vectors(counts, positive):
    assert rule_table(DELPHI, (9, 9, 9))[counts] == positive
    assert twin.delphi(*counts) == positive


def test_every_dimension_of_every_set_has_the_same_rule():
    for name in ("ilo_adult_labour", "ilo_child_labour"):
        for item in load_definition(name).dimensions:
            assert item.condition.rule == DELPHI


def test_sets__sizes_and_strong_list():
    sizes = {"DR": 10, "CR": 10, "RV": 16, "EX": 9, "CD": 15, "VD": 7}
    adult = indicator_set("ilo_ec_2009_adult_labour")
    found = pd.Series([item.code[3:5] for item in adult]).value_counts().to_dict()
    assert found == sizes
    strong = {item.code for item in adult if item.strength == "strong"}
    assert strong == {
        "AL_DR01", "AL_CR01", "AL_EX01", "AL_CD01", "AL_CD02", "AL_CD03", "AL_CD04",
    }  # fmt: skip
    child = indicator_set("ilo_ec_2009_child_labour")
    assert len(child) == 65
    assert "weak" not in {item.strength for item in child}


def test_sets__what_was_taken_weighs_more_at_the_destination():
    by_code = {item.code: item for item in indicator_set("ilo_ec_2009_adult_labour")}
    for on_recruitment, at_work in (
        ("CR05", "CD01"),
        ("CR04", "CD02"),
        ("CR06", "CD03"),
    ):
        before, after = by_code[f"AL_{on_recruitment}"], by_code[f"AL_{at_work}"]
        assert (before.strength, before.phase) == ("medium", "recruitment")
        assert (after.strength, after.phase) == ("strong", "work")
    assert by_code["AL_CR01"].strength == by_code["AL_CD04"].strength == "strong"


def test_sets__equal_the_list_they_were_taken_from(shared_folder):
    listed = pd.read_csv(shared_folder / "domain" / "indicators.csv")
    labour = listed[listed["set"].isin(["adult_labour", "child_labour"])]
    labour = labour[labour["framework"] == "ILO_EC_2009"]
    ours = [
        *indicator_set("ilo_ec_2009_adult_labour"),
        *indicator_set("ilo_ec_2009_child_labour"),
    ]
    assert {item.code: item.strength for item in ours} == dict(
        zip(labour["indicator_code"], labour["strength"], strict=True)
    )


RULES = {
    "delphi": (DELPHI, twin.delphi),
    # Not monotone: an unknown may break it as well as fulfil it.
    "exactly": (
        parse_expression("S = 1 or (not M > 1 and at_least(2, S >= 1, W >= 1, N > 3))"),
        lambda strong, medium, weak: (
            strong == 1
            or (
                medium <= 1
                and (strong >= 1) + (weak >= 1) + (strong + medium + weak > 3) >= 2
            )
        ),
    ),
}


@pytest.mark.parametrize("name", RULES)
@given(
    strengths=st.lists(st.sampled_from(WORDS), min_size=1, max_size=9),
    entropy=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_count_rule__equals_twin(name, strengths, entropy):
    rule, plain = RULES[name]
    rng = np.random.default_rng(entropy)
    truths = rng.integers(0, 3, (len(strengths), 20)).astype(np.int8)
    sizes = tuple(strengths.count(word) for word in WORDS)
    got = apply_count_rule(truths, strengths, rule_table(rule, sizes))
    for person in range(20):
        values = [TRUTHS[value] for value in truths[:, person]]
        assert TRUTHS[got[person]] == twin.dimension(values, strengths, plain)


def test_count_rule__more_persons_than_a_block():
    rng = np.random.default_rng(3)
    truths = rng.integers(0, 3, (4, 10_001)).astype(np.int8)
    strengths = ["strong", "medium", "medium", "weak"]
    table = rule_table(DELPHI, (1, 2, 1))
    whole = apply_count_rule(truths, strengths, table)
    parts = [
        apply_count_rule(truths[:, i : i + 1], strengths, table)
        for i in range(0, 10_001, 997)
    ]
    assert whole[::997].tolist() == [part[0] for part in parts]


def test_count_rule__bad_input():
    table = rule_table(DELPHI, (1, 1, 0))
    truths = np.zeros((2, 3), dtype=np.int8)
    with pytest.raises(InputError, match="these are not: stronk"):
        apply_count_rule(truths, ["stronk", "weak"], table)
    with pytest.raises(InputError, match="one per strength"):
        apply_count_rule(truths, ["strong"], table)
    with pytest.raises(InputError, match="make it with rule_table"):
        apply_count_rule(truths, ["strong", "weak"], table)


def test_typology__all_64_patterns_have_a_type_and_the_named_ones_are_right():
    patterns = ADULT.typology.patterns().set_index("pattern")["type"]
    assert len(patterns) == 64
    assert patterns.notna().all()
    # Order: DR CR RV EX CD VD. The four of DOMAIN's assessment, then the odd ones.
    assert patterns["000000"] == "successful migrant"
    assert patterns["000100"] == "exploited migrant"
    assert patterns["100100"] == "deception and exploitation"
    assert patterns["100110"] == patterns["010110"] == "trafficking for forced labour"
    assert patterns["000110"] == "forced labour without trafficking"
    assert patterns["001000"] == patterns["000001"] == "abuse of vulnerability alone"
    assert patterns["010000"] == "coercive recruitment without exploitation"
    assert patterns["000010"] == "coercion at destination without exploitation"


@given(st.lists(st.integers(0, 2), min_size=6, max_size=6))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_typology__a_type_only_where_the_unknowns_leave_one(row):
    pattern, label = ADULT.typology.assign([np.array([v], np.int8) for v in row])
    options = [[v // 2] if v != 1 else [0, 1] for v in row]
    reachable = {
        next(
            name
            for name, condition in ADULT.typology.types.items()
            if holds(condition, dict(zip(DIMENSIONS, map(bool, values), strict=True)))
        )
        for values in itertools.product(*options)
    }
    assert pattern[0] == "".join("0?1"[v] for v in row)
    assert (label[0] if isinstance(label[0], str) else None) == (
        reachable.pop() if len(reachable) == 1 else None
    )


def random_answers(definition, rng, n, *, unknown=0.1):
    """Return interviews with random answers of the codebook to all its questions."""
    from sentinel.schema.codebook import load_codebook

    codebook, columns = load_codebook("deportee"), {}
    for name in definition.variables:
        variable = codebook.get(name)
        if variable is None or variable.is_numeric:
            high = 40.0 if variable is None else {"hours_day": 20.0}.get(name, 9000.0)
            columns[name] = np.floor(rng.uniform(0, high, n))
        else:
            columns[name] = rng.choice(list(variable.codes), n)
    frame = pd.DataFrame(columns)
    states = pd.DataFrame(
        rng.choice(
            [state.value for state in CellState],
            frame.shape,
            p=[1 - unknown, *[unknown / 4] * 4],
        ).astype(np.uint8),
        columns=frame.columns,
    )
    return SimpleNamespace(frame=frame.mask(states != CellState.VALUE), states=states)


@pytest.mark.parametrize("name", ["ilo_adult_labour", "ilo_child_labour"])
def test_classify__dimensions_and_cases_equal_the_twin_on_random_answers(name):
    definition = load_definition(name)
    rng = np.random.default_rng(11)
    result = classify(random_answers(definition, rng, 150, unknown=0.05), definition)
    strengths = {item.code: item.strength for item in definition.indicators}
    for row, person in result.indicators.iterrows():
        values = {
            code: None if pd.isna(value) else bool(value)
            for code, value in person.items()
        }
        found = ""
        for dimension in DIMENSIONS:
            codes = [code for code in strengths if code[3:5] == dimension]
            truth = twin.dimension(
                [values[code] for code in codes], [strengths[code] for code in codes]
            )
            found += {True: "1", False: "0", None: "?"}[truth]
        assert result.frame.loc[row, "d_pattern"] == found
    assert result.frame["d_pattern"].nunique() > 5


def test_classify__a_case_of_forced_labour_and_its_neighbours():
    rng = np.random.default_rng(0)
    blank = random_answers(ADULT, rng, 1, unknown=0.0)
    person = dict.fromkeys(ADULT.variables, "0") | {
        "age_at_departure": 30.0, "living": "ok", "route_abuse": "none",
        "docs_type": "passport", "deduct": "none", "why_not_quit": "none",
        "hours_day": 9.0, "days_week": 6.0, "pay_received": 6000.0,
        "pay_promised": 6000.0, "deduct_pct": 0.0, "edu_years": 6.0, "n_deport": 0.0,
        "income_home": 100.0, "job_promised": "1", "place_promised": "1",
        "free_quit": "1", "free_leave_site": "1", "pay_final": "1", "contract": "1",
        "literacy": "2", "tip_knowledge": "1", "reason": "4", "fee_how": "1",
        "ethnicity": "1",
    }  # fmt: skip
    cases = {
        "successful migrant": {},
        # One strong alone is not positive: locked in, and nothing else.
        "successful migrant ": {"locked": "1"},
        "exploited migrant": {"hours_day": 15.0, "hazard": "1"},
        "deception and exploitation": {
            "hours_day": 15.0, "hazard": "1", "job_promised": "0", "cheated": "1",
        },
        "forced labour without trafficking": {
            "hours_day": 15.0, "hazard": "1", "locked": "1", "docs_held": "1",
        },
        "trafficking for forced labour": {
            "hours_day": 15.0, "hazard": "1", "locked": "1", "docs_held": "1",
            "job_promised": "0", "cheated": "1",
        },
    }  # fmt: skip
    frame = pd.DataFrame([person | answers for answers in cases.values()])
    frame = frame[list(blank.frame.columns)]
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=frame.columns)
    result = classify(SimpleNamespace(frame=frame, states=states), ADULT).frame
    assert result["d_type"].tolist() == [name.strip() for name in cases]
    assert result["d_traff"].tolist() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ["uniap", "palermo", "ilo_adult_labour"])
def test_settle_outcomes__says_what_classify_says(name):
    definition = load_definition(name)
    interviews = random_answers(definition, np.random.default_rng(4), 200)
    result = classify(interviews, definition)
    truths = (
        result.indicators.astype("Float64").mul(2).fillna(1).to_numpy(np.int8).T.copy()
    )
    found = settle_outcomes(definition, truths)
    for outcome in definition.outcome_names:
        expected = result.frame[outcome].astype("Float64").mul(2).fillna(1)
        assert found[outcome].tolist() == expected.tolist()


def test_settle_outcomes__bad_input():
    with pytest.raises(InputError, match="int8 with 37 rows"):
        settle_outcomes(ADULT, np.zeros((3, 2), np.int8))
    with pytest.raises(InputError, match="truths must be 0"):
        settle_outcomes(ADULT, np.full((37, 2), 3, np.int8))


def test_classify__absent_variables_are_unknown_only_if_asked_for():
    interviews = random_answers(ADULT, np.random.default_rng(1), 30, unknown=0.0)
    interviews.frame = interviews.frame.drop(columns="docs_held")
    interviews.states = interviews.states.drop(columns="docs_held")
    with pytest.raises(InputError, match=r"docs_held \(needed by AL_CD01\)"):
        classify(interviews, ADULT)
    result = classify(interviews, ADULT, absent="unknown")
    assert result.absent == ("docs_held",)
    assert result.indicators["AL_CD01"].isna().all()
