"""What every report says: the limits of the design, the methods' papers, the words."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "COMPONENTS_OVERLAP",
    "NAMED_PAPERS",
    "STANDARD_LIMITS",
    "WORDS",
    "about",
    "references",
]

STANDARD_LIMITS = (
    (
        "Whom the sampling frame misses",
        "Only people who were found without status, detained and returned through "
        "this point in this season could be selected. People still held, people at "
        "sea, people who bought their way out and people who came home on their own "
        "are not in the frame. The most severely exploited may be the least likely to "
        "be deported.",
    ),
    (
        "Deportees are not all migrants",
        "Prevalence among deportees is not prevalence among migrants, among workers "
        "of a sector or among the people of a province.",
    ),
    (
        "A statistical class is not an identification",
        "“{outcome}” is the outcome of a rule applied to answers. It is not "
        "legal identification, it finds no crime, and nobody may be treated as a "
        "victim or an offender on its ground. Legal definitions differ by country and "
        "year.",
    ),
    (
        "The definition decides part of the number",
        "Other studies use other definitions, thresholds and reference periods. "
        "Compare numbers only after comparing their definitions; the section on the "
        "definition's settings shows how much this study's own thresholds matter.",
    ),
    (
        "Trends are repeated cross-sections",
        "Each round asked different people. A change may come from enforcement, "
        "season, the mix of sectors, interviewers or wording as well as from "
        "trafficking.",
    ),
    (
        "Components overlap",
        "One person may have been deceived, coerced and exploited. The shares of such "
        "components overlap and must not be added up.",
    ),
    (
        "Answers",
        "Interviews took place shortly after detention and return. Fear, shame, hope "
        "of help and memory change answers, more often towards silence. Unknown "
        "answers are never counted as “no” unless a table says so.",
    ),
)
COMPONENTS_OVERLAP = STANDARD_LIMITS[5][1]


def about(
    texts: tuple[tuple[str, str], ...], outcome: str
) -> tuple[tuple[str, str], ...]:
    """Return standing texts with the study's own outcome in them."""
    name = outcome[:1].upper() + outcome[1:]
    return tuple(
        (head.replace("{outcome}", name), text.replace("{outcome}", name))
        for head, text in texts
    )


WORDS = (
    (
        "{outcome}",
        "The answers meet the study's definition, given below in words. The unit of "
        "study is a survey answer, not a case file.",
    ),
    (
        "95% interval",
        "If the study were repeated many times, 95 of 100 such intervals would "
        "contain the true value of the sampled frame. Sampling error only: no "
        "interval covers what the frame misses or what was not said.",
    ),
    ("n", "Interviews that entered the number, unweighted."),
    (
        "Odds ratio",
        "How the odds of “{outcome}” differ from the reference group with the other "
        "factors of the model held fixed; 1 is no difference.",
    ),
)

# Papers that the report leans on whatever was estimated: (when, reference). A family
# of estimators in `when` prints the reference only if that family was used.
NAMED_PAPERS: tuple[tuple[str, str], ...] = (
    (
        "",
        "United Nations (2000). Protocol to Prevent, Suppress and Punish Trafficking "
        "in Persons, Especially Women and Children. Article 3.",
    ),
    (
        "",
        "International Labour Organization (2018). Guidelines concerning the "
        "measurement of forced labour. 20th International Conference of Labour "
        "Statisticians.",
    ),
    (
        "survey",
        "Binder, D. A. (1983). On the variances of asymptotically normal estimators "
        "from complex surveys. International Statistical Review 51, 279\N{EN DASH}292.",
    ),
    (
        "survey",
        "Korn, E. L. and Graubard, B. I. (1998). Confidence intervals for proportions "
        "with small expected number of positive counts estimated from survey data. "
        "Survey Methodology 24, 193\N{EN DASH}201.",
    ),
    (
        "survey",
        "Sirken, M. G. (1970). Household surveys with multiplicity. Journal of the "
        "American Statistical Association 65, 257\N{EN DASH}266.",
    ),
    (
        "regression",
        "Firth, D. (1993). Bias reduction of maximum likelihood estimates. Biometrika "
        "80, 27\N{EN DASH}38.",
    ),
    (
        "regression",
        "Heinze, G. and Schemper, M. (2002). A solution to the problem of separation "
        "in logistic regression. Statistics in Medicine 21, 2409\N{EN DASH}2419.",
    ),
    (
        "",
        "Hundepool, A. et al. (2012). Statistical Disclosure Control. Wiley.",
    ),
    (
        "",
        "UNIAP (2008). Guide to Ethics and Human Rights in Counter-Trafficking: "
        "Ethical Standards for Counter-Trafficking Research and Programming.",
    ),
)


def references(families: Iterable[str]) -> list[str]:
    """Return the named papers for the families of estimators that were used."""
    used = set(families)
    return [text for family, text in NAMED_PAPERS if not family or family in used]
