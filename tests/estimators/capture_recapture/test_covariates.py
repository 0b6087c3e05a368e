"""Log-linear models of lists and covariates: the anchor's path, and what it misses."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import CaptureHistories, stratified_log_linear
from estimators.capture_recapture.stratified_fit import fit_pairs, refusal
from estimators.capture_recapture.stratified_resampling import (
    choose_model,
    draw_tables,
    refit_tables,
)
from estimators.capture_recapture.stratified_table import read_stratified_table
from estimators.errors import InputError, NotEstimableError

LISTS, COVARIATES = ["R1", "R2", "R3", "R4"], ["X1", "X2", "X3"]
RUN = {"lists": LISTS, "covariates": COVARIATES, "count": "Freq"}


@pytest.fixture
def folder(shared_folder):
    return shared_folder / "reference/capture_recapture"


@pytest.fixture
def simulated(folder):
    return pd.read_csv(folder / "cruyff_simdat_R1R4_X1X3.csv")


@pytest.fixture
def anchor(folder):
    reference = json.loads((folder / "reference.json").read_text())
    return reference["covariate_loglinear_cruyff"]


@pytest.fixture
def tables(folder):
    return json.loads((folder / "reference.json").read_text())


def pairs_of(formula):
    right = formula.split("~")[1]
    return [tuple(t.strip().split(":")) for t in right.split("+") if ":" in t]


@pytest.mark.shared
def test_reference__every_model_of_the_path(simulated, anchor):
    search = anchor["model_search"]
    assert search["minima"] == {"AIC": 458.5, "AICc": 459.7, "BIC": 558}
    steps = zip(search["formulas"], search["Nhat"], search["table"], strict=True)
    before = None
    for step, (formula, size, row) in enumerate(steps):
        terms = pairs_of(formula)
        # 120 cells of persons whom a list names.
        assert row["Resid..Df"] == 120 - 8 - len(terms)
        if terms:
            assert row["Step"] == "+ " + ":".join(terms[-1])
        if step >= 16:  # the last two have no maximum: the next test
            break
        whole = stratified_log_linear(simulated, terms=terms, **RUN)
        got = whole.diagnostics
        # glm stops at a relative change of the deviance of 1e-8.
        assert whole.estimate == pytest.approx(size, rel=2e-8)
        assert row["Nhat"] == pytest.approx(size, abs=0.0501)
        assert got["n_parameters"] == 8 + len(terms)
        # Printed with one decimal, the criteria as differences from their minima.
        assert got["deviance"] == pytest.approx(row["Resid..Dev"], abs=0.051)
        for name, least in search["minima"].items():
            assert got[name.lower()] == pytest.approx(row[name] + least, abs=0.11)
        if before is not None:
            assert before - got["deviance"] == pytest.approx(row["Deviance"], abs=0.051)
        before = got["deviance"]


@pytest.mark.shared
def test_reference__coefficients_of_the_bic_model_and_the_order_of_its_steps(
    simulated, anchor
):
    table = read_stratified_table(
        simulated, lists=LISTS, covariates=COVARIATES, count="Freq"
    )
    fit, refused = choose_model(table, "bic")
    wanted = pairs_of(anchor["model_search"]["formulas"][11])
    assert [table.label(pair) for pair in fit.pairs] == [":".join(p) for p in wanted]
    assert not refused
    printed = {
        frozenset(name.split(":")): value
        for name, value in anchor["model_search"]["coefs_bicmodel"].items()
    }
    names = [name.replace("=", "") for name in table.column_names(fit.pairs)]
    assert len(names) == len(printed) == fit.coefficient.size
    for name, value in zip(names[1:], fit.coefficient[1:], strict=True):
        # glm stops at a relative change of the deviance of 1e-8.
        assert value == pytest.approx(printed[frozenset(name.split(":"))], abs=2e-8)
    assert fit.coefficient[0] == pytest.approx(
        printed[frozenset(["(Intercept)"])], abs=2e-8
    )


@pytest.mark.shared
def test_reference__the_collapsed_models_are_refused(simulated, anchor):
    search = anchor["model_search"]
    for formula, size in zip(search["formulas"][16:], search["Nhat"][16:], strict=True):
        assert size == pytest.approx(1043, abs=0.001)  # nobody unseen: a boundary
        with pytest.raises(NotEstimableError, match=r"R2:R3.*runs to infinity"):
            stratified_log_linear(simulated, terms=pairs_of(formula), **RUN)


@pytest.mark.shared
def test_reference__stepwise_model_and_strata(simulated, anchor):
    got = stratified_log_linear(simulated, **RUN)
    assert got.estimate == pytest.approx(anchor["model_search"]["Nhat"][11], rel=2e-8)
    wanted = pairs_of(anchor["model_search"]["formulas"][11])
    assert set(got.notes[0].split("): ")[1].split(", ")) == {
        ":".join(pair) for pair in wanted
    }
    for name in COVARIATES:
        rows = stratified_log_linear(simulated, by=name, terms=wanted, **RUN)
        for code in (1, 2):
            row = rows.get(**{name: code})
            assert row.estimate == pytest.approx(
                anchor["bic_model_strata"][name][str(code)], rel=2e-8
            )
            assert row.n_obs == anchor["bic_model_observed"][name][str(code)]
        assert sum(row.estimate for row in rows) == pytest.approx(
            got.estimate, rel=1e-12
        )


@pytest.mark.shared
def test_aic__goes_on_from_bic_and_keeps_an_estimable_size(simulated, anchor):
    got = stratified_log_linear(simulated, selection="aic", **RUN)
    assert got.estimate == pytest.approx(anchor["model_search"]["Nhat"][12], rel=2e-8)


@pytest.mark.shared
def test_reference__parametric_bootstrap(simulated, anchor):
    table = read_stratified_table(
        simulated, lists=LISTS, covariates=COVARIATES, count="Freq"
    )
    fit, _ = choose_model(table, "bic")
    drawn = draw_tables(
        table, fit, parametric=True, n_resamples=200, rng=np.random.default_rng(1)
    )
    sizes = refit_tables(table, fit, np.ones((1, 128)), drawn, None).size[:, 0]
    wanted = anchor["bic_model_parametric_bootstrap"]
    assert np.isnan(sizes).sum() == wanted["failed"] == 0
    assert fit.mean[~table.observable].sum() + 1043 == pytest.approx(
        wanted["N"], rel=2e-8
    )
    # Two means of 200 draws: 4 standard errors of their difference.
    error = wanted["sd"] * (2 / 200) ** 0.5
    assert sizes.mean() == pytest.approx(wanted["mean"], abs=4 * error)
    # Two standard deviations of 200 draws, each with an error of 5 % (heavier tails
    # than normal: 10 %), so 3 of their joint error; the limits are as loose.
    assert sizes.std(ddof=1) == pytest.approx(wanted["sd"], rel=0.35)
    low, high = np.quantile(sizes, [0.025, 0.975])
    assert low == pytest.approx(wanted["q"]["2.5%"], rel=0.2)
    assert high == pytest.approx(wanted["q"]["97.5%"], rel=0.3)


@pytest.mark.shared
def test_analytic_error__equals_that_of_statsmodels(simulated, anchor):
    api = pytest.importorskip("statsmodels.api")
    formula = anchor["model_search"]["formulas"][11]
    wanted = pairs_of(formula)
    got = stratified_log_linear(simulated, terms=wanted, **RUN)
    table = read_stratified_table(
        simulated, lists=LISTS, covariates=COVARIATES, count="Freq"
    )
    columns = {name: table.code[:, at] for at, name in enumerate(table.names)}
    design = np.column_stack(
        [np.ones(len(table.code)), *columns.values()]
        + [columns[a] * columns[b] for a, b in wanted]
    )
    seen = table.observable
    fit = api.GLM(table.count[seen], design[seen], family=api.families.Poisson()).fit()
    mean = np.exp(design[~seen] @ fit.params)
    slope = mean @ design[~seen]
    variance = mean.sum() + slope @ fit.cov_params() @ slope
    assert got.std_error == pytest.approx(math.sqrt(variance), rel=1e-6)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Kosovo", "UKdat_5", "NewOrl_5"])
def test_without_covariates__equals_extended_maximum_likelihood(tables, name):
    data = tables["data"][name]
    lists = data["lists"]
    frame = pd.DataFrame(data["rows"], columns=[*lists, "n"])
    cases = 0
    for model, row in tables["log_linear"][name]["fixed"].items():
        parts = model.strip("[]").split(",")
        if max(map(len, parts)) > 2:
            continue  # terms of three lists are not of this kind
        terms = [tuple(lists[int(c) - 1] for c in part) for part in parts if part[1:]]
        run = {"lists": lists, "covariates": [], "count": "n", "terms": terms}
        if row["check_extended_MLE"]:
            with pytest.raises(NotEstimableError):
                stratified_log_linear(frame, **run)
            continue
        got = stratified_log_linear(frame, **run)
        assert got.estimate == pytest.approx(row["abundance"], rel=1e-7)
        assert got.diagnostics["bic"] == pytest.approx(row["bic"], abs=1e-6)
        cases += 1
    assert cases


CELLS = pd.DataFrame(
    {
        "a": [1, 0, 1] * 2,
        "b": [0, 1, 1] * 2,
        "sex": list("fffmmm"),
        "n": [30, 20, 10, 80, 40, 10],
    }
)
SIMPLE = {"lists": ("a", "b"), "covariates": ["sex"], "count": "n"}


def test_two_lists__saturated_in_a_covariate_are_lincoln_petersen_each():
    got = stratified_log_linear(
        CELLS, by="sex", terms=[("a", "sex"), ("b", "sex")], **SIMPLE
    )
    for sex, (both, one, other) in {"f": (10, 30, 20), "m": (10, 80, 40)}.items():
        row = got.get(sex=sex)
        size = (both + one) * (both + other) / both
        assert row.estimate == pytest.approx(size, rel=1e-9)
        # sqrt(u + u^2 (1/n11 + 1/n10 + 1/n01)) for the unseen u = n10 n01 / n11.
        u = one * other / both
        assert row.std_error == pytest.approx(
            math.sqrt(u + u**2 * (1 / both + 1 / one + 1 / other)), rel=1e-9
        )


def test_rows__one_per_person_give_the_same():
    persons = CELLS.loc[CELLS.index.repeat(CELLS.n)].drop(columns="n")
    one = stratified_log_linear(CELLS, **SIMPLE)
    other = stratified_log_linear(persons, **{**SIMPLE, "count": None})
    assert one == other


def test_names_and_levels__can_be_exchanged():
    frame = CELLS.assign(sex=CELLS.sex.map({"f": "z", "m": "a"}))
    one = stratified_log_linear(CELLS, **SIMPLE)
    other = stratified_log_linear(frame, **{**SIMPLE, "lists": ("b", "a")})
    assert other.estimate == pytest.approx(one.estimate, rel=1e-10)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-10)


@pytest.mark.parametrize("levels", [("f", "m"), ("m", "f")])
def test_list_without_women__has_mean_zero_whatever_the_reference_level(levels):
    rows = [
        (1, 0, 0, 0, 40), (0, 1, 0, 0, 50), (0, 0, 1, 0, 30), (1, 1, 0, 0, 12),
        (1, 0, 1, 0, 9), (0, 1, 1, 0, 8), (1, 1, 1, 0, 3),
        (0, 1, 0, 1, 25), (0, 0, 1, 1, 20), (0, 1, 1, 1, 5),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "sex", "n"])
    frame["sex"] = frame["sex"].map(dict(enumerate(levels)))
    terms = [("a", "sex"), ("b", "sex"), ("c", "sex")]
    got = stratified_log_linear(
        frame,
        lists=("a", "b", "c"),
        covariates=["sex"],
        count="n",
        terms=terms,
        by="sex",
    )
    # Women are on b and c only: Lincoln-Petersen of these two.
    assert got.get(sex=levels[1]).estimate == pytest.approx(30 * 25 / 5, rel=1e-8)


def test_two_lists_with_their_own_dependence__are_refused():
    with pytest.raises(NotEstimableError, match="do not determine"):
        stratified_log_linear(CELLS, terms=[("a", "b")], **SIMPLE)


def test_refusal__by_linear_programme_of_a_known_case():
    # As many parameters as cells, of which "111" and "100" are empty without an empty
    # margin: their log means would be minus infinity.
    words = {"010": 5, "001": 6, "110": 4, "101": 3, "011": 2}
    frame = pd.DataFrame(
        [[*map(int, word), n] for word, n in words.items()], columns=[*"abc", "n"]
    )
    table = read_stratified_table(frame, lists=list("abc"), covariates=[], count="n")
    fit = fit_pairs(table, table.pairs())
    assert "runs to infinity" in refusal(table, fit)


def test_parametric__same_rng_same_answer():
    runs = [
        stratified_log_linear(
            CELLS, variance="parametric", n_resamples=30, rng=5, **SIMPLE
        )
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert runs[0].diagnostics["n_resamples"] == 30


@pytest.mark.parametrize(
    ("frame", "changes", "words"),
    [
        (CELLS.assign(a=[1, 0, 2] * 2), {}, r"list a must be 0 or 1.*rows 2, 5"),
        (CELLS.assign(n=[1, 2.5, 3, 4, 5, 6]), {}, r"count='n'.*rows 1"),
        (CELLS.assign(b=0), {}, r"on no list \(rows 1, 4"),
        (CELLS.assign(sex="f"), {}, "one level"),
        (CELLS, {"by": "age"}, "by=age"),
        (CELLS, {"terms": [("a", "age")]}, "age"),
        (CELLS, {"lists": ("a",)}, "two lists"),
        (CELLS, {"covariates": ["age"]}, "age"),
        (CELLS, {"selection": "p"}, "selection"),
    ],
)
def test_input__is_checked(frame, changes, words):
    with pytest.raises(InputError, match=words):
        stratified_log_linear(frame, **{**SIMPLE, **changes})


def test_missing_covariate__is_counted():
    frame = CELLS.assign(sex=["f", "f", "f", "m", "m", None])
    frame.loc[5, "n"] = 4
    with_gap = pd.concat([CELLS, frame.iloc[[5]]], ignore_index=True)
    got = stratified_log_linear(with_gap, **SIMPLE)
    assert got.n_obs == 190
    assert "4 observed persons" in got.notes[0]


def test_bootstrap__repeats_the_selection_and_is_wider():
    # Three lists whose dependence on each other is doubtful: the choice varies.
    counts = (60, 45, 18, 34, 14, 9, 7, 80, 44, 25, 40, 12, 13, 4)
    rows = [
        (mask & 1, mask >> 1 & 1, mask >> 2, sex)
        for sex in "fm"
        for mask in range(1, 8)
    ]
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "sex"]).assign(n=counts)
    run = {"lists": list("abc"), "covariates": ["sex"], "count": "n"}
    plain = stratified_log_linear(frame, **run)
    runs = [
        stratified_log_linear(frame, variance="bootstrap", n_resamples=60, rng=2, **run)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert runs[0].estimate == plain.estimate
    assert "it is too short" in plain.notes[-1]
    assert "selection was repeated in 60 bootstrap tables" in runs[0].notes[-1]
    assert runs[0].std_error > plain.std_error


def test_bootstrap__with_given_terms_has_the_variance_of_its_closed_form():
    terms = [("a", "sex"), ("b", "sex")]
    frame = CELLS.assign(n=CELLS.n * 20)
    run = {"terms": terms, "n_resamples": 400, "rng": 1}
    drawn = stratified_log_linear(frame, variance="bootstrap", **run, **SIMPLE)
    # Unseen u = n10 n01 / n11 in each sex; of n persons drawn with replacement:
    # sum of u^2 (1/n11 + 1/n10 + 1/n01), less (sum of u)^2 / n.
    cells = np.array([[600, 400, 200], [1600, 800, 200]])
    unseen = cells[:, 0] * cells[:, 1] / cells[:, 2]
    variance = unseen**2 @ (1 / cells).sum(axis=1) - unseen.sum() ** 2 / cells.sum()
    # A standard deviation from 400 draws has an error of 3.5 %: 4 of these.
    assert drawn.std_error == pytest.approx(math.sqrt(variance), rel=0.14)


def test_histories__bring_their_own_names():
    with pytest.raises(InputError, match="lists= and covariates="):
        stratified_log_linear(CELLS, count="n")
    histories = CaptureHistories.from_frame(CELLS, count="n", strata="sex")
    assert stratified_log_linear(histories) == stratified_log_linear(CELLS, **SIMPLE)
    with pytest.raises(InputError, match="leave lists"):
        stratified_log_linear(histories, lists=("a", "b"))
