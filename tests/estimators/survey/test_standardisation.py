"""Direct standardisation against R's svystandardize and by hand."""

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.errors import InputError, NotEstimableError
from estimators.survey import SurveyDesign, to_replicates

CENSUS = {"(0,19]": 55901, "(19,39]": 77670, "(39,59]": 72816, "(59,Inf]": 45364}
# R survey 4.1.1, the example of ?svystandardize run by hand:
# svyby(~HI_CHOL, ~race + RIAGENDR, svymean, design = svystandardize(design, by =
# ~agecat, over = ~race + RIAGENDR, population = pop, excluding.missing = ~HI_CHOL))
BY_RACE_AND_SEX = {
    (1, 1): (0.1223854950578, 0.00678007826334),
    (2, 1): (0.0908059188138, 0.00820385371107),
    (3, 1): (0.0803112855838, 0.01057462554497),
    (4, 1): (0.1091304397043, 0.03260377816822),
    (1, 2): (0.1029776882772, 0.01058922769438),
    (2, 2): (0.1229699118572, 0.00676529185193),
    (3, 2): (0.0808484103550, 0.01544475259472),
    (4, 2): (0.0931545161575, 0.03118892521341),
}
ALL = (0.105873359319, 0.00534429865963)


@pytest.mark.shared
def test_nhanes(public_designs):
    # R prints 12 digits.
    design = public_designs["nhanes"]
    rows = survey.standardise(
        design, "HI_CHOL", over="agecat", standard=CENSUS, by=["race", "RIAGENDR"]
    )
    assert len(rows) == 8
    for (race, sex), expected in BY_RACE_AND_SEX.items():
        row = rows.get(race=race, RIAGENDR=sex)
        assert (row.estimate, row.std_error) == pytest.approx(expected, rel=1e-10)
    one = survey.standardise(design, "HI_CHOL", over="agecat", standard=CENSUS)
    assert (one.estimate, one.std_error) == pytest.approx(ALL, rel=1e-10)


def sample(entropy=4, n=240):
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame({"psu": np.arange(n) // 6, "round": np.arange(n) % 2})
    age = rng.choice(["child", "adult"], n, p=[0.3, 0.7])
    risk = np.where(age == "child", 0.4, 0.1)
    sex = rng.choice(["f", "m"], n)
    return frame.assign(
        age=age, sex=sex, y=(rng.random(n) < risk).astype(int), w=rng.uniform(1, 3, n)
    )


def design_of(frame):
    return SurveyDesign.from_frame(frame, weights="w", psu="psu")


def test_own_composition__changes_nothing():
    frame = sample()
    own = frame.groupby("age")["w"].sum().to_dict()
    got = survey.standardise(design_of(frame), "y", over="age", standard=own)
    plain = survey.mean(design_of(frame), "y")
    assert got.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert got.diagnostics["crude"] == pytest.approx(plain.estimate, rel=1e-12)
    # The standard is known: what age explains is no longer uncertain.
    assert got.std_error != plain.std_error


def test_two_columns__and_the_order_of_the_standard():
    frame = sample()
    sizes = {("child", "f"): 1, ("child", "m"): 2, ("adult", "f"): 3, ("adult", "m"): 4}
    got = survey.standardise(
        design_of(frame), "y", over=["age", "sex"], standard=sizes, by="round"
    )
    cells = frame.groupby(["round", "age", "sex"])[["w", "y"]].apply(
        lambda part: np.average(part["y"], weights=part["w"])
    )
    for group, row in zip(got.groups, got, strict=True):
        expected = sum(s * cells[(group["round"], *k)] for k, s in sizes.items()) / 10
        assert row.estimate == pytest.approx(expected, rel=1e-12)
    change = survey.contrast(got, [-1, 1], label="1 - 0")
    assert change.estimate == pytest.approx(got[1].estimate - got[0].estimate)
    assert got.covariance[0, 1] != 0


def test_jackknife__agrees():
    design = design_of(sample())
    options = {"over": "age", "standard": {"child": 1, "adult": 1}}
    one = survey.standardise(design, "y", **options)
    other = survey.standardise(to_replicates(design, kind="JK1"), "y", **options)
    assert other.estimate == pytest.approx(one.estimate, rel=1e-12)
    assert other.std_error == pytest.approx(one.std_error, rel=0.03)


@pytest.mark.parametrize("ci", ["t", "korn_graubard", "beta", "logit", "wilson"])
def test_intervals(ci):
    design = design_of(sample())
    got = survey.standardise(
        design, "y", over="age", standard={"child": 1, "adult": 1}, ci=ci
    )
    assert got.ci.low < got.estimate < got.ci.high
    assert got.ci.method == ci


def test_no_events__get_a_named_fall_back():
    design = design_of(sample().assign(y=0))
    got = survey.standardise(
        design, "y", over="age", standard={"child": 1, "adult": 1}, ci="beta"
    )
    assert got.estimate == 0
    assert got.ci.high > 0
    assert "clopper_pearson" in got.ci.method
    assert any("Clopper-Pearson" in note for note in got.notes)


def test_empty_cells_of_the_standard__are_refused_by_name():
    frame = sample()
    frame = frame[~((frame["round"] == 1) & (frame["age"] == "child"))]
    with pytest.raises(NotEstimableError, match=r"'round': 1, 'age': 'child'"):
        survey.standardise(
            design_of(frame), "y", over="age", standard={"child": 1, "adult": 1},
            by="round",
        )  # fmt: skip


def test_what_the_standard_does_not_know__is_refused():
    design = design_of(sample())
    with pytest.raises(InputError, match="no size for"):
        survey.standardise(design, "y", over="age", standard={"child": 1})
    left_out = survey.standardise(
        design, "y", over="age", standard={"child": 1, "adult": 0}
    )
    child = survey.mean(design, "y", where="age == 'child'")
    assert left_out.estimate == pytest.approx(child.estimate, rel=1e-12)
    assert left_out.std_error == pytest.approx(child.std_error, rel=1e-12)
    assert left_out.n_obs == child.n_obs
    with pytest.raises(InputError, match="size >= 0"):
        survey.standardise(design, "y", over="age", standard={"child": -1, "adult": 1})
    with pytest.raises(InputError, match="not in by"):
        survey.standardise(
            design, "y", over="age", standard={"child": 1, "adult": 1}, by="age"
        )
