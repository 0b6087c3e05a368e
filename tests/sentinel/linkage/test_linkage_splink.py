"""The splink engine: repeatable, silent to the network, and as the exact engine."""

from __future__ import annotations

import socket
import sys

import numpy as np
import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.linkage import SourceList, link_records, pattern_counts, prepare_lists
from tests.sentinel.linkage.conftest import pairs_of

pytest.importorskip("splink")


@pytest.fixture(scope="module")
def one_thread(records):
    return link_records(records, engine="splink", n_threads=1)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        pytest.fail("a network connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_two_threads_and_a_second_run_give_the_same(records, one_thread):
    again = link_records(records, engine="splink", n_threads=2)
    pd.testing.assert_frame_equal(again.frame, one_thread.frame, check_exact=True)
    assert again.model.round(9).equals(one_thread.model.round(9))
    assert again.prior == one_thread.prior


def test_levels_are_those_of_the_exact_engine(one_thread, pairs):
    both = one_thread.frame.merge(pairs.frame, on=["id_l", "id_r"])
    assert len(both) > 0.9 * (pairs.frame["match_probability"] > 0.5).sum()
    for name in ("name", "birth_year", "sex", "origin"):
        assert (both[f"level_{name}_x"] == both[f"level_{name}_y"]).all()


def test_the_model_of_blocks_is_that_of_all_pairs(one_thread, pairs):
    # All pairs of lists this small are looked at: the table is the same but for what
    # blocks say of names besides.
    for name in ("m", "u"):
        assert one_thread.model[name].to_numpy() == pytest.approx(
            pairs.model[name].to_numpy(), abs=0.01
        )


def test_few_drawn_pairs_do_not_lose_the_links(records, truth, monkeypatch):
    # As in a million records: hardly a link among the pairs drawn, one in ten thousand
    # of all pairs. Links are found in the blocks all the same.
    monkeypatch.setattr(pattern_counts, "_DRAWN_PAIRS", 20_000)
    found = link_records(records, engine="splink")
    wanted = len(pairs_of(truth))
    assert abs(found.expected_links - wanted) < 4 * found.links_std_error
    assert found.links_std_error < 0.2 * wanted


def test_narrowed_blocks_expect_the_links_that_they_keep_apart(
    records, truth, monkeypatch
):
    monkeypatch.setattr(pattern_counts, "_MOST_IN_BLOCK", 0)
    monkeypatch.setattr(pattern_counts, "_PAIRS_PER_RECORD", 0.25)
    monkeypatch.setattr(pattern_counts, "_BLOCKED_PAIRS", 400)
    monkeypatch.setattr(pattern_counts, "_DRAWN_PAIRS", 20_000)
    found = link_records(records, engine="splink")
    wanted = len(pairs_of(truth))
    left = found.frame["id_l"].to_numpy()
    reached = (truth[left] == truth[found.frame["id_r"].to_numpy()]).sum()
    # A twentieth of the links or more share no narrow block, and are expected.
    assert reached < 0.95 * wanted
    assert "birth_year + origin" not in found.notes[-1]
    assert abs(found.expected_links - wanted) < 4 * found.links_std_error


def test_links_are_those_of_the_exact_engine(one_thread, pairs, truth):
    persons = [found.persons(0.5).frame["person"] for found in (one_thread, pairs)]
    left, right = (pairs_of(person.to_numpy()) for person in persons)
    # One model, fitted to a sample of pairs there and to all of them here.
    assert len(left & right) / len(left | right) > 0.95
    wanted = pairs_of(truth)
    assert len(left & wanted) / len(left) > 0.93
    assert len(left & wanted) / len(wanted) > 0.85


def test_without_splink_the_remedy_is_named(records, monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(InputError, match=r"pip install 'sentinel-prevalence\[link\]'"):
        link_records(records, engine="splink")


def test_blocks_must_name_columns(records):
    with pytest.raises(InputError, match="blocking names phone"):
        link_records(records, engine="splink", blocking=[["phone"]])


def test_duplicates_inside_lists_are_scored_too(simulated):
    one = simulated.lists["police"].head(150)
    again = one.head(40).assign(record_id=lambda part: "x" + part["record_id"])
    records = prepare_lists(
        [
            SourceList(
                source="police",
                frame=pd.concat([one, again]),
                record_id="record_id",
                columns={name: name for name in one.columns[1:]},
            )
        ]
    )
    linked = link_records(records, engine="splink").persons(0.5)
    assert linked.clusters.n_duplicates == pytest.approx(40, abs=3)
    assert np.unique(linked.frame["person"]).size == linked.clusters.n_persons


def test_blocks_of_too_many_pairs_are_narrowed(records, monkeypatch):
    wide = [("name_sound",), ("sex",), ("birth_year", "name_first")]
    assert pattern_counts.fitting_blocks(records, wide) == (
        ("name_sound",),
        ("sex",),
        ("birth_year", "name_first"),
    )
    # About 120 000 pairs share the sex, 15 000 of them the origin or the year as well.
    monkeypatch.setattr(pattern_counts, "_MOST_IN_BLOCK", 0)
    monkeypatch.setattr(pattern_counts, "_PAIRS_PER_RECORD", 8)
    found = pattern_counts.fitting_blocks(records, wide)
    assert ("sex",) not in found
    assert ("sex", "birth_year") in found
    assert found[0] == ("name_sound",)
    monkeypatch.setattr(pattern_counts, "_PAIRS_PER_RECORD", 0)
    with pytest.raises(InputError, match="too little to tell persons apart"):
        pattern_counts.fitting_blocks(records, [("sex",)])
