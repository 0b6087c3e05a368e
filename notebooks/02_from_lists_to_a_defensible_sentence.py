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
# # From lists to a defensible sentence
#
# One question: *how many potential victims of trafficking were there in the United
# Kingdom in 2013, and what may be said about it?* The data are the counts by list that
# the Home Office published (Silverman 2014): 2,744 persons named by local authorities
# (LA), non-governmental organisations (NG), police and National Crime Agency (PFNCA),
# government organisations (GO) and the general public (GP).

# %%
import pandas as pd

from estimators import capture_recapture as cr
from estimators.errors import NotEstimableError
from sentinel import datasets

uk = datasets.load("uk_2013_five_lists")
print(uk.summary())

# %% [markdown]
# ## What the overlaps can say
#
# Nine persons in ten are on one list only, and nobody is on both LA and GP. The weakest
# log-linear assumption needs every combination of lists to be filled: here it gives no
# answer, and says so.

# %%
frequencies = pd.Series(uk.capture_frequencies(), name="persons")
frequencies.rename_axis("lists")

# %%
try:
    cr.no_highest_order_interaction(uk)
except NotEstimableError as error:
    print(error)

# %% [markdown]
# ## Several models, side by side
#
# Each makes another assumption about the persons on no list. Independence does not
# describe these overlaps: its deviance is far above its degrees of freedom. It stands
# here for comparison and does not enter the sentence.

# %%
models = {
    "independent lists": cr.log_linear(uk),
    "one pair: NG and PFNCA": cr.log_linear(uk, terms=[("NG", "PFNCA")]),
    "all overlapping pairs": cr.log_linear(
        uk,
        terms=[
            (one, other)
            for place, one in enumerate(uk.lists)
            for other in uk.lists[place + 1 :]
            if uk.overlaps().loc[one, other] > 0
        ],
    ),
    "stepwise pairs": cr.select_stepwise(uk, n_resamples=1000, rng=2013),
    "least BIC of all 6 212 models": cr.select_bic(uk, n_resamples=200, rng=2013),
    "averaged over 822 graphs": cr.decomposable_graphs(uk),
}
table = pd.concat({name: row.to_frame() for name, row in models.items()})
table = table.droplevel(1)
table[["estimate", "ci_low", "ci_high"]].round(-2)

# %%
independent = models["independent lists"].diagnostics
print(f"deviance {independent['deviance']:.0f} on {independent['df']:.0f} df")

# %% [markdown]
# ## The rivals of the chosen model
#
# A criterion names one model, but others fit almost as well, and they disagree. Each
# point is a model: its size against its weight. Several well-supported answers that
# lie thousands of persons apart are a finding, not a nuisance.

# %%
chosen = models["least BIC of all 6 212 models"]
chosen.rivals().head(8)

# %%
axes = chosen.plot_rivals()

# %% [markdown]
# ## Which list carries the answer
#
# If the lists were independent, leaving one out or merging two would change little.

# %%
changes = cr.list_sensitivity(uk)
changes.to_frame()[["change", "lists", "estimate", "ci_low", "ci_high", "n_obs"]].round(
    -1
)

# %% [markdown]
# ## The assumption as a number
#
# Suppose that being known to the police makes a person more likely (odds ratio above 1)
# or less likely (below 1) to be known to a non-governmental organisation as well.

# %%
curve = cr.dependence_sensitivity(
    uk,
    odds_ratios=[0.5, 1, 1.5, 2, 3],
    lists=["NG", "PFNCA"],
    assumption="pair_given_others",
)
curve.to_frame()[["odds_ratio", "estimate", "ci_low", "ci_high"]].round(
    {"estimate": -2, "ci_low": -2, "ci_high": -2}
)

# %% [markdown]
# The same question asked of each pair alone, whatever the other lists say. Pairs without
# an overlap give nothing, and sizes below the persons known are refuted.

# %%
pairs = cr.dependence_sensitivity(uk, odds_ratios=[1.0])
pairs.to_frame()[["lists", "estimate", "ci_low", "ci_high"]].round(-2)

# %%
for note in pairs.notes:
    print(note)

# %% [markdown]
# ## Had links been missed
#
# Five persons in a hundred on both lists, not recognised as one: the two largest lists
# alone.

# %%
sizes = dict(zip(uk.lists, uk.list_sizes(), strict=True))
both = int(uk.overlaps().loc["NG", "PFNCA"])
for rate in (0.0, 0.05, 0.2):
    row = cr.linkage_error_correction(
        int(sizes["NG"]), int(sizes["PFNCA"]), both, missed_link_rate=rate
    )
    print(
        f"{rate:.0%} missed: {row.estimate:,.0f}  [{row.ci.low:,.0f}, {row.ci.high:,.0f}]"
    )

# %% [markdown]
# ## The sentence
#
# It names what was counted, what was assumed, and the range over models that these
# counts do not rule out: the smallest lower and the largest upper limit.

# %%
described = table.drop(index="independent lists")
low, high = described["ci_low"].min().round(-2), described["ci_high"].max().round(-2)
assert low > uk.n_observed
print(
    f"In 2013, {uk.n_observed:,} potential victims in the United Kingdom were known to at "
    f"least one of five kinds of organisation. Depending on how these lists depend on "
    f"each other, which their overlaps do not settle, between about {low:,.0f} and "
    f"{high:,.0f} potential victims existed who "
    "could have become known, if the population was closed over the year and persons "
    "were recognised across lists; the counts do not say which model is right, and "
    "persons whom no list could have named are not included."
)
