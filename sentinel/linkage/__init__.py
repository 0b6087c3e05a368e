"""Overlapping lists of agencies: who stands on which, and how sure that is."""

from sentinel.linkage.clusters import Clusters, cluster_pairs
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
    "LinkField",
    "LinkageRecords",
    "LinkedPairs",
    "LinkedPersons",
    "SourceList",
    "cluster_pairs",
    "link_records",
    "name_script",
    "plain_name",
    "prepare_lists",
    "sound_key",
]
