"""The command that links overlapping lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]

PANEL = "Studies"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("link", rich_help_panel=PANEL)(link)


def link(
    file: Annotated[
        Path, typer.Argument(metavar="LINK.toml", help="The file of the linkage.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for what may be released.")
    ] = None,
    internal: Annotated[
        Path | None,
        typer.Option(
            "--internal",
            help="Folder for persons and the review sheet. Microdata: never a release.",
        ),
    ] = None,
    rng: Annotated[int, typer.Option("--rng", min=0)] = 1,
) -> None:
    """Link overlapping lists, and estimate sizes with the errors of the links.

    Small counts are hidden, and sizes from which they would follow are withheld. What
    --out writes is entered in the ledger and the audit log that the file names; what is
    only shown on the screen is not: release files, no copies of the screen.

    Example: sentinel link lists/link.toml --out linked --internal safe/linked
    """
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report.linked.linkage_release import (
        release_linkage,
        write_internal_linkage,
        write_linkage,
    )
    from sentinel.report.linked.linkage_run import run_linkage
    from sentinel.report.outgoing.staging import check_output_folder
    from sentinel.report.outgoing.way_out import WayOut
    from sentinel.study.link_file import load_link_file

    config = load_link_file(file)
    WayOut.of_study(config, "link").check()
    if out is not None:
        check_output_folder(out)
    run = run_linkage(config, rng=rng)
    policy = ReleasePolicy(minimum_cell=config.privacy.minimum_cell)
    released = release_linkage(run, policy)
    typer.echo(released.text())
    if internal is not None:
        for line in write_internal_linkage(run, config, internal):
            typer.echo(line)
    if out is not None:
        write_linkage(released, run, config, out)
        typer.echo(f"{out}: overlaps, sizes and rates, protected")
