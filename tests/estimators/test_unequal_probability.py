"""Unequal probabilities without replacement: R survey 4.5, enumeration, bad input."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from estimators import survey
from estimators.designs import SurveyDesign, to_replicates
from estimators.errors import InputError, NotEstimableError
from estimators.survey import unequal_probability_design

CASES = {
    "Brewer": {"joint": "brewer"},
    "Overton": {"joint": "overton"},
    "HR": {"joint": "hartley_rao"},
    "HT_joint": {},
    "YG_joint": {"variance": "yates_grundy"},
}


@pytest.mark.shared
@pytest.mark.parametrize("case", CASES)
def test_election__equals_survey(shared_folder, case):
    folder = shared_folder / "reference" / "survey"
    text = (folder / "reference.json").read_text(encoding="utf-8")
    value = json.loads(text)["sets"]["survey45"]["cases"][f"election_{case}"]["value"]
    joint = pd.read_csv(folder / "data" / "election_jointprob.csv", header=None)
    frame = pd.read_csv(folder / "data" / "election_pps.csv")
    options = {"joint": joint.to_numpy(), **CASES[case]}
    design = unequal_probability_design(frame, inclusion_probability="p", **options)
    frame = frame.rename_axis("county").reset_index()
    labelled = unequal_probability_design(
        frame.sample(frac=1, random_state=1), inclusion_probability="p", psu="county",
        **{**options, "joint": joint if case.endswith("joint") else options["joint"]},
    )  # fmt: skip
    for name, expected in value["est"].items():
        for one in (design, labelled):
            got = survey.total(one, name)
            assert got.estimate == pytest.approx(expected, rel=1e-8)
            assert got.std_error == pytest.approx(value["se"][name], rel=1e-8)


POPULATION = np.array([4.0, 9, 3, 7, 12, 5])


def sampford():
    """All samples of 3 of 6 with their probabilities: Sampford's, so all pairs > 0."""
    pi = 3 * np.array([1, 2, 1, 1.5, 2.5, 1.2]) / 9.2
    odds = pi / (1 - pi)
    samples = list(itertools.combinations(range(6), 3))
    chance = np.array([math.prod(odds[list(s)]) * (3 - pi[list(s)].sum())
                       for s in samples])  # fmt: skip
    chance /= chance.sum()
    joint = np.zeros((6, 6))
    for sample, p in zip(samples, chance, strict=True):
        joint[np.ix_(sample, sample)] += p
    np.testing.assert_allclose(np.diag(joint), pi)  # Sampford's theorem
    return samples, chance, joint


@pytest.mark.parametrize("variance", ["horvitz_thompson", "yates_grundy"])
def test_joint_probabilities__give_an_unbiased_variance(variance):
    # Over every possible sample: the mean of the variance estimates is the variance.
    samples, chance, joint = sampford()
    estimates, variances = [], []
    for sample in samples:
        rows = list(sample)
        frame = pd.DataFrame({"y": POPULATION[rows], "p": np.diag(joint)[rows]})
        design = unequal_probability_design(
            frame, inclusion_probability="p", joint=joint[np.ix_(rows, rows)],
            variance=variance,
        )  # fmt: skip
        try:
            got = survey.total(design, "y")
        except NotEstimableError as error:
            assert variance == "horvitz_thompson"
            assert "below 0" in str(error)  # noqa: PT017 - either is lawful
            stage = design.stages[0]
            z = design.weights * POPULATION[rows]
            estimates.append(z.sum())
            variances.append(float(z @ stage.quadratic @ z))
            assert variances[-1] < 0
            continue
        estimates.append(got.estimate)
        variances.append(got.std_error**2)
    estimates, variances = np.array(estimates), np.array(variances)
    assert chance @ estimates == pytest.approx(POPULATION.sum())
    truth = chance @ (estimates - POPULATION.sum()) ** 2
    assert chance @ variances == pytest.approx(truth)


@pytest.mark.parametrize("joint", ["brewer", "overton", "hartley_rao"])
@pytest.mark.parametrize("variance", ["horvitz_thompson", "yates_grundy"])
def test_equal_probabilities__are_simple_random_sampling(joint, variance):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"h": np.repeat(["a", "b"], [8, 12]), "y": rng.normal(10, 3, 20)}
    )
    frame["N"] = frame["h"].map({"a": 20, "b": 40})
    frame["p"] = frame["h"].map({"a": 8 / 20, "b": 12 / 40})
    expected = SurveyDesign.from_frame(frame, strata="h", fpc="N")
    design = unequal_probability_design(
        frame, inclusion_probability="p", joint=joint, variance=variance, strata="h"
    )
    for function in (survey.mean, survey.total):
        for where in (None, "y > 10"):
            got, plain = (function(d, "y", where=where) for d in (design, expected))
            assert got.estimate == pytest.approx(plain.estimate)
            assert got.std_error == pytest.approx(plain.std_error)
            assert got.diagnostics["df"] == plain.diagnostics["df"]


def test_whole_psus__groups_covariance_and_replicates():
    rng = np.random.default_rng(5)
    psu = np.repeat(np.arange(9), 4)
    y, g = rng.normal(8, 2, 36) + psu % 3, rng.integers(0, 2, 36)
    frame = pd.DataFrame({"psu": psu, "y": y, "g": g, "p": 0.1 + 0.08 * psu})
    for joint in ("brewer", "overton"):
        design = unequal_probability_design(
            frame, inclusion_probability="p", joint=joint, psu="psu"
        )
        rows, whole = (survey.total(design, "y", by=by) for by in ("g", None))
        assert np.sqrt(rows.covariance.sum()) == pytest.approx(whole.std_error)
        calibrated = survey.post_stratify(design, "g", {0: 90, 1: 110})
        assert survey.mean(calibrated, "y").std_error > 0
        made = to_replicates(design, kind="JK1")
        assert any("with replacement" in note for note in made.notes)
        plain = SurveyDesign.from_frame(
            frame.assign(w=1 / frame["p"]), weights="w", psu="psu"
        )
        got = survey.total(made, "y").std_error
        assert got == pytest.approx(survey.total(plain, "y").std_error)


def test_certain_units__add_nothing():
    frame = pd.DataFrame({"y": [5.0, 3, 8], "p": [1.0, 1.0, 1.0]})
    design = unequal_probability_design(frame, inclusion_probability="p")
    assert survey.total(design, "y").std_error == 0
    frame = pd.DataFrame({"h": [1, 2, 2], "y": [5.0, 3, 8], "p": [0.5, 0.4, 0.3]})
    options = {"inclusion_probability": "p", "strata": "h", "joint": "overton"}
    with pytest.raises(NotEstimableError, match="h=1"):
        unequal_probability_design(frame, **options)
    sure = unequal_probability_design(frame, lonely_psu="certainty", **options)
    rest = unequal_probability_design(frame[frame["h"] == 2], **options)
    one, other = (survey.total(d, "y").std_error for d in (sure, rest))
    assert one == pytest.approx(other)


def test_bad_probabilities__are_all_named():
    frame = pd.DataFrame({"psu": [1, 1, 2], "p": [0.5, 1.2, 0.0], "q": [0.5, 0.4, 0.3]})
    with pytest.raises(InputError, match=r"2 rows \(1, 2\)"):
        unequal_probability_design(frame, inclusion_probability="p")
    with pytest.raises(InputError, match=r"not constant within psu=1"):
        unequal_probability_design(frame, inclusion_probability="q", psu="psu")
    _, _, joint = sampford()
    frame = pd.DataFrame({"p": np.diag(joint)[:3], "unit": list("abc")})
    read = {"inclusion_probability": "p"}
    with pytest.raises(InputError, match=r"shape \(6, 6\); 3 units"):
        unequal_probability_design(frame, joint=joint, **read)
    bad = joint[:3, :3].copy()
    bad[0, 1], bad[1, 2], bad[2, 1], bad[2, 2] = 0.9, 0, 0, 0.1
    with pytest.raises(InputError) as caught:
        unequal_probability_design(frame, joint=bad, **read)
    for part in ("not symmetric", "probability 0", "diagonal"):
        assert part in str(caught.value)
    with pytest.raises(InputError, match="labelled by PSU"):
        unequal_probability_design(frame, joint=joint, psu="unit", **read)
    labelled = pd.DataFrame(joint[:2, :2], index=["a", "b"], columns=["a", "b"])
    with pytest.raises(InputError, match="for the units c"):
        unequal_probability_design(frame, joint=labelled, psu="unit", **read)
    with pytest.raises(InputError, match="joint='deville'"):
        unequal_probability_design(frame, joint="deville", **read)
