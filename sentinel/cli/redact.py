"""`sentinel redact`: a table of counts in, a protected table out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]

PANEL = "Studies"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("redact", rich_help_panel=PANEL)(redact)


def redact(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE.csv", help="Labels in the first column, then counts."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Protected table (CSV).")],
    *,
    minimum_cell: Annotated[
        int, typer.Option("--minimum-cell", help="Smallest count shown; at least 5.")
    ] = 11,
    round_down: Annotated[
        bool,
        typer.Option(
            "--round-down", help="Round counts down, sums anew, instead of hiding."
        ),
    ] = False,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Ledger of earlier releases, consulted and added to."),
    ] = None,
    group: Annotated[
        str, typer.Option(help="Whom the table counts (a round), for the ledger.")
    ] = "",
) -> None:
    """Hide the small cells of one table of counts, and what would tell them.

    Tables of the same persons tell each other: protect them in one study, not one by
    one here.

    Example: sentinel redact by_sector.csv --out by_sector_public.csv
    """
    from estimators.errors import InputError
    from sentinel.disclosure import ReleaseLedger, ReleasePolicy, release_file
    from sentinel.ingest import read_table
    from sentinel.report import redact_counts

    if out.exists():
        raise InputError(f"{out} is there already: name a new file.")
    policy = ReleasePolicy(minimum_cell=minimum_cell)
    found = redact_counts(
        read_table(table).frame,
        policy,
        name=table.stem,
        rounded=round_down,
        group=group,
    )
    if ledger is not None:
        ReleaseLedger.read(ledger).record(found.released)
    typer.echo(release_file(out, found.text))
    for note in found.notes:
        typer.echo(note)
