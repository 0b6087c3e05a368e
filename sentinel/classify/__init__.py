"""Case definitions as data, applied with yes, no and unknown kept apart."""

from sentinel.classify.apply import classify, settle_outcomes
from sentinel.classify.classification import Classification
from sentinel.classify.comparison import (
    DefinitionComparison,
    InternalRecords,
    compare_definitions,
)
from sentinel.classify.definition_files import (
    available_definitions,
    definition_template,
    load_definition,
)
from sentinel.classify.definitions import (
    Definition,
    Indicator,
    SwitchedOff,
    definition_table,
)
from sentinel.classify.imputation import (
    ImputedOutcomes,
    impute_outcomes,
    imputed_prevalence,
)
from sentinel.classify.indicator_sets import available_sets, indicator_set
from sentinel.classify.referral import (
    ReferralFlag,
    ReferralFlags,
    ReferralList,
    load_referral_flags,
    referral_list,
)
from sentinel.classify.strength_rules import apply_count_rule, rule_table
from sentinel.classify.typology import Typology

__all__ = [
    "Classification",
    "Definition",
    "DefinitionComparison",
    "ImputedOutcomes",
    "Indicator",
    "InternalRecords",
    "ReferralFlag",
    "ReferralFlags",
    "ReferralList",
    "SwitchedOff",
    "Typology",
    "apply_count_rule",
    "available_definitions",
    "available_sets",
    "classify",
    "compare_definitions",
    "definition_table",
    "definition_template",
    "impute_outcomes",
    "imputed_prevalence",
    "indicator_set",
    "load_definition",
    "load_referral_flags",
    "referral_list",
    "rule_table",
    "settle_outcomes",
]
