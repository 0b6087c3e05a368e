"""Forms: XLSForm definitions, their expressions, and what they say of an export."""

from sentinel.ingest.forms.definition import Choice, FormDefinition, Question
from sentinel.ingest.forms.evaluate import Truth, evaluate
from sentinel.ingest.forms.questionnaire import deportee_form, deportee_form_bytes
from sentinel.ingest.forms.xlsform import read_form
from sentinel.ingest.forms.xpath_functions import Rows
from sentinel.ingest.forms.xpath_values import Texts

__all__ = [
    "Choice",
    "FormDefinition",
    "Question",
    "Rows",
    "Texts",
    "Truth",
    "deportee_form",
    "deportee_form_bytes",
    "evaluate",
    "read_form",
]
