"""Imputed outcomes: known truth, what stays as it was, what cannot be imputed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError, NotEstimableError
from sentinel.classify import (
    classify,
    impute_outcomes,
    imputed_prevalence,
    load_definition,
)

TEXT = """
[definition]
name = "two"
title = "Two signs that go together"

[settings.base]

[indicators.A]
label = "a"
phase = "work"
when = "locked = 1"

[indicators.B]
label = "b"
phase = "work"
when = "violence = 1"

[indicators.C]
label = "c"
phase = "work"
when = "guarded = 1"

[outcomes]
d_traff = "A and B"
d_other = "A and C"
"""


@pytest.fixture(name="definition")
def _definition(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(TEXT, encoding="utf-8")
    return load_definition(path)


def _sample(n, rng):
    """Return complete answers in which A and B go together, and C is never asked."""
    locked = rng.random(n) < 0.3
    violence = np.where(locked, rng.random(n) < 0.8, rng.random(n) < 0.1)
    frame = pd.DataFrame({"locked": locked, "violence": violence}).astype("int")
    return frame.astype("str").assign(guarded=pd.array([pd.NA] * n, dtype="str"))


def _interviews(frame, states):
    return SimpleNamespace(frame=frame.mask(states != 0), states=states)


def _classified(definition, n=3000, seed=5):
    rng = np.random.default_rng(seed)
    frame = _sample(n, rng)
    states = pd.DataFrame(np.uint8(0), index=frame.index, columns=frame.columns)
    states["guarded"] = np.uint8(1)
    complete = classify(_interviews(frame, states), definition)
    # Violence is refused more often by those locked in: random only given `locked`.
    chance = np.where(frame["locked"] == "1", 0.6, 0.1)
    states.loc[rng.random(n) < chance, "violence"] = 3
    return complete, classify(_interviews(frame, states), definition)


def test_imputation__recovers_what_leaving_out_does_not(definition):
    complete, observed = _classified(definition)
    truth = complete.frame["d_traff"].mean()
    left_out = observed.frame["d_traff"].mean()
    drawn = impute_outcomes(observed, n_imputations=10, rng=1)
    pooled = imputed_prevalence(drawn, "d_traff")
    assert abs(left_out - truth) > 0.05
    assert abs(pooled.estimate - truth) < 0.015
    assert pooled.ci.low < truth < pooled.ci.high
    lower, upper = observed.bounds("d_traff")[["lower", "upper"]].mean()
    assert lower <= pooled.estimate <= upper
    assert pooled.diagnostics["missing_information"] > 0


def test_imputation__settled_persons_stay_and_the_rng_decides_the_rest(definition):
    _, observed = _classified(definition, n=300)
    settled = observed.frame["d_traff"].notna()
    first, again, other = (
        impute_outcomes(observed, n_imputations=2, rng=seed) for seed in (1, 1, 2)
    )
    for frame in first.frames:
        assert frame["d_traff"].notna().all()
        assert frame.loc[settled, "d_traff"].equals(observed.frame["d_traff"][settled])
    pd.testing.assert_frame_equal(first.frames[1], again.frames[1])
    assert not first.frames[1].equals(other.frames[1])
    assert not first.frames[0].equals(first.frames[1])


def test_imputation__a_question_that_was_not_asked_is_not_imputed(definition):
    _, observed = _classified(definition, n=200)
    drawn = impute_outcomes(observed, n_imputations=2, rng=1)
    assert drawn.never_known == ("C",)
    with pytest.raises(NotEstimableError, match="nobody's answers settle C"):
        imputed_prevalence(drawn, "d_other")


def test_imputation__bad_input(definition):
    _, observed = _classified(definition, n=20)
    with pytest.raises(InputError, match="2 imputations"):
        impute_outcomes(observed, n_imputations=1)
    with pytest.raises(InputError, match="there are d_traff, d_other"):
        imputed_prevalence(impute_outcomes(observed, n_imputations=2, rng=1), "d_no")
