"""Two lists against printed values, other systems and the hypergeometric law."""

from __future__ import annotations

import json

import pytest
from scipy.stats import hypergeom

from estimators.capture_recapture import chapman, lincoln_petersen
from estimators.errors import InputError, NotEstimableError


@pytest.mark.shared
def test_every_pair_of_lists__equals_the_closed_forms_of_reference(shared_folder):
    path = shared_folder / "reference" / "capture_recapture" / "reference.json"
    forms = json.loads(path.read_text(encoding="utf-8"))["closed_forms"]
    pairs = [
        pair for table in forms.values() for pair in table.get("pairs", {}).values()
    ]
    assert len(pairs) > 50
    for pair in pairs:
        counts = {"n1": pair["n1"], "n2": pair["n2"], "m2": pair["m"]}
        found = chapman(**counts)
        assert found.estimate == pytest.approx(pair["Chapman"], rel=1e-12)
        assert found.std_error**2 == pytest.approx(pair["Chapman_var"], rel=1e-10)
        if pair["m"] > 0:
            plain = lincoln_petersen(**counts)
            assert plain.estimate == pytest.approx(pair["LP"], rel=1e-12)


def test_chapman__is_unbiased_when_the_lists_could_cover_the_population():
    population, n1, n2 = 30, 14, 18
    overlaps = range(max(0, n1 + n2 - population), min(n1, n2) + 1)
    law = hypergeom(population, n1, n2)
    mean = sum(law.pmf(m) * chapman(n1, n2, m).estimate for m in overlaps)
    assert mean == pytest.approx(population, rel=1e-12)


def test_interval__lies_above_the_persons_seen_and_holds_the_estimate():
    for n1, n2, m2 in ((60, 45, 15), (10, 10, 1), (400, 300, 299)):
        found = lincoln_petersen(n1, n2, m2)
        assert found.n_obs == n1 + n2 - m2
        assert found.n_obs <= found.ci.low <= found.estimate <= found.ci.high


def test_full_overlap__everybody_was_seen():
    found = lincoln_petersen(20, 20, 20)
    assert (found.estimate, found.ci.low, found.ci.high) == (20, 20, 20)


def test_no_overlap__is_not_estimable_and_says_so():
    with pytest.raises(NotEstimableError, match="Nobody is on both"):
        lincoln_petersen(20, 10, 0)
    assert "biased downwards" in " ".join(chapman(20, 10, 0).notes)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ((10, 5, 6), "shorter list has 5"),
        ((-1, 5, 0), "below 0"),
        ((4.5, 5, 1), "not a whole number"),
        ((0, 5, 0), "empty"),
    ],
)
def test_bad_counts__one_clear_error(counts, says):
    with pytest.raises(InputError, match=says):
        chapman(*counts)
