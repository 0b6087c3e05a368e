"""Coverage of population sizes from repeat counts, covariates and strata.

Three kinds of data whose true size is known, 1 000 data sets each:

* ``counts``: how often each person of one register was seen. Rates differ between men
  and women and are otherwise equal (``equal``), spread as an exponential (``spread``),
  or equal with 20 % of the persons never seen again after once (``one_inflated``; the
  model of ``one_inflated_positive_poisson``).
* ``two_lists``: membership of two lists that one covariate explains, linearly in the
  logits (``linear``) or through its square as well (``curved``: the default learner
  then has the wrong model).
* ``strata``: three lists in eight strata of years and sexes; who is reached by which
  list depends on the sex (``reach``), and two lists depend on each other on top of it
  (``dependent``).

Every method of a kind estimates the same data. ``python -m benchmarks accuracy
capture_recapture_covariates`` writes
``benchmarks/accuracy/results/capture_recapture_covariates.csv`` and
``python docs/coverage_pages.py`` redraws the docs' table from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.special import expit

from benchmarks.accuracy.capture_recapture import estimate_row, summarise
from estimators import capture_recapture as cr
from estimators.capture_recapture import CaptureHistories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimators.results import Estimate

RESULTS = Path(__file__).parent / "results" / "capture_recapture_covariates.csv"
N_DATA_SETS = 1000
RNG = 2027
SIZES = (600, 3000)
KINDS = {
    "counts": ("equal", "spread", "one_inflated"),
    "two_lists": ("linear", "curved"),
    "strata": ("reach", "dependent"),
}
COUNT_FAMILIES = (
    "poisson", "geometric", "negative_binomial", "one_inflated_poisson",
    "one_inflated_positive_poisson", "chao", "zelterman",
)  # fmt: skip
_REACH = np.array([[-1.2, -1.6, -1.4], [-1.9, -1.0, -1.5]])  # logits by sex and list
_DEPENDENCE = 1.1  # log odds ratio of the first two lists

Call = Callable[[pd.DataFrame], "Estimate"]


def draw(kind: str, truth: str, size: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the observed persons of one data set."""
    return {"counts": _counts, "two_lists": _two_lists, "strata": _strata}[kind](
        truth, size, rng
    )


def _counts(truth: str, size: int, rng: np.random.Generator) -> pd.DataFrame:
    male = rng.random(size) < 0.7
    rate = np.where(male, 0.9, 0.5)
    if truth == "spread":
        rate = rate * rng.exponential(size=size)
    seen = rng.poisson(rate)
    if truth == "one_inflated":
        seen = np.where(rng.random(size) < 0.2, np.minimum(seen, 1), seen)
    frame = pd.DataFrame({"seen": seen, "sex": np.where(male, "m", "f")})
    observed = frame[frame["seen"] > 0]
    return observed.groupby(["sex", "seen"], as_index=False).size()


def _two_lists(truth: str, size: int, rng: np.random.Generator) -> pd.DataFrame:
    x = rng.normal(size=size)
    bend = 0.6 * (x**2 - 1) if truth == "curved" else 0.0
    first = rng.random(size) < expit(0.5 * x - 0.6 + bend)
    second = rng.random(size) < expit(0.7 * x - 0.8 + bend)
    frame = pd.DataFrame({"a": first * 1.0, "b": second * 1.0, "x": x})
    return frame[first | second]


def _strata(truth: str, size: int, rng: np.random.Generator) -> pd.DataFrame:
    sex = (rng.random(size) < 0.4).astype(int)
    year = rng.integers(0, 4, size)
    logit = _REACH[sex] + 0.1 * (year[:, None] - 1.5)
    on = rng.random((size, 3)) < expit(logit)
    if truth == "dependent":
        on[:, 1] = rng.random(size) < expit(logit[:, 1] + _DEPENDENCE * on[:, 0])
    frame = pd.DataFrame(on * 1, columns=["a", "b", "c"])
    frame["sex"], frame["year"] = sex, year
    return frame[on.any(axis=1)]


def _ignoring(lists: Sequence[str], call: Callable[..., Estimate]) -> Call:
    def estimate(frame: pd.DataFrame) -> Estimate:
        rows = frame[list(lists)].astype(int)
        return call(CaptureHistories.from_frame(rows, lists=list(lists)))

    return estimate


def _of_counts(family: str) -> Call:
    def estimate(frame: pd.DataFrame) -> Estimate:
        return cr.truncated_counts("seen ~ sex", frame, family=family, count="size")  # type: ignore[arg-type, return-value]

    return estimate


def _doubly_robust(frame: pd.DataFrame, correction: str) -> Estimate:
    options = {"lists": ("a", "b"), "covariates": ["x"], "rng": len(frame)}
    return cr.doubly_robust(frame, correction=correction, **options)  # type: ignore[arg-type, return-value]


def _stratified(frame: pd.DataFrame, selection: str) -> Estimate:
    options = {"lists": ["a", "b", "c"], "covariates": ["sex", "year"]}
    return cr.stratified_log_linear(frame, selection=selection, **options)  # type: ignore[arg-type, return-value]


METHODS: dict[str, Mapping[str, Call]] = {
    "counts": {
        f"truncated_counts_{family}": _of_counts(family) for family in COUNT_FAMILIES
    },
    "two_lists": {
        "no_highest_order_interaction": _ignoring(
            ("a", "b"), cr.no_highest_order_interaction
        ),
        "doubly_robust": partial(_doubly_robust, correction="one_step"),
        "doubly_robust_tmle": partial(_doubly_robust, correction="tmle"),
    },
    "strata": {
        "log_linear_main_effects": _ignoring(("a", "b", "c"), cr.log_linear),
        "stratified_log_linear_bic": partial(_stratified, selection="bic"),
        "stratified_log_linear_aic": partial(_stratified, selection="aic"),
    },
}


def main() -> None:
    """Write the table of every scenario and method."""
    table = accuracy_table(n_data_sets=N_DATA_SETS, rng=RNG)
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


def accuracy_table(
    *,
    n_data_sets: int,
    rng: int,
    kinds: Sequence[str] = tuple(KINDS),
    sizes: Sequence[int] = SIZES,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Return one row per kind, truth, size and method.

    Parameters
    ----------
    n_data_sets : int
    rng : int
        Each data set has a stream of its own, whatever else runs.
    kinds : sequence of str
    sizes : sequence of int
        True sizes, in persons.
    n_jobs : int, optional
        Of joblib.
    """
    scenarios = [
        (kind, truth, size)
        for kind in kinds
        for truth, size in product(KINDS[kind], sizes)
    ]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_scenario)(*scenario, n_data_sets, rng) for scenario in scenarios
    )
    return pd.DataFrame([row for part in parts for row in part])


def _scenario(
    kind: str, truth: str, size: int, n_data_sets: int, rng: int
) -> list[dict[str, object]]:
    place = [*KINDS].index(kind), KINDS[kind].index(truth), size
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in METHODS[kind]}
    for number in range(n_data_sets):
        frame = draw(kind, truth, size, np.random.default_rng([rng, *place, number]))
        n = int(frame["size"].sum()) if kind == "counts" else len(frame)
        for name, call in METHODS[kind].items():
            rows[name].append({"population": size, **estimate_row(call, frame, n)})
    keys = {"kind": kind, "truth": truth}
    return [
        {**keys, "method": name, **summarise(pd.DataFrame(found))}
        for name, found in rows.items()
    ]
