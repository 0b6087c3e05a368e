"""k-anonymity, diversity and the CTDC shape, against plain pandas and CTDC's files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel.disclosure import (
    CTDC_BLOCKS,
    CTDC_COLUMNS,
    infer_ctdc_zeros,
    k_anonymise,
    microdata_report,
    release_ctdc,
    to_ctdc,
)

ITEMS = [name for block in CTDC_BLOCKS.values() for name in block]


@pytest.fixture(scope="module")
def ctdc(shared_folder):
    path = shared_folder / "data" / "ctdc"
    if not path.is_dir():
        pytest.skip("the CTDC files are not here (data/ctdc is absent)")
    return path


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    entropy=st.integers(0, 10_000),
    n=st.integers(1, 120),
    k=st.integers(2, 11),
    levels=st.lists(st.integers(1, 6), min_size=1, max_size=4),
)
def test_k_anonymise__every_record_has_k_equals_and_nothing_is_made_up(
    entropy, n, k, levels
):
    rng = np.random.default_rng(entropy)
    names = [f"q{at}" for at in range(len(levels))]
    frame = pd.DataFrame(
        {
            name: rng.integers(0, size + 1, n).astype("str")
            for name, size in zip(names, levels, strict=True)
        }
    ).assign(answer=np.arange(n))
    frame = frame.replace("0", pd.NA)
    kept = k_anonymise(frame, names, k=k, rng=1)
    assert len(kept.frame) + kept.n_dropped == n
    if len(kept.frame):
        sizes = kept.frame[names].fillna("").value_counts()
        assert sizes.min() >= k
    before = frame.set_index("answer").loc[kept.frame["answer"], names]
    after = kept.frame[names]
    changed = after.fillna("").to_numpy() != before.fillna("").to_numpy()
    assert after.isna().to_numpy()[changed].all()  # cells are emptied, never altered
    assert changed.sum() == kept.blanked.sum()
    if n >= k:
        assert kept.n_dropped < k


def test_k_anonymise__already_anonymous_loses_nothing():
    frame = pd.DataFrame({"sex": ["f", "m"] * 11, "age": ["18--20"] * 22})
    kept = k_anonymise(frame, ["sex", "age"], rng=3)
    assert kept.loss == 0
    assert kept.n_dropped == 0
    assert kept.frame["sex"].tolist() != frame["sex"].tolist()  # another order


def test_k_anonymise__too_few_records_leave_nothing():
    kept = k_anonymise(pd.DataFrame({"sex": ["f"] * 10}), ["sex"], k=11)
    assert kept.n_dropped == 10
    assert kept.frame.empty


def test_k_anonymise__costs_choose_what_goes():
    frame = pd.DataFrame({"a": list("xxxy"), "b": list("ssst")})
    dear = k_anonymise(frame, ["a", "b"], k=2, costs=[5, 1], rng=1)
    assert dear.blanked["a"] <= dear.blanked["b"]
    with pytest.raises(InputError, match="costs"):
        k_anonymise(frame, ["a", "b"], k=2, costs=[1])
    with pytest.raises(InputError, match="2 or more"):
        k_anonymise(frame, ["a"], k=1)


def test_report__diversity_by_hand():
    frame = pd.DataFrame({"q": ["a"] * 4 + ["b"] * 4, "s": list("xxxx") + list("xxyy")})
    found = microdata_report(frame, ["q"], sensitive=["s"], minimum_cell=5)
    # All records: x 6/8; class a: x 1, distance 1/4; class b: x 1/2, distance 1/4.
    assert found.diversity.to_dict("records") == [
        {"column": "s", "l": 1, "t": 0.25, "n_uniform": 4}
    ]
    assert found.n_below == 8
    assert found.classes["n"].tolist() == [4, 4]
    assert "fewer than 5 records" in found.summary()
    assert "\na" not in found.summary()


def test_report__summary_says_no_small_number():
    frame = pd.DataFrame({"q": ["a"] * 40 + ["b"] * 3, "s": ["x"] * 43})
    text = microdata_report(frame, ["q"], sensitive=["s"]).summary()
    assert "fewer than 11: fewer than 11." in text
    assert "43 records" in text


def test_report__ctdc_counts_as_plain_pandas_counts(ctdc):
    raw = pd.read_csv(
        ctdc / "CTDC_VPsynthetic_condensed.csv", dtype="str", keep_default_na=False
    )
    names = ["yearRegister", "gender", "majorityStatus", "isForcedLabour"]
    names += ["UN_COO_Region"]
    found = microdata_report(raw, names, sensitive=["isSexualExploit"])
    # Counted independently before this package was written: 422 cells, 832 records of
    # 21 195 in cells of fewer than 11.
    assert (found.n_records, found.n_classes, found.n_below) == (21_195, 422, 832)
    assert found.k == raw.groupby(names).size().min()
    kept = k_anonymise(raw, names, rng=1)
    assert kept.frame[names].fillna("").value_counts().min() >= 11
    # Emptying all cells of the records that stand out would lose twice as much.
    assert kept.loss < found.n_below / found.n_records / 2


def shaped_like_ctdc(ctdc):
    """CTDC's k-anonymous file, a row per record and kind, as the exporter's input."""
    raw = pd.read_csv(
        ctdc / "ctdc_kanon_derived_long.csv", dtype="str", keep_default_na=False
    )
    ages = raw["ageCategories"].str.removeprefix("Age ")
    lower = ages.str.extract(r"(\d+)")[0].astype(float)
    # Two letters in this older file; a third makes them the shape of alpha-3 codes.
    country = raw["citizenship"].where(raw["citizenship"].str.fullmatch("[A-Z]{2}"))
    return pd.DataFrame(
        {
            "yearOfRegistration": raw["yearOfRegistration"].astype(int),
            "gender": raw["gender"].map({"Female": "Woman", "Male": "Man"}),
            "age": lower,
            "citizenship": country + "X",
            "isForcedLabour": raw["isForcedLabour"].replace({"-99": None}),
            "isSexualExploit": raw["ExploitType"].eq("Sexual Exploitation").astype(int),
            "typeOfLabourAgriculture": raw["Labor_Type"].eq("Agriculture").astype(int),
            "recruiterRelationOther": raw["RecruiterCategory"].eq("Other").astype(int),
        }
    )


def test_ctdc__release_of_their_own_file(ctdc):
    frame = shaped_like_ctdc(ctdc)
    release = release_ctdc(frame, rng=1)
    shown = release.frame
    assert tuple(shown.columns) == CTDC_COLUMNS
    assert len(CTDC_COLUMNS) == 27
    assert release.report.k >= 11
    assert release.report.n_below == 0
    names = list(release.report.quasi_identifiers)
    assert shown[names].astype("str").fillna("").value_counts().min() >= 11
    assert set(pd.unique(shown[ITEMS].to_numpy().ravel()).tolist()) <= {1, pd.NA}
    ones = (frame["isForcedLabour"] == "1").sum()
    assert 0 <= ones - shown["isForcedLabour"].sum() <= release.n_dropped < 11
    assert release.loss < 0.2
    assert len(shown) == len(frame) - release.n_dropped
    # Their bands are ours: every age of their file comes back as the same band.
    bands = set(shown["ageBroad"].dropna())
    assert bands <= {"0--8", "09--17", "18--20", "21--23", "24--26", "27--29",
                     "30--38", "39--47", "48+"}  # fmt: skip


@pytest.mark.parametrize(
    ("age", "band"),
    [(0, "0--8"), (8.9, "0--8"), (9, "09--17"), (17, "09--17"), (18, "18--20"),
     (20, "18--20"), (23, "21--23"), (26, "24--26"), (29, "27--29"), (38, "30--38"),
     (39, "39--47"), (47, "39--47"), (48, "48+"), (90, "48+")],
)  # fmt: skip
def test_ctdc__age_bands_of_the_codebook(age, band):
    assert to_ctdc(pd.DataFrame({"age": [age]}))["ageBroad"].item() == band


@pytest.mark.parametrize(
    ("months", "band"),
    [(0, "0--12"), (12, "0--12"), (12.9, "0--12"), (13, "13--24"), (24, "13--24"),
     (25, "25+")],
)  # fmt: skip
def test_ctdc__month_bands_of_the_codebook(months, band):
    found = to_ctdc(pd.DataFrame({"months": [months]}))["traffickMonths"].item()
    assert found.startswith(band)


def test_ctdc__every_problem_is_listed_and_no_value_repeated():
    frame = pd.DataFrame(
        {"gender": ["Sokha"], "age": [-1], "citizenship": ["Cambodia"],
         "isForcedLabour": [7], "yearOfRegistration": [1999]}
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        to_ctdc(frame)
    said = str(caught.value)
    assert all(name in said for name in frame.columns)
    assert "Sokha" not in said
    assert "Cambodia" not in said


@settings(max_examples=10, deadline=None, derandomize=True)
@given(entropy=st.integers(0, 10_000))
def test_ctdc__a_zero_is_inferred_only_beside_a_one(entropy):
    rng = np.random.default_rng(entropy)
    frame = pd.DataFrame(
        {name: rng.choice([1.0, np.nan], 8, p=[0.3, 0.7]) for name in ITEMS}
    )
    found = infer_ctdc_zeros(frame)
    for block in CTDC_BLOCKS.values():
        names = list(block)
        some = (frame[names] == 1).any(axis=1)
        assert found.loc[~some, names].isna().all(axis=None)
        assert found.loc[some, names].notna().all(axis=None)
        assert (
            ((found[names] == 1) == (frame[names] == 1))
            .fillna(False)
            .loc[some]
            .all(axis=None)
        )
