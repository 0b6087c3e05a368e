"""Firth's logistic regression: closed forms, invariances, refusals, designs."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from estimators.designs import SurveyDesign
from estimators.errors import InputError, NotEstimableError
from estimators.regression import firth_logistic
from estimators.regression.separation import separated_terms


def _persons(n):
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n)})
    frame["y"] = (rng.uniform(size=n) < expit(-0.5 + frame["x"])).astype(int)
    return frame


@pytest.mark.parametrize("tau", [0.1, 0.25, 0.5])
def test_tau__saturated_table_has_tau_added_to_every_cell(tau):
    # log|X'WX| of a saturated model is the sum of log m p (1 - p): each cell gains tau
    # events and tau non-events (Heinze and Schemper 2002 for tau = 1/2).
    cells = pd.DataFrame(
        {"x": [0, 0, 1, 1], "y": [1, 0, 1, 0], "persons": [3, 14, 8, 0]}
    )
    fit = firth_logistic("y ~ x", cells, count="persons", tau=tau)
    base = np.log((3 + tau) / (14 + tau))
    exposed = np.log((8 + tau) / tau)
    np.testing.assert_allclose(fit.estimate, [base, exposed - base], rtol=1e-12)
    assert "separation" in " ".join(fit.notes)


def test_profile_limit__complete_separation_of_everything_stays_finite():
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4, 5, 6], "y": [0, 0, 0, 1, 1, 1]})
    fit = firth_logistic("y ~ x", frame)
    assert np.isfinite(fit.estimate).all()
    assert (fit.ci_low < fit.estimate).all()
    assert (fit.estimate < fit.ci_high).all()
    # The slope's sign is known although its size is not.
    assert fit.ci_low[1] > 0
    assert "Intercept, x" in " ".join(fit.notes)


def test_profile_limit__many_terms_and_few_persons():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 12))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(12)])
    frame["y"] = (x[:, 0] + rng.normal(size=40) > 0).astype(int)
    formula = "y ~ " + " + ".join(frame.columns[:12])
    fit = firth_logistic(formula, frame)
    inside = (fit.ci_low < fit.estimate) & (fit.estimate < fit.ci_high)
    assert inside.all()
    assert "far too few" in " ".join(fit.notes)


def test_design__of_independent_persons_scales_the_profile_by_the_sandwich():
    frame = _persons(400)
    design = SurveyDesign.from_frame(frame)
    plain = firth_logistic("y ~ x + z", frame)
    fit = firth_logistic("y ~ x + z", frame, design=design)
    np.testing.assert_allclose(fit.estimate, plain.estimate, rtol=1e-12)
    # A right model: sandwich and model variance agree up to sampling error.
    np.testing.assert_allclose(fit.std_error, plain.std_error, rtol=0.2)
    for name in ("ci_low", "ci_high"):
        np.testing.assert_allclose(
            getattr(fit, name), getattr(plain, name), atol=0.4 * plain.std_error.max()
        )


def test_design__weights_out_of_scale_and_domain_outside_change_nothing():
    frame = _persons(300)
    frame["w"] = np.random.default_rng(3).uniform(1, 5, len(frame))
    frame["site"] = np.arange(len(frame)) // 10
    frame["w9"] = 9 * frame["w"]

    def fit(weights, rows=slice(None), where=None):
        part = frame.loc[rows]
        design = SurveyDesign.from_frame(part, weights=weights, psu="site")
        design = design if where is None else design.subset(where)
        return firth_logistic("y ~ x", part, design=design)

    for name in ("estimate", "std_error", "ci_low", "ci_high"):
        np.testing.assert_allclose(
            getattr(fit("w"), name), getattr(fit("w9"), name), rtol=1e-10
        )
    domain = fit("w", where=frame["site"] < 20)
    cut = fit("w", rows=frame["site"] < 20)
    np.testing.assert_allclose(domain.estimate, cut.estimate, rtol=1e-12)
    assert domain.n_obs == 200
    # The ten empty sites count as zeros in the variance: 30/29 against 20/19.
    np.testing.assert_allclose(
        domain.covariance / cut.covariance, (30 / 29) / (20 / 19), rtol=1e-9
    )


def test_design__separated_terms_are_never_surer_than_their_model():
    # Outcomes that do not vary leave residuals that do not: the sandwich collapses.
    frame = _persons(300)
    frame["site"] = np.arange(300) // 10
    frame["held"] = (np.arange(300) % 10 == 0).astype(int)
    frame.loc[frame["held"] == 1, "y"] = 1
    design = SurveyDesign.from_frame(frame, psu="site")
    fit = firth_logistic("y ~ x + held", frame, design=design)
    plain = firth_logistic("y ~ x + held", frame)
    assert fit.std_error[2] < 0.2 * plain.std_error[2]
    assert fit.ci_low[2] < plain.ci_low[2]
    assert plain.ci_high[2] < fit.ci_high[2]
    assert "Wald limits and tests must not be used" in " ".join(fit.notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"flic": True}, "flic"),
        ({"count": "persons"}, "one row per person"),
        ({"covariance": "augmented"}, "covariance="),
    ],
)
def test_design__refuses_what_has_no_design_based_answer(options, words):
    frame = _persons(30).assign(persons=1)
    design = SurveyDesign.from_frame(frame)
    with pytest.raises(InputError, match=words):
        firth_logistic("y ~ x", frame, design=design, **options)
    with pytest.raises(InputError, match="row i"):
        firth_logistic("y ~ x", frame.iloc[1:], design=design)


def test_missing_values__are_left_out_counted_and_named():
    frame = _persons(200)
    frame.loc[3, "x"] = np.nan
    frame.loc[[3, 5, 9], "z"] = np.nan
    frame["unused"] = np.nan
    before = frame.copy()
    fit = firth_logistic("y ~ x + z", frame)
    whole = firth_logistic("y ~ x + z", frame.drop(index=[3, 5, 9]))
    np.testing.assert_array_equal(fit.estimate, whole.estimate)
    assert fit.n_obs == 197
    assert fit.fit_statistics["n_excluded"] == 3
    assert "3 of 200 rows" in fit.notes[0]
    assert "x 1, z 3" in fit.notes[0]
    pd.testing.assert_frame_equal(frame, before)
    fitted = fit.augment(frame)[".fitted"]
    assert fitted.isna().to_numpy().nonzero()[0].tolist() == [3, 5, 9]


@pytest.mark.parametrize("kind", ["bool", "boolean", "Int64", "float", "int"])
def test_outcome__may_be_boolean_or_any_number_type(kind):
    frame = _persons(60)
    expected = firth_logistic("y ~ x", frame).estimate
    frame["y"] = frame["y"].astype(kind)
    fit = firth_logistic("y ~ x", frame)
    np.testing.assert_allclose(fit.estimate, expected, rtol=1e-12)
    assert fit.n_obs == 60


def test_categories__text_and_levels_without_rows():
    frame = _persons(90)
    frame["sector"] = np.array(["farm", "fishing", "sea"])[np.arange(90) % 3]
    text = firth_logistic("y ~ sector", frame)
    assert text.term == ("Intercept", "sector[T.fishing]", "sector[T.sea]")
    frame["sector"] = pd.Categorical(
        frame["sector"], categories=["farm", "fishing", "mine", "sea"]
    )
    fit = firth_logistic("y ~ sector", frame)
    np.testing.assert_allclose(fit.estimate, text.estimate, rtol=1e-12)
    assert "mine" in " ".join(fit.notes)
    with pytest.raises(InputError, match="terms cannot be made"):
        text.augment(pd.DataFrame({"sector": ["circus"]}))


@pytest.mark.parametrize(
    ("formula", "change", "words"),
    [
        ("y ~ x", {"y": 0.5}, "y must be 0 or 1"),
        ("y ~ x", {"y": 2}, r"rows .*: 2"),
        ("z2 ~ x", {"z2": "yes"}, "recode"),
        ("y ~ x + twice", {}, "x, twice are collinear"),
        ("y ~ x + nil", {}, "nil. Leave them out"),
        ("y ~ x + missing_column", {}, "'missing_column'"),
        ("y ~ log(x)", {"x": 0.0}, "must be finite"),
        ("y ~ x +* z", {}, "cannot be read"),
        ("x + z", {}, "no outcome"),
        ("y ~ x - 1", {"flic": True}, "the model has none"),
    ],
)
def test_firth_logistic__refuses_by_name(formula, change, words):
    frame = _persons(50).assign(z2="no", nil=0.0)
    frame["x"] = frame["x"].abs() + 1
    frame["twice"] = 2 * frame["x"] - 3
    options = {key: value for key, value in change.items() if key == "flic"}
    for column, value in change.items():
        if column not in options:
            frame[column] = frame[column].astype(object)
            frame.loc[7, column] = value
            if column != "z2":
                frame[column] = frame[column].astype(float)
    with pytest.raises(InputError, match=words):
        firth_logistic(formula, frame, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ci": "score"}, "profile"),
        ({"tau": -1}, "tau=-1"),
        ({"flic": True, "flac": True}, "choose one"),
        ({"level": 2}, "level=2"),
        ({"count": "x"}, "count='x'"),
        ({"covariance": "robust"}, "fisher"),
    ],
)
def test_firth_logistic__refuses_options_by_name(options, words):
    with pytest.raises(InputError, match=words):
        firth_logistic("y ~ x", _persons(50), **options)


def test_firth_logistic__not_estimable():
    frame = _persons(50)
    with pytest.raises(NotEstimableError, match="All 50 outcomes are 1"):
        firth_logistic("y ~ x", frame.assign(y=1))
    with pytest.raises(NotEstimableError, match="No row"):
        firth_logistic("y ~ x", frame.assign(x=np.nan))
    separated = frame.assign(x=frame["y"])
    with pytest.raises(NotEstimableError, match="separation"):
        firth_logistic("y ~ x", separated, tau=0)


def test_separated_terms__names_only_those_that_run_away():
    # Closed form: every person with z is an event, whatever x (overlapping) says.
    x = np.array([[1.0, -1, 0], [1, 0, 0], [1, 1, 0], [1, -1, 1], [1, 1, 1]])
    trials = np.array([5.0, 5, 5, 4, 4])
    events = np.array([1.0, 2, 4, 4, 4])
    assert separated_terms(x, trials, events).tolist() == [2]
    overlapping = events - np.array([0, 0, 0, 1, 0])
    assert separated_terms(x, trials, overlapping).size == 0


def test_count__equals_repeated_rows():
    frame = _persons(40)[["z", "y"]]
    cells = frame.value_counts().rename("persons").reset_index()
    cells.loc[len(cells)] = [1, 1, 0]  # a cell of nobody
    long = firth_logistic("y ~ z", frame)
    short = firth_logistic("y ~ z", cells, count="persons")
    for name in ("estimate", "std_error", "p_value", "ci_low", "ci_high"):
        np.testing.assert_allclose(getattr(short, name), getattr(long, name), rtol=1e-9)
    assert short.n_obs == 40


def test_row_order_and_scale_of_a_term__change_nothing_else():
    frame = _persons(120)
    fit = firth_logistic("y ~ x + z", frame)
    shuffled = firth_logistic("y ~ x + z", frame.sample(frac=1, random_state=1))
    np.testing.assert_allclose(shuffled.ci_high, fit.ci_high, rtol=1e-9)
    money = frame.assign(x=frame["x"] * 1e6)
    scaled = firth_logistic("y ~ x + z", money)
    np.testing.assert_allclose(scaled.estimate[1] * 1e6, fit.estimate[1], rtol=1e-8)
    np.testing.assert_allclose(scaled.ci_high[1] * 1e6, fit.ci_high[1], rtol=1e-8)
    np.testing.assert_allclose(scaled.p_value, fit.p_value, rtol=1e-7)


def test_model_fit__survives_pickling_for_parallel_work():
    frame = _persons(50)
    fit = firth_logistic("y ~ x + C(z)", frame)
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.augment(frame), fit.augment(frame))


@pytest.mark.simulation
def test_profile_limits__cover_at_the_nominal_rate():
    rng = np.random.default_rng(20)
    hits, runs = np.zeros(3), 1000
    truth = np.array([-2.0, 1.0, 0.5])
    for _ in range(runs):
        frame = pd.DataFrame({"x": rng.integers(0, 2, 150), "z": rng.normal(size=150)})
        eta = truth[0] + truth[1] * frame["x"] + truth[2] * frame["z"]
        frame["y"] = (rng.uniform(size=150) < expit(eta)).astype(int)
        fit = firth_logistic("y ~ x + z", frame)
        hits += (fit.ci_low <= truth) & (truth <= fit.ci_high)
    low, high = stats.binom.interval(0.999, runs, 0.95)
    assert ((low <= hits) & (hits <= high)).all(), hits
