"""Monitoring series of a study that never was: hotline, cases, scores, indicators."""

from __future__ import annotations

import numpy as np
import pandas as pd

from estimators.checks import as_generator

__all__ = ["simulate_monitoring"]

FIRST, LAST = "2009-09", "2013-05"
PROMOTED = ("2009-11", "2009-12", "2013-01", "2013-02")
REGISTERED = ("2011-07", "2011-08", "2012-12", "2013-01", "2013-02")
CALLS_A_MONTH = 60.0
DISPERSION = 12.0
KINDS = ("labour", "trafficking", "information")
# Quiet months have the higher share of labour calls: ratios and sums then differ.
KIND_SHARES = {"quiet": (0.66, 0.11, 0.23), "busy": (0.52, 0.09, 0.39)}
# Calls about a case that is known already, among the latest cases.
AGAIN, AGAIN_WITHIN = 0.4, 40
PLACES = {
    "Samut Sakhon": 0.3, "Samut Prakan": 0.2, "Chiang Mai": 0.1, "chiang-mai": 0.05,
    "Rayong": 0.15, "Phuket": 0.12, "Tak": 0.08,
}  # fmt: skip
STAGES = ("investigated", "rescued", "arrested", "filed")
GOES_ON = {"no": (0.8, 0.75, 0.6, 0.6), "yes": (0.84, 0.78, 0.7, 0.75)}


def simulate_monitoring(
    *, rng: int | np.random.Generator | None = None
) -> dict[str, pd.DataFrame]:
    """Draw the files of a ``[monitoring]`` section.

    Parameters
    ----------
    rng : int, Generator or None

    Returns
    -------
    dict of str to DataFrame
        ``hotline_log`` (one row per call), ``hotline_months`` (the same by month, with
        promotion and registration), ``returns_months`` (a season, and in June 2013 a
        rush), ``cases`` (stages with days, closed, legal aid), ``training`` (scores of
        those who came back and blanks of those who did not) and ``framework``. No row
        is a person and every number is invented.

    Examples
    --------
    >>> tables = simulate_monitoring(rng=1)
    >>> int(tables["hotline_months"]["calls"].sum()) == len(tables["hotline_log"])
    True
    """
    generator = as_generator(rng)
    log = _hotline_log(generator)
    return {
        "hotline_log": log,
        "hotline_months": _hotline_months(log),
        "returns_months": _returns(generator),
        "cases": _cases(generator),
        "training": _training(generator),
        "framework": _framework(),
    }


def _hotline_log(rng: np.random.Generator) -> pd.DataFrame:
    rows: list[dict[str, str]] = []
    cases: list[dict[str, str]] = []
    for month in pd.period_range(FIRST, LAST, freq="M"):
        promoted, registered = str(month) in PROMOTED, str(month) in REGISTERED
        mean = CALLS_A_MONTH * 2.2**promoted * 1.5**registered
        shares = KIND_SHARES["busy" if promoted or registered else "quiet"]
        calls = rng.poisson(rng.gamma(DISPERSION, mean / DISPERSION))
        for day in np.sort(rng.integers(1, month.days_in_month + 1, calls)):
            about = _call(rng, shares, cases)
            place = str(rng.choice(list(PLACES), p=list(PLACES.values())))
            rows.append({"day": f"{month}-{day:02d}", "caller_place": place, **about})
    return pd.DataFrame(rows)


def _call(
    rng: np.random.Generator, shares: tuple[float, ...], cases: list[dict[str, str]]
) -> dict[str, str]:
    """Draw what a call is about: a question, a known case or a new one."""
    kind = str(rng.choice(KINDS, p=shares))
    blank = {"case_ref": "", "about": kind, "referred": "", "acted": ""}
    if kind == "information":
        return blank
    known = [case for case in cases[-AGAIN_WITHIN:] if case["about"] == kind]
    if known and rng.random() < AGAIN:
        return known[int(rng.integers(len(known)))]
    referred = kind == "trafficking" or rng.random() < 0.1
    case = {
        "case_ref": f"C{len(cases) + 1:04d}",
        "about": kind,
        "referred": "yes" if referred else "no",
        "acted": str(rng.choice(["yes", "no", "unknown"], p=[0.28, 0.34, 0.38])),
    }
    cases.append(case)
    return case


def _hotline_months(log: pd.DataFrame) -> pd.DataFrame:
    months = pd.period_range(FIRST, LAST, freq="M")
    counted = log["day"].str.slice(0, 7).value_counts()
    return pd.DataFrame(
        {
            "period": [str(month) for month in months],
            "calls": [int(counted.get(str(month), 0)) for month in months],
            "promotion": [int(str(month) in PROMOTED) for month in months],
            "registration": [int(str(month) in REGISTERED) for month in months],
        }
    )


def _returns(rng: np.random.Generator) -> pd.DataFrame:
    months = pd.period_range("2009-01", "2013-12", freq="M")
    season = 1 + 0.35 * np.sin(2 * np.pi * (np.asarray(months.month) - 5) / 12)
    # The border opens wider in April 2012: the level falls to seven tenths.
    level = np.where(months >= pd.Period("2012-04", "M"), 0.7, 1.0)
    rush = np.where(months == pd.Period("2013-06", "M"), 2.4, 1.0)
    means = 4500 * season * level * rush
    returned = rng.poisson(rng.gamma(80.0, means / 80.0))
    return pd.DataFrame(
        {"period": [str(month) for month in months], "returns": returned}
    )


def _cases(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for month in pd.period_range("2010-10", "2013-03", freq="M"):
        # Legal aid comes with the grants, late: group and time are mixed up.
        share_aided = 0.1 if month < pd.Period("2012-01", "M") else 0.7
        for _ in range(int(rng.poisson(30))):
            aided = "yes" if rng.random() < share_aided else "no"
            rows.append(_one_case(rng, month, aided))
    return pd.DataFrame(rows)


def _one_case(
    rng: np.random.Generator, month: pd.Period, aided: str
) -> dict[str, object]:
    day = month.to_timestamp() + pd.Timedelta(days=int(rng.integers(0, 28)))
    end = pd.Timestamp("2013-03-31")
    row: dict[str, object] = {"opened": f"{month}", "legal_aid": aided}
    row["identified"] = day.date().isoformat()
    row |= dict.fromkeys(STAGES, "")
    closed = ""
    for stage, chance in zip(STAGES, GOES_ON[aided], strict=True):
        day += pd.Timedelta(days=int(rng.exponential(70)) + 1)
        if day > end:
            break
        if rng.random() > chance:
            closed = day.date().isoformat()
            break
        row[stage] = day.date().isoformat()
    return {**row, "closed": closed}


def _training(rng: np.random.Generator) -> pd.DataFrame:
    n = 180
    before = np.clip(rng.normal(52, 14, n), 0, 100).round()
    after = np.clip(before + rng.normal(11, 12, n), 0, 100).round()
    # The weaker half leaves more often: those seen twice are not all who came.
    lost = rng.random(n) < np.where(before < 52, 0.4, 0.2)
    return pd.DataFrame(
        {
            "score_before": before.astype(int),
            "score_after": [
                "" if gone else f"{x:g}" for gone, x in zip(lost, after, strict=True)
            ],
        }
    )


def _framework() -> pd.DataFrame:
    table = """
    No.|Indicator|Baseline|Progress marker|KH|LA|TH|VN|Regional|Status
    1.1|Trainings held for officials|0|8|9|8|12|10||Fully achieved
    1.2|Plan funded by the country (%)|N/A|20%|N/A|0|33|45||Partly achieved
    2.1|Joint initiatives|0|4|||||3|Partly achieved
    2.2|Research projects|0|1|||||2|Fully achieved
    3.1|Victims referred|0|50|61|7|120|44||Partly achieved
    """
    columns, *rows = (
        line.strip().split("|") for line in table.split("\n") if "|" in line
    )
    return pd.DataFrame(rows, columns=columns)
