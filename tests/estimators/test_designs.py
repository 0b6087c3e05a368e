"""Reading a design, its degrees of freedom, and its covariance beside a slow twin."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.designs import (
    SurveyDesign,
    degrees_of_freedom,
    domain_covariance,
    linearisation,
    linearised_covariance,
    row_mask,
    split_into_domains,
)
from estimators.errors import InputError, NotEstimableError
from tests.twins import survey as twin


def two_stage_sample(entropy, n_strata, n_psu, n_ssu):
    """A sample of sizes 2..n at each stage, rows 1..3 per SSU, with populations."""
    rng = np.random.default_rng(entropy)
    rows = []
    for stratum in range(n_strata):
        psus = int(rng.integers(2, n_psu + 1))
        for psu in range(psus):
            ssus = int(rng.integers(2, n_ssu + 1))
            for ssu in range(ssus):
                rows += [
                    {
                        "stratum": f"s{stratum}",
                        "psu": psu,
                        "ssu": ssu,
                        "psus": psus + stratum,  # stratum 0 is a census of PSUs
                        "ssus": 2 * ssus + psu,
                        "w": rng.uniform(0.5, 4),
                        "y": rng.normal(3, 2),
                        "g": int(rng.integers(0, 3)),
                    }
                ] * int(rng.integers(1, 4))
    frame = pd.DataFrame(rows).sample(frac=1, random_state=int(rng.integers(2**31)))
    return frame.reset_index(drop=True)


def labels(frame):
    psu = frame["stratum"] + "/" + frame["psu"].astype(str)
    ssu = psu + "/" + frame["ssu"].astype(str)
    return [(frame["stratum"].tolist(), psu.tolist()), (psu.tolist(), ssu.tolist())]


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.sampled_from([0, 1, 2]))
def test_covariance__equals_the_twin(entropy, n_strata, n_fpc):
    frame = two_stage_sample(entropy, n_strata, n_psu=4, n_ssu=3)
    fpc = ["psus", "ssus"][:n_fpc]
    design = SurveyDesign.from_frame(
        frame, weights="w", strata="stratum", psu=["psu", "ssu"], fpc=fpc, nest=True
    )
    populations = [frame[name].tolist() for name in fpc] + [None, None]
    y, w = frame["y"].to_numpy(), frame["w"].to_numpy()
    domains = split_into_domains(design, by="g")
    size = np.bincount(domains.code, w)
    means = np.bincount(domains.code, w * y) / size
    scores = (w * (y - means[domains.code])) / size[domains.code]
    together = domain_covariance(design, scores, domains.code, len(means))
    for place in range(len(means)):
        inside = domains.code == place
        expected = twin.mean_and_variance(
            y.tolist(), w.tolist(), inside, labels(frame), populations
        )
        alone = linearised_covariance(design, scores, domain=inside)[0, 0]
        assert means[place] == pytest.approx(expected[0], rel=1e-12)
        assert alone == pytest.approx(expected[1], rel=1e-10, abs=1e-24)
        assert together[place, place] == pytest.approx(alone, rel=1e-10, abs=1e-24)
    # The covariance of two domains is what makes the variance of their sum right.
    pair = linearised_covariance(design, scores, domain=domains.code <= 1)[0, 0]
    assert together[:2, :2].sum() == pytest.approx(pair, rel=1e-9, abs=1e-22)


def test_covariance__blocks_and_sparse_totals_change_nothing(monkeypatch):
    frame = two_stage_sample(7, 3, n_psu=6, n_ssu=4)
    design = SurveyDesign.from_frame(
        frame, weights="w", strata="stratum", psu=["psu", "ssu"],
        fpc=["psus", "ssus"], nest=True,
    )  # fmt: skip
    code = split_into_domains(design, by="g").code
    scores = frame["y"].to_numpy()
    whole = domain_covariance(design, scores, code, 3)
    monkeypatch.setattr(linearisation, "_BLOCK", 10)
    np.testing.assert_allclose(domain_covariance(design, scores, code, 3), whole)
    monkeypatch.setattr(linearisation, "_DENSE", 5)
    np.testing.assert_allclose(domain_covariance(design, scores, code, 3), whole)


@pytest.mark.parametrize("policy", ["certainty", "adjust", "average"])
def test_lonely_psu__by_domain_equals_each_domain_alone(policy):
    frame = two_stage_sample(3, 3, n_psu=4, n_ssu=3)
    extra = pd.DataFrame({"stratum": "lonely", "psu": 0, "ssu": [0, 1], "w": 2.0,
                          "y": [9.0, 1.0], "g": [0, 1]})  # fmt: skip
    frame = pd.concat([frame, extra], ignore_index=True)
    design = SurveyDesign.from_frame(
        frame, weights="w", strata="stratum", psu="psu", nest=True, lonely_psu=policy
    )
    code = split_into_domains(design, by="g").code
    scores = frame["y"].to_numpy() * frame["w"].to_numpy()
    together = domain_covariance(design, scores, code, 3)
    alone = [
        linearised_covariance(design, scores, domain=code == g)[0, 0] for g in range(3)
    ]
    np.testing.assert_allclose(np.diag(together), alone)
    plain = SurveyDesign.from_frame(
        frame, weights="w", strata="stratum", psu="psu", nest=True,
        lonely_psu="certainty",
    )  # fmt: skip
    base = np.diag(domain_covariance(plain, scores, code, 3))
    assert alone[2] == pytest.approx(base[2])  # domain 2 has no row in that stratum
    if policy != "certainty":
        assert (np.array(alone[:2]) > base[:2]).all()
    assert np.linalg.eigvalsh(together).min() > -1e-9 * together.max()


def test_lonely_psu__second_stage_is_named():
    frame = pd.DataFrame({"psu": [1, 1, 2, 3], "ssu": [1, 2, 1, 1], "N": 9, "M": 4})
    design = SurveyDesign.from_frame(frame, psu=["psu", "ssu"], fpc=["N", "M"])
    with pytest.raises(NotEstimableError, match=r"psu=2.*psu=3") as caught:
        linearised_covariance(design, np.ones(4))
    assert "stage 2" in str(caught.value)
    assert "psu=1" not in str(caught.value)


def test_average__without_any_stratum_of_two_psus():
    frame = pd.DataFrame({"h": [1, 2], "psu": [1, 2]})
    design = SurveyDesign.from_frame(frame, strata="h", psu="psu", lonely_psu="average")
    with pytest.raises(NotEstimableError, match="two or more PSUs"):
        linearised_covariance(design, np.array([1.0, 2.0]))


def test_simple_random_sample__closed_form():
    y = np.array([2.0, 4, 4, 7, 9, 10])
    frame = pd.DataFrame({"y": y, "N": 20})
    design = SurveyDesign.from_frame(frame, fpc="N")
    np.testing.assert_allclose(design.weights, 20 / 6)
    scores = (y - y.mean()) / 6
    expected = (1 - 6 / 20) * y.var(ddof=1) / 6
    assert linearised_covariance(design, scores)[0, 0] == pytest.approx(expected)
    assert "derived" in design.notes[0]


def test_fpc__fractions_equal_sizes():
    frame = two_stage_sample(11, 2, n_psu=4, n_ssu=3)
    units = frame.drop_duplicates(["stratum", "psu", "ssu"])
    ssus = units.groupby(["stratum", "psu"])["ssu"].size().rename("m")
    psus = units.groupby("stratum")["psu"].nunique().rename("n")
    frame = frame.join(ssus, on=["stratum", "psu"]).join(psus, on="stratum")
    frame["f1"], frame["f2"] = frame["n"] / frame["psus"], frame["m"] / frame["ssus"]
    options = {"strata": "stratum", "psu": ["psu", "ssu"], "nest": True}
    sizes = SurveyDesign.from_frame(frame, fpc=["psus", "ssus"], **options)
    shares = SurveyDesign.from_frame(frame, fpc=["f1", "f2"], **options)
    np.testing.assert_allclose(sizes.weights, shares.weights)
    scores = frame["y"].to_numpy()
    np.testing.assert_allclose(
        linearised_covariance(sizes, scores), linearised_covariance(shares, scores)
    )


def test_from_frame__infinite_population_is_sampling_with_replacement():
    frame = pd.DataFrame({"y": [1.0, 5, 2], "w": 1.0, "N": np.inf})
    with_fpc = SurveyDesign.from_frame(frame, weights="w", fpc="N")
    without = SurveyDesign.from_frame(frame, weights="w")
    scores = frame["y"].to_numpy()
    assert linearised_covariance(with_fpc, scores) == linearised_covariance(
        without, scores
    )
    with pytest.raises(InputError, match="infinite"):
        SurveyDesign.from_frame(frame, fpc="N")


def test_from_frame__no_weights_is_said():
    design = SurveyDesign.from_frame(pd.DataFrame({"y": [1, 2]}))
    np.testing.assert_array_equal(design.weights, 1)
    assert "weight 1" in design.notes[0]


def test_from_frame__several_strata_columns_are_one_key():
    frame = pd.DataFrame(
        {"round": [1, 1, 1, 1, 2, 2], "site": list("aabbaa"), "psu": range(6)}
    )
    design = SurveyDesign.from_frame(frame, strata=["round", "site"], psu="psu")
    assert (design.n_strata, design.n_psu) == (3, 6)
    assert degrees_of_freedom(design) == 3
    one = (frame["round"] == 1).to_numpy()
    assert degrees_of_freedom(design, one) == 2
    assert degrees_of_freedom(design.subset("round == 1")) == 2


def test_from_frame__every_problem_at_once():
    frame = pd.DataFrame(
        {
            "w": [1.0, -2.0, np.nan, 0.0, np.inf, 1.0],
            "h": ["a", None, "a", "b", "b", "b"],
            "psu": [1, 2, 3, np.nan, 4, 5],
        }
    )
    with pytest.raises(InputError) as caught:
        SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")
    message = str(caught.value)
    for part in (
        "negative in 1 row (1)",
        "not a number in 2 rows (2, 4)",
        "zero",
        "1 row (3)",
        "'h' (strata) is missing in 1 row (1)",
        "'psu' (PSU) is missing in 1 row (3)",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("fpc", "words"),
    [
        ([9.0, 9, 9, 1, 1, 1], "below the number of sampled units in h=b: 3 sampled"),
        ([9.0, 8, 9, 9, 9, 9], "not constant within h=a"),
        ([9.0, 9, 9, 0.5, 0.5, 0.5], "mixes"),
        ([9.0, 9, 9, np.nan, 9, 9], r"missing.*1 row \(3\)"),
        ([9.0, 9, 9, -4, -4, -4], "not above 0"),
        (["x", "9", "9", "9", "9", "9"], "not a number"),
    ],
)
def test_from_frame__fpc_that_cannot_be(fpc, words):
    frame = pd.DataFrame({"h": list("aaabbb"), "N": fpc})
    with pytest.raises(InputError, match=words):
        SurveyDesign.from_frame(frame, strata="h", fpc="N")


def test_from_frame__psu_label_in_two_strata():
    frame = pd.DataFrame({"h": [1, 1, 2, 2], "psu": ["x", "y", "y", "z"], "w": 1.0})
    with pytest.raises(InputError, match=r"psu=y.*nest=True"):
        SurveyDesign.from_frame(frame, weights="w", strata="h", psu="psu")
    design = SurveyDesign.from_frame(
        frame, weights="w", strata="h", psu="psu", nest=True
    )
    assert design.n_psu == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "nobody"}, "'nobody' (weights)"),
        ({"psu": ["a", "nowhere"]}, "'nowhere' (psu)"),
        ({"fpc": ["a", "a"]}, "2 columns for 1 stage"),
        ({"lonely_psu": "ignore"}, "certainty"),
        ({"weights": "text"}, "not a number"),
    ],
)
def test_from_frame__bad_arguments(options, words):
    frame = pd.DataFrame({"a": [2.0, 3.0], "text": ["heavy", "light"]})
    with pytest.raises(InputError) as caught:
        SurveyDesign.from_frame(frame, **options)
    assert words in str(caught.value)


def test_from_frame__empty_or_not_a_frame():
    with pytest.raises(InputError, match="no rows"):
        SurveyDesign.from_frame(pd.DataFrame({"w": []}), weights="w")
    with pytest.raises(InputError, match="DataFrame was expected"):
        SurveyDesign.from_frame({"w": [1]}, weights="w")


def test_design__is_read_only_and_keeps_the_frame():
    frame = pd.DataFrame({"w": [1.0, 2.0], "y": [0, 1]})
    before = frame.copy()
    design = SurveyDesign.from_frame(frame, weights="w")
    assert design.frame is frame
    pd.testing.assert_frame_equal(frame, before)
    for array in (design.weights, design.domain, design.stages[0].unit):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 3


def test_subset__keeps_rows_and_narrows_twice():
    frame = pd.DataFrame({"age": [10, 20, None, 40], "sex": list("fmfm")})
    design = SurveyDesign.from_frame(frame)
    first = design.subset("age >= 18")
    second = first.subset(frame["sex"] == "m")
    assert len(second) == 4
    assert second.domain.tolist() == [False, True, False, True]
    assert "2 rows outside" in repr(second)


def test_subset__unknown_condition_is_counted():
    frame = pd.DataFrame({"adult": pd.array([True, None, False], dtype="boolean")})
    design = SurveyDesign.from_frame(frame).subset("adult")
    assert design.domain.tolist() == [True, False, False]
    assert "1 rows of unknown" in design.notes[-1]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("nothing > 3", "neither a column nor a query"),
        ("y", "true or false"),
        ("y +", "neither a column nor a query"),
        ([True], "1 values for 3 rows"),
        (pd.Series([True, True, True], index=[5, 6, 7]), "index"),
        ("1 + 1", "one value per row"),
        ("@pd.eval('1')", "neither a column nor a query"),
        ("y.to_csv('stolen.csv')", "calls a function"),
        ("z = y", "neither a column nor a query"),
    ],
)
def test_row_mask__bad_selectors(where, words):
    frame = pd.DataFrame({"y": [1, 2, 3]})
    with pytest.raises(InputError, match=words):
        row_mask(frame, where)


def test_row_mask__column_names_with_a_dot_are_quoted():
    frame = pd.DataFrame({"sch.wide": ["Yes", "No", None], "n": [1, 2, 3]})
    assert row_mask(frame, "`sch.wide` == 'Yes' or n in [3, 4]")[0].tolist() == [
        True,
        False,
        True,
    ]


def test_domains__sorted_observed_combinations():
    frame = pd.DataFrame(
        {
            "year": [2012, 2010, 2010, 2012, None],
            "sex": pd.Categorical(list("mfmmf"), categories=["m", "f"]),
        }
    )
    design = SurveyDesign.from_frame(frame)
    domains = split_into_domains(design, by=["year", "sex"])
    assert [tuple(group.values()) for group in domains.groups] == [
        (2010, "m"),
        (2010, "f"),
        (2012, "m"),
    ]
    assert domains.code.tolist() == [2, 1, 0, 2, -1]
    assert "'year' is missing in 1 row (4)" in domains.notes[0]


def test_domains__empty():
    design = SurveyDesign.from_frame(pd.DataFrame({"y": [1, 2]}))
    with pytest.raises(NotEstimableError, match="No row"):
        split_into_domains(design, where="y > 5")


def test_linearised_covariance__refuses_misfits():
    design = SurveyDesign.from_frame(pd.DataFrame({"y": [1, 2, 3]}))
    with pytest.raises(InputError, match="do not fit"):
        linearised_covariance(design, np.ones(2))
    with pytest.raises(InputError, match="infinite"):
        linearised_covariance(design, np.array([1.0, math.nan, 2.0]))
    outside = linearised_covariance(
        design, np.array([1.0, math.nan, 2.0]), domain=np.array([True, False, True])
    )
    assert np.isfinite(outside).all()


@pytest.mark.parametrize("columns", [{}, {"psu": "psu"}, {"strata": "s", "psu": "psu"}])
def test_design__goes_to_other_processes_and_still_names_its_units(columns):
    frame = pd.DataFrame(
        {"y": [1.0, 2.0, 4.0, 8.0], "s": [*"aabb"], "psu": [1, 2, 3, 4]}
    )
    design = SurveyDesign.from_frame(frame, **columns)
    sent = pickle.loads(pickle.dumps(design))
    found = [linearised_covariance(d, frame["y"].to_numpy()) for d in (design, sent)]
    np.testing.assert_array_equal(found[0], found[1])
    names = [[name(0) for name in d.unit_names] for d in (design, sent)]
    assert names[0] == names[1]
    assert all(names[0])
