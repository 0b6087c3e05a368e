"""Fixed dependence against closed forms, Rcapture, statsmodels and known truth."""

import json
import math

import numpy as np
import pytest
import statsmodels.api as sm

from estimators.capture_recapture.dependence import (
    dependence_sensitivity,
    no_highest_order_interaction,
)
from estimators.capture_recapture.histories import CaptureHistories
from estimators.capture_recapture.simulate import dependent_cells, draw_tables
from estimators.errors import InputError, NotEstimableError

TWO = {"10": 30, "01": 20, "11": 6}
THREE = {"100": 60, "010": 45, "110": 14, "001": 70, "101": 18, "011": 12, "111": 5}
# UK 2013, five lists (LA, NG, PFNCA, GO, GP): Silverman 2014; Bales et al. 2015.
UK_FIVE = {
    "10000": 54, "01000": 463, "00100": 995, "00010": 695, "00001": 316,
    "11000": 15, "10100": 19, "10010": 3, "01100": 62, "01010": 19, "01001": 1,
    "00110": 76, "00101": 11, "00011": 8, "11100": 1, "11010": 1, "01110": 4,
    "11110": 1,
}  # fmt: skip


def two():
    return CaptureHistories.from_counts(TWO)


def three():
    return CaptureHistories.from_counts(THREE)


def test_two_lists__are_lincoln_petersen_with_the_variance_of_sekar_and_deming():
    found = no_highest_order_interaction(two())
    n1, n2, m = 36, 26, 6
    assert found.estimate == pytest.approx(n1 * n2 / m, rel=1e-13)
    assert found.std_error**2 == pytest.approx(n1 * n2 * 30 * 20 / m**3, rel=1e-13)
    assert found.n_obs == 56


@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0])
def test_two_lists__odds_ratio_formula_of_gerritse_in_every_assumption(ratio):
    wanted = 56 + ratio * 30 * 20 / 6
    for assumption in ("pair_margin", "pair_given_others", "highest_order"):
        curve = dependence_sensitivity(
            two(), odds_ratios=[ratio], assumption=assumption
        )
        assert curve[0].estimate == pytest.approx(wanted, rel=1e-9)
    # The information matrix and the sum of reciprocals are one variance here.
    spread = {
        a: dependence_sensitivity(two(), odds_ratios=[ratio], assumption=a)[0].std_error
        for a in ("pair_margin", "pair_given_others")
    }
    assert spread["pair_margin"] == pytest.approx(spread["pair_given_others"], rel=1e-8)


def test_three_lists__fienberg_closed_form():
    found = no_highest_order_interaction(three())
    unseen = 60 * 45 * 70 * 5 / (14 * 18 * 12)
    assert found.estimate == pytest.approx(sum(THREE.values()) + unseen, rel=1e-13)
    variance = unseen + unseen**2 * sum(1 / count for count in THREE.values())
    assert found.std_error == pytest.approx(math.sqrt(variance), rel=1e-13)


def test_three_lists__equal_the_saturated_poisson_model_of_all_pairs():
    histories = three()
    matrix = histories.matrix()
    pairs = [matrix[:, i] * matrix[:, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    design = np.column_stack([np.ones(7), matrix, *pairs])
    # The model is saturated (statsmodels divides by its 0 degrees of freedom).
    intercept = np.linalg.solve(design, np.log(histories.count))[0]
    covariance = np.linalg.inv(design.T @ (histories.count[:, None] * design))
    unseen = math.exp(intercept)
    found = no_highest_order_interaction(histories)
    assert found.estimate == pytest.approx(224 + unseen, rel=1e-8)
    variance = unseen + unseen**2 * covariance[0, 0]
    assert found.std_error == pytest.approx(math.sqrt(variance), rel=1e-6)


def test_four_lists__a_population_without_the_interaction_is_found():
    terms = {(0, 1): 3.0, (1, 2): 0.5, (0, 1, 3): 1.7, (0, 2, 3): 0.6}
    cells = dependent_cells([0.5, 0.4, 0.3, 0.35], odds_ratios=terms)
    dense = np.round(cells * 1e12).astype(np.int64)
    names = tuple("ABCD")
    base = CaptureHistories.from_counts({f"{m:04b}"[::-1]: 1 for m in range(1, 16)})
    histories = base.with_counts(dense)
    assert histories.lists == names
    found = no_highest_order_interaction(histories)
    # Counts are rounded to whole persons out of 1e12: relative error about 1e-9.
    assert found.estimate == pytest.approx(1e12, rel=1e-7)
    factor = no_highest_order_interaction(histories, ratio=2.0)
    assert factor.estimate == pytest.approx(1e12 * (1 + cells[0]), rel=1e-7)


def test_uk_five_lists__independence_equals_rcapture():
    histories = CaptureHistories.from_counts(UK_FIVE)
    curve = dependence_sensitivity(
        histories, odds_ratios=[1], assumption="pair_given_others"
    )
    for row in curve:
        # Rcapture 1.4-4, closedp.t, model Mt: a fit by iteration to about 1e-10.
        assert row.estimate == pytest.approx(13444.1312090139, rel=1e-8)
        assert row.std_error == pytest.approx(806.929676855002, rel=1e-6)


@pytest.mark.shared
def test_every_reference_table__independence_equals_rcapture(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    reference = json.loads(path.read_text(encoding="utf-8"))
    compared = 0
    for name, tables in reference["rcapture"].items():
        data = reference["data"][name]
        counts = {"".join(map(str, row[:-1])): row[-1] for row in data["rows"]}
        curve = dependence_sensitivity(
            CaptureHistories.from_counts(counts),
            odds_ratios=[1],
            assumption="pair_given_others",
        )
        wanted = tables["closedp.t"]["results"]["Mt"]
        assert curve[0].estimate == pytest.approx(wanted["abundance"], rel=1e-6)
        assert curve[0].std_error == pytest.approx(wanted["stderr"], rel=1e-5)
        compared += 1
    assert compared >= 5


@pytest.mark.parametrize("ratio", [0.3, 2.0, 8.0])
def test_pair_given_others__equals_a_poisson_model_with_offset(ratio):
    base = CaptureHistories.from_counts(UK_FIVE)
    dense = base.dense()[1:]
    held = np.arange(1, 32)[:, None] >> np.arange(5) & 1
    curve = dependence_sensitivity(
        base,
        odds_ratios=[ratio],
        assumption="pair_given_others",
        lists=["B", "D"],
    )
    fit = sm.GLM(
        dense,
        np.column_stack([np.ones(31), held]),
        family=sm.families.Poisson(),
        offset=math.log(ratio) * held[:, 1] * held[:, 3],
    ).fit(tol=1e-12)
    unseen = math.exp(fit.params[0])
    assert curve[0].estimate == pytest.approx(2744 + unseen, rel=1e-7)
    variance = unseen + unseen**2 * fit.cov_params()[0, 0]
    assert curve[0].std_error == pytest.approx(math.sqrt(variance), rel=1e-5)


@pytest.mark.parametrize("truth", [0.5, 1.0, 3.0])
def test_true_odds_ratio__covers_at_the_stated_level(truth):
    cells = dependent_cells([0.3, 0.25, 0.2], odds_ratios={(0, 1): truth})
    tables = draw_tables(cells, population=2000, n_tables=300, rng=11)
    base, hits, wrong = three(), 0, 0
    for table in tables:
        histories = base.with_counts(table)
        row = dependence_sensitivity(
            histories,
            odds_ratios=[truth],
            assumption="pair_given_others",
            lists=["A", "B"],
        )[0]
        hits += 2000 in row.ci
        wrong += (
            2000
            in dependence_sensitivity(
                histories,
                odds_ratios=[truth * 3],
                assumption="pair_given_others",
                lists=["A", "B"],
            )[0].ci
        )
    # Central 99.9 % band of 300 hits with probability 0.95.
    assert 271 <= hits <= 296
    assert wrong < 250


def test_no_interaction__covers_whatever_the_pairs_do():
    terms = {(0, 1): 3.0, (1, 2): 0.5}
    cells = dependent_cells([0.45, 0.4, 0.35], odds_ratios=terms)
    tables = draw_tables(cells, population=3000, n_tables=400, rng=5)
    base = three()
    hits = sum(
        3000 in no_highest_order_interaction(base.with_counts(table)).ci
        for table in tables
    )
    # Central 99.9 % band of 400 hits with probability 0.95.
    assert 364 <= hits <= 393


def test_pair_margin__uses_the_two_by_two_table_and_all_observed_as_floor():
    curve = dependence_sensitivity(three(), odds_ratios=[1.0], lists=["A", "C"])
    n11, n10, n01 = 23, 74, 82
    assert curve[0].estimate == pytest.approx(n11 + n10 + n01 + n10 * n01 / n11)
    assert curve[0].ci.low >= 224
    assert curve[0].n_obs == 224


def test_pair_margin__refuted_rows_are_left_out_and_named():
    counts = {"100": 5, "010": 5, "110": 50, "001": 400, "101": 1, "011": 1}
    histories = CaptureHistories.from_counts(counts | {"111": 9})
    curve = dependence_sensitivity(histories, odds_ratios=[1.0])
    assert [group["lists"] for group in curve.groups] == ["A + C", "B + C"]
    assert any("A + B" in note and "refute" in note for note in curve.notes)
    with pytest.raises(NotEstimableError, match="refute"):
        dependence_sensitivity(histories, odds_ratios=[1.0], lists=["A", "B"])


def test_highest_order__every_set_of_two_or_more():
    curve = dependence_sensitivity(
        three(), odds_ratios=[1.0], assumption="highest_order"
    )
    labels = [group["lists"] for group in curve.groups]
    assert labels == ["A + B", "A + C", "B + C", "A + B + C"]
    whole = no_highest_order_interaction(three())
    assert curve[3].estimate == whole.estimate


def test_more_dependence__more_persons():
    for assumption in ("pair_margin", "pair_given_others", "highest_order"):
        curve = dependence_sensitivity(
            three(),
            odds_ratios=[0.8, 1, 2, 5],
            lists=["A", "B"],
            assumption=assumption,
        )
        sizes = curve.to_frame()["estimate"].to_numpy()
        assert (np.diff(sizes) > 0).all()


def test_relabelling__changes_nothing():
    permuted = CaptureHistories.from_counts({h[::-1]: n for h, n in THREE.items()})
    one, other = (no_highest_order_interaction(h) for h in (three(), permuted))
    assert one.estimate == pytest.approx(other.estimate, rel=1e-12)


def test_empty_history__is_not_estimable_and_says_which():
    sparse = CaptureHistories.from_counts(THREE | {"110": 0})
    with pytest.raises(NotEstimableError, match="exactly A & B"):
        no_highest_order_interaction(sparse)
    curve = dependence_sensitivity(
        sparse, odds_ratios=[1.0], assumption="highest_order"
    )
    assert "A + B + C" not in [group["lists"] for group in curve.groups]
    assert any("A + B + C" in note for note in curve.notes)


def test_disjoint_lists_and_a_full_list__are_not_estimable():
    disjoint = CaptureHistories.from_counts({"10": 9, "01": 8})
    for assumption in ("pair_margin", "pair_given_others", "highest_order"):
        with pytest.raises(NotEstimableError):
            dependence_sensitivity(disjoint, assumption=assumption)
    full = CaptureHistories.from_counts({"10": 9, "11": 8})
    with pytest.raises(NotEstimableError, match="One list holds everyone"):
        dependence_sensitivity(full, assumption="pair_given_others")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"odds_ratios": [1, 0]}, "above 0"),
        ({"odds_ratios": []}, "above 0"),
        ({"odds_ratios": [float("nan")]}, "odds_ratios has 1 missing"),
        ({"lists": ["A", "Z"]}, "'Z'"),
        ({"lists": ["A"]}, "two or more"),
        ({"assumption": "luck"}, "assumption='luck'"),
        ({"level": 95}, "level=95"),
    ],
)
def test_bad_input__is_named(options, words):
    with pytest.raises(InputError, match=words):
        dependence_sensitivity(three(), **options)


def test_small_history__the_result_says_that_its_interval_is_too_short():
    few = no_highest_order_interaction(three())
    assert any("only 5 persons" in note for note in few.notes)
    many = {history: 10 * count for history, count in THREE.items()}
    assert no_highest_order_interaction(CaptureHistories.from_counts(many)).notes == ()
