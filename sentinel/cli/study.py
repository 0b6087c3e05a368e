"""Commands about a whole study: run, demo, new, check."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sentinel.ingest.interviews import Interviews
    from sentinel.schema.problems import Problems
    from sentinel.study.config import StudyConfig

__all__ = ["open_study", "refuse_expired", "register", "show_progress"]

PANEL = "Studies"
STEPS = (
    "read and validate",
    "classify",
    "weights",
    "estimates",
    "sensitivity",
    "trend",
    "models",
    "maps",
    "report",
)

StudyFile = Annotated[
    Path, typer.Argument(metavar="STUDY.toml", help="The study file.")
]
Out = Annotated[Path, typer.Option("--out", help="Output folder, replaced as a whole.")]
Rng = Annotated[
    int, typer.Option("--rng", min=0, help="Number that starts every draw.")
]
Jobs = Annotated[int, typer.Option("--jobs", help="Processes for resampling; -1: all.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("run", rich_help_panel=PANEL)(run)
    app.command("demo", rich_help_panel=PANEL)(demo)
    app.command("new", rich_help_panel=PANEL)(new)
    app.command("check", rich_help_panel=PANEL)(check)


def run(study: StudyFile, out: Out = Path("out"), rng: Rng = 1, jobs: Jobs = 1) -> None:
    """Ingest, classify, estimate, map and report one study.

    Run it again after an interruption: protected tables, routes and maps that were
    finished are used again if data, study file, rng and program are the same.

    Example: sentinel run my_study/study.toml --out my_report --rng 7
    """
    _run_study(study, out, rng=rng, jobs=jobs)


def demo(out: Out = Path("report"), rng: Rng = 1, jobs: Jobs = 1) -> None:
    """Run the embedded, simulated Mekong study.

    Example: sentinel demo --out report
    """
    from sentinel import datasets

    _run_study(datasets.path("mekong_demo") / "study.toml", out, rng=rng, jobs=jobs)


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="STUDY_DIR", help="Folder to make.")
    ],
    form: Annotated[
        Path | None,
        typer.Option(
            "--form",
            metavar="FORM.xlsx",
            help="XLSForm of the round: makes the mapping and the codebook.",
        ),
    ] = None,
) -> None:
    """Write a commented study folder to start from, with a questionnaire.

    Example: sentinel new poipet_2026 --form my_form.xlsx
    """
    from sentinel.ingest import new_study

    written = new_study(folder, form=form)
    for path in written:
        typer.echo(path)
    typer.echo(f"Next: put the data beside it, then sentinel check {folder}/study.toml")


def check(
    study: StudyFile,
    report: Annotated[
        list[Path] | None,
        typer.Option("--report", help="Report to look at for persons who withdrew."),
    ] = None,
) -> None:
    """List everything wrong with a study's config, form and data; writes nothing.

    Reminds of retention dates, and names reports that must be rebuilt because somebody
    withdrew (those in folders named out or report are found).

    Example: sentinel check my_study/study.toml
    """
    from datetime import date

    from sentinel.analysis import check_plan
    from sentinel.ingest import read_checked
    from sentinel.mapping import check_maps
    from sentinel.monitoring import check_monitoring
    from sentinel.report import WayOut, stale_reports
    from sentinel.safekeeping import check_retention
    from sentinel.study import read_study

    problems, interviews = read_checked(study)
    config, codebook, _ = read_study(study)
    if config is not None and codebook is not None and len(codebook):
        problems.extend(check_plan(config, study))
        problems.extend(check_monitoring(config))
        problems.extend(check_maps(config, codes=_place_codes(config, interviews)))
    if config is not None:
        problems.extend(check_retention(config, today=date.today()))
        problems.extend(stale_reports(config, report or ()))
        problems.extend(WayOut.of_study(config, "check").faults())
    _print_problems(problems)
    errors, warnings = len(problems.errors), len(problems.warnings)
    typer.echo(f"{errors} errors, {warnings} warnings")
    raise typer.Exit(1 if errors else 0)


def _place_codes(config: StudyConfig, interviews: Interviews | None) -> set[str]:
    """Return the places of the interviews that maps would show."""
    if interviews is None or config.maps is None:
        return set()
    columns = (config.maps.origin, config.maps.destination)
    return {
        str(code)
        for name in columns
        if name is not None and name in interviews.frame
        for code in interviews.frame[name].dropna().unique()
    }


def _run_study(study: Path, out: Path, *, rng: int, jobs: int) -> None:
    import joblib
    from threadpoolctl import threadpool_limits

    from sentinel.analysis import analyse
    from sentinel.ingest import ingest_study
    from sentinel.monitoring import monitor
    from sentinel.report import Unfinished, run_key, write_report

    config = open_study(study, out)
    # Small matrices by the thousand: a second BLAS thread only waits for the first, and
    # one thread gives the same digits on every machine.
    with (
        show_progress() as tell,
        joblib.parallel_config(n_jobs=jobs),
        threadpool_limits(limits=1, user_api="blas"),
    ):
        tell("read and validate")
        interviews = ingest_study(config)
        result = analyse(interviews, config, progress=tell)
        watched = monitor(config)
        unfinished = Unfinished.beside(out, run_key(result, rng=rng))
        report = write_report(
            result,
            out,
            monitoring=watched,
            rng=rng,
            progress=tell,
            unfinished=unfinished,
        )
    for text in unfinished.warnings:
        sys.stderr.write(f"warning: {text}\n")
    if unfinished.reused:
        sys.stderr.write(
            f"{len(unfinished.reused)} steps that an interrupted run had finished were "
            f"used again: {', '.join(unfinished.reused)}\n"
        )
    for problem in (*interviews.problems.warnings, *watched.problems.warnings):
        sys.stderr.write(f"warning: {problem}\n")
    for reason in (*result.skipped, *watched.skipped):
        sys.stderr.write(f"not estimated: {reason}\n")
    typer.echo(report)


def open_study(study: Path, out: Path) -> StudyConfig:
    """Read a study and ask everything that may forbid a run of it."""
    from sentinel.analysis import check_plan
    from sentinel.mapping import check_maps
    from sentinel.report import WayOut, check_output_folder
    from sentinel.study import load_study

    config = load_study(study)
    refuse_expired(config)
    problems = check_plan(config, study)
    problems.extend(check_maps(config).errors)
    problems.raise_errors()
    check_output_folder(out)
    WayOut.of_study(config, "run").check()
    return config


def refuse_expired(config: StudyConfig) -> None:
    """Raise if records are past their retention date; remind of dates that near."""
    from datetime import date

    from sentinel.safekeeping import check_retention

    found = check_retention(config, today=date.today())
    found.raise_errors()
    for problem in found.warnings:
        sys.stderr.write(f"warning: {problem}\n")


def _print_problems(problems: Problems) -> None:
    for problem in problems:
        typer.echo(f"{problem.severity}: {problem}")


@contextmanager
def show_progress() -> Iterator[Callable[[str], None]]:
    """Give a function that shows each step: a bar on a terminal, lines elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:

        def tell_line(step: str) -> None:
            sys.stderr.write(f"sentinel: {step}\n")

        yield tell_line
        return
    with Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("start", total=len(STEPS))

        def tell(step: str) -> None:
            done = STEPS.index(step) if step in STEPS else None
            bar.update(task, description=step, completed=done)

        yield tell
