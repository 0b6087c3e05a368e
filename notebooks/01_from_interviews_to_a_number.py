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
# # From interviews to a number
#
# One question: *what share of deportations at Poipet in 2009 was of a person possibly
# trafficked, and how well do we know it?* The data are the embedded study, which is
# **simulated**: nobody was interviewed, and the truth is known.

# %%
import pandas as pd

import estimators as es
from sentinel import datasets
from sentinel.analysis import analyse, build_design
from sentinel.classify import definition_table
from sentinel.ingest import ingest_study
from sentinel.study import load_study

config = load_study(datasets.path("mekong_demo") / "study.toml")
interviews = ingest_study(config)

# %% [markdown]
# ## Every row is accounted for
#
# The four rounds came as CSV, Excel, SPSS and Parquet files with different column names.

# %%
interviews.flow.set_index("round_id").T

# %%
assert (
    interviews.flow["rows_read"]
    == interviews.flow[
        ["duplicates_removed", "excluded_by_rule", "withdrawn", "selected"]
    ].sum(axis=1)
).all()

# %% [markdown]
# A cell without a value says why. Nothing of this is a "no".

# %%
interviews.state_counts("violence")

# %% [markdown]
# ## The definition is data
#
# The rule is published, the thresholds of its items never were. They are parameters, in
# three settings.

# %%
result = analyse(interviews, config)
definition_table(result.classification.definition).head(12)

# %% [markdown]
# ## The naive number, and the honest one
#
# Interviews come by the truckload. Persons of one truck resemble each other, so the
# simple interval is too narrow. These frames are *unprotected*: they are for the analyst.
# What is released passes `sentinel.disclosure`, as `sentinel run` sees to.

# %%
first = result.classification.frame["d_traff"][
    interviews.frame["round_id"] == "POI2009"
]
naive = es.proportions.proportion_ci(int(first.sum()), int(first.notna().sum()))
design = build_design(interviews, config)
design.frame["d_traff"] = result.classification.frame["d_traff"]
honest = es.survey.proportion(design.survey("event"), "d_traff", by="round_id").get(
    round_id="POI2009"
)
print(naive.summary(), honest.summary(), sep="\n\n")

# %%
print(f"design effect {honest.diagnostics['design_effect']:.2f}")

# %% [markdown]
# ## Deportations are not persons
#
# Whoever was deported three times had three chances to be asked.

# %%
columns = ["round_id", "estimate", "ci_low", "ci_high", "n_obs"]
by_round = {
    table.quantity: table.frame[columns].set_index("round_id")
    for table in result.estimates
    if table.by == ("round_id",) and table.name.startswith("d_traff")
}
pd.concat(by_round, axis=1).round(3)

# %% [markdown]
# ## What the definition decides
#
# Three settings, and three treatments of the unknown. If these are far apart, the finding
# is the width.

# %%
result.sensitivity.pivot_table(
    index=["setting", "unknowns"], columns="round_id", values="estimate"
).round(3)

# %% [markdown]
# ## Was it right?
#
# The study is simulated, so the truth is known.

# %%
truth = datasets.load("mekong_demo", file="truth.csv")
truth

# %% [markdown]
# A sentence that can be defended names the quantity, the frame, the period, the interval
# and n:

# %%
print(
    f"In this simulated round, {honest.estimate:.0%} of the deportations through Poipet "
    f"during fieldwork were of a person possibly trafficked on the last trip "
    f"(95 % interval {honest.ci.low:.0%} to {honest.ci.high:.0%}, n = {honest.n_obs})."
)
