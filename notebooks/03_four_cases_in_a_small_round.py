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
# # Four cases in a small round: done naively, and done right
#
# One question: *what can be said of 128 interviews with four cases?* The round is
# LATH2013 of the embedded study, deportees through one border point, arriving by the
# truckload. It is **simulated**: nobody was interviewed, and the truth is known. These
# frames are *unprotected*: cells of four are for the analyst, never for a report.

# %%
from io import StringIO

import numpy as np
import pandas as pd
import statsmodels.api as sm
from IPython.display import SVG

from estimators import diagnostics, plotting, proportions, regression, survey
from sentinel import datasets
from sentinel.analysis import analyse, build_design
from sentinel.ingest import ingest_study
from sentinel.study import load_study

config = load_study(datasets.path("mekong_demo") / "study.toml")
interviews = ingest_study(config)
study = build_design(interviews, config)
study.frame["case"] = analyse(interviews, config).classification.frame["d_traff"]
design = study.survey("event")
LAO = "round_id == 'LATH2013'"
lao = design.frame.query(LAO)
lao["case"].value_counts(dropna=False)

# %% [markdown]
# ## One share, three intervals
#
# Wald's lower limit stops just above zero; with three cases it would lie below. It
# assumes a bell where four cases have none. Wilson's limits do not, but both take the
# interviews of one truck for strangers, and here two of the four cases came in one.
# Korn and Graubard's limits are exact ones at the effective sample size of the design.

# %%
cases, known = int(lao["case"].sum()), int(lao["case"].notna().sum())
share = cases / known
spread = 1.96 * np.sqrt(share * (1 - share) / known)
print(f"Wald by hand: {share:.3f} [{share - spread:.3f}, {share + spread:.3f}]")

# %%
simple = proportions.proportion_ci(cases, known, method="wilson")
honest = survey.proportion(design, "case", where=LAO)
print(simple.summary(), honest.summary(), sep="\n\n")

# %% [markdown]
# The same round among women: no case. A standard error of zero would claim certainty; the
# limit that is given says what it assumes instead.

# %%
by_sex = survey.proportion(design, "case", by="sex", where=LAO)
print(by_sex.summary())

# %% [markdown]
# ## If a screener had counted
#
# Suppose that the case definition had been a short screener that finds 0.89 of the cases
# and clears 0.74 of the others. We draw its answers. Nearly all that it flags are no
# cases: the naive share is several times the true one.

# %%
rng = np.random.default_rng(2013)
frame = design.frame
chance = frame["case"].map({1: 0.89, 0: 1 - 0.74}).astype(float)
frame["flagged"] = np.where(chance.isna(), np.nan, rng.random(len(frame)) < chance)
screened = study.survey("event")
naive = survey.proportion(screened, "flagged", where=LAO)
print(naive.summary())

# %% [markdown]
# Rogan and Gladen's correction undoes this on average, at a price: every unit of
# uncertainty is divided by Se + Sp - 1 = 0.63. Sensitivity and specificity are themselves
# from a validation study; here, for illustration, 89 of 100 cases and 148 of 200 others.

# %%
accuracy = {"sensitivity": (89, 100), "specificity": (148, 200)}
plug_in = diagnostics.rogan_gladen(
    round(naive.estimate * naive.n_obs),
    naive.n_obs,
    sensitivity=0.89,
    specificity=0.74,
)
corrected = diagnostics.corrected_prevalence(naive, **accuracy)
bayes = diagnostics.corrected_prevalence(naive, **accuracy, correction="bayesian")
print(plug_in.summary(), corrected.summary(), bayes.summary(), sep="\n\n")

# %% [markdown]
# All of them beside the truth of the simulation (dashed). The screener as it stands is
# far off, with an interval that looks sound. Corrected, it holds the truth and says
# little: 0 to a quarter. Of the corrected ones, that without design and without the error
# of the validation is the shortest, and the least believable.

# %%
truth = datasets.load("mekong_demo", file="truth.csv").set_index("label")
true_share = float(truth.loc["LATH2013", "event_prevalence"])
rows = {
    "interview, Wilson": simple,
    "interview, design": honest,
    "screener, as it stands": naive,
    "screener, Se and Sp known, no design": plug_in,
    "screener, corrected with design": corrected,
    "screener, Bayesian with design": bayes,
}
table = pd.concat([found.to_frame() for found in rows.values()], ignore_index=True)
table = table.assign(analysis=list(rows), estimand="event prevalence")
ax = plotting.forest_plot(table, label="analysis")
ax.axvline(true_share, linestyle="--", color="0.4")
drawing = StringIO()
ax.figure.savefig(drawing, format="svg")
SVG(drawing.getvalue())

# %% [markdown]
# ## Who is at risk?
#
# All four cases are men. A standard logistic regression then has no finite answer; what
# it prints depends on when it gave up.

# %%
persons = lao.dropna(subset=["case", "age", "sex"]).assign(
    case=lambda d: d["case"].astype(float),
    woman=lambda d: (d["sex"] == "2").astype(float),
    age=lambda d: d["age"].astype(float),
)
print(f"{len(lao) - len(persons)} of {len(lao)} left out: case, age or sex unknown")
usual = sm.GLM(
    persons["case"],
    sm.add_constant(persons[["woman", "age"]]),
    family=sm.families.Binomial(),
).fit()
print(usual.params.round(2), usual.bse.round(2), sep="\n\n")

# %% [markdown]
# Ours refuses and says why.

# %%
try:
    regression.logistic("case ~ woman + age", persons)
except Exception as refusal:
    print(type(refusal).__name__, refusal, sep=": ")

# %% [markdown]
# Firth's penalty keeps the estimate finite, with the design's trucks and weights; the
# exact conditional analysis knows no design but needs no large sample. One term is the
# most that four cases can be asked about. Both upper limits lie above 0 (an odds ratio of
# 1): these data hint that women are at less risk and do not show it. The last of Firth's
# notes says why its Wald error must not be used here.

# %%
sample = survey.SurveyDesign.from_frame(
    persons, weights="w_event", strata="stratum", psu="cluster", lonely_psu="adjust"
)
firth = regression.firth_logistic("case ~ woman", persons, design=sample)
print(firth.summary())

# %%
exact = regression.exact_logistic("case ~ woman", persons)
print(exact.summary())

# %% [markdown]
# ## How many would it take?
#
# For a prevalence of 0.03 within 0.02 either way, six persons to a truck, an intra-class
# correlation of 0.05: first with the interview, then with the screener whose sensitivity
# and specificity are known. Only 1,193 deportations make up this round: the screener
# alone cannot do it at any cost, a second stage for those it flags can.

# %%
plan = {"half_width": 0.02, "cluster_size": 6, "intra_class_correlation": 0.05}
for name, errors in {
    "interview": {},
    "screener": {"sensitivity": 0.89, "specificity": 0.74},
}.items():
    needed = survey.required_sample_size(0.03, **plan, **errors)
    print(
        f"{name}: {needed.n:,} interviews in {needed.n_clusters:,} trucks, "
        f"design effect {needed.design_effect}"
    )

# %% [markdown]
# A sentence that can be defended:

# %%
print(
    f"In this simulated round, {cases} of {known} respondents with a known status were "
    f"possibly trafficked: {honest.estimate:.1%} of deportations (95 % interval "
    f"{honest.ci.low:.1%} to {honest.ci.high:.1%}, clusters and weights counted). No "
    "risk factor can be named from four cases."
)
