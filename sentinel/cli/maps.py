"""The command `map`: a study's maps alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.study import PANEL, Rng, StudyFile, open_study, show_progress

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("map", rich_help_panel=PANEL)(draw_map)


def draw_map(
    study: StudyFile,
    out: Annotated[
        Path, typer.Option("--out", help="Output folder, replaced as a whole.")
    ] = Path("maps_out"),
    rng: Rng = 1,
) -> None:
    """Draw the maps of one study: sheets and one offline interactive file.

    All numbers are protected together with the study's tables; models are left out.

    Example: sentinel map my_study/study.toml --out my_maps
    """
    from threadpoolctl import threadpool_limits

    from sentinel.analysis import analyse
    from sentinel.ingest import ingest_study
    from sentinel.report import write_map_folder

    config = open_study(study, out)
    config = config.model_copy(update={"models": ()})
    with show_progress() as tell, threadpool_limits(limits=1, user_api="blas"):
        tell("read and validate")
        interviews = ingest_study(config)
        result = analyse(interviews, config, progress=tell)
        files, reasons = write_map_folder(result, out, rng=rng, progress=tell)
    for problem in interviews.problems.warnings:
        sys.stderr.write(f"warning: {problem}\n")
    for reason in reasons:
        sys.stderr.write(f"warning: {reason}\n")
    for path in files:
        typer.echo(path)
