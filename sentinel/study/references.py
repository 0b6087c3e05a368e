"""What a study file points at: files on disk and variables of its codebook."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from sentinel.schema.codebook import Codebook
from sentinel.schema.problems import Problem
from sentinel.study.config import StudyConfig
from sentinel.study.toml_lines import TomlLines, shown_key

__all__ = ["check_references"]

Key = tuple[str | int, ...]


class _Finding(NamedTuple):
    key: Key
    value: str
    expected: str
    hint: str
    severity: Literal["error", "warning"] = "error"


def check_references(
    config: StudyConfig, codebook: Codebook, *, file: str, lines: TomlLines
) -> Iterator[Problem]:
    """List named files that are absent, files read twice and unknown variables."""
    findings = [*_absent_files(config), *_files_read_twice(config)]
    if len(codebook):
        findings += [*_unknown_variables(config, codebook)]
    for found in findings:
        yield Problem(
            severity=found.severity,
            file=file,
            row=lines.find(found.key),
            column=shown_key(found.key),
            value=found.value,
            expected=found.expected,
            hint=found.hint,
        )


def _absent_files(config: StudyConfig) -> Iterator[_Finding]:
    for key, name in _named_files(config):
        path = config.path(name)
        if path.is_file():
            continue
        hint = "Paths start in the folder of the study file."
        near = difflib.get_close_matches(path.name, _names_beside(path), n=1)
        if near:
            hint = f"Did you mean {near[0]!r}? {hint}"
        yield _Finding(key, name, "a file that exists", hint)


def _files_read_twice(config: StudyConfig) -> Iterator[_Finding]:
    seen: dict[tuple[str, str | None], str] = {}
    for number, item in enumerate(config.rounds):
        for name in item.files:
            place = (str(config.path(name).resolve()), item.sheet)
            if place in seen:
                yield _Finding(
                    ("rounds", number, "files"),
                    name,
                    f"every file once; round {seen[place]!r} reads it too",
                    "Remove it from one of them, or name different sheets.",
                )
            seen.setdefault(place, item.label)


def _unknown_variables(config: StudyConfig, codebook: Codebook) -> Iterator[_Finding]:
    known = [*codebook.names, "round_id"]
    for key, name in _named_variables(config):
        if name not in known:
            yield _Finding(key, name, "a variable of the codebook", _hint(name, known))
    for number, estimate in enumerate(config.estimates):
        for name in estimate.by:
            if name not in known and not name.startswith("d_"):
                yield _Finding(
                    ("estimates", number, "by"),
                    name,
                    "a variable of the codebook or an outcome of the definition",
                    _hint(name, known),
                    "warning",
                )


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else 'Use "" for none.'


def _names_beside(path: Path) -> list[str]:
    folder = path.parent
    return sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []


def _named_files(config: StudyConfig) -> Iterator[tuple[Key, str]]:
    for number, item in enumerate(config.rounds):
        for name in item.files:
            yield ("rounds", number, "files"), name
        for name in item.form:
            yield ("rounds", number, "form"), name
        if item.mapping is not None:
            yield ("rounds", number, "mapping"), item.mapping
    if config.classify.definition.endswith(".toml"):
        yield ("classify", "definition"), config.classify.definition
    for field in ("places", "boundaries"):
        if config.maps is not None and (name := getattr(config.maps, field)):
            yield ("maps", field), name
    for kind, number, entry in config.monitoring.entries():
        yield ("monitoring", kind, number, "file"), entry.file
        beside = getattr(entry, "covariates_file", None)
        if beside is not None:
            yield ("monitoring", kind, number, "covariates_file"), beside


def _named_variables(config: StudyConfig) -> Iterator[tuple[Key, str]]:
    """Variables that the study needs; defaults that it can do without are left out."""
    design = config.design
    written = set(design.model_fields_set)
    if design.weight is None:
        written.add("cluster_size")
    for field in ("weight", "cluster_size", "prior_events"):
        if field in written and (name := getattr(design, field)) is not None:
            yield ("design", field), name
    for field in ("strata", "cluster"):
        for name in getattr(design, field):
            yield ("design", field), name
    yield from _consent_and_map_variables(config)


def _consent_and_map_variables(config: StudyConfig) -> Iterator[tuple[Key, str]]:
    consent = config.privacy.consent
    if consent.variable is not None:
        for field in ("variable", "private_variable"):
            if (name := getattr(consent, field)) is not None:
                yield ("privacy", "consent", field), name
    if config.maps is not None:
        for field in ("origin", "crossing", "destination"):
            written = config.maps.model_fields_set
            if field in written and (name := getattr(config.maps, field)):
                yield ("maps", field), name
