"""The type column of a survey sheet, in all the spellings that are in use."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sentinel.ingest.forms.definition import Kind

__all__ = ["QuestionType", "parse_type"]

_SELECT = re.compile(
    r"(?P<kind>select[ _]one|select1|select[ _]multiple|select all that apply|rank)"
    r"(?P<origin>[ _]external|[ _]from[ _]file)?(?: from)?\s+(?P<list>\S+)"
    r"(?P<other>\s+or[ _](?:specify )?other)?"
)
_BLOCK = re.compile(
    r"(?P<action>begin|end)[ _](?P<kind>group|repeat|lgroup|looped group|loop)"
)
_KINDS: dict[Kind, str] = {
    "text": "text string",
    "integer": "integer int",
    "decimal": "decimal percentage",
    "range": "range",
    "date": "date",
    "time": "time",
    "datetime": "datetime date_time",
    "geo": "geopoint geotrace geoshape gps location start-geopoint background-geopoint",
    "media": "image photo picture audio video file background-audio",
    "calculate": "calculate calculate_here",
    "hidden": "hidden",
    "note": "note",
    "acknowledge": "acknowledge trigger",
    "barcode": "barcode",
    "external": "csv-external xml-external osm",
}
_NAMED: dict[str, Kind] = {
    word: kind for kind, words in _KINDS.items() for word in words.split()
}
_META = {
    "start": "start", "start time": "start", "get start time": "start",
    "end": "end", "end time": "end", "get end time": "end",
    "today": "today", "get today": "today",
    "deviceid": "deviceid", "device id": "deviceid", "get device id": "deviceid",
    "imei": "deviceid", "uri:deviceid": "deviceid",
    "username": "username", "uri:username": "username",
    "email": "email", "uri:email": "email",
    "phonenumber": "phonenumber", "phone number": "phonenumber",
    "get phone number": "phonenumber", "uri:phonenumber": "phonenumber",
    "simserial": "simserial", "sim id": "simserial", "get sim id": "simserial",
    "uri:simserial": "simserial", "subscriberid": "subscriberid",
    "subscriber id": "subscriberid", "get subscriber id": "subscriberid",
    "uri:subscriberid": "subscriberid", "audit": "audit",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionType:
    """What a type cell says; `block` is "begin group", "end repeat" and the like."""

    kind: Kind = "text"
    block: str = ""
    list_name: str = ""
    is_file: bool = False
    or_other: bool = False
    is_recomputed: bool = True
    meta: str = ""


def parse_type(text: str) -> QuestionType | None:
    """Return what a type cell says, or None if it is no type of XLSForm.

    Examples
    --------
    >>> found = parse_type("select one from yes_no or specify other")
    >>> found.kind, found.list_name, found.or_other
    ('select_one', 'yes_no', True)
    >>> parse_type("begin_repeat").block
    'begin repeat'
    """
    spaced = " ".join(text.split())
    plain = re.sub(r"^(?:add|q) | prompt(?: using)?$", "", spaced.casefold())
    block = _BLOCK.fullmatch(plain)
    if block is not None:
        kind = "group" if block["kind"] == "group" else "repeat"
        return QuestionType(block=f"{block['action']} {kind}")
    if plain in _META:
        return QuestionType(kind="meta", meta=_META[plain])
    # The name of a list keeps its case.
    select = re.fullmatch(_SELECT.pattern, spaced, re.IGNORECASE)
    if select is not None:
        return _select(select)
    kind_of = _NAMED.get(plain) or _NAMED.get(plain.replace(" ", "_"))
    if kind_of is None:
        return None
    # SurveyCTO's calculate_here takes the value at the moment it is reached.
    return QuestionType(kind=kind_of, is_recomputed="here" not in plain)


def _select(found: re.Match[str]) -> QuestionType:
    word = found["kind"].casefold()
    kind: Kind = "select_one"
    if word == "rank":
        kind = "rank"
    elif "multiple" in word or "all" in word:
        kind = "select_multiple"
    return QuestionType(
        kind=kind,
        list_name=found["list"],
        is_file=bool(found["origin"]),
        or_other=bool(found["other"]),
    )
