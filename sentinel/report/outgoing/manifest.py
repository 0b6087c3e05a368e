"""What went in, what was asked, what came out: a report checked by its bytes."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from sentinel.report.labels import period_of
from sentinel.report.outgoing.staging import LOG, MADE_BY, MANIFEST

if TYPE_CHECKING:
    from sentinel.monitoring import MonitoringResult
    from sentinel.report.protected.release import Release
    from sentinel.study.config import StudyConfig

__all__ = [
    "dependency_versions",
    "file_hashes",
    "log_text",
    "make_manifest",
    "manifest_text",
    "plan_of",
    "shown_name",
]

FORMAT = 1
DISTRIBUTION = "sentinel-prevalence"
_INSIDE = ("fieldwork_start", "fieldwork_end", "retain_until", "retention_extended")
_FILE_KEYS = ("form", "mapping", "places", "boundaries", "definition", "codebook")


def make_manifest(
    release: Release,
    outputs: Mapping[str, str],
    *,
    rng: int | None,
    wall_seconds: float,
) -> dict[str, Any]:
    """Return the manifest: all but ``run`` is hashed into ``sha256``.

    Equal inputs, plan, rng and versions give equal content apart from ``run``, which
    holds the wall time.
    """
    content: dict[str, Any] = {
        "made_by": MADE_BY,
        "format": FORMAT,
        "study": release.config.study.title,
        "simulated": release.config.study.simulated,
        "package": {"name": DISTRIBUTION, "version": package_version()},
        "python": platform.python_version(),
        "system": platform.system(),
        "dependencies": dependency_versions(),
        "rng": {"value": rng, "bit_generator": "PCG64"},
        "plan": plan_of(release.config),
        "inputs": [
            {
                "file": shown_name(origin.file),
                "format": origin.format,
                "sha256": origin.sha256,
                "rows": origin.rows,
                "columns": origin.columns,
                "encoding": origin.encoding,
                "sheet": origin.sheet,
            }
            for origin in release.origins
        ],
        "row_counts": release.flow_records(),
        "suppression": release.suppression_records(),
        "withdrawals": release.withdrawals,
        "warnings": len(release.warnings),
        "skipped": len(release.skipped),
        "outputs": dict(sorted(outputs.items())),
    }
    digest = hashlib.sha256(_canonical(content).encode()).hexdigest()
    run = {
        "wall_seconds": round(wall_seconds, 3),
        "steps": {name: round(value, 3) for name, value in release.timings.items()},
    }
    return {**content, "sha256": digest, "run": run}


def manifest_text(content: Mapping[str, Any]) -> str:
    """Return the manifest as JSON with sorted keys."""
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def monitoring_manifest(
    config: StudyConfig, result: MonitoringResult, outputs: Mapping[str, str]
) -> dict[str, Any]:
    """Return the manifest of an output that holds monitoring alone."""
    content: dict[str, Any] = {
        "made_by": MADE_BY,
        "format": FORMAT,
        "study": config.study.title,
        "simulated": config.study.simulated,
        "package": {"name": DISTRIBUTION, "version": package_version()},
        "dependencies": dependency_versions(),
        "plan": plan_of(config),
        "row_counts": [],
        "suppression": [],
        "warnings": len(result.problems.warnings),
        "skipped": len(result.skipped),
        "outputs": dict(sorted(outputs.items())),
    }
    digest = hashlib.sha256(_canonical(content).encode()).hexdigest()
    return {**content, "sha256": digest}


def plan_of(config: StudyConfig) -> dict[str, Any]:
    """Return the study file as data, without paths, exact days or record ids."""
    plan: dict[str, Any] = config.model_dump(mode="json")
    if plan["privacy"].get("ledger"):
        plan["privacy"]["ledger"] = shown_name(plan["privacy"]["ledger"])
    for key in ("withdrawn", "withdrawals", "audit_log", "retain_until"):
        plan["privacy"].pop(key, None)
    for entry, section in zip(plan["rounds"], config.rounds, strict=True):
        entry["files"] = [shown_name(name) for name in section.files]
        for key in _INSIDE:
            entry.pop(key, None)
        entry["fieldwork"] = period_of(
            section.fieldwork_start, section.fieldwork_end, config.privacy.time_unit
        )
    for section in (
        *plan["rounds"],
        plan["study"],
        plan["classify"],
        plan["maps"] or {},
    ):
        for key in _FILE_KEYS:
            if section.get(key):
                section[key] = shown_name(section[key])
    for kind, number, _ in config.monitoring.entries():
        _shorten(plan["monitoring"][kind][number])
    return plan


def _shorten(planned: dict[str, Any]) -> None:
    """Leave no path and no exact day in an entry of monitoring."""
    for key in ("file", "covariates_file"):
        if planned.get(key):
            planned[key] = shown_name(planned[key])
    if planned.get("watched_until"):
        planned["watched_until"] = planned["watched_until"][:7]


def shown_name(name: str) -> str:
    """Return a file's name as the study may show it: relative, or without its folders.

    Examples
    --------
    >>> shown_name("data/round_1.csv"), shown_name("/home/someone/data/round_1.csv")
    ('data/round_1.csv', 'round_1.csv')
    """
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if windows.drive or windows.root:
        return windows.name
    return posix.name if ".." in posix.parts or name.startswith("~") else name


def package_version() -> str:
    """Return the version of this package."""
    from sentinel import __version__

    return __version__


def dependency_versions() -> dict[str, str]:
    """Return the installed version of every direct dependency, by name."""
    return dict(sorted(_versions()))


def _versions() -> Iterator[tuple[str, str]]:
    try:
        wanted = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return
    for requirement in wanted:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "absent"


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, but the manifest and the log."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (MANIFEST, LOG)
    }


def log_text(release: Release, outputs: Mapping[str, str]) -> str:
    """Return what happened as one JSON object per line; no values, no clock."""
    events: list[dict[str, Any]] = [
        {"event": "read", "file": shown_name(origin.file), "rows": origin.rows}
        for origin in release.origins
    ]
    events.extend({"event": "warning", **problem} for problem in release.warnings)
    events.extend({"event": "counted", **record} for record in release.flow_records())
    events.extend(
        {"event": "protected", **record} for record in release.suppression_records()
    )
    events.extend({"event": "skipped", "reason": reason} for reason in release.skipped)
    events.extend({"event": "wrote", "file": name} for name in sorted(outputs))
    return "".join(_canonical(event) + "\n" for event in events)


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)
