"""The way out of the house: what every command goes through that writes a file.

A release passes three posts, in this order: the gate (`release_file`, every byte), the
ledger (what it tells together with earlier releases), the audit log (who, when, how
much). Only then its file or folder appears. What stays in the house is the owner's
alone, warns on the screen and is in the audit log too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.errors import InputError
from sentinel.disclosure import (
    ReleasedCells,
    ReleasedRecords,
    ReleaseLedger,
    check_file,
    release_file,
)
from sentinel.report.outgoing.internal_tables import write_internal_table
from sentinel.report.outgoing.recording import LEDGER_ENTRY, record_report
from sentinel.report.outgoing.staging import check_output_folder, staged_folder
from sentinel.safekeeping import AuditLog, Chain, audit_log, read_chain
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    import pandas as pd

    from sentinel.study.config import StudyConfig
    from sentinel.study.link_file import LinkFile

__all__ = ["WayOut"]

Tables = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """The way out for one command: where its releases are remembered, if anywhere.

    Attributes
    ----------
    command : str
        As the audit log and the ledger name it.
    ledger : Path or None
    log : AuditLog or None
    """

    command: str
    ledger: Path | None = None
    log: AuditLog | None = None

    @classmethod
    def of_study(
        cls, config: StudyConfig | LinkFile, command: str, *, ledger: Path | None = None
    ) -> WayOut:
        """Return the way out that the ``[privacy]`` of a study or linkage describes."""
        named = config.privacy.ledger
        own = config.path(named) if named else None
        if ledger is not None and own is not None and ledger.resolve() != own.resolve():
            raise InputError(
                f"--ledger {ledger}: the study keeps its ledger in {own}, and a "
                "release is entered in one. Leave --ledger out."
            )
        return cls(command=command, ledger=own or ledger, log=audit_log(config))

    def check(self, *cells: ReleasedCells | ReleasedRecords) -> None:
        """Refuse, before work is begun, what could not be entered at its end."""
        if self.log is not None:
            self.log.check()
        if self.ledger is not None:
            book = ReleaseLedger.read(self.ledger)
            if self.log is not None and self.log.path.exists():
                chain = read_chain(self.log.path, key=self.log.key)
                _refuse_cut_off(book, chain)
            book.check(*cells)

    @contextmanager
    def folder(
        self, folder: Path, *cells: ReleasedCells | ReleasedRecords
    ) -> Iterator[Path]:
        """Yield a new folder that takes the place of `folder` once it is entered.

        Parameters
        ----------
        folder : Path
            Absent, empty, or an earlier output.
        *cells : ReleasedCells or ReleasedRecords
            All that its files tell.

        Raises
        ------
        InputError
            If the ledger forbids it, the log was tampered with, or the folder holds
            something else; nothing is written.
        """
        check_output_folder(folder)
        self.check(*cells)
        with staged_folder(folder) as staging:
            yield staging
            number = self._enter(cells)
            if self.log is not None:
                record_report(self.log, self.command, staging, ledger=number)

    def file(
        self,
        path: Path,
        content: str | bytes,
        *cells: ReleasedCells | ReleasedRecords,
        counts: Mapping[str, int] | None = None,
        tables: Tables | None = None,
        allowed: Sequence[str] = (),
    ) -> Path:
        """Release one new file.

        Parameters
        ----------
        path : Path
            A file that is there already is never overwritten.
        content : str or bytes
        *cells : ReleasedCells or ReleasedRecords
            All that it tells.
        counts, tables : mapping, optional
            For the audit log, see `AuditLog.record`.
        allowed : sequence of str
            Texts that are published on purpose.
        """
        if path.exists():
            raise InputError(f"{path} is there already: name a new file.")
        check_file(path, content, allowed=allowed)
        number = self._enter(cells)
        data = content.encode() if isinstance(content, str) else content
        self.note(
            counts={**(counts or {}), **({LEDGER_ENTRY: number} if number else {})},
            tables=tables,
            report=hashlib.sha256(data).hexdigest(),
        )
        return release_file(path, content, allowed=allowed)

    def keep(
        self,
        frame: pd.DataFrame,
        path: Path,
        *,
        recipients: Sequence[str] = (),
        counts: Mapping[str, int] | None = None,
    ) -> str:
        """Write records for work in the house: mode 0600, never a release.

        Returns
        -------
        str
            What was written and where, with the warning.
        """
        self.check()
        said = write_internal_table(frame, path, recipients=recipients)
        self.note(counts=counts or {"records": len(frame)})
        return said

    def note(
        self,
        *,
        counts: Mapping[str, int] | None = None,
        tables: Tables | None = None,
        report: str = "",
    ) -> None:
        """Add an entry to the audit log, if there is one."""
        if self.log is not None:
            self.log.record(self.command, counts=counts, tables=tables, report=report)

    def faults(self) -> Problems:
        """List what is wrong with ledger and log; writes nothing."""
        problems = Problems()
        book = None
        if self.ledger is not None:
            try:
                book = ReleaseLedger.read(self.ledger)
            except InputError as error:
                hint = str(error)
                problems.add(Problem(file=self.ledger.name, hint=hint))
        if self.log is None or not self.log.path.exists():
            return problems
        chain = read_chain(self.log.path, key=self.log.key)
        for fault in chain.faults:
            problems.add(
                Problem(
                    file=self.log.path.name, row=fault.line or None,
                    expected="the log as it was written", hint=fault.what,
                )
            )  # fmt: skip
        if book is not None:
            try:
                _refuse_cut_off(book, chain)
            except InputError as error:
                problems.add(Problem(file=book.path.name, hint=str(error)))
        return problems

    def _enter(self, cells: Sequence[ReleasedCells | ReleasedRecords]) -> int:
        """Write a release down; return its number in the ledger, 0 without one."""
        if self.ledger is None or not cells:
            return 0
        return ReleaseLedger.read(self.ledger).record(*cells, command=self.command)


def _refuse_cut_off(book: ReleaseLedger, chain: Chain) -> None:
    """Raise if the log knows of more releases than the ledger holds."""
    known = max(
        (
            int(entry.content.get("counts", {}).get(LEDGER_ENTRY, 0))
            for entry in chain.entries
        ),
        default=0,
    )
    if known > len(book.entries):
        raise InputError(
            f"{book.path.name} holds {len(book.entries)} releases, and the audit log "
            f"knows of {known}: its end was cut off, or another file took its place. "
            "Put back the copy that was not."
        )
