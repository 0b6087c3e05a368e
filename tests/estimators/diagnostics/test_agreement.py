"""Agreement coefficients against R survey, epiR, irrCAC, statsmodels and papers."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from estimators.designs import SurveyDesign
from estimators.diagnostics import agreement
from estimators.errors import InputError, NotEstimableError

# Krippendorff (2011), section C: four observers, twelve units, missing data.
GAP = math.nan
OBSERVERS = pd.DataFrame(
    {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
        "C": [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
    }
)
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]  # irrCAC's cont3x3abstractors
DESIGNS = {
    "strat": ("apistrat", {"weights": "pw", "strata": "stype", "fpc": "fpc"}),
    "strat_nofpc": ("apistrat", {"weights": "pw", "strata": "stype"}),
    "clus1": ("apiclus1", {"weights": "pw", "psu": "dnum", "fpc": "fpc"}),
    "clus2_w_nofpc": ("apiclus2", {"weights": "pw", "psu": ["dnum", "snum"]}),
    "srs": ("apisrs", {"weights": "pw", "fpc": "fpc"}),
}


def pairs(table):
    rows = [
        (i, j)
        for i, row in enumerate(table)
        for j, n in enumerate(row)
        for _ in [0] * n
    ]
    return pd.DataFrame(rows, columns=["first", "second"])


@pytest.fixture(scope="module")
def survey_folder(shared_folder):
    return shared_folder / "reference" / "survey"


@pytest.fixture(scope="module")
def sets(survey_folder):
    text = (survey_folder / "reference.json").read_text(encoding="utf-8")
    return json.loads(text)["sets"]


@pytest.mark.shared
@pytest.mark.parametrize("name", DESIGNS)
def test_design__equals_svykappa(survey_folder, sets, name):
    file, options = DESIGNS[name]
    frame = pd.read_csv(survey_folder / "data" / f"{file}.csv")
    design = SurveyDesign.from_frame(frame, **options)
    result = agreement(frame[["comp.imp", "sch.wide"]], design=design)
    for version in ("survey411", "survey45"):
        value = sets[version]["cases"][f"kappa_{name}"]["value"]
        assert result.estimate == pytest.approx(value["est"], rel=1e-10)
        assert result.std_error == pytest.approx(value["se"], rel=1e-10)


@pytest.mark.shared
def test_kappa__equals_epi_kappa(sets):
    cases = sets["prevalence"]["cases"]
    result = agreement(pairs([[19, 10], [6, 256]]))
    value = cases["epi.kappa"]["value"]
    found = result.diagnostics
    assert result.estimate == pytest.approx(value["kappa"]["est"], rel=1e-12)
    assert found["pabak"] == pytest.approx(value["pabak"]["est"], rel=1e-12)
    assert found["observed_agreement"] == pytest.approx(value["prop.agree"]["obs"])
    assert found["expected_agreement"] == pytest.approx(value["prop.agree"]["exp"])
    assert abs(found["prevalence_index"]) == pytest.approx(abs(value["pindex"]["est"]))
    assert abs(found["bias_index"]) == pytest.approx(abs(value["bindex"]["est"]))
    # epiR puts the standard error under chance, or Cohen's of 1960, into its intervals.
    assert found["std_error_if_chance"] == pytest.approx(value["kappa"]["se"], rel=1e-9)
    for method in ("watson", "altman", "cohen"):
        se = cases[f"epi.kappa_{method}"]["value"]["kappa"]["se"]
        assert found["std_error_cohen_1960"] == pytest.approx(se, rel=1e-12)


@pytest.mark.parametrize(
    ("weighting", "power"), [("identity", None), ("linear", 1), ("quadratic", 2)]
)
def test_kappa__equals_statsmodels(weighting, power):
    from statsmodels.stats.inter_rater import cohens_kappa

    table = [[30, 8, 1], [5, 40, 9], [2, 6, 20]]
    apart = np.abs(np.arange(3)[:, None] - np.arange(3))
    # statsmodels takes weights of disagreement.
    weights = None if power is None else (apart / 2.0) ** power
    expected = cohens_kappa(np.array(table), weights=weights)
    result = agreement(pairs(table), weighting=weighting)
    assert result.estimate == pytest.approx(expected.kappa, rel=1e-12)
    assert result.std_error == pytest.approx(math.sqrt(expected.var_kappa), rel=1e-10)


def test_two_raters__printed_by_irrcac():
    """Printed with 7 digits; irrCAC divides by n for tables where we use n - 1."""
    kappa = agreement(pairs(ABSTRACTORS))
    assert kappa.estimate == pytest.approx(0.7964094, abs=5e-8)
    assert kappa.std_error == pytest.approx(0.05891072, abs=5e-9)
    ac1 = agreement(pairs(ABSTRACTORS), coefficient="gwet_ac")
    assert ac1.estimate == pytest.approx(0.8493305, abs=5.1e-8)
    assert ac1.std_error * math.sqrt(0.99) == pytest.approx(0.04321747, abs=5e-9)
    alpha = agreement(pairs(ABSTRACTORS), coefficient="krippendorff_alpha")
    assert alpha.estimate == pytest.approx(0.7972585, abs=5e-8)
    # Its standard error is Scott's pi's, without alpha's factor (N - 1) / N, N = 200.
    scott = 0.05905473 * 199 / 200
    assert alpha.std_error * math.sqrt(0.99) == pytest.approx(scott, abs=5e-9)


@pytest.mark.parametrize(
    ("weighting", "printed"),
    [("identity", 0.743), ("ordinal", 0.815), ("quadratic", 0.849)],
)
def test_alpha__krippendorff_s_own_example(weighting, printed):
    result = agreement(OBSERVERS, coefficient="krippendorff_alpha", weighting=weighting)
    assert result.estimate == pytest.approx(printed, abs=5e-4)
    assert result.n_obs == 11
    assert "1 persons without the ratings needed" in " ".join(result.notes)


def test_ac1__printed_for_four_raters():
    result = agreement(OBSERVERS, coefficient="gwet_ac")
    assert result.estimate == pytest.approx(0.77544, abs=5e-6)
    assert result.diagnostics["observed_agreement"] == pytest.approx(
        0.8181818, abs=5e-8
    )
    assert result.diagnostics["expected_agreement"] == pytest.approx(
        0.1903212, abs=5e-8
    )


@pytest.mark.parametrize(
    "coefficient", ["cohen_kappa", "gwet_ac", "krippendorff_alpha"]
)
def test_standard_error__agrees_with_the_jackknife(coefficient):
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 400)
    ratings = pd.DataFrame(
        {
            r: np.where(rng.random(400) < 0.8, truth, rng.integers(0, 3, 400))
            for r in "ab"
        }
    )
    if coefficient != "cohen_kappa":
        ratings = ratings.assign(c=ratings["a"].where(rng.random(400) < 0.7))
    kept = [agreement(ratings.drop(i), coefficient=coefficient) for i in range(400)]
    left = np.array([result.estimate for result in kept])
    jackknife = math.sqrt(399 / 400 * ((left - left.mean()) ** 2).sum())
    found = agreement(ratings, coefficient=coefficient).std_error
    # Linearisation and jackknife agree to order 1 / n.
    assert found == pytest.approx(jackknife, rel=0.01)


@pytest.mark.parametrize(
    "coefficient", ["cohen_kappa", "gwet_ac", "krippendorff_alpha"]
)
@pytest.mark.parametrize("weighting", ["identity", "ordinal", "quadratic"])
def test_equal_weights__are_no_design_and_relabelling_changes_nothing(
    coefficient, weighting
):
    ratings = pairs([[30, 8, 1], [5, 40, 9], [2, 6, 20]])
    plain = agreement(ratings, coefficient=coefficient, weighting=weighting)
    design = SurveyDesign.from_frame(ratings.assign(w=7.0), weights="w")
    again = agreement(
        ratings, coefficient=coefficient, weighting=weighting, design=design
    )
    n = len(ratings)
    factor = n / (n - 1) if coefficient == "cohen_kappa" else 1
    assert again.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert again.std_error == pytest.approx(plain.std_error * factor**0.5, rel=1e-10)
    swapped = agreement(
        (2 - ratings)[["second", "first"]],
        coefficient=coefficient,
        weighting=weighting,
    )
    assert swapped.estimate == pytest.approx(plain.estimate, rel=1e-12)
    text = ratings.replace({0: "a", 1: "b", 2: "c"})
    named = agreement(text, coefficient=coefficient, weighting=weighting)
    assert named.estimate == pytest.approx(plain.estimate, rel=1e-12)


def test_rare_category__kappa_is_low_and_ac1_is_not():
    ratings = pairs([[1, 3], [3, 193]])
    kappa, ac1 = (
        agreement(ratings, coefficient=c).estimate for c in ("cohen_kappa", "gwet_ac")
    )
    assert kappa < 0.3
    assert ac1 > 0.95


def test_full_agreement__says_what_its_standard_error_is_worth():
    result = agreement(pairs([[10, 0], [0, 5]]))
    assert result.estimate == 1
    assert "never differed" in " ".join(result.notes)


def test_bad_input__is_refused_by_name():
    good = pairs([[10, 2], [3, 5]])
    design = SurveyDesign.from_frame(good)
    for ratings, options, words in [
        (good[["first"]], {}, "two columns"),
        (OBSERVERS, {}, "4 came"),
        (good.to_numpy(), {}, "ndarray came"),
        (good, {"coefficient": "scott"}, "coefficient='scott'"),
        (good, {"coefficient": "krippendorff_alpha", "weighting": "linear"}, "alpha"),
        (good.iloc[:5], {"design": design}, "same rows"),
        (good, {"design": good}, "SurveyDesign"),
        (pd.DataFrame({"a": [1, "x"], "b": [1, 2]}), {}, "mix numbers and text"),
    ]:
        with pytest.raises(InputError, match=words):
            agreement(ratings, **options)
    one = pd.DataFrame({"a": [1, 1], "b": [1, 1]})
    for coefficient in ("cohen_kappa", "krippendorff_alpha"):
        with pytest.raises(NotEstimableError, match="one category"):
            agreement(one, coefficient=coefficient)
    apart = pd.DataFrame({"a": [1, None], "b": [None, 0]})
    with pytest.raises(NotEstimableError, match="Nobody has two"):
        agreement(apart)
    with pytest.raises(NotEstimableError, match="every cell"):
        agreement(apart.assign(a=math.nan, b=math.nan))
