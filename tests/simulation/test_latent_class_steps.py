"""Coverage of what follows from latent classes, errors of assignment undone."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom

from estimators.latent_class import (
    class_membership_model,
    class_outcome_means,
    class_prevalence,
    latent_class_analysis,
)

N_SAMPLES = 500
PERSONS = 1000
# Central 99.9 % of the hits of a 95 % interval.
LEAST, MOST = binom.ppf([0.0005, 0.9995], N_SAMPLES, 0.95)


def sample(number):
    """Class 2 by logit -1 + 1.2 x; five items of 0.2 and 0.7; an outcome 2 apart."""
    rng = np.random.default_rng([77, number])
    x = rng.integers(0, 2, PERSONS).astype(float)
    member = (rng.random(PERSONS) < expit(-1 + 1.2 * x)).astype(int)
    rates = np.where(member[:, None], 0.7, 0.2)
    items = pd.DataFrame((rng.random((PERSONS, 5)) < rates).astype(int))
    return items, pd.DataFrame({"x": x}), rng.normal(2.0 * member, 1.0)


def hits(number):
    items, x, y = sample(number)
    fit = latent_class_analysis(items, n_classes=2, n_starts=3, rng=1)
    slopes = {
        kind: class_membership_model(fit, x, correction=kind).terms().iloc[1]
        for kind in ("ml", "bch", "none")
    }
    shares = class_prevalence(fit, by=x["x"])
    means = class_outcome_means(fit, y)
    share = fit.terms().iloc[1]
    middle = (expit(-1) + expit(0.2)) / 2
    return {
        **{
            kind: row["ci_low"] <= 1.2 <= row["ci_high"] for kind, row in slopes.items()
        },
        "prevalence, x = 0": expit(-1) in shares.get(**{"x": 0.0, "class": 2}).ci,
        "prevalence, x = 1": expit(0.2) in shares.get(**{"x": 1.0, "class": 2}).ci,
        "outcome, class 1": 0.0 in means[0].ci,
        "outcome, class 2": 2.0 in means[1].ci,
        "share": share["ci_low"] <= middle <= share["ci_high"],
    }


@pytest.mark.simulation
def test_intervals__cover_once_errors_are_undone_and_not_before():
    table = pd.DataFrame([hits(number) for number in range(N_SAMPLES)]).sum()
    corrected = table.drop("none")
    assert corrected.between(LEAST, MOST).all(), table
    assert table["none"] < 0.8 * N_SAMPLES
