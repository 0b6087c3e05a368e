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
from sentinel.linkage.private_codes import (
    Encodings,
    encode_records,
    link_encodings,
)
from sentinel.linkage.records import (
    FIELDS,
    LinkageRecords,
    LinkField,
    SourceList,
    prepare_lists,
)
from sentinel.linkage.review import (
    Review,
    apply_decisions,
    errors_from_review,
    read_decisions,
    review_sample,
)

__all__ = [
    "FIELDS",
    "Clusters",
    "Encodings",
    "LinkErrors",
    "LinkField",
    "LinkageRecords",
    "LinkedPairs",
    "LinkedPersons",
    "Review",
    "SourceList",
    "apply_decisions",
    "cluster_pairs",
    "encode_records",
    "errors_from_model",
    "errors_from_review",
    "errors_from_truth",
    "link_encodings",
    "link_records",
    "list_histories",
    "name_script",
    "plain_name",
    "prepare_lists",
    "read_decisions",
    "resample_links",
    "review_sample",
    "size_over_links",
    "sound_key",
]
