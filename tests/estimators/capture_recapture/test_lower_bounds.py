"""One-source sizes against R's closed forms, the regression they are and simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from estimators.capture_recapture import chao, truncated_counts, zelterman
from estimators.errors import InputError, NotEstimableError
from sentinel import datasets


@pytest.mark.shared
def test_chao__equals_the_closed_forms_of_every_table(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    forms = json.loads(path.read_text(encoding="utf-8"))["closed_forms"]
    tables = [form for form in forms.values() if "f" in form]
    assert len(tables) > 8
    for form in tables:
        found = chao(form["f"]["1"], form["f"]["2"], form["n"])
        expected = form["Chao_M0_f1f2_no_t_factor"]
        assert found.estimate == pytest.approx(expected, rel=1e-12)
        lists = {name for pair in form.get("pairs", {}) for name in pair.split(":")}
        if lists:
            counts = (form["f"]["1"], form["f"]["2"], form["n"])
            by_lists = chao(*counts, n_lists=len(lists))
            expected = form["Chao_Mh_with_(t-1)/t"]
            assert by_lists.estimate == pytest.approx(expected, rel=1e-12)
    dutch = forms["netherlandsimmigrant"]
    counts = (dutch["f1"], dutch["f2"], dutch["n"])
    corrected = chao(*counts, bias_corrected=True)
    assert corrected.estimate == pytest.approx(dutch["Chao_bias_corrected"], rel=1e-12)
    assert zelterman(*counts).estimate == pytest.approx(dutch["Zelterman"], rel=1e-12)


def test_both__are_the_regressions_without_covariates():
    table = datasets.load("dutch_immigrants_1995")
    for family, function, tolerance in (
        ("zelterman", zelterman, 1e-9),
        # Chao's printed variance and that of the likelihood agree to order 1 / n.
        ("chao", chao, 1e-4),
    ):
        model = truncated_counts("capture ~ 1", table, family=family, count="freq")
        found = function(1645, 183, 1880)
        assert found.estimate == pytest.approx(model.estimate, rel=1e-9)
        assert found.std_error == pytest.approx(model.std_error, rel=tolerance)


def test_intervals__hold_a_homogeneous_population():
    rng = np.random.default_rng(20260101)
    population, runs, hits = 2000, 400, {"chao": 0, "zelterman": 0}
    for contacts in rng.poisson(0.7, (runs, population)):
        f1, f2 = int((contacts == 1).sum()), int((contacts == 2).sum())
        n = int((contacts > 0).sum())
        for function in (chao, zelterman):
            found = function(f1, f2, n)
            hits[found.method] += found.ci.low <= population <= found.ci.high
    # Central 99.9 % of a binomial of 400 at 0.95 runs from 364 to 393.
    assert all(364 <= count <= 393 for count in hits.values()), hits


def test_no_repeats__infinite_bound_is_refused_and_the_corrected_form_is_finite():
    with pytest.raises(NotEstimableError, match="infinite"):
        chao(20, 0, 20)
    assert chao(20, 0, 20, bias_corrected=True).estimate == 20 + 20 * 19 / 2
    for counts in ((20, 0, 20), (0, 5, 9)):
        with pytest.raises(NotEstimableError):
            zelterman(*counts)


def test_one_list__nobody_can_be_met_twice():
    with pytest.raises(InputError, match="n_lists=1"):
        chao(20, 3, 25, n_lists=1)
    # Two lists: f1**2 / (4 f2), the estimate of two lists of equal size.
    assert chao(20, 5, 25, n_lists=2).estimate == 25 + 20**2 / (4 * 5)


@pytest.mark.parametrize(
    ("counts", "says"),
    [((5, 5, 9), "distinct person"), ((0, 0, 0), "nobody"), ((-1, 2, 5), "below 0")],
)
def test_bad_counts__one_clear_error(counts, says):
    for function in (chao, zelterman):
        with pytest.raises(InputError, match=says):
            function(*counts)
