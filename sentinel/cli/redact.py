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
        int | None,
        typer.Option("--minimum-cell", help="Smallest count shown; at least 5, 11."),
    ] = None,
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
    study: Annotated[
        Path | None,
        typer.Option(help="Study whose ledger, audit log and minimum cell hold."),
    ] = None,
) -> None:
    """Hide the small cells of one table of counts, and what would tell them.

    Tables of the same persons tell each other: protect them in one study, not one by
    one here.

    Example: sentinel redact by_sector.csv --out by_sector_public.csv
    """
    from sentinel.cli.leaving import way_and_policy
    from sentinel.ingest import read_table
    from sentinel.report import redact_counts

    way, policy = way_and_policy(
        "redact", out, study=study, ledger=ledger, minimum_cell=minimum_cell
    )
    found = redact_counts(
        read_table(table).frame,
        policy,
        name=table.stem,
        rounded=round_down,
        group=group,
    )
    typer.echo(way.file(out, found.text, found.released, tables=found.tables))
    for note in found.notes:
        typer.echo(note)
