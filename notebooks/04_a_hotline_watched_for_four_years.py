# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A hotline watched for four years: what a count by month can say
#
# One question: *do more calls mean that something happened?* The months are those of the
# embedded study and **simulated**: nobody called, and what was put in is known. Promotion
# multiplies calls by 2.2, a round of registration by 1.5. The printed totals at the end
# are real.

# %%
import numpy as np
import pandas as pd
from IPython.display import SVG

from estimators import surveillance
from estimators.errors import NotEstimableError
from sentinel import datasets
from sentinel.disclosure import ReleasePolicy
from sentinel.monitoring import (
    HotlineColumns,
    call_series,
    check_margins,
    join_covariates,
    monitor,
    read_hotline_log,
    read_series,
    referral_outcomes,
    releasable,
    shares_two_ways,
    watch_series,
)
from sentinel.report.monitored.monitoring_figures import monitoring_drawings
from sentinel.study import load_study

STUDY = datasets.path("mekong_demo")
FOLDER = STUDY / "monitoring"

# %% [markdown]
# ## Calls are not cases
#
# Several calls are about one case, and many are about none. Case references are replaced
# by running numbers as they are read; columns that nobody names are not read at all.

# %%
log = read_hotline_log(
    FOLDER / "hotline_log.csv",
    columns=HotlineColumns(
        date="day",
        case="case_ref",
        kind="about",
        place="caller_place",
        referred="referred",
        action="acted",
    ),
)
print(f"{len(log.calls)} calls, {len(log.cases)} cases")
print(*log.notes, sep="\n")
months = call_series(log)
months[["calls", "cases"]].describe().round(1)

# %% [markdown]
# ## An alarm is a question
#
# EARS compares a month with the seven before it. It alarms where the line was promoted,
# because it knows nothing of promotion; a table of what was done is worth more than a
# finer method.

# %%
covariates = pd.read_csv(FOLDER / "hotline_months.csv").drop(columns="calls")
known = join_covariates(months[["calls"]], covariates)
series = releasable(
    known, counts=["calls"], policy=ReleasePolicy(), unit="month", finest="month"
)
watched = watch_series(series, "calls", name="calls", title="Calls by month")
SVG(monitoring_drawings(watched, simulated=True)[0].svg)

# %%
alarms = watched.frame.loc[watched.frame["alarm"], "period"]
known.loc[pd.PeriodIndex(alarms, freq="M")]

# %% [markdown]
# ## A method that needs years says so
#
# Farrington's method compares a month with the same season of former years. Four years of
# a hotline leave few months to test; five years of monthly returns leave enough, and the
# rush that was put into June 2013 is found.

# %%
try:
    watch_series(
        releasable(
            months[["calls"]].head(30),
            counts=["calls"],
            policy=ReleasePolicy(),
            unit="month",
            finest="month",
        ),
        "calls",
        name="short",
        title="Thirty months",
        method="farrington_flexible",
    )
except NotEstimableError as refusal:
    print(refusal)

# %%
returns = read_series(FOLDER / "returns_months.csv", counts=["returns"])
released = releasable(
    returns, counts=["returns"], policy=ReleasePolicy(), unit="month", finest="month"
)
part = watch_series(
    released,
    "returns",
    name="returns",
    title="Returns by month",
    method="farrington_flexible",
)
SVG(monitoring_drawings(part, simulated=True)[0].svg)

# %% [markdown]
# ## What changed in April 2012
#
# The level was put at seven tenths from then on. With the season in the model the interval
# holds that; whatever else had changed in that month would be in the same number.

# %%
fit = surveillance.interrupted_time_series(
    pd.Series(returns["returns"].to_numpy(), index=returns.index.astype(str)),
    intervention="2012-04",
    harmonics=2,
)
terms = fit.terms().set_index("term").loc[["level", "slope"]]
np.exp(terms[["estimate", "ci_low", "ci_high"]]).round(3)

# %% [markdown]
# ## A small month is not hidden: months are added up
#
# A limit is a function of the months before it, so a hidden month could be worked out.
# Cases of trafficking are few in every month and in some quarters: only years are shown.

# %%
few = months[["cases: trafficking"]]
quarters = releasable(
    few,
    counts=["cases: trafficking"],
    policy=ReleasePolicy(),
    unit="month",
    finest="month",
)
print(quarters.unit, *quarters.notes, sep="\n")

# %% [markdown]
# ## Shares both ways, and referrals whose end is not known

# %%
pd.concat(
    {
        kind: shares_two_ways(months, f"calls: {kind}", "calls")["share"].round(3)
        for kind in ("labour", "trafficking", "information")
    },
    axis=1,
)

# %%
referral_outcomes(log)[["unknowns", "estimate", "ci_low", "ci_high", "n_obs"]].round(3)

# %% [markdown]
# ## The real totals contradict themselves
#
# The review of 2013 prints 68 calls a month and 3 529 calls; 63 % and 10 % beside 68 %.
# The dataset keeps what is printed.

# %%
totals = datasets.load("hotline_myanmar_2009_2013")["totals"].set_index("quantity")
calls, printed = float(totals.loc["calls", "value"]), totals.loc["mean calls a month"]
print(f"{calls:.0f} / 45 months = {calls / 45:.1f}; printed {printed['value']}")
activities = datasets.load("commit_activities_2009")
len(check_margins(activities, margin="margin", count="activities"))

# %% [markdown]
# ## With legal aid and without
#
# In the simulation legal aid helps a little, and it comes late. As they are, cases with it
# go on more often; within half-years of opening little is left to see, and no interval
# leaves out 0. Nothing here is an effect.

# %%
result = monitor(load_study(STUDY))
comparison = next(p for p in result.parts if p.name == "attrition_comparison")
comparison.frame[["label", "estimate", "ci_low", "ci_high"]]
