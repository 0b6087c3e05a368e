"""A mapping against its codebook: every name, code, range and condition."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentinel.ingest.mapping import RoundMapping
from sentinel.ingest.missing_codes import STATE_NAMES, parse_range
from sentinel.schema.problems import Problem
from sentinel.schema.skip_logic import parse_condition
from sentinel.schema.variables import Codebook
from sentinel.study.toml_lines import TomlLines, shown_key
from sentinel.study.validation_messages import suggest

__all__ = ["check_mapping"]

Key = tuple[str | int, ...]
Finding = tuple[Key, str, str]
_STRPTIME = re.compile(r"%[YymdBbHMSjp-]")


def check_mapping(
    mapping: RoundMapping, codebook: Codebook, *, file: str, lines: TomlLines
) -> list[Problem]:
    """List what a mapping says of variables and codes that do not exist."""
    findings = [
        *_variables(mapping, codebook),
        *_codes(mapping, codebook),
        *_missing(mapping),
        *_conditions(mapping),
        *_kinds(mapping, codebook),
    ]
    return [
        Problem(
            file=file,
            row=lines.find(key),
            column=shown_key(key),
            expected=expected,
            hint=hint,
        )
        for key, expected, hint in findings
    ]


def _variables(mapping: RoundMapping, codebook: Codebook) -> Iterator[Finding]:
    named: list[Key] = [("columns", source) for source in mapping.columns]
    sections = ["constants", "join", "recode", "units", "crosswalk", "combine", "dates"]
    for section in sections:
        named += [(section, name) for name in getattr(mapping, section)]
    named += [
        ("missing", name)
        for name, table in mapping.missing.items()
        if isinstance(table, dict)
    ]
    for key in named:
        name = mapping.columns[str(key[1])] if key[0] == "columns" else str(key[1])
        if name == "round_id":
            yield key, "no mapping of round_id", "It is the label of the round."
        elif name not in codebook:
            hint = suggest(name, codebook.names) if len(codebook) else ""
            short = hint if hint.startswith("Did") else ""
            yield key, f"a variable of the codebook, not {name!r}", short
        elif codebook[name].derived == "classify":
            yield key, "a variable that is asked", f"{name} is computed by classify."
    seen: dict[str, str] = {}
    for section, name in mapping.made_variables():
        if name in seen:
            expected = f"one way to make {name}"
            yield (section, name), expected, f"[{seen[name]}] makes it too."
        seen.setdefault(name, section)


def _codes(mapping: RoundMapping, codebook: Codebook) -> Iterator[Finding]:
    for section in ("recode", "combine"):
        for name, table in getattr(mapping, section).items():
            variable = codebook.get(name)
            if variable is None or not variable.codes:
                continue
            for old, new in table.items():
                code = new if section == "recode" else old
                if code and code not in variable.codes and code not in variable.missing:
                    hint = f"{code!r} is none of them."
                    yield (section, name, old), variable.expected(), hint
    for name, table in mapping.recode.items():
        for old in table:
            try:
                parse_range(old)
            except ValueError as error:
                yield ("recode", name, old), "a range as low..high", f"{error}."


def _missing(mapping: RoundMapping) -> Iterator[Finding]:
    tables: list[tuple[Key, dict[str, str]]] = [
        (("missing",), dict(mapping.general_missing))
    ]
    tables += [
        (("missing", name), table)
        for name, table in mapping.missing.items()
        if isinstance(table, dict)
    ]
    for key, table in tables:
        for code, state in table.items():
            if state not in STATE_NAMES:
                hint = f"{state!r} came."
                yield (*key, code), f"one of {', '.join(STATE_NAMES)}", hint
            try:
                parse_range(code)
            except ValueError as error:
                yield (*key, code), "a range as low..high", f"{error}."


def _conditions(mapping: RoundMapping) -> Iterator[Finding]:
    texts: list[tuple[Key, str]] = [
        (("exclude", number, rule.key), rule.condition)
        for number, rule in enumerate(mapping.exclude)
    ]
    for name, table in mapping.combine.items():
        texts += [(("combine", name, code), text) for code, text in table.items()]
    texts += [
        (("repeats", name, "where"), rule.where)
        for name, rule in mapping.repeats.items()
        if rule.where
    ]
    for key, text in texts:
        try:
            parse_condition(text)
        except ValueError as error:
            yield key, "a condition like p33_1=1 or status=test", f"{error}."


_KINDS_OF: dict[str, tuple[set[str], str]] = {
    "units": ({"integer", "number"}, "a variable that is a number"),
    "crosswalk": ({"category", "flag"}, "a variable that is a category"),
    "combine": ({"multi", "category", "flag"}, "a multiple answer or a category"),
    "dates": ({"date", "month"}, "a variable that is a day or a month"),
}


def _kinds(mapping: RoundMapping, codebook: Codebook) -> Iterator[Finding]:
    for section, (kinds, expected) in _KINDS_OF.items():
        for name in getattr(mapping, section):
            found = codebook.get(name)
            if found is not None and found.kind not in kinds:
                yield (section, name), expected, ""
    for name, table in mapping.combine.items():
        if not table:
            yield ("combine", name), "at least one code with its condition", ""
    for name, form in mapping.dates.items():
        if not _STRPTIME.search(form):
            yield ("dates", name), "a format like %d/%m/%Y", f"{form!r} came."
