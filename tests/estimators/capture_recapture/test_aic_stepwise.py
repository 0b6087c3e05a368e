"""The rule of the first UK estimate against modslavmse 2.0."""

import json

import pytest

from estimators.capture_recapture.aic_stepwise import select_stepwise_aic
from estimators.capture_recapture.histories import CaptureHistories
from estimators.errors import InputError, NotEstimableError

KOREA = {"001": 41, "010": 5, "100": 5, "110": 54, "101": 6, "111": 12}


@pytest.mark.shared
def test_rule__gives_the_published_uk_figures_and_their_kin(shared_folder):
    path = shared_folder / "reference/capture_recapture/reference.json"
    reference = json.loads(path.read_text())
    for name, runs in reference["modslavmse_AIC_stepwise"].items():
        entry = reference["data"][name]
        width = len(entry["lists"])
        histories = CaptureHistories.from_counts(
            {"".join(map(str, row[:width])): row[width] for row in entry["rows"]}
        )
        for key, threshold in (("main", 0), ("p0.05", 0.05)):
            expected = runs[key]["values"]
            wide = select_stepwise_aic(histories, threshold=threshold)
            narrow = select_stepwise_aic(histories, threshold=threshold, level=0.8)
            got = {
                "2.5%": wide.ci.low,
                "10%": narrow.ci.low,
                "point estimate": wide.estimate,
                "90%": narrow.ci.high,
                "97.5%": wide.ci.high,
            }
            # R maximises the profile to 1e-7 of the size.
            assert got == pytest.approx(expected, rel=2e-7)


def test_rule__ends_at_a_pair_that_shares_nobody():
    # AIC falls most by the empty pair A-C, which Wald's test cannot judge.
    histories = CaptureHistories.from_counts(
        {"100": 300, "010": 60, "001": 300, "110": 60, "011": 60}
    )
    result = select_stepwise_aic(histories)
    assert result.method.endswith("[1,2,3]")
    assert any("none" in note for note in result.notes)
    assert any("too short" in note for note in result.notes)


def test_rule__errors():
    with pytest.raises(NotEstimableError):
        select_stepwise_aic(CaptureHistories.from_counts({"10": 5, "01": 7}))
    with pytest.raises(InputError, match="threshold"):
        select_stepwise_aic(CaptureHistories.from_counts(KOREA), threshold=2)
