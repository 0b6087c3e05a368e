"""Choosing a short tool: all sets tried agree, accuracy is honest on new persons."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from estimators.diagnostics import build_screening_tool
from estimators.diagnostics.tool_selection import Search, choose_rule
from estimators.errors import InputError, NotEstimableError

YOUDEN = Search(most_items=3, least_gain=0.0, sensitivity_floor=None, points="one")


def sample(entropy, n=300, useful=4, useless=8):
    rng = np.random.default_rng(entropy)
    case = rng.random(n) < 0.3
    rates = np.where(case[:, None], [0.6] * useful, [0.15] * useful)
    noise = np.full((n, useless), 0.3)
    answers = rng.random((n, useful + useless)) < np.column_stack([rates, noise])
    names = [f"q{j}" for j in range(useful)] + [f"z{j}" for j in range(useless)]
    return pd.DataFrame(answers.astype(int), columns=names), case


def youden(answers, case, items):
    score = answers[:, list(items)].sum(axis=1)
    return max(
        (score[case] >= cut).mean() + (score[~case] < cut).mean() - 1
        for cut in range(1, len(items) + 1)
    )


@pytest.mark.parametrize("entropy", range(8))
def test_search__comes_near_the_best_of_all_sets(entropy):
    items, case = sample(entropy, n=200, useless=4)
    answers = items.to_numpy(float)
    rule = choose_rule(answers, case, YOUDEN)
    found = youden(answers, case, rule.items)
    flags = rule.flags(answers)
    assert flags[case].mean() + (~flags[~case]).mean() - 1 == pytest.approx(found)
    best = max(
        youden(answers, case, items)
        for size in (1, 2, 3)
        for items in combinations(range(8), size)
    )
    assert found >= best - 0.03


def test_accuracy__cross_validated_is_that_of_new_persons_and_apparent_is_not():
    honest, apparent, real = [], [], []
    new_items, new_case = sample(10_000, n=20_000)
    for entropy in range(12):
        items, case = sample(entropy, n=80)
        tool = build_screening_tool(items, case, n_repeats=1, rng=1)
        made = tool.augment(new_items)[".flagged"].to_numpy()
        real.append(made[new_case].mean() + (~made[~new_case]).mean() - 1)
        row = {
            (group["measure"], group["basis"]): estimate.estimate
            for group, estimate in zip(tool.groups, tool.rows, strict=True)
        }
        for values, basis in ((honest, "cross_validated"), (apparent, "apparent")):
            values.append(row["sensitivity", basis] + row["specificity", basis] - 1)
    # Over 12 samples of 80 the mean of either has a standard error of about 0.03.
    assert np.mean(apparent) > np.mean(real) + 0.05
    assert np.mean(honest) == pytest.approx(np.mean(real), abs=0.09)


def test_noise__has_no_accuracy_once_the_search_is_inside():
    rng = np.random.default_rng(1)
    items = pd.DataFrame(rng.integers(0, 2, (120, 25))).add_prefix("n")
    case = np.arange(120) % 3 == 0
    tool = build_screening_tool(items, case, n_repeats=2, rng=1)
    se, sp = (
        tool.get(measure=m, basis="cross_validated").estimate
        for m in ("sensitivity", "specificity")
    )
    assert abs(se + sp - 1) < 0.2
    assert sum(tool.optimism.values()) > 0.2
    assert "cases per candidate item" in tool.summary()


def test_floor__is_kept_on_the_choosing_persons():
    items, case = sample(3)
    tool = build_screening_tool(items, case, sensitivity_floor=0.95, rng=1)
    assert tool.get(measure="sensitivity", basis="apparent").estimate >= 0.95
    assert "sensitivity 0.95 or more" in tool.summary()


def test_points__weigh_the_stronger_item_more():
    rng = np.random.default_rng(5)
    case = rng.random(2000) < 0.4
    rates = np.where(case[:, None], [0.75, 0.6, 0.6], [0.15, 0.2, 0.2])
    items = pd.DataFrame(
        (rng.random((2000, 3)) < rates).astype(int), columns=list("abc")
    )
    tool = build_screening_tool(
        items, case, points="integer", least_gain=0.0, n_repeats=1, n_folds=3, rng=1
    )
    assert tool.points[tool.items.index("a")] == 3
    assert 1 <= min(tool.points) < 3
    assert len(tool.items) > 1
    assert "points or more" in tool.rule()


def test_clusters__stay_together_and_widen_the_limits():
    items, case = sample(6, n=150)
    copies = pd.concat([items] * 3, ignore_index=True)
    labels = np.tile(np.arange(150), 3)
    truth = np.tile(case, 3)
    apart = build_screening_tool(copies, truth, n_repeats=1, rng=1)
    together = build_screening_tool(copies, truth, clusters=labels, n_repeats=1, rng=1)
    wide, narrow = (
        tool.get(measure="sensitivity", basis="cross_validated").ci.width
        for tool in (together, apart)
    )
    assert wide == pytest.approx(narrow * np.sqrt(3), rel=0.2)


def test_small_sample__warns_and_refuses_when_tiny():
    items, case = sample(8, n=60)
    assert "small sample" in build_screening_tool(items, case, rng=1).summary()
    with pytest.raises(NotEstimableError, match="at least 5 of each"):
        build_screening_tool(items[:12], np.arange(12) < 3, rng=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth": [1, 0]}, "2 values for 300"),
        ({"truth": np.full(300, 2)}, "1 .case. or 0"),
        ({"most_items": 0}, "at least one item"),
        ({"least_gain": -1}, "least_gain"),
        ({"sensitivity_floor": 1.5}, "sensitivity_floor"),
        ({"points": "ten"}, "points"),
        ({"n_folds": 1}, "2 folds"),
        ({"clusters": [1]}, "one label"),
    ],
)
def test_bad_input__is_refused_in_words(changes, message):
    items, case = sample(9)
    arguments = {"items": items, "truth": case, **changes}
    with pytest.raises(InputError, match=message):
        build_screening_tool(
            arguments.pop("items"), arguments.pop("truth"), **arguments
        )


def test_bad_answers__every_item_is_named():
    items, case = sample(9)
    wrong = items.astype(float)
    wrong.loc[0, "q0"] = np.nan
    wrong.loc[1, "z1"] = 2
    with pytest.raises(InputError, match=r"q0 has 1 missing.*z1 has answers other"):
        build_screening_tool(wrong, case)
    tool = build_screening_tool(items, case, n_repeats=1, rng=1)
    with pytest.raises(InputError, match="absent"):
        tool.augment(items[["z0"]])
