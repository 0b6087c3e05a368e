"""Bad input to every binary model: one-valued predictors, separation, no NaN."""

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError, NotEstimableError
from estimators.regression import (
    exact_logistic,
    firth_logistic,
    logistic,
    misclassified_logistic,
    risk_difference,
    risk_ratio,
)

FRAME = pd.DataFrame(
    {
        "x": np.repeat([0, 1], 20),
        "one": 3.0,
        "only": "north",
        "separated": np.repeat([0, 1], 20),
        "y": [0, 0, 0, 1, 0] * 4 + [1, 0, 1, 0, 1] * 4,
    }
)
MODELS = {
    "logistic": logistic,
    "firth_logistic": firth_logistic,
    "exact_logistic": exact_logistic,
    "risk_ratio": risk_ratio,
    "risk_difference": risk_difference,
    "misclassified_logistic": lambda formula, frame: misclassified_logistic(
        formula, frame, sensitivity=0.95, specificity=0.95
    ),
}
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
@pytest.mark.parametrize("term", ["one", "only"])
def test_predictor_with_one_value__is_refused_by_name(name, term):
    # A category of one level has no column at all: it would vanish without a word.
    with pytest.raises(InputError, match=f"{term} has one value"):
        MODELS[name](f"y ~ x + {term}", FRAME)


@every_model
def test_events_per_variable__are_always_reported(name):
    fit = MODELS[name]("y ~ x", FRAME)
    assert fit.fit_statistics["events_per_variable"] == 16
    assert fit.fit_statistics["n_events"] == 16


@every_model
def test_separation__is_an_error_or_a_note_and_never_nan(name):
    try:
        fit = MODELS[name]("separated ~ x", FRAME)
    except NotEstimableError as error:
        assert "x" in str(error)  # noqa: PT017 - either branch is lawful
        assert "infin" in str(error)  # noqa: PT017
        return
    assert "separation" in fit.summary()
    assert not fit.terms().isna().any().any()
