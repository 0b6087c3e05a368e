"""AAPOR rates: the formulas of the standard written out, and their intervals."""

import math

import numpy as np
import pytest

from estimators import proportions, survey
from estimators.errors import InputError, NotEstimableError

COUNTS = {
    "complete": 412, "partial": 16, "refusal": 63, "non_contact": 41, "other": 9,
    "unknown_household": 22, "unknown_other": 5,
}  # fmt: skip


def written_out(counts, e):
    """The formulas as the Standard Definitions print them."""
    i, p, r, nc, o, uh, uo = counts
    return {
        "RR1": i / ((i + p) + (r + nc + o) + (uh + uo)),
        "RR2": (i + p) / ((i + p) + (r + nc + o) + (uh + uo)),
        "RR3": i / ((i + p) + (r + nc + o) + e * (uh + uo)),
        "RR4": (i + p) / ((i + p) + (r + nc + o) + e * (uh + uo)),
        "RR5": i / ((i + p) + (r + nc + o)),
        "RR6": (i + p) / ((i + p) + (r + nc + o)),
        "COOP1": i / ((i + p) + r + o),
        "COOP2": (i + p) / ((i + p) + r + o),
        "COOP3": i / ((i + p) + r),
        "COOP4": (i + p) / ((i + p) + r),
        "REF1": r / ((i + p) + (r + nc + o) + uh + uo),
        "REF2": r / ((i + p) + (r + nc + o) + e * (uh + uo)),
        "REF3": r / ((i + p) + (r + nc + o)),
        "CON1": ((i + p) + r + o) / ((i + p) + r + o + nc + uh + uo),
        "CON2": ((i + p) + r + o) / ((i + p) + r + o + nc + e * (uh + uo)),
        "CON3": ((i + p) + r + o) / ((i + p) + r + o + nc),
    }


@pytest.mark.parametrize("given", [None, 0.4, 0.0, 1.0])
def test_rates__are_those_of_the_standard(given):
    rates = survey.response_rates(**COUNTS, not_eligible=88, eligible_share=given)
    e = 541 / (541 + 88) if given is None else given
    expected = written_out(COUNTS.values(), e)
    found = {
        group["rate"]: row.estimate
        for group, row in zip(rates.groups, rates, strict=True)
    }
    assert found == pytest.approx(expected, rel=1e-12)
    assert rates[0].diagnostics["eligible_share"] == pytest.approx(e)


def test_plain_rates__have_wilson_s_interval():
    rates = survey.response_rates(**COUNTS)
    for name, top, bottom in (
        ("RR1", 412, 568),
        ("COOP4", 428, 491),
        ("REF3", 63, 541),
    ):
        row = rates.get(rate=name)
        expected = proportions.proportion_ci(top, bottom)
        assert row.ci.low == pytest.approx(expected.ci.low, rel=1e-10)
        assert row.ci.high == pytest.approx(expected.ci.high, rel=1e-10)


def test_estimated_share__has_the_spread_of_multinomial_counts():
    counts = np.array([*COUNTS.values(), 88])
    draws = np.random.default_rng(6).multinomial(
        counts.sum(), counts / counts.sum(), 40_000
    )
    i, p, r, nc, o, uh, uo, ne = draws.T
    known = i + p + r + nc + o
    e = known / (known + ne)
    simulated = written_out((i, p, r, nc, o, uh, uo), e)
    rates = survey.response_rates(**COUNTS, not_eligible=88)
    for group, row in zip(rates.groups, rates, strict=True):
        # 40 000 draws give a standard deviation within 1.5 % (four of its errors).
        spread = simulated[group["rate"]].std()
        assert row.std_error == pytest.approx(spread, rel=0.015)


def test_unknown_e__leaves_its_rates_out_and_says_so():
    rates = survey.response_rates(**COUNTS)
    names = {group["rate"] for group in rates.groups}
    assert not names & {"RR3", "RR4", "REF2", "CON2"}
    assert len(names) == 12
    assert any("27 cases are of unknown" in note for note in rates.notes)
    resolved = survey.response_rates(100, refusal=20)
    assert resolved.get(rate="RR3").estimate == resolved.get(rate="RR1").estimate


def test_all_or_none__have_an_exact_interval():
    rates = survey.response_rates(30)
    row = rates.get(rate="RR1")
    assert row.estimate == 1
    assert row.ci.low == pytest.approx(0.025 ** (1 / 30), rel=1e-9)
    assert any("Clopper-Pearson" in note for note in row.notes)
    only_missed = survey.response_rates(0, non_contact=12)
    assert any("COOP1 has no case" in note for note in only_missed.notes)


def test_wrong_counts__are_refused_by_name():
    with pytest.raises(InputError, match=r"refusal=-1.*other=nan"):
        survey.response_rates(10, refusal=-1, other=math.nan)
    with pytest.raises(InputError, match=r"eligible_share=1\.2"):
        survey.response_rates(10, eligible_share=1.2)
    with pytest.raises(NotEstimableError, match="eligible"):
        survey.response_rates(0, not_eligible=9)
