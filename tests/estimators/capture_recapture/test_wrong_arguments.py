"""Arguments that are not what the family's functions expect: one typed, clear error."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    average_models,
    bayesian_threshold,
    chao,
    chapman,
    check_estimability,
    closed_population,
    closed_population_models,
    decomposable_graphs,
    dependence_sensitivity,
    downhill,
    edge_probabilities,
    expected_interval_width,
    graph_probabilities,
    independent_lists,
    latent_class_capture,
    lincoln_petersen,
    linkage_error_correction,
    list_sensitivity,
    log_linear,
    missed_link_sensitivity,
    no_highest_order_interaction,
    select_aic,
    select_bic,
    select_stepwise,
    select_stepwise_aic,
)
from estimators.capture_recapture.simulate import (
    dependent_cells,
    draw_tables,
    latent_class_cells,
    logit_normal_cells,
)
from estimators.errors import ConvergenceError, InputError, NotEstimableError

COUNTS = {"100": 60, "010": 45, "110": 14, "001": 70, "101": 18, "011": 12, "111": 5}
THREE = CaptureHistories.from_counts(COUNTS)
OF_HISTORIES = (
    log_linear,
    check_estimability,
    dependence_sensitivity,
    no_highest_order_interaction,
    list_sensitivity,
    missed_link_sensitivity,
)


MORE_OF_HISTORIES = (
    average_models,
    bayesian_threshold,
    closed_population,
    closed_population_models,
    decomposable_graphs,
    downhill,
    edge_probabilities,
    graph_probabilities,
    independent_lists,
    latent_class_capture,
    select_aic,
    select_bic,
    select_stepwise,
    select_stepwise_aic,
)


@pytest.mark.parametrize("function", OF_HISTORIES + MORE_OF_HISTORIES)
@pytest.mark.parametrize("wrong", [None, 5, "x", COUNTS, np.arange(4)])
def test_histories__anything_else_is_refused_by_name(function, wrong):
    with pytest.raises(InputError, match="a CaptureHistories was expected"):
        function(wrong)


@pytest.mark.parametrize(
    "function", [f for f in OF_HISTORIES if f is not check_estimability]
)
@pytest.mark.parametrize("level", [0, 1, -1, float("nan"), None, "0.95", True, [0.9]])
def test_level__must_lie_inside_0_and_1(function, level):
    with pytest.raises(InputError, match="level"):
        function(THREE, level=level)


@pytest.mark.parametrize("terms", [None, 5, [5], [None], b"[12]", float("nan")])
def test_terms__of_another_type(terms):
    with pytest.raises(InputError, match="terms"):
        log_linear(THREE, terms=terms)


@pytest.mark.parametrize("function", [dependence_sensitivity, log_linear])
def test_lists__a_word_is_not_read_letter_by_letter(function):
    if function is dependence_sensitivity:
        for lists in ("AB", 5):
            with pytest.raises(InputError, match="sequence of list names"):
                function(THREE, lists=lists)
    else:
        with pytest.raises(InputError, match="brackets"):
            function(THREE, terms="AB")


@pytest.mark.parametrize("assumption", ["pair_margin", "pair_given_others"])
@pytest.mark.parametrize("ratio", [0, -1, float("nan"), float("inf"), 1e300, "x"])
def test_odds_ratios__out_of_range(assumption, ratio):
    with pytest.raises(InputError, match="odds_ratios"):
        dependence_sensitivity(THREE, odds_ratios=[ratio], assumption=assumption)
    with pytest.raises(InputError, match="ratio"):
        no_highest_order_interaction(THREE, ratio=ratio)


@pytest.mark.parametrize("function", [list_sensitivity, missed_link_sensitivity])
@pytest.mark.parametrize("wrong", [None, 5, "log_linear", lambda table: None])
def test_estimator__must_take_histories_and_level(function, wrong):
    with pytest.raises(InputError, match=r"histories, level=\.\.\."):
        function(THREE, estimator=wrong)


def test_omit_and_merge__are_claims():
    with pytest.raises(InputError, match="True or False"):
        list_sensitivity(THREE, omit="no")


@pytest.mark.parametrize(
    "name",
    [
        "missed_link_rate",
        "false_link_rate",
        "missed_link_std_error",
        "false_link_std_error",
    ],
)
@pytest.mark.parametrize("wrong", [None, "0.1", [0.1], float("nan"), -0.1, 1e300, True])
def test_linkage__rates_and_their_errors(name, wrong):
    with pytest.raises(InputError, match=name):
        linkage_error_correction(400, 300, 70, **{name: wrong})


def test_linkage__counts_beyond_floats():
    with pytest.raises(InputError, match="at most"):
        linkage_error_correction(10**300, 10**300, 2)
    near = 2**31 - 1
    assert linkage_error_correction(near, near, near - 5).estimate >= near


def test_missed_links__a_rate_near_1_says_how_many_persons_in_full():
    with pytest.raises(Exception, match=r": -\d+ persons would remain"):
        missed_link_sensitivity(THREE, missed_link_rates=[0.9])


@pytest.mark.parametrize(
    "wrong",
    [
        5,
        [(0, 1)],
        {0: 2},
        {"01": 2},
        {("A", "B"): 2},
        {(0, 5): 2},
        {(0, 0): 2},
        {(0, 1): "2"},
        {(0, 1): None},
        {(0, 1): float("nan")},
    ],
)
def test_simulated_dependence__is_a_mapping_of_known_lists(wrong):
    with pytest.raises(InputError, match="odds_ratios"):
        dependent_cells([0.3, 0.3], odds_ratios=wrong)


@pytest.mark.parametrize("wrong", [None, "1", [1], float("nan"), -1])
def test_simulated_spread__is_a_number(wrong):
    with pytest.raises(InputError, match="spread"):
        logit_normal_cells([0.3, 0.3], spread=wrong)


def test_simulated_classes__need_rows_of_one_length():
    for wrong in ([[0.5, 0.5], [0.5]], [["a", 0.5], [0.5, 0.5]]):
        with pytest.raises(InputError, match="capture_probability"):
            latent_class_cells([0.5, 0.5], wrong)


def test_simulated_population__has_a_largest_size():
    with pytest.raises(InputError, match="population"):
        draw_tables([0.25] * 4, population=2**63)
    with pytest.raises(InputError, match="population"):
        expected_interval_width(2**63, [0.3, 0.3], n_resamples=5, rng=1)


@pytest.mark.parametrize("rng", [-1, "x", 1.5, True])
def test_rng__of_the_wrong_kind(rng):
    with pytest.raises(InputError, match="rng"):
        expected_interval_width(500, [0.3, 0.3], n_resamples=5, rng=rng)


def test_profile__beyond_the_precision_of_factorials_is_refused():
    near = 2**31 - 1
    table = CaptureHistories.from_counts({"10": near, "01": near, "11": 1})
    with pytest.raises(ConvergenceError, match="log_normal"):
        log_linear(table, interval="profile")
    assert log_linear(table).estimate == pytest.approx((near + 1) ** 2, rel=1e-9)
    dense = CaptureHistories.from_counts({"10": near, "01": near, "11": near})
    result = log_linear(dense, interval="profile")
    # Large samples: the profile limits are those of the normal law.
    assert result.ci.high - result.ci.low == pytest.approx(
        2 * 1.959964 * result.std_error, rel=1e-4
    )


BAYESIAN = [
    decomposable_graphs,
    partial(latent_class_capture, rng=1),
    partial(bayesian_threshold, rng=1),
]


@pytest.mark.parametrize("estimate", BAYESIAN)
@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"100": 5, "010": 7, "001": 4}, "Nobody is on two lists"),
        ({"111": 50}, "50 persons have the same history"),
    ],
)
def test_bayesian__counts_that_say_nothing_are_refused(estimate, counts, says):
    # The threshold gave 1.5e16 persons, the others what their priors have.
    with pytest.raises(NotEstimableError, match=says):
        estimate(CaptureHistories.from_counts(counts))


def test_graphs__more_persons_than_memory_are_refused():
    counts = {"100": 2**40, "010": 2**40, "001": 2**40, "110": 2**38, "101": 2**38}
    histories = CaptureHistories.from_counts(counts | {"011": 2**38, "111": 2**36})
    with pytest.raises(InputError, match="up to 100,000,000"):
        decomposable_graphs(histories)


def test_closed_population__beyond_the_precision_of_factorials_is_log_normal():
    near = 2**31 - 1
    counts = {"100": near, "010": near, "001": near, "110": 1, "101": 1}
    histories = CaptureHistories.from_counts(counts)
    found = closed_population(histories)
    plain = closed_population(histories, interval="log_normal")
    assert found.ci == plain.ci
    assert any("lost in rounding" in note for note in found.notes)
    with pytest.raises(ConvergenceError, match="lost in rounding"):
        closed_population(histories, interval="profile")
    with pytest.raises(ConvergenceError, match="lost in rounding"):
        select_stepwise_aic(histories)
    # Every other model is estimated or left out by name.
    assert len(closed_population_models(histories)) > 0


def test_frame__with_a_column_twice():
    frame = pd.DataFrame([[1, 0], [0, 1], [1, 1]], columns=["a", "a"])
    with pytest.raises(InputError, match="more than once in the frame: a"):
        CaptureHistories.from_frame(frame)


@pytest.mark.parametrize("function", [select_bic, select_aic, downhill, average_models])
@pytest.mark.parametrize("order", [1.5, "two", -1])
def test_max_order__that_is_no_number_of_lists(function, order):
    with pytest.raises(InputError, match="max_order"):
        function(THREE, max_order=order)


def test_boundary__is_noted_and_not_passed_on():
    for found in (
        lincoln_petersen(5, 5, 5),
        chapman(10, 8, 8),
        chao(0, 5, 9),
    ):
        assert found.std_error == 0
        assert any("at its boundary" in note for note in found.notes)
    assert not any("boundary" in note for note in chapman(10, 8, 7).notes)
