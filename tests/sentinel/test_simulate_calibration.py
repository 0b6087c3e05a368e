"""Simulated marginals against the published ones that they are calibrated to.

Published: Phnom Penh Post 15 Jul 2010, The New Humanitarian 29 Aug 2011, UNDP page of
17 Jun 2015. The press rounds ("about half", "roughly 40 %"), and a simulated sample of
some 4,000 has a standard error near 0.01 with its clusters: tolerance 0.03.
"""

import numpy as np
import pandas as pd
import pytest

from sentinel import datasets
from sentinel.classify import classify, load_definition
from sentinel.ingest import ingest_study
from sentinel.simulate import load_parameters, simulate_study
from sentinel.study.loading import load_study

PARAMETERS = load_parameters()
PUBLISHED_2009 = {
    "trafficked": 0.23,
    "cheated": 0.50,
    "never paid": 0.30,
    "not free to leave": 0.12,
    "no trouble": 0.40,
    "trafficked among sea fishers": 0.31,
}


@pytest.fixture(scope="module")
def many():
    """A sample ten times as large of every round, all answers known."""
    rounds = tuple(
        item.model_copy(
            update={
                "sampled_batches": 430,
                "annual_events": 120_000,
                "stream": 0,
                "unknown": type(item.unknown)(),
            }
        )
        for item in PARAMETERS.rounds
    )
    study = simulate_study(PARAMETERS.model_copy(update={"rounds": rounds}), rng=5)
    return {
        item.label: item.frame.assign(state=item.state)[item.is_respondent]
        for item in study.rounds
    }


def test_poipet_2009__published_shares(many):
    people = many["POI2009"]
    fishers = people[people["sector"].isin(["1", "2"])]
    found = {
        "trafficked": (people["state"] >= 4).mean(),
        "cheated": people["cheated"].eq("1").mean(),
        "never paid": people["pay_never"].eq("1").mean(),
        "not free to leave": people["free_leave_site"].eq("0").mean(),
        "no trouble": people["state"].eq(0).mean(),
        "trafficked among sea fishers": (fishers["state"] >= 4).mean(),
    }
    few = "trafficked among sea fishers"  # some 440: standard error 0.025
    assert found.pop(few) == pytest.approx(PUBLISHED_2009[few], abs=0.06)
    expected = {name: PUBLISHED_2009[name] for name in found}
    assert found == pytest.approx(expected, abs=0.03)
    assert people["arrest_vot"].eq("1").sum() == 0
    assert people["sex"].eq("2").mean() == pytest.approx(0.364, abs=0.03)
    assert (people["age"] < 18).mean() == pytest.approx(0.105, abs=0.02)


def test_poipet__improves_and_sea_fishing_stays_highest(many):
    shares = [(many[name]["state"] >= 4).mean() for name in list(many)[:3]]
    assert shares[0] > shares[1] > shares[2]
    pooled = pd.concat([many[name] for name in list(many)[:3]])
    by_sector = (pooled["state"] >= 4).groupby(pooled["sector"]).mean()
    assert by_sector.nlargest(2).index.sort_values().tolist() == ["1", "2"]


def test_poipet__sex_age_schooling_and_knowledge_do_not_move_risk(many):
    pooled = pd.concat([many[name] for name in list(many)[:3]])
    ashore = pooled[~pooled["sector"].isin(["1", "2"])]
    case = (ashore["state"] >= 4).astype(float)
    groups = {
        "sex": ashore["sex"].eq("1"),
        "age": ashore["age"] >= 18,
        "edu_years": ashore["edu_years"] >= 6,
        "tip_knowledge": ashore["tip_knowledge"].eq("0"),
    }
    for name, split in groups.items():
        one, other = case[split.astype(bool)], case[~split.astype(bool)]
        error = np.sqrt(one.var() / len(one) + other.var() / len(other))
        # Four comparisons, each beyond 4 standard errors once in 16,000 studies.
        assert abs(one.mean() - other.mean()) < 4 * error, name
    broker = ashore["broker_origin"].eq("1")
    assert case[broker].mean() > case[~broker].mean() + 0.04


@pytest.fixture(scope="module")
def interviews():
    return ingest_study(load_study(datasets.path("mekong_demo") / "study.toml"))


def test_vang_tao__four_men_of_128_as_published(interviews):
    found = classify(interviews, load_definition("uniap")).frame
    here = interviews.frame["round_id"] == "LATH2013"
    cases = found["d_traff"].eq(1) & here
    assert int(here.sum()) == 128
    assert interviews.frame.loc[cases, "sex"].tolist() == ["1"] * 4
    deceived = found.loc[here, "d_deceived"].mean()
    assert deceived == pytest.approx(0.16, abs=0.025)
    broker = interviews.frame.loc[here, "broker_origin"].eq("1").mean()
    assert broker == pytest.approx(0.15, abs=0.05)


def test_mekong_demo__about_400_interviews_in_each_cambodian_round(interviews):
    sizes = interviews.frame["round_id"].value_counts()
    assert sizes.loc[["POI2009", "POI2010", "POI2012"]].between(370, 460).all()
