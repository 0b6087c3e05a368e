"""Case definitions as data, applied with yes, no and unknown kept apart."""

from sentinel.classify.apply import classify
from sentinel.classify.classification import Classification
from sentinel.classify.definition_files import available_definitions, load_definition
from sentinel.classify.definitions import Definition, Indicator, definition_table

__all__ = [
    "Classification",
    "Definition",
    "Indicator",
    "available_definitions",
    "classify",
    "definition_table",
    "load_definition",
]
