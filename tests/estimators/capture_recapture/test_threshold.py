"""Thresholded Bayesian log-linear models, against gamma posteriors and MSEst 1.2.0."""

import json

import numpy as np
import pytest
from scipy import stats

from estimators.capture_recapture import CaptureHistories, bayesian_threshold
from estimators.capture_recapture.importance_draws import (
    draw_log_linear,
    weighted_quantiles,
)
from estimators.errors import InputError, NotEstimableError

# Kosovo 1999, EXH, ABA, OSCE, HRW (data of MultipleSystemsEstimation and LCMCR).
KOSOVO = {
    "1000": 1131, "0100": 845, "0010": 936, "0001": 306, "1100": 177, "1010": 228,
    "1001": 106, "0110": 217, "0101": 31, "0011": 123, "1110": 181, "1101": 18,
    "1011": 42, "0111": 32, "1111": 27,
}  # fmt: skip
THREE = {"001": 60, "010": 49, "011": 4, "100": 247, "101": 112, "110": 142, "111": 12}


def histories(counts=None):
    return CaptureHistories.from_counts(counts or THREE)


def test_draws__of_flat_priors_are_gamma():
    # One parameter a cell, flat on the log scale: exp(parameter) ~ Gamma(count, 1).
    counts = np.array([2.0, 5.0, 40.0])
    draws = draw_log_linear(
        np.eye(3), counts, np.zeros(3), 40_000, np.random.default_rng(1)
    )
    shares = [0.025, 0.1, 0.5, 0.9, 0.975]
    for cell, count in enumerate(counts):
        found = weighted_quantiles(np.exp(draws.values[:, cell]), draws.weight, shares)
        # 40 000 draws worth over 20 000: probabilities are right to 0.005.
        np.testing.assert_allclose(stats.gamma.cdf(found, count), shares, atol=0.01)
    assert draws.effective > 20_000


def test_draws__of_a_normal_prior_agree_with_quadrature():
    count, precision = 1.0, 2.0
    draws = draw_log_linear(
        np.eye(1),
        np.array([count]),
        np.array([precision]),
        40_000,
        np.random.default_rng(2),
    )
    grid = np.linspace(-8, 5, 20_001)
    density = np.exp(count * grid - np.exp(grid) - precision * grid**2 / 2)
    mean = (density @ grid) / density.sum()
    spread = np.sqrt(density @ (grid - mean) ** 2 / density.sum())
    found_mean, found_spread = draws.moments()
    assert found_mean[0] == pytest.approx(mean, abs=5 * spread / 150)
    assert found_spread[0] == pytest.approx(spread, rel=0.02)


@pytest.mark.parametrize(
    ("order", "prior", "expected", "rel"),
    [
        # MultipleSystemsEstimation 1.2.0, mean of 4 chains of 40 000; its Monte-Carlo
        # standard errors are 0.1 to 1.2 %, ours about 0.3 %.
        (2, "proper", (12_383.3, 14_057.8, 16_180.8), 0.01),
        (3, "proper", (9_900.3, 11_933.2, 15_072.0), 0.02),
        (2, "improper", (12_575.8, 14_375.4, 16_579.0), 0.01),
        (3, "improper", (10_239.1, 12_799.2, 16_945.7), 0.03),
    ],
)
def test_kosovo__published_software(order, prior, expected, rel):
    result = bayesian_threshold(histories(KOSOVO), order=order, prior=prior, rng=1)
    found = (result.ci.low, result.estimate, result.ci.high)
    assert found == pytest.approx(expected, rel=rel)
    pairs = "A:B, A:C, A:D, B:C, C:D"
    triples = ", A:B:C, A:C:D" if order == 3 else ""
    assert f"interactions kept: {pairs}{triples}" in result.notes


def reference(shared_folder, name, prior, order):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    known = json.loads(path.read_text())
    data = known["data"][name]
    counts = {"".join(map(str, row[:-1])): row[-1] for row in data["rows"]}
    lists = CaptureHistories.from_counts(counts, lists=data["lists"])
    return lists, known["bayes_threshold"][f"{name}|{prior}|{order}"]


@pytest.mark.shared
@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("prior", ["proper", "improper"])
def test_kosovo__every_quantile_and_what_is_kept(shared_folder, prior, order):
    lists, row = reference(shared_folder, "Kosovo", prior, order)
    ends = {"2.5%": 0.95, "10%": 0.8}
    opposite = {"2.5%": "97.5%", "10%": "90%"}
    for low, level in ends.items():
        result = bayesian_threshold(
            lists, prior=prior, order=order, level=level, rng=1, n_samples=40_000
        )
        found = {low: result.ci.low, opposite[low]: result.ci.high}
        for share, value in (found | {"50%": result.estimate}).items():
            # Four of its standard errors, and 0.7 % for ours: 40 000 weighted draws of
            # a spread of 7 to 13 % pin the 2.5 % point to a tenth of that.
            error = 4 * row["mc_se"][share] + 0.007 * value
            assert value == pytest.approx(row["quantiles_mean"][share], abs=error)
        (told,) = (note for note in result.notes if note.startswith("interactions"))
        for kept in row["retained_by_seed"]:
            names = set(kept["retained"] + kept["retained_triples"])
            assert set(told.removeprefix("interactions kept: ").split(", ")) == names


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Kosovo", "UKdat_5"])
@pytest.mark.parametrize("prior", ["proper", "improper"])
def test_screen__ratios_of_mean_to_deviation(shared_folder, name, prior):
    from estimators.capture_recapture import thresholding

    lists, row = reference(shared_folder, name, prior, 2)
    setting = thresholding._Setting(
        histories=lists, proper=prior == "proper", prior_variance=1.0, threshold=2.0,
        n_samples=40_000, rng=np.random.default_rng(1),
    )  # fmt: skip
    pairs = thresholding._subsets(lists.n_lists, 2)
    _, absent, ratios = thresholding._screen(setting, [], pairs, [])
    assert [setting.words(t) for t in absent] == row["retained_by_seed"][0]["minus_inf"]
    found = {setting.words(term): ratio for term, ratio in ratios.items()}
    expected = row["threshold_statistics_mean"]
    assert set(found) == set(expected)
    for words, ratio in found.items():
        # Its four chains of 40 000 are worth about 1 000 draws each: 0.02 on a mean,
        # 1.5 % on a deviation.
        assert ratio == pytest.approx(expected[words], rel=0.05, abs=0.08)


@pytest.mark.shared
@pytest.mark.parametrize("prior", ["proper", "improper"])
def test_uk__both_sides_of_the_threshold_are_told(shared_folder, prior):
    lists, row = reference(shared_folder, "UKdat_5", prior, 2)
    result = bayesian_threshold(lists, prior=prior, rng=1)
    # The kept set depends on R's seed; each of our two medians is one of R's groups.
    by_size, ends = {}, {}
    seeds = zip(row["by_seed"], row["retained_by_seed"], strict=True)
    for quantiles, retained in seeds:
        size = len(retained["retained"])
        by_size.setdefault(size, []).append(quantiles["50%"])
        ends.setdefault(size, []).append([quantiles["2.5%"], quantiles["97.5%"]])
    assert len(by_size) == 2
    kept = int(result.diagnostics["interactions"])
    # R's medians of one group differ by 1.3 % among themselves.
    assert result.estimate == pytest.approx(np.mean(by_size[kept]), rel=0.015)
    expected = np.mean(ends[kept], axis=0)
    assert [result.ci.low, result.ci.high] == pytest.approx(expected, rel=0.02)
    other = np.mean(by_size[9 - kept])
    told = next(note for note in result.notes if "next to the threshold" in note)
    stated = float(told.rsplit(" ", 1)[1].replace(",", ""))
    assert stated == pytest.approx(other, rel=0.015)
    if prior == "improper":
        assert any("minus infinity: LA:GP" in note for note in result.notes)


def test_same_rng__same_answer_and_another_rng_nearly():
    one, two = (bayesian_threshold(histories(), rng=rng) for rng in (1, 2))
    assert one == bayesian_threshold(histories(), rng=1)
    assert one.estimate != two.estimate
    assert one.estimate == pytest.approx(two.estimate, rel=0.02)


def test_tight_prior__is_independence():
    result = bayesian_threshold(histories(), prior_variance=1e-8, rng=1)
    assert "interactions kept: none" in result.notes
    independent = bayesian_threshold(histories(), threshold=1e6, rng=1)
    assert result.estimate == pytest.approx(independent.estimate, rel=0.01)


def test_flat_prior__without_a_posterior_is_refused():
    counts = {"100": 30, "010": 25, "001": 20, "110": 4}
    with pytest.raises(NotEstimableError, match="flat prior"):
        bayesian_threshold(histories(counts), prior="improper", rng=1)
    assert bayesian_threshold(histories(counts), rng=1).estimate > 79


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 4}, "order=4"),
        ({"order": 3}, "order=3: with 3 lists"),
        ({"prior": "flat"}, "prior='flat'"),
        ({"prior_variance": 0}, "prior_variance=0"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"n_samples": 10}, "n_samples=10"),
        ({"level": 0}, "level=0"),
    ],
)
def test_options__out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        bayesian_threshold(histories(), **options)


def test_two_lists__are_refused():
    with pytest.raises(InputError, match="chapman"):
        bayesian_threshold(histories({"10": 30, "01": 20, "11": 5}))
