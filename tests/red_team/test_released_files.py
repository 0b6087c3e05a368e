"""Red team: what can be worked out from the files of a whole run, and nothing else.

The attacker has every released file, solves all tables of a study as one integer
programme and knows more than a reader can: which combinations of answers occur at all,
and the exact cases behind every shown row. The truth comes from the run's own interim
results, which no reader has.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.red_team.routes_attack import Reader
from tests.red_team.tables_attack import Attack, attack_estimates

COUNTED = (
    r"(?<![\d.,\u2013-])(\d[\d,]*) (?:respondents|persons|people|cases|deportees)\b"
)
ATTACKED = 25  # hidden counts, spread over all: seconds, not minutes


def test_every_file_passed_the_gate_as_it_is(released: Any) -> None:
    files = [path for path in released.folder.rglob("*") if path.is_file()]
    more = set(released.passed) - {path.name for path in files}
    # Kept while the run lasted, in case it was interrupted: the gate saw that as well.
    assert all(re.fullmatch(r"\d+\.parquet|(facts|seal)\.json", name) for name in more)
    assert {path.name for path in files} <= set(released.passed)
    assert len(files) > 10
    for path in files:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert released.passed[path.name] == digest, path.name


def test_no_value_of_a_column_that_is_not_for_release(released: Any) -> None:
    """No record id, interviewer, site, district, cluster: nothing that tells who."""
    interviews = released.result.interviews
    kept = [
        name
        for name in interviews.frame.columns
        if name in interviews.codebook
        and interviews.codebook[name].release != "release"
    ]
    assert "rec_id" in kept
    everything = "\n".join(released.texts.values())
    words = set(re.findall(r"[\w-]+", everything))
    for name in kept:
        values = interviews.frame[name].dropna().astype("str").unique()
        telling = {
            value for value in values if len(value) > 4 and re.search(r"\d", value)
        }
        assert not telling & words, name


def test_no_exact_day(released: Any) -> None:
    frame = released.result.interviews.frame
    everything = "\n".join(released.texts.values())
    months = r"\b(?:[12]?\d|3[01])(?:st|nd|rd|th)? (?:January|February|March|April|May|"
    months += r"June|July|August|September|October|November|December) (?:19|20)\d\d\b"
    assert not re.search(months, everything)
    days = [
        name
        for name in frame.columns
        if pd.api.types.is_datetime64_any_dtype(frame[name])
    ]
    assert days
    tokens = set(re.findall(r"[\d./-]{8,10}", everything))
    for name in days:
        for form in ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d"):
            assert not tokens & set(frame[name].dropna().dt.strftime(form))


def test_no_small_number_of_people_in_any_text(released: Any) -> None:
    for name, text in released.texts.items():
        bare = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
        for match in re.finditer(COUNTED, bare):
            number = int(match[1].replace(",", ""))
            assert number == 0 or number >= released.minimum, (name, match[0])


def test_maps_and_page_show_no_count_that_the_tables_hide(released: Any) -> None:
    if released.release.routes is None:
        pytest.skip("this study has no routes")
    routes = released.release.routes
    shown = {
        int(number)
        for frame in (
            routes.flows,
            routes.origins,
            routes.crossings,
            routes.destinations,
            routes.totals,
        )
        for number in frame["n"].dropna()
    }
    # Maps of estimates by place print the respondents of rows that the tables show.
    printed_n = {
        int(number)
        for table in released.release.estimates
        for number in table.frame.loc[~table.frame["suppressed"].astype(bool), "n_obs"]
        if not pd.isna(number)
    }
    page = released.texts["maps/flow_map.html"]
    # What stands out is found among released legs alone: sums of what is shown.
    together = re.compile(COUNTED + r", [\d,]+ if ends met at random")
    sums = [int(found[1].replace(",", "")) for found in together.finditer(page)]
    assert all(number >= released.minimum for number in sums)
    page = together.sub("", page)
    counts = {int(m[1].replace(",", "")) for m in re.finditer(COUNTED, page)}
    assert counts
    assert counts <= shown | printed_n | {released.minimum}
    printed = pd.read_csv(released.folder / "tables" / "routes.csv")
    assert printed.loc[printed["suppressed"], ["n", "weight"]].isna().all(axis=None)
    assert set(printed["n"].dropna().astype(int)) <= shown


def test_no_small_number_of_cases_can_be_solved_for(released: Any) -> None:
    result = released.result
    variables = {item.variable or result.config.classify.outcome
                 for item in result.config.estimates}  # fmt: skip
    n_targets = 0
    k = released.minimum
    for variable in sorted(variables & set(result.classification.frame)):
        attack, targets = attack_estimates(released, variable)
        n_targets += len(targets)
        for members, truth in targets:
            low, high = attack.reach(members, truth)
            all_fit = low <= 1 and high >= k - 1
            assert all_fit or high - low >= k, (variable, low, high)
    # The demo hides rows with four cases; of EMIF Sur no row is small.
    assert n_targets or not result.config.study.simulated


def test_the_attack_succeeds_where_nothing_is_hidden_for_the_sake_of_others() -> None:
    """The red team must be able to win: one hidden cell of a row is solved exactly."""
    attack = Attack()
    cells = np.eye(3, dtype=bool)
    attack.shown(np.ones(3), 100)
    attack.shown(cells[0], 60)
    attack.shown(cells[1], 36)
    assert attack.reach(cells[2], 4) == (4.0, 4.0)


def test_no_small_leg_or_place_can_be_solved_for(released: Any) -> None:
    if released.release.routes is None:
        pytest.skip("this study has no routes")
    reader, k = Reader(released), released.minimum
    truth = np.array(reader.truth)
    small = np.flatnonzero((truth > 0) & (truth < k))
    assert small.size > 50
    assert not reader.shown[small].any()
    targets = small[:: small.size // ATTACKED]
    reach = reader.solve(targets)
    assert (reach[:, 0] <= truth[targets] + 1e-6).all()
    assert (reach[:, 1] >= truth[targets] - 1e-6).all()
    all_fit = (reach[:, 0] <= 1 + 1e-6) & (reach[:, 1] >= k - 1 - 1e-6)
    assert (all_fit | (reach[:, 1] - reach[:, 0] >= k - 1e-6)).all()
