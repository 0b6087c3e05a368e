"""Commands that list and make data: catalogue, datasets, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]

PANEL = "Estimators and data"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("catalogue", rich_help_panel=PANEL)(catalogue)
    app.command("datasets", rich_help_panel=PANEL)(datasets)
    app.command("simulate", rich_help_panel=PANEL)(simulate)


def catalogue(
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead.")] = False,
) -> None:
    """List every estimator with its inputs and options.

    Example: sentinel catalogue --family survey
    """
    import estimators

    frame = estimators.catalogue()
    if family is not None:
        known = sorted(set(frame["family"]))
        if family not in known:
            raise estimators.InputError(
                f"No family is called {family!r}; there are {', '.join(known)}."
            )
        frame = frame[frame["family"] == family]
    if as_json:
        typer.echo(frame.to_json(orient="records", indent=2, force_ascii=False))
        return
    for family_name in sorted(set(frame["family"])):
        rows = frame[frame["family"] == family_name]
        typer.echo(family_name)
        for row in rows.itertuples(index=False):
            typer.echo(f"  {row.key:<28} {row.label}  [{row.source}]")
            typer.echo(
                f"  {'':<28} needs {row.inputs}; options {row.options or 'none'}"
            )


def datasets(
    name: Annotated[str | None, typer.Argument(help="Show one dataset's card.")] = None,
) -> None:
    """List the shipped datasets, or show one's card.

    Example: sentinel datasets mekong_demo
    """
    from sentinel import datasets as shipped

    if name is not None:
        typer.echo(shipped.card(name))
        return
    typer.echo(shipped.available().to_string(index=False))


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    parameters: Annotated[
        str, typer.Option(help="Shipped name or a TOML file of parameters.")
    ] = "mekong",
    rng: Annotated[int, typer.Option("--rng", min=0)] = 1,
) -> None:
    """Draw a deportee study with known truth and write it as a study folder.

    Example: sentinel simulate --out simulated --rng 7
    """
    from sentinel.simulate import load_parameters, simulate_study, write_study

    simulated = simulate_study(load_parameters(parameters), rng=rng)
    typer.echo(write_study(simulated, out, rng=rng))
