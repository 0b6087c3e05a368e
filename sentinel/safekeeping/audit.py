"""The audit log: who ran what on which study, and what was hidden; never content.

The one place of the package, with retention, where the clock is read.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estimators.errors import InputError
from sentinel.safekeeping.chain import Entry, append, check_appendable
from sentinel.safekeeping.keys import KEY, KEY_FILE, load_key

if TYPE_CHECKING:
    from sentinel.safekeeping.keys import ProjectKey
    from sentinel.study.config import StudyConfig
    from sentinel.study.link_file import LinkFile

__all__ = ["AuditLog", "audit_log", "key_if_named", "study_fingerprint"]

# Words of our own and digests: nothing that a person typed or answered fits in.
_WORD = re.compile(r"[a-z0-9_]+(?:[ -][a-z0-9_]+)*")
_DIGEST = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """Where the runs of a study are recorded, and what seals the record."""

    path: Path
    study: str
    key: ProjectKey | None = None

    def check(self) -> None:
        """Raise `InputError` unless an entry could be added."""
        check_appendable(self.path)

    def record(
        self,
        command: str,
        *,
        counts: Mapping[str, int] | None = None,
        tables: Mapping[str, Mapping[str, int]] | None = None,
        report: str = "",
        now: datetime | None = None,
    ) -> Entry:
        """Add an entry.

        Parameters
        ----------
        command : str
            Which command ran, without its arguments.
        counts : mapping of str to int, optional
            Rows at each step.
        tables : mapping, optional
            Cells, hidden cells and smallest shown group of each released table.
        report : str
            Digest of the manifest of what was written.
        now : datetime, optional
            Instead of the clock, for tests.

        Raises
        ------
        InputError
            If anything but our own words, whole numbers and digests is given, or the
            log was tampered with.
        """
        content: dict[str, Any] = {
            "command": _word(command),
            "counts": _numbers(counts or {}),
            "report": _hex(report),
            "study": _hex(self.study),
            "tables": {
                _word(name): _numbers(sizes) for name, sizes in (tables or {}).items()
            },
            "time": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "who": user_name(),
        }
        return append(self.path, content, key=self.key)


def audit_log(config: StudyConfig | LinkFile) -> AuditLog | None:
    """Return the log that ``[privacy] audit_log`` names, or None."""
    if config.privacy.audit_log is None:
        return None
    return AuditLog(
        path=config.path(config.privacy.audit_log),
        study=study_fingerprint(config),
        key=key_if_named(),
    )


def key_if_named() -> ProjectKey | None:
    """Return the project key of the environment; None where none is named."""
    named = os.environ.get(KEY) or os.environ.get(KEY_FILE)
    return load_key() if named else None


def study_fingerprint(config: StudyConfig | LinkFile) -> str:
    """Return a SHA-256 of the study file's settings, record ids left out."""
    plan = config.model_dump(mode="json")
    plan["privacy"].pop("withdrawn", None)
    text = json.dumps(plan, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def user_name() -> str:
    """Return the name under which the person at the machine is logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise InputError(
            "An audit log holds words of its own, digests and whole numbers: a name "
            "that is none of these was to be written."
        )
    return text


def _hex(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise InputError("An audit log holds SHA-256 digests: something else came.")
    return text


def _numbers(counts: Mapping[str, int]) -> dict[str, int]:
    return {_word(name): int(count) for name, count in counts.items()}
