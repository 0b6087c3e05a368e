"""Survey regression: twins, invariances, edges and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from estimators.designs import ReplicateDesign, SurveyDesign, to_replicates
from estimators.errors import InputError, NotEstimableError
from estimators.regression._glm_solver import distinct_places
from estimators.regression.glm_families import glm_model
from estimators.regression.model_rows import read_model_rows, term_columns
from estimators.regression.survey_models import survey_glm
from tests.twins import regression as twin

LINKS = [
    ("binomial", "logit"), ("binomial", "probit"), ("binomial", "cloglog"),
    ("binomial", "log"), ("binomial", "identity"), ("poisson", "log"),
    ("poisson", "identity"), ("gaussian", "identity"), ("gaussian", "log"),
    ("gamma", "log"), ("gamma", "inverse"), ("gamma", "identity"),
]  # fmt: skip


def sample(n_psu=24, size=8, rng=11):
    rng = np.random.default_rng(rng)
    n = n_psu * size
    frame = pd.DataFrame({"psu": np.repeat(range(n_psu), size)})
    frame["stratum"] = frame["psu"] // 6
    frame["x"] = rng.integers(0, 4, n).astype(float)
    frame["z"] = rng.choice(["a", "b", "c"], n)
    risk = special.expit(-1.0 + 0.3 * frame["x"] + 0.4 * (frame["z"] == "b"))
    frame["y"] = (rng.random(n) < risk).astype(float)
    frame["months"] = rng.gamma(2.0, 1.0 + frame["x"])
    frame["w"] = rng.uniform(1, 5, n)
    return frame


def design_of(frame):
    return SurveyDesign.from_frame(frame, weights="w", strata="stratum", psu="psu")


@pytest.mark.parametrize(("family", "link"), LINKS)
def test_links__agree_with_their_own_derivatives(family, link):
    model = glm_model(family, link)
    eta = np.array([0.12, 0.4, 0.77]) * (
        -1 if (family, link) == ("binomial", "log") else 1
    )
    step = 1e-6
    for function, derivative in ((model.mean, model.slope), (model.slope, model.bend)):
        numeric = (function(eta + step) - function(eta - step)) / (2 * step)
        np.testing.assert_allclose(derivative(eta), numeric, rtol=1e-6, atol=1e-8)
    pull = model.pull(eta)
    np.testing.assert_allclose(pull, model.slope(eta) / model.variance(eta), rtol=1e-12)
    # The score of the likelihood is (total - weight mean) pull.
    weight, total = np.array([2.0, 3.0, 4.0]), np.array([1.0, 1.5, 2.5])
    value = [model.log_likelihood(eta + s, weight, total) for s in (step, -step)]
    score = (total - weight * model.mean(eta)) * pull
    np.testing.assert_allclose((value[0] - value[1]) / (2 * step), score, rtol=1e-6)
    assert model.start(float(model.mean(eta)[1])) == pytest.approx(eta[1])


@pytest.mark.parametrize(("family", "link"), LINKS)
def test_fit__solves_its_score_equations(family, link):
    frame = sample()
    outcome = "y" if family in {"binomial", "poisson"} else "months"
    fit = survey_glm(f"{outcome} ~ z", design_of(frame), family=family, link=link)
    rows = fit.sample.rows
    eta = rows.matrix @ fit.estimate
    residual = (rows.outcome - fit.model.mean(eta)) * fit.model.pull(eta)
    np.testing.assert_allclose(
        rows.matrix.T @ (fit.sample.weight * residual), 0, atol=1e-8
    )


def test_replicates__equal_one_fit_at_a_time():
    frame = sample()
    design = to_replicates(design_of(frame), kind="rao_wu", n_replicates=40, rng=1)
    fit = survey_glm("y ~ x + z", design)
    rows = fit.sample.rows
    expected = twin.replicate_logistic(
        rows.matrix, rows.outcome, design.replicate_weights, fit.estimate
    )
    np.testing.assert_allclose(fit.replicates, expected, rtol=1e-9, atol=1e-11)
    away = expected - expected.mean(axis=0)
    np.testing.assert_allclose(fit.covariance, away.T @ away / 39, rtol=1e-7)


def test_replicates__lost_ones_are_counted():
    frame = sample(n_psu=8, size=6)
    # Only two clusters hold anybody of category c with the outcome.
    frame["z"] = np.where(frame["psu"] < 2, "c", frame["z"].replace("c", "a"))
    frame["y"] = np.where(frame["z"] == "c", frame.index % 2, frame["y"])
    frame["y"] = np.where((frame["z"] == "c") & (frame["psu"] == 1), 0, frame["y"])
    design = SurveyDesign.from_frame(frame, psu="psu")
    with pytest.raises(NotEstimableError, match="no finite estimate"):
        survey_glm("y ~ z", to_replicates(design, kind="JK1"))
    wide = frame.assign(base=1.0, **{f"r{i}": 1.0 + 0.1 * np.sin(frame["psu"] + i)
                                     for i in range(1, 21)})  # fmt: skip
    names = [f"r{i}" for i in range(1, 21)]
    wide.loc[frame["psu"] == 0, "r3"] = 0.0
    few = ReplicateDesign.from_frame(
        wide, weights="base", replicate_weights=names, kind="bootstrap"
    )
    fit = survey_glm("y ~ z", few)
    assert any("1 of 20 replicates" in note for note in fit.notes)
    kept = ReplicateDesign.from_frame(
        wide, weights="base", replicate_weights=[n for n in names if n != "r3"],
        scale=few.scale * 20 / 19,
    )  # fmt: skip
    np.testing.assert_allclose(
        fit.covariance, survey_glm("y ~ z", kept).covariance, rtol=1e-8
    )


def test_domain__equals_zero_weights_elsewhere_and_keeps_the_rows():
    frame = sample()
    design = design_of(frame)
    inside = frame["z"] != "c"
    fit = survey_glm("y ~ x", design, where=inside.to_numpy())
    same = survey_glm("y ~ x", design.subset("z != 'c'"))
    pd.testing.assert_frame_equal(fit.terms(), same.terms())
    dropped = survey_glm("y ~ x", design_of(frame[inside].reset_index(drop=True)))
    np.testing.assert_allclose(fit.estimate, dropped.estimate, rtol=1e-9)
    assert fit.n_obs == inside.sum()
    replicate = to_replicates(design, kind="JKn")
    jack = survey_glm("y ~ x", replicate, where="z != 'c'")
    np.testing.assert_allclose(jack.std_error, fit.std_error, rtol=0.05)


def test_missing_values__are_left_out_of_the_domain_and_counted():
    frame = sample()
    frame.loc[[3, 50], "x"] = np.nan
    fit = survey_glm("y ~ x", design_of(frame))
    assert fit.fit_statistics["n_excluded"] == 2
    assert any("x 2" in note for note in fit.notes)
    whole = design_of(frame)
    same = survey_glm("y ~ x", whole, where=frame["x"].notna().to_numpy())
    np.testing.assert_array_equal(fit.covariance, same.covariance)


@pytest.mark.parametrize("factor", [1e-6, 7.0])
def test_scale_of_weights__does_not_matter(factor):
    frame = sample()
    fit = survey_glm("y ~ x + z", design_of(frame))
    other = survey_glm("y ~ x + z", design_of(frame.assign(w=frame["w"] * factor)))
    pd.testing.assert_frame_equal(fit.terms(), other.terms(), rtol=1e-9)
    assert other.fit_statistics == pytest.approx(fit.fit_statistics)


def test_offset__is_added_and_predicted():
    frame = sample().assign(shift=lambda f: np.log(1 + f["psu"]))
    fit = survey_glm("y ~ x", design_of(frame), family="poisson", offset="shift")
    fitted = fit.augment(frame)[".fitted"]
    assert np.average(fitted, weights=frame["w"]) == pytest.approx(
        np.average(frame["y"], weights=frame["w"])
    )
    frame.loc[4, "shift"] = np.nan
    part = survey_glm("y ~ x", design_of(frame), family="poisson", offset="shift")
    assert part.n_obs == len(frame) - 1
    assert any("missing shift" in note for note in part.notes)
    frame["shift"] = np.inf
    with pytest.raises(InputError, match="finite numbers"):
        survey_glm("y ~ x", design_of(frame), family="poisson", offset="shift")


def test_few_degrees_of_freedom__fall_back_with_a_note():
    frame = sample(n_psu=4, size=30)
    frame["stratum"] = 0
    fit = survey_glm("y ~ x + z + x:z", design_of(frame))
    assert fit.df == 3
    assert any("use up the 3 degrees of freedom" in note for note in fit.notes)
    assert np.isfinite(fit.p_value).all()


def test_wald_limits__are_t_limits():
    fit = survey_glm("y ~ x", design_of(sample()), level=0.9)
    reach = stats.t.ppf(0.95, 24 - 4 + 1 - 2) * fit.std_error
    np.testing.assert_allclose(fit.ci_high - fit.estimate, reach, rtol=1e-12)


def test_separation__is_named_for_every_family_it_can_hit():
    frame = sample()
    frame.loc[frame["z"] == "b", "y"] = 0.0
    for options in ({}, {"link": "probit"}, {"family": "poisson"}, {"link": "log"}):
        with pytest.raises(NotEstimableError, match=r"z\[T.b\] are infinite"):
            survey_glm("y ~ z", design_of(frame), **options)


@pytest.mark.parametrize(
    ("formula", "options", "words"),
    [
        ("months ~ x", {}, "must be 0 or 1"),
        ("y ~ x", {"family": "gamma"}, "above 0"),
        ("y ~ x", {"family": "tweedie"}, "not known"),
        ("y ~ x", {"link": "inverse"}, "has no link"),
        ("y ~ x + one", {}, "one has one value"),
        ("y ~ x + I(2 * x)", {}, "collinear"),
        ("y ~ nowhere", {}, "nowhere"),
        ("y ~ x", {"level": 95}, "level="),
    ],
)
def test_bad_input__is_refused(formula, options, words):
    design = design_of(sample().assign(one=1.0))
    with pytest.raises(InputError, match=words):
        survey_glm(formula, design, **options)


def test_empty_domain_and_constant_outcome__are_not_estimable():
    design = design_of(sample())
    with pytest.raises(NotEstimableError):
        survey_glm("y ~ x", design, where="x > 90")
    with pytest.raises(NotEstimableError, match="All"):
        survey_glm("y ~ x", design, where="y > 0")
    with pytest.raises(InputError, match="SurveyDesign was expected"):
        survey_glm("y ~ x", sample())


def test_distinct_places__restores_every_row():
    rng = np.random.default_rng(2)
    matrix = rng.integers(0, 3, (500, 4)).astype(float)
    first, place = distinct_places(matrix)
    np.testing.assert_array_equal(matrix[first][place], matrix)
    assert len(first) == len(np.unique(matrix, axis=0))
    # Rows whose combination collides are still told apart.
    angle = np.cos(np.arange(1.0, 3.0))
    collided = np.array([[0.0, 0.0], [angle[1], -angle[0]], [1.0, 1.0]])
    first, place = distinct_places(collided)
    np.testing.assert_array_equal(collided[first][place], collided)


def test_nullable_strings__are_levels_as_plain_ones_are():
    frame = sample()
    nullable = frame.assign(z=pd.array(frame["z"], dtype="string"))
    plain = survey_glm("y ~ x + z", design_of(frame))
    fit = survey_glm("y ~ x + z", design_of(nullable))
    pd.testing.assert_frame_equal(fit.terms(), plain.terms())
    fitted = [f.augment(g)[".fitted"] for f, g in ((fit, nullable), (plain, frame))]
    np.testing.assert_array_equal(*fitted)


def test_term_columns__by_factor_or_level():
    rows = read_model_rows("y ~ x + z + x:z", sample())
    assert term_columns(rows, "z").tolist() == [2, 3] or rows.term[1] != "x"
    for name in ("z", "x + z", ["x:z"], "z[T.b]"):
        places = term_columns(rows, name)
        assert len(places) == {"z": 2, "x + z": 3, "z[T.b]": 1}.get(str(name), 2)
    with pytest.raises(InputError, match="no term age; its terms are"):
        term_columns(rows, "age")
