"""From a survey design to a true prevalence: against survey.proportion and formulas."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from estimators import survey
from estimators.designs import SurveyDesign
from estimators.diagnostics import (
    BetaPrior,
    bayesian_true_prevalence,
    corrected_prevalence,
    melded_prevalence,
    rogan_gladen,
    survey_true_prevalence,
    true_prevalence,
)
from estimators.diagnostics.domain_shares import domain_shares
from estimators.errors import InputError, NotEstimableError
from estimators.proportions import proportion_ci
from estimators.results import Estimates

RAFT = {"sensitivity": (89, 100), "specificity": (148, 200)}
SMALL = {"sensitivity": (45, 50), "specificity": (98, 100)}


def clustered(n_psu=30, size=8, rng=1):
    generator = np.random.default_rng(rng)
    psu = np.repeat(np.arange(n_psu), size)
    rate = generator.beta(2, 8, n_psu)[psu]
    flagged = (generator.random(psu.size) < rate).astype(float)
    flagged[::37] = np.nan
    return pd.DataFrame(
        {
            "psu": psu,
            "stratum": psu % 3,
            "site": np.where(psu % 2, "north", "south"),
            "weight": generator.uniform(1, 5, n_psu)[psu],
            "flagged": flagged,
            "never": np.zeros(psu.size),
        }
    )


def design_of(frame, **options):
    return SurveyDesign.from_frame(
        frame, weights="weight", strata="stratum", psu="psu", **options
    )


DESIGN = design_of(clustered())


@pytest.mark.parametrize("by", [None, "site", "psu"])
@pytest.mark.parametrize("variable", ["flagged", "never"])
@pytest.mark.parametrize("where", [None, "psu < 12"])
def test_apparent_prevalence__is_that_of_survey_proportion(by, variable, where):
    """survey.proportion is held to R survey 4.5; this family may not import it."""
    theirs = survey.proportion(DESIGN, variable, by=by, where=where)
    ours = domain_shares(DESIGN, variable, by=by, where=where, level=0.95)
    if by is None:
        theirs, ours = [theirs], [ours]
    else:
        assert ours.groups == theirs.groups
    for one, other in zip(ours, theirs, strict=True):
        for name in ("estimate", "std_error", "n_obs"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-10)
        limits = [one.ci.low, one.ci.high]
        np.testing.assert_allclose(limits, [other.ci.low, other.ci.high], rtol=1e-9)
        for name in ("n_unknown", "assumed_design_effect", "n_events"):
            assert one.diagnostics.get(name) == pytest.approx(
                other.diagnostics.get(name)
            )


def test_rogan_gladen__known_accuracy_carries_the_design_s_limits_over():
    share = survey.proportion(DESIGN, "flagged", ci="logit")
    result = corrected_prevalence(
        share, sensitivity=0.9, specificity=0.95, correction="rogan_gladen"
    )
    for found, before in [
        (result.estimate, share.estimate),
        (result.ci.low, share.ci.low),
        (result.ci.high, share.ci.high),
    ]:
        assert found == pytest.approx(max((before - 0.05) / 0.85, 0), rel=1e-12)
    assert result.std_error == pytest.approx(share.std_error / 0.85, rel=1e-12)
    assert "logit carried over" in result.ci.method
    with pytest.raises(InputError, match=r"level=0\.9"):
        corrected_prevalence(
            share,
            sensitivity=0.9,
            specificity=0.95,
            correction="rogan_gladen",
            level=0.9,
        )


def test_rogan_gladen__estimated_accuracy_adds_variance_and_degrees_of_freedom():
    share = survey.proportion(DESIGN, "flagged")
    result = survey_true_prevalence(
        DESIGN, "flagged", correction="rogan_gladen", **SMALL
    )
    p = (share.estimate + 0.98 - 1) / (0.9 + 0.98 - 1)
    parts = np.array(
        [share.std_error**2, p**2 * 0.09 / 50, (1 - p) ** 2 * 0.98 * 0.02 / 100]
    )
    df = parts.sum() ** 2 / (parts**2 / [share.diagnostics["df"], 49, 99]).sum()
    std_error = math.sqrt(parts.sum()) / 0.88
    assert result.estimate == pytest.approx(p, rel=1e-12)
    assert result.std_error == pytest.approx(std_error, rel=1e-12)
    assert result.diagnostics["df"] == pytest.approx(df, rel=1e-12)
    reach = stats.t.ppf(0.975, df) * std_error
    assert result.ci.high == pytest.approx(p + reach, rel=1e-9)


@pytest.mark.parametrize(
    ("correction", "function"),
    [
        ("lang_reiczigel", true_prevalence),
        ("melded", melded_prevalence),
        ("bayesian", bayesian_true_prevalence),
        ("rogan_gladen", rogan_gladen),
    ],
)
def test_simple_random_sample__equals_the_estimate_from_counts(correction, function):
    counted = function(30, 200, **SMALL)
    again = corrected_prevalence(proportion_ci(30, 200), correction=correction, **SMALL)
    assert again.estimate == pytest.approx(counted.estimate, rel=1e-10)
    np.testing.assert_allclose(
        [again.ci.low, again.ci.high], [counted.ci.low, counted.ci.high], rtol=1e-9
    )


@pytest.mark.parametrize("correction", ["lang_reiczigel", "melded", "bayesian"])
def test_clusters__widen_by_the_effective_sample_size(correction):
    share = survey.proportion(DESIGN, "flagged")
    p, n, df = share.estimate, share.n_obs, share.diagnostics["df"]
    ratio = stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, df)
    effective = min(p * (1 - p) / share.std_error**2 * ratio**2, n)
    result = survey_true_prevalence(DESIGN, "flagged", correction=correction, **SMALL)
    assert result.diagnostics["n_effective"] == pytest.approx(effective, rel=1e-10)
    assert effective < n
    assert result.method.startswith("survey_true_prevalence (")


def test_domains__have_their_own_rows_and_unknowns():
    result = survey_true_prevalence(DESIGN, "flagged", by="site", **RAFT)
    assert isinstance(result, Estimates)
    assert [group["site"] for group in result.groups] == ["north", "south"]
    alone = survey_true_prevalence(
        DESIGN, "flagged", where=DESIGN.frame["site"] == "south", **RAFT
    )
    south = result.get(site="south")
    assert south.estimate == alone.estimate
    assert south.ci == alone.ci
    assert south.diagnostics["n_unknown"] == alone.diagnostics["n_unknown"] > 0
    assert any("unknown" in note for note in south.notes)


def test_domains__have_a_joint_covariance_that_contrasts_take():
    shares = survey.proportion(DESIGN, "flagged", by="site")
    result = survey_true_prevalence(DESIGN, "flagged", by="site", **SMALL)
    point = np.array([*(row.estimate for row in shares), 0.9, 0.98])

    def difference(values):
        first, second, se, sp = values
        return (second - first) / (se + sp - 1)

    steps = np.eye(4) * 1e-6
    gradient = [
        (difference(point + step) - difference(point - step)) / 2e-6 for step in steps
    ]
    spread = np.zeros((4, 4))
    spread[:2, :2] = shares.covariance
    spread[2, 2], spread[3, 3] = 0.09 / 50, 0.98 * 0.02 / 100
    expected = math.sqrt(np.array(gradient) @ spread @ gradient)
    found = survey.contrast(result, [-1, 1], label="south - north")
    assert found.std_error == pytest.approx(expected, rel=1e-6)
    assert found.diagnostics["df"] == shares[0].diagnostics["df_together"]
    assert found.estimate == pytest.approx(difference(point), rel=1e-9)
    bayesian = survey_true_prevalence(
        DESIGN, "flagged", by="site", correction="bayesian", **SMALL
    )
    assert bayesian.covariance is None
    again = corrected_prevalence(shares, **SMALL)
    np.testing.assert_allclose(again.covariance, result.covariance, rtol=1e-9)


@pytest.mark.parametrize(
    "correction", ["lang_reiczigel", "rogan_gladen", "melded", "bayesian"]
)
def test_no_positives__zero_with_a_note_and_an_upper_limit(correction):
    result = survey_true_prevalence(DESIGN, "never", correction=correction, **SMALL)
    words = " ".join(result.notes)
    assert "assumed design effect" in words
    assert result.ci.low < 1e-3
    assert result.ci.high > 0.002
    if correction != "bayesian":
        assert result.estimate == 0
        assert "below the false positive rate" in words


def test_bad_input__is_refused_by_name():
    good = {"design": DESIGN, "variable": "flagged", **RAFT}
    for change, words in [
        ({"variable": "weight"}, "'weight' must be 0, 1 or missing"),
        ({"variable": "site"}, "'site' must be 0, 1 or missing"),
        ({"variable": "absent"}, "absent"),
        ({"correction": "exact"}, "correction='exact'"),
        ({"sensitivity": BetaPrior(9, 1)}, "sensitivity: a prior goes with"),
        ({"sensitivity": 0.3, "specificity": 0.7}, "not better than chance"),
        ({"design": DESIGN.frame}, "DataFrame came"),
    ]:
        arguments = {**good, **change}
        with pytest.raises(InputError, match=words):
            survey_true_prevalence(
                arguments.pop("design"), arguments.pop("variable"), **arguments
            )
    with pytest.raises(NotEstimableError, match="No row"):
        survey_true_prevalence(DESIGN, "flagged", where="psu > 99", **RAFT)


def test_corrected_prevalence__refuses_what_is_no_apparent_prevalence():
    with pytest.raises(InputError, match="proportion classified positive"):
        corrected_prevalence(survey.total(DESIGN, "flagged"), **RAFT)
    with pytest.raises(InputError, match="corrected already"):
        corrected_prevalence(rogan_gladen(30, 200, **RAFT), **RAFT)
    zero = survey.mean(DESIGN, "never")
    with pytest.raises(InputError, match="proportion"):
        corrected_prevalence(zero, **RAFT)


def test_coverage__of_the_whole_pipeline():
    """Two-stage samples of a known population, sampled classifier, sampled validation.

    150 rounds, against the 99.9 % binomial bound below 95 %.
    """
    rng = np.random.default_rng(11)
    truth, hits = 0.1, 0
    for _ in range(150):
        psu = np.repeat(np.arange(25), 12)
        case = rng.random(300) < rng.beta(1.8, 16.2, 25)[psu]
        flagged = np.where(case, rng.random(300) < 0.9, rng.random(300) < 0.08)
        frame = pd.DataFrame({"psu": psu, "flagged": flagged.astype(int)})
        result = survey_true_prevalence(
            SurveyDesign.from_frame(frame, psu="psu"),
            "flagged",
            sensitivity=(int(rng.binomial(100, 0.9)), 100),
            specificity=(int(rng.binomial(200, 0.92)), 200),
        )
        hits += truth in result.ci
    assert hits >= stats.binom.ppf(0.001, 150, 0.95)
