"""Overlapping lists of agencies: who stands on which, and how sure that is."""

from sentinel.linkage.clusters import Clusters, cluster_pairs
from sentinel.linkage.link_draws import resample_links, size_over_links
from sentinel.linkage.link_errors import (
    LinkErrors,
    errors_from_model,
    errors_from_truth,
    list_histories,
)
from sentinel.linkage.names import name_script, plain_name, sound_key
from sentinel.linkage.pairs import LinkedPairs, LinkedPersons, link_records
from sentinel.linkage.records import (
    FIELDS,
    LinkageRecords,
    LinkField,
    SourceList,
    prepare_lists,
)

__all__ = [
    "FIELDS",
    "Clusters",
    "LinkErrors",
    "LinkField",
    "LinkageRecords",
    "LinkedPairs",
    "LinkedPersons",
    "SourceList",
    "cluster_pairs",
    "errors_from_model",
    "errors_from_truth",
    "link_records",
    "list_histories",
    "name_script",
    "plain_name",
    "prepare_lists",
    "resample_links",
    "size_over_links",
    "sound_key",
]
