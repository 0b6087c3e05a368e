"""Which tool made an export, and what its own columns say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sentinel.ingest.findings import add_rows
from sentinel.ingest.raw_table import RawTable
from sentinel.ingest.submissions import Submissions, Tool
from sentinel.schema.problems import Problems

__all__ = ["NOT_A_KEY", "is_system_column", "recognise_export"]

IndexVector = npt.NDArray[np.intp]
# Numbers of rows: they change with every export.
NOT_A_KEY = frozenset({"_index", "_parent_index"})
_KEYS: dict[Tool, tuple[str, ...]] = {
    "kobo": ("_uuid",),
    "odk": ("KEY", "__id"),
    "surveycto": ("KEY",),
}
_VERSIONS: dict[Tool, tuple[str, ...]] = {
    "kobo": ("__version__",),
    "odk": ("FormVersion", "__system/formVersion"),
    "surveycto": ("formdef_version",),
}
_REVIEWS: dict[Tool, tuple[str, ...]] = {
    "kobo": ("_validation_status",),
    "odk": ("ReviewState", "__system/reviewState"),
    "surveycto": ("review_status", "review_state"),
}
_REJECTED = frozenset(
    {"rejected", "not approved", "validation_status_not_approved", "not_approved"}
)
_DAYS = ("today", "end", "endtime", "start", "starttime")
_SYSTEM = frozenset(
    [
        "SubmissionDate",
        "KEY",
        "PARENT_KEY",
        "SubmitterID",
        "SubmitterName",
        "AttachmentsPresent",
        "AttachmentsExpected",
        "Status",
        "ReviewState",
        "DeviceID",
        "Edits",
        "FormVersion",
        "instanceID",
        "formdef_version",
        "review_status",
        "review_quality",
        "review_comments",
        "review_corrections",
        "CompletionDate",
        "starttime",
        "endtime",
        "start",
        "end",
        "today",
        "deviceid",
        "username",
    ]
)
_SYSTEM_NAME = re.compile(r"_|meta[^\w]|formhub/|.*@odata\.")


def is_system_column(name: str) -> bool:
    """Return whether a column is the tool's own and no question.

    Examples
    --------
    >>> is_system_column("_submission_time"), is_system_column("age")
    (True, False)
    """
    return name in _SYSTEM or _SYSTEM_NAME.match(name) is not None


def recognise_export(raw: RawTable) -> RawTable:
    """Return a table with its `submissions` filled in, if it is an export.

    Submissions that the tool's own review rejected are set aside; a key that comes
    twice is listed.
    """
    columns = set(raw.frame.columns)
    tool = raw.submissions.tool if raw.submissions else _tool(columns)
    if tool is None:
        return raw
    given = raw.submissions or Submissions(tool=tool)
    key = _first(_KEYS[tool], columns)
    problems = Problems(raw.problems)
    if key:
        _list_twice(raw, key, problems)
    return replace(
        raw,
        problems=problems,
        submissions=replace(
            given,
            key=key,
            version=_first(_VERSIONS[tool], columns),
            day=_first(_DAYS, columns),
            set_aside=_rejected(raw.frame, _first(_REVIEWS[tool], columns)),
        ),
    )


def _tool(columns: set[str]) -> Tool | None:
    if "_uuid" in columns and columns & {"_index", "_submission_time", "_id"}:
        return "kobo"
    if {"KEY", "SubmissionDate"} <= columns:
        of_odk = {"SubmitterID", "ReviewState", "FormVersion", "meta-instanceID"}
        return "odk" if columns & of_odk else "surveycto"
    return None


def _first(names: Sequence[str], columns: set[str]) -> str:
    return next((name for name in names if name in columns), "")


def _rejected(frame: pd.DataFrame, column: str) -> dict[str, IndexVector]:
    if not column:
        return {}
    places = np.flatnonzero(frame[column].str.casefold().isin(_REJECTED).to_numpy())
    return {f"rejected at review ({column})": places} if places.size else {}


def _list_twice(raw: RawTable, key: str, problems: Problems) -> None:
    keys = raw.frame[key]
    twice = keys.duplicated(keep="first").to_numpy(np.bool_) & (keys != "").to_numpy()
    add_rows(
        problems,
        [(int(row), "") for row in raw.rows[twice]],
        file=raw.origin.file,
        column=key,
        expected=f"every {key} once: an earlier row has it too",
        hint=f"Map {key} to the record id: identical rows are then counted once and "
        "different ones listed.",
        severity="warning",
    )
