"""Red team: all questions of a run solved together, round by round.

A stricter setting finds some of the cases of a broader one, a trafficked person was
exploited: the difference of two printed counts is a number of persons. The attacker
reads the released files, is given the exact cases behind every shown row, knows which
answers exclude each other, how many were interviewed and what is said of hidden rows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

WITHHELD = {"withheld", "—", ""}
STEP = 1e-6


@dataclass
class Solver:
    """Whole numbers >= 0 of persons with each pattern, and what is printed of sums."""

    size: int
    rows: list[np.ndarray] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def printed(self, members: np.ndarray, low: float, high: float) -> None:
        self.rows.append(members.astype(float))
        self.low.append(low)
        self.high.append(high)

    def reach(self, members: np.ndarray) -> tuple[float, float]:
        found = []
        for sign in (1.0, -1.0):
            answer = milp(
                sign * members.astype(float),
                integrality=np.ones(self.size),
                bounds=Bounds(0, 5_000),
                constraints=LinearConstraint(np.array(self.rows), self.low, self.high),
                options={"node_limit": 300},
            )
            assert answer.x is not None, answer.message
            found.append(float(np.round(members @ answer.x, 3)))
        return found[0], found[1]


def patterns_of(answers: pd.DataFrame) -> pd.DataFrame:
    """Return every combination whose pairs of answers occur at all."""
    values = [sorted(answers[name].unique()) for name in answers]
    pairs = {
        (a, b): set(zip(answers[a], answers[b], strict=True))
        for a, b in itertools.combinations(answers, 2)
    }
    possible = [
        combination
        for combination in itertools.product(*values)
        if all(
            (combination[answers.columns.get_loc(a)],
             combination[answers.columns.get_loc(b)]) in found
            for (a, b), found in pairs.items()
        )
    ]  # fmt: skip
    return pd.DataFrame(possible, columns=answers.columns)


def answers_of(watched: Any) -> pd.DataFrame:
    """Return yes, no or unknown of every person under every question by round."""
    result = watched.result
    config = result.config
    asked = {
        item.variable or config.classify.outcome
        for item in config.estimates
        if item.by == ("round_id",) and item.where is None
    }
    columns = {name: result.classification.frame[name] for name in sorted(asked)}
    for setting, classification in result.settings.items():
        if setting != config.classify.setting:
            columns[setting] = classification.frame[config.classify.outcome]
    frame = pd.DataFrame(columns).astype("Float64")
    return frame.astype("object").where(frame.notna(), "unknown").replace(
        {0.0: "no", 1.0: "yes"}
    )  # fmt: skip


def printed_rows(watched: Any, round_id: str) -> dict[str, tuple[float, bool, str]]:
    """Return, as printed: respondents (nan if withheld), shown or not, and the words.

    Keys are the questions of `answers_of`.
    """
    config = watched.result.config
    outcome = config.classify.outcome
    rows: dict[str, tuple[float, bool, str]] = {}
    estimates = pd.read_csv(watched.folder / "estimates.csv", dtype={"round_id": str})
    for table in watched.release.estimates:
        if table.by != ("round_id",) or table.quantity != "event":
            continue
        own = estimates[estimates["table"] == table.name].set_index("round_id")
        if round_id not in own.index:
            continue
        name = str(table.frame["estimand"].iloc[0]).removeprefix("proportion of ")
        reason = table.frame.set_index("round_id").loc[round_id, "reason"]
        row = own.loc[round_id]
        rows[name] = (row["n_obs"], not row["suppressed"], str(reason))
    names = {item.name or item.label: item.label for item in config.rounds}
    settings = pd.read_csv(
        watched.folder / "tables" / "definition_sensitivity.csv", dtype=str
    ).fillna("")
    settings["Round"] = settings["Round"].map(lambda name: names.get(name, name))
    few = f"<{watched.minimum}"
    for record in settings[settings["Round"] == round_id].to_dict("records"):
        setting = record["Setting"]
        name = outcome if setting == config.classify.setting else setting
        number = record["Unknown left out: n"].replace(",", "")
        share = record["Unknown left out: %"]
        shown = share not in WITHHELD and share != few
        found = (
            float("nan") if number in WITHHELD else float(number),
            shown,
            "few cases" if share == few else "",
        )
        if name in rows:
            assert found[:2] == pytest.approx(rows[name][:2], nan_ok=True)
        else:
            rows[name] = found
    return rows


def attack(watched: Any, round_id: str) -> tuple[Solver, pd.DataFrame, pd.DataFrame]:
    """Write down all that is printed of one round."""
    everybody = answers_of(watched)
    inside = (watched.result.interviews.frame["round_id"] == round_id).to_numpy()
    patterns = patterns_of(everybody)
    people = everybody[inside]
    solver = Solver(len(patterns))
    solver.printed(np.ones(len(patterns)), len(people), len(people))
    k = watched.minimum
    for name, (n, shown, words) in printed_rows(watched, round_id).items():
        answered = (patterns[name] != "unknown").to_numpy()
        yes = (patterns[name] == "yes").to_numpy()
        if not np.isnan(n):
            assert n == (people[name] != "unknown").sum()
            solver.printed(answered, n, n)
        if shown:
            cases = (people[name] == "yes").sum()
            solver.printed(yes, cases, cases)
        elif words == "few cases":
            solver.printed(yes, 1, k - 1)
        elif words == "few non-cases":
            solver.printed(answered & ~yes, 0, k - 1)
    return solver, patterns, people


def small_groups(patterns: pd.DataFrame, people: pd.DataFrame, k: int):
    """Yield few cases, few non-cases, and few between two questions."""
    for name in patterns:
        for answer in ("yes", "no"):
            count = int((people[name] == answer).sum())
            if 0 < count < k:
                yield name, (patterns[name] == answer).to_numpy(), count, k
    for one, other in itertools.permutations(patterns, 2):
        if not ((patterns[one] == "yes") & (patterns[other] == "no")).any():
            continue  # only unknowns, whose number is printed by decision
        for what in ("not yes", "no"):
            wanted = [
                (frame[one] == "yes")
                & (frame[other] != "yes" if what == "not yes" else frame[other] == "no")
                for frame in (patterns, people)
            ]
            count = int(wanted[1].sum())
            if 0 < count < k:
                label = f"{one} and {what} {other}"
                # As many values must fit as "fewer than k" leaves open.
                yield label, wanted[0].to_numpy(), count, k - 2


def test_nobody_between_two_questions_can_be_solved_for(released: Any) -> None:
    k = released.minimum
    n_targets = 0
    for section in released.result.config.rounds:
        solver, patterns, people = attack(released, section.label)
        for name, members, truth, width in small_groups(patterns, people, k):
            low, high = solver.reach(members)
            n_targets += 1
            assert low - STEP <= truth <= high + STEP, (section.label, name)
            fits = low <= 1 and high >= k - 1
            assert fits or high - low >= width, (section.label, name, low, high)
    if released.result.config.study.simulated:
        assert n_targets > 20


def test_the_attack_succeeds_where_every_setting_is_printed(demo: Any) -> None:
    """Strict and base printed side by side give the persons between them away."""
    solver, patterns, people = attack(demo, "POI2009")
    outcome = demo.result.config.classify.outcome
    for name in ("strict", outcome):
        yes = (patterns[name] == "yes").to_numpy()
        cases = (people[name] == "yes").sum()
        solver.printed(yes, cases, cases)
    between = ((patterns[outcome] == "yes") & (patterns["strict"] != "yes")).to_numpy()
    truth = ((people[outcome] == "yes") & (people["strict"] != "yes")).sum()
    assert 0 < truth < demo.minimum
    assert solver.reach(between) == (truth, truth)
