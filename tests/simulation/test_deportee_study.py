"""The nominal coverage of event and person prevalence, over 500 simulated studies."""

import pytest

from benchmarks.accuracy.deportee_study import coverage_table


@pytest.mark.simulation
def test_intervals__hold_the_truth_at_the_nominal_rate():
    """Some ten minutes; the rng differs from the one of the committed table."""
    table = coverage_table(n_studies=500, rng=77)
    known = table[(table["unknowns"] == "without") & (table["target"] == "model")]
    default = known[known["interval"] == "korn_graubard"]
    # Conservative by construction: it may cover more than it says, never less.
    assert (default["hits"] >= default["band_low"]).all(), default.to_string()
    logit = known[known["interval"] == "logit"]
    assert logit["in_band"].all(), logit.to_string()
    # Weighted means of clusters are nearly unbiased: within 4 Monte Carlo errors.
    assert (known["bias"].abs() < 4 * known["bias_std_error"]).all(), known.to_string()


@pytest.mark.simulation
def test_unknown_answers__raise_prevalence_among_the_known():
    table = coverage_table(n_studies=60, rng=78)
    default = table[(table["interval"] == "wald") & (table["target"] == "model")]
    bias = default.pivot_table(
        index=["prevalence", "icc", "quantity"], columns="unknowns", values="bias"
    )
    assert (bias["with"] > bias["without"]).all()
