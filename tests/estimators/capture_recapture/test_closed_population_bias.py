"""Bias corrections of M0 to Mth: Rcapture, printed values, Chapman and simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from estimators.capture_recapture import (
    CaptureHistories,
    chapman,
    closed_population,
    closed_population_bias,
)
from estimators.errors import ConvergenceError, NotEstimableError
from tests.twins.capture_recapture_closed_population import drawn

TABLES = (
    "Korea", "Kosovo", "UKdat_4", "NewOrl_5", "UKdat_5", "UKdat", "Rcapture_HIV",
    "NewOrl",
)  # fmt: skip


@pytest.fixture(scope="module")
def reference(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    return json.loads(path.read_text(encoding="utf-8"))


def table(reference, name):
    data = reference["data"][name]
    return CaptureHistories.from_counts(
        {"".join(map(str, row[:-1])): row[-1] for row in data["rows"]},
        lists=data["lists"],
    )


@pytest.mark.shared
@pytest.mark.parametrize("name", TABLES)
def test_bias_correction__m0_equals_rcapture(reference, name):
    expected = reference["rcapture"][name]["closedp.bc"]["results"]["M0"]
    found = closed_population(table(reference, name), model="M0", bias_corrected=True)
    assert found.estimate == pytest.approx(expected["abundance"], rel=1e-9)
    assert found.std_error == pytest.approx(expected["stderr"], rel=2e-6)


@pytest.mark.parametrize(
    ("model", "heterogeneity", "sigma"),
    [
        ("M0", None, 0.0),
        ("Mt", None, 0.0),
        ("Mb", None, 0.0),
        ("Mh", "chao", 1.5),
        ("Mth", "chao", 1.5),
        ("Mh", "darroch", 0.8),
        ("Mth", "darroch", 0.8),
        ("Mth", "poisson2", 0.8),
    ],
)
def test_bias_correction__removes_bias(model, heterogeneity, sigma):
    rng, size, rows = np.random.default_rng(20260104), 200, []
    options = {"model": model, "heterogeneity": heterogeneity, "interval": "log_normal"}
    for _ in range(120):
        histories = drawn(rng, size, np.zeros((size, 4)), shift=-0.9, sigma=sigma)
        try:
            rows.append(
                [
                    closed_population(histories, bias_corrected=c, **options).estimate
                    for c in (False, True)
                ]
            )
        except NotEstimableError:
            continue
    # What the estimator tends to: its value on a table 1000 times as large.
    large = drawn(rng, 200_000, np.zeros((200_000, 4)), shift=-0.9, sigma=sigma)
    limit = closed_population(large, **options).estimate / 1000
    plain, corrected = np.mean(rows, axis=0)
    spread = np.std(np.array(rows)[:, 1]) / np.sqrt(len(rows))
    assert len(rows) > 110
    assert corrected < plain
    assert abs(corrected - limit) < abs(plain - limit) + 2 * spread
    if heterogeneity is None and model != "Mb":
        assert abs(corrected - size) < 3.3 * spread


def test_bias_correction__by_leverages_is_chapman_with_two_lists():
    histories = CaptureHistories.from_counts({"11": 15, "10": 45, "01": 30})
    size, _ = closed_population_bias._second_order(histories, None)
    assert size == pytest.approx(chapman(60, 45, 15).estimate, rel=1e-10)


def test_bias_correction__by_leverages_removes_the_expected_bias():
    # Eight lists at 0.1 each: 200 persons are over-estimated by 1.83 (Cox and Snell's
    # bias of order 1), and Rcapture's fixed quantities would add another 4.6.
    rng, rows = np.random.default_rng(20260106), []
    for _ in range(150):
        histories = drawn(rng, 200, np.zeros((200, 8)), shift=np.log(0.1 / 0.9))
        rows.append(
            [
                closed_population(
                    histories, bias_corrected=c, interval="log_normal"
                ).estimate
                for c in (False, True)
            ]
        )
    plain, corrected = np.mean(rows, axis=0)
    assert plain - corrected == pytest.approx(1.83, abs=0.3)


def test_bias_correction__equals_printed_values():
    # Rcapture's example of Seber (1982), p. 107, as its documentation prints it.
    histories = CaptureHistories.from_counts({"11": 167, "10": 781, "01": 254})
    for model, size, std_error in (("M0", 2794.5, 162.8), ("Mt", 2382.8, 129.1)):
        found = closed_population(histories, model=model, bias_corrected=True)
        assert found.estimate == pytest.approx(size, abs=0.0501)
        assert found.std_error == pytest.approx(std_error, abs=0.0501)
        plain = closed_population(histories, model=model)
        printed = {"M0": (2805.6, 164.1), "Mt": (2389.9, 130.4)}[model]
        assert (plain.estimate, plain.std_error) == pytest.approx(printed, abs=0.0501)
    removal = closed_population(histories, model="Mb")
    assert (removal.estimate, removal.std_error) == pytest.approx(
        (1295.0, 17.3), abs=0.0501
    )
    two = chapman(948, 421, 167)
    assert found.estimate == pytest.approx(two.estimate, rel=1e-12)
    assert found.std_error == pytest.approx(two.std_error, rel=1e-12)


def test_bias_correction__too_few_overlaps_are_refused():
    few = CaptureHistories.from_counts({"11100": 1, "00001": 1, "10101": 1, "11011": 1})
    with pytest.raises((NotEstimableError, ConvergenceError), match="too few"):
        closed_population(
            few, model="Mth", heterogeneity="gamma3.5", bias_corrected=True
        )
