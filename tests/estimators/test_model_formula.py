"""One reader of formulas for all regressions: columns in use, also inside splines."""

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import truncated_regression
from estimators.errors import InputError
from estimators.model_formula import model_columns, parse_formula
from estimators.regression import firth_logistic


@pytest.fixture
def persons():
    rng = np.random.default_rng(12)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(15, 60, 300),
            "sex": rng.choice(["f", "m"], 300),
            "pay a day": rng.uniform(1, 9, 300),
            "df": 1.0,
            "C": "x",
        }
    )
    frame["sold"] = rng.random(300) < 0.4
    frame["seen"] = 1 + rng.poisson(0.4, 300)
    return frame


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [
        ("age", ["age"]),
        ("bs(age, df=4)", ["age"]),
        ("poly(age, 2) + C(sex, Treatment('m'))", ["age", "sex"]),
        ("center(`pay a day`):sex", ["pay a day", "sex"]),
        ("np.log(age) + df", ["age", "df"]),
        ("1", []),
    ],
)
def test_columns__are_those_in_use(persons, terms, wanted):
    formula = f"seen ~ {terms}"
    found = model_columns(parse_formula(formula, left="seen"), formula, persons)
    assert found == sorted([*wanted, "seen"])


@pytest.mark.parametrize("terms", ["bs(age, df=4)", "poly(age, 2)", "center(age)"])
def test_gaps_in_a_transformed_column__are_left_out_and_named(persons, terms):
    persons.loc[[3, 7], "age"] = np.nan
    for fit in (
        firth_logistic(f"sold ~ {terms}", persons),
        truncated_regression(f"seen ~ {terms}", persons),
    ):
        assert fit.n_obs == 298
        assert any("age 2" in note for note in fit.notes)
        fitted = fit.augment(persons)[".fitted"]
        assert np.flatnonzero(fitted.isna()).tolist() == [3, 7]
    complete = persons.dropna().reset_index(drop=True)
    np.testing.assert_allclose(
        firth_logistic(f"sold ~ {terms}", persons).estimate,
        firth_logistic(f"sold ~ {terms}", complete).estimate,
        rtol=1e-12,
    )


def test_column_that_is_not_there__is_named(persons):
    for call in (firth_logistic, truncated_regression):
        with pytest.raises(InputError, match="height"):
            call("seen ~ bs(height, df=4)", persons)
        with pytest.raises(InputError, match="height"):
            call("seen ~ height", persons)


def test_formula_without_a_left_side__says_what_to_write(persons):
    with pytest.raises(InputError, match="no outcome: write 'outcome ~ terms'"):
        firth_logistic("age + sex", persons)
    with pytest.raises(InputError, match="no times_seen"):
        truncated_regression("age + sex", persons)
