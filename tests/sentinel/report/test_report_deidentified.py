"""Records that lead back to nobody, on the embedded study."""

from __future__ import annotations

import itertools
import stat

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import datasets
from sentinel.cli import run
from sentinel.ingest import ingest_study
from sentinel.report.outgoing.deidentified import (
    _without_small_groups,
    band_values,
    deidentify,
)
from sentinel.study import load_study

STUDY = datasets.path("mekong_demo") / "study.toml"


@pytest.fixture(scope="module")
def config():
    return load_study(STUDY)


@pytest.fixture(scope="module")
def interviews(config):
    return ingest_study(config)


@pytest.fixture(scope="module")
def made(interviews, config):
    return deidentify(interviews, config)


def test_deidentify__no_id_day_age_or_amount_is_left(made, interviews, config):
    ids = set(interviews.frame["rec_id"].dropna())
    assert ids
    cells = {cell for name in made.frame for cell in made.frame[name]}
    assert not ids & cells
    assert not {"rec_id", "interviewer_id", "age", "int_date", "truck_seq"} & set(
        made.frame
    )
    days = interviews.frame["int_date"].dt.strftime("%Y-%m-%d")
    assert not set(days) & cells
    assert made.frame["int_date_quarter"].str.fullmatch(r"(\d{4}-Q[1-4])?").all()
    fates = made.fates.set_index("variable")["fate"]
    hidden = [
        item.name
        for item in interviews.codebook
        if item.release in ("never", "enclave")
    ]
    never = [name for name in hidden if name in fates]
    assert len(never) > 3
    assert set(fates[never]) == {"dropped"}


def test_deidentify__every_combination_a_stranger_knows_is_frequent(made, config):
    least = config.privacy.minimum_cell
    assert {"sex", "age_grp", "round_id", config.maps.origin} <= set(made.known)
    assert made.frame.groupby(list(made.known)).size().min() >= least
    for name in made.frame:
        if name.endswith("_band"):
            counts = made.frame[name][made.frame[name] != ""].value_counts()
            # Records removed later may thin a band out, never by more than they are.
            assert counts.empty or counts.min() >= least - made.removed


def test_deidentify__order_and_counts(made, interviews):
    assert len(made.frame) + made.removed == len(interviews)
    again = made.frame.sort_values(list(made.frame.columns), ignore_index=True)
    pd.testing.assert_frame_equal(again, made.frame)
    assert made.blanked > 0
    assert f"{made.blanked:,} cells blanked" in made.summary()


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.lists(st.one_of(st.none(), st.integers(-20, 20)), max_size=60),
    st.integers(1, 12),
)
def test_bands__hold_enough_and_lie_in_order(values, least):
    numbers = pd.Series(values, dtype="Float64")
    bands = band_values(numbers, least)
    known = numbers.notna().to_numpy()
    assert (bands[~known] == "").all()
    if known.sum() < least:
        assert (bands == "").all()
        return
    assert (bands[known] != "").all()
    assert bands[known].value_counts().min() >= least
    for number, band in zip(numbers[known], bands[known], strict=True):
        low, _, high = band.partition("..")
        assert float(low) <= number <= float(high or low)
    spans = sorted(
        (float(band.partition("..")[0]), float(band.partition("..")[2] or band))
        for band in set(bands[known])
    )
    assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(2, 8))
def test_small_groups__none_is_left_and_every_record_is_counted(seed, n, least):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            name: rng.choice(list("abc"), n).astype(str)
            for name in ("origin", "age_grp", "sex", "round_id")
        }
    )
    left, _, removed = _without_small_groups(frame, list(frame.columns), least)
    assert len(left) + removed == n
    assert left.empty or left.groupby(list(frame.columns)).size().min() >= least
    # Only rounds with too few persons lose records: others blank down to the round.
    sizes = frame["round_id"].value_counts()
    if (sizes >= 9 * least).all():
        assert removed <= len(sizes) * (least - 1)


def test_command__previews_and_then_writes(tmp_path, capsys):
    out = tmp_path / "stripped.csv"
    assert run(["deidentify", str(STUDY)]) == 0
    assert "nothing was written" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert run(["deidentify", str(STUDY), "--out", str(out)]) == 0
    assert "witnesses" in capsys.readouterr().out
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert run(["deidentify", str(STUDY), "--out", str(out)]) == 2
