"""The command `monitor`: the monitoring series of a study alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.study import PANEL, StudyFile, open_study

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("monitor", rich_help_panel=PANEL)(monitor)


def monitor(
    study: StudyFile,
    out: Annotated[
        Path, typer.Option("--out", help="Output folder, replaced as a whole.")
    ] = Path("monitoring_out"),
) -> None:
    """Watch a study's monitoring series: alarms, funnels, indicators, scores.

    Reads only what [monitoring] names; interviews are not opened.

    Example: sentinel monitor my_study/study.toml --out my_monitoring
    """
    from sentinel.monitoring import monitor as watch
    from sentinel.report import write_monitoring

    config = open_study(study, out)
    result = watch(config)
    page = write_monitoring(result, config, out)
    for problem in result.problems.warnings:
        sys.stderr.write(f"warning: {problem}\n")
    for reason in result.skipped:
        sys.stderr.write(f"not shown: {reason}\n")
    typer.echo(page)
