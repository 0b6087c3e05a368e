"""Weights against arithmetic on paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.analysis import build_design


def test_event_weights__size_times_eligible_share_over_respondents_times_arrivals(
    interviews, config
):
    frame = build_design(interviews, config).frame
    # B2009: 300 arrivals, 20 + 40 in the two trucks: factor 5.
    # truck 1: 20 x 2 of 4 eligible / 2 respondents x 5 = 25;
    # truck 2: 40 x 3 of 3 eligible / 2 respondents x 5 = 100.
    # A2010: 6 trucks arrived, 2 sampled: factor 3; 30 / 2 x 3 = 45; 30 / 1 x 3 = 90.
    assert frame["w_event"].tolist() == [25, 25, 100, 100, 45, 45, 90]


def test_event_weights__add_up_to_the_arrivals_less_the_ineligible(interviews, config):
    frame = build_design(interviews, config).frame
    by_round = frame.groupby("round_id")["w_event"].sum()
    assert by_round["B2009"] == pytest.approx(300 - 0.5 * 20 * 5, rel=1e-12)
    assert by_round["A2010"] == pytest.approx(6 * 30, rel=1e-12)


def test_person_weights__divide_by_one_plus_earlier_events(interviews, config):
    frame = build_design(interviews, config).frame
    assert frame["w_person"].tolist()[:3] == [25, 12.5, 25]
    assert frame["prior_events_known"].tolist() == [True] * 3 + [False] + [True] * 3


def test_person_weights__unknown_earlier_events_are_counted_in_the_notes(
    interviews, config
):
    notes = " ".join(build_design(interviews, config).notes)
    assert "1 respondents did not say" in notes


def test_person_weights__absent_question_is_said_and_not_guessed(interviews, config):
    interviews.frame = interviews.frame.drop(columns="deport_12m")
    design = build_design(interviews, config)
    assert not design.has_person_weights
    assert any("Person prevalence is not estimated" in note for note in design.notes)


def test_clusters__carry_every_digit_of_long_numbers(interviews, config):
    interviews.frame["truck_seq"] = [1234567.0, 1234567, 1234568, 1234568, 1, 1, 1]
    design = build_design(interviews, config)
    assert design.frame["cluster"].nunique() == 4


def test_cluster_size__two_sizes_of_one_truck_are_refused(interviews, config):
    interviews.frame.loc[0, "truck_n"] = 21
    with pytest.raises(InputError, match="1 state two"):
        build_design(interviews, config)


def test_cluster_size__missing_gets_the_mean_of_its_round_and_a_note(
    interviews, config
):
    interviews.frame.loc[[0, 1], "truck_n"] = pd.NA
    design = build_design(interviews, config)
    # truck 1 is taken to hold 40; factor 300 / 80; 40 x 0.5 / 2 x 3.75
    assert design.frame["w_event"][0] == pytest.approx(37.5, rel=1e-12)
    assert any("1 clusters without truck_n" in note for note in design.notes)


def test_ready_weights__are_used_as_they_are_and_refused_below_zero(interviews, config):
    section = config.design.model_copy(update={"weight": "ponfin"})
    config = config.model_copy(update={"design": section})
    interviews.frame["ponfin"] = np.arange(1.0, 8.0)
    assert build_design(interviews, config).frame["w_event"].tolist() == list(
        range(1, 8)
    )
    interviews.frame.loc[3, "ponfin"] = -1.0
    with pytest.raises(InputError, match="above 0"):
        build_design(interviews, config)


def test_design_columns__all_that_are_missing_are_named(interviews, config):
    interviews.frame = interviews.frame.drop(columns=["int_date", "truck_seq"])
    with pytest.raises(InputError, match="int_date, truck_seq"):
        build_design(interviews, config)
