"""Contrasts, trends and person weights."""

import math

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.errors import InputError, NotEstimableError
from estimators.results import Estimates
from estimators.survey import SurveyDesign


def rounds(entropy=1, n=240):
    """Twelve sites visited in three rounds, with an effect of the site."""
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame(
        {"site": rng.integers(0, 12, n), "year": rng.choice([2009, 2010, 2012], n)}
    )
    risk = 0.2 + 0.3 * (frame["site"] % 2) + 0.05 * (frame["year"] - 2009)
    return frame.assign(
        y=(rng.random(n) < risk).astype(float),
        w=rng.uniform(1, 3, n),
        sex=rng.choice(["f", "m"], n),
    )


@pytest.fixture(scope="module")
def design():
    return SurveyDesign.from_frame(rounds(), weights="w", psu="site")


def test_trend__slope_is_the_weighted_regression_of_persons(design):
    got = survey.trend(design, "y", time="year")
    frame = design.frame
    slope = np.polyfit(frame["year"], frame["y"], 1, w=np.sqrt(frame["w"]))[0]
    assert got[0].estimate == pytest.approx(slope)
    assert [group["contrast"] for group in got.groups] == [
        "slope per unit of year", "2010 - 2009", "2012 - 2009",
    ]  # fmt: skip
    assert got[0].diagnostics["df"] == 11


def test_trend__variance_is_that_of_the_combination(design):
    means = survey.mean(design, "y", by="year")
    got = survey.trend(design, "y", time="year")
    when = np.array([2009.0, 2010, 2012])
    size = np.array([row.diagnostics["sum_of_weights"] for row in means])
    c = size * (when - np.average(when, weights=size))
    c /= (c * when).sum()
    assert got[0].std_error == pytest.approx(math.sqrt(c @ means.covariance @ c))
    for place in (1, 2):
        v = means.covariance
        expected = v[0, 0] + v[place, place] - 2 * v[0, place]
        assert got[place].std_error == pytest.approx(math.sqrt(expected))
    assert got.covariance[0, 0] == pytest.approx(got[0].std_error ** 2)


def test_trend__shared_sites_count(design):
    # The same sites in every round: rounds correlate, so a difference is more precise
    # than two independent rounds would give.
    got = survey.trend(design, "y", time="year")
    means = survey.mean(design, "y", by="year")
    independent = math.hypot(means[0].std_error, means[2].std_error)
    assert got[2].std_error < independent


def test_trend__two_rounds_are_one_difference(design):
    got = survey.trend(design, "y", time="year", where="year != 2010", quantity="mean")
    assert got[0].estimate == pytest.approx(got[1].estimate / 3)
    assert got[0].std_error == pytest.approx(got[1].std_error / 3)
    assert got[0].diagnostics["p_value"] == pytest.approx(got[1].diagnostics["p_value"])


def test_trend__by_group(design):
    got = survey.trend(design, "y", time="year", by="sex")
    assert len(got) == 6
    assert list(got.groups[0]) == ["sex", "contrast"]
    alone = survey.trend(design, "y", time="year", where="sex == 'm'")
    for a, b in zip(got.rows[3:], alone.rows, strict=True):
        assert a.estimate == pytest.approx(b.estimate)
        assert a.std_error == pytest.approx(b.std_error)
        assert a.diagnostics == pytest.approx(b.diagnostics)
    assert set(got.to_frame()["method"]) == {"survey_trend"}


def test_trend__a_round_without_a_case_does_not_make_certainty():
    frame = rounds()
    frame.loc[frame["year"] < 2012, "y"] = 0.0
    design = SurveyDesign.from_frame(frame, weights="w", psu="site")
    found = survey.proportion(design, "y", by="year")
    got = survey.trend(design, "y", time="year")
    none = got.get(contrast="2010 - 2009")
    assert none.estimate == 0
    # MOVER of two independent limits: sqrt of the sum of squares.
    high = math.hypot(found[1].ci.high, 0) if found[0].ci.low == 0 else math.nan
    assert none.ci.high == pytest.approx(high)
    assert none.ci.low == pytest.approx(-found[0].ci.high)
    assert none.diagnostics["p_value"] == pytest.approx(1)
    some = got.get(contrast="2012 - 2009")
    low = found[2].estimate - math.hypot(
        found[2].estimate - found[2].ci.low, found[0].ci.high
    )
    assert some.ci.low == pytest.approx(low)
    assert some.ci.method == "mover"
    assert any("MOVER" in note for note in some.notes)
    assert (some.diagnostics["p_value"] < 0.05) == (some.ci.low > 0)


def test_trend__group_with_one_round_is_named(design):
    frame = design.frame.assign(
        sex=np.where(design.frame["year"] == 2009, "x", design.frame["sex"])
    )
    mixed = SurveyDesign.from_frame(frame, weights="w", psu="site")
    got = survey.trend(mixed, "y", time="year", by="sex")
    assert {group["sex"] for group in got.groups} == {"f", "m"}
    assert any("{'sex': 'x'}" in note for note in got.notes)
    with pytest.raises(NotEstimableError, match="two rounds"):
        survey.trend(design, "y", time="year", where="year == 2009")


@pytest.mark.parametrize(
    "options",
    [{"time": "sex"}, {"time": "nowhere"}, {"time": "year", "by": "year"},
     {"time": "year", "quantity": "odds"}],
)  # fmt: skip
def test_trend__bad_arguments(design, options):
    with pytest.raises(InputError):
        survey.trend(design, "y", **options)


def test_contrast__several_at_once(design):
    means = survey.mean(design, "y", by="year", level=0.9)
    got = survey.contrast(means, [[-1, 1, 0], [0, -1, 1]], label=["early", "late"])
    assert isinstance(got, Estimates)
    assert got.get(contrast="late").estimate == pytest.approx(
        means[2].estimate - means[1].estimate
    )
    np.testing.assert_allclose(
        np.sqrt(np.diag(got.covariance)), [row.std_error for row in got]
    )
    assert got[0].ci.level == 0.9
    assert got[0].n_obs == means[0].n_obs + means[1].n_obs


def test_contrast__bad_arguments(design):
    means = survey.mean(design, "y", by="year")
    with pytest.raises(InputError, match="do not fit"):
        survey.contrast(means, [1, -1], label="short")
    with pytest.raises(InputError, match="finite"):
        survey.contrast(means, [1, math.nan, 0], label="nan")
    bare = Estimates(rows=means.rows, groups=means.groups)
    with pytest.raises(InputError, match="covariance"):
        survey.contrast(bare, [1, -1, 0], label="bare")


def test_multiplicity_weights__count_persons():
    # Three persons with 1, 2 and 3 events, every event seen: weights add up to persons.
    prior = pd.Series([0, 1, 1, 2, 2, 2], dtype="Int64")
    weights = survey.multiplicity_weights(np.ones(6), prior)
    assert weights.sum() == pytest.approx(3)


def test_multiplicity_weights__unknown_is_stated():
    prior = [0, None, 2]
    with pytest.raises(InputError, match=r"unknown.*1 row \(1\)"):
        survey.multiplicity_weights([1.0, 1, 1], prior)
    got = survey.multiplicity_weights([1.0, 1, 3], prior, unknown="as_zero")
    assert got.tolist() == [1, 1, 1]


def test_multiplicity_weights__all_problems():
    with pytest.raises(InputError) as caught:
        survey.multiplicity_weights([1.0, -1, 1, np.nan], [-1, 0.5, np.inf, 0])
    message = str(caught.value)
    for part in ("(1, 3)", ">= 0: 1 row (0)", "whole numbers: 1 row (1)", "finite: 1"):
        assert part in message
    with pytest.raises(InputError, match="2 weights"):
        survey.multiplicity_weights([1.0, 1], [0])
    with pytest.raises(InputError, match="numbers"):
        survey.multiplicity_weights([1.0], ["often"])
    with pytest.raises(InputError, match="as_zero"):
        survey.multiplicity_weights([1.0], [0], unknown="drop")
