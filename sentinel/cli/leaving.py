"""What commands share whose one file may leave the house."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report import WayOut

__all__ = ["way_and_policy"]


def way_and_policy(
    command: str,
    out: Path,
    *,
    study: Path | None,
    ledger: Path | None,
    minimum_cell: int | None,
    needs_ledger: bool = False,
) -> tuple[WayOut, ReleasePolicy]:
    """Return the way out and the rules, of a study or of the options alone.

    Raises
    ------
    InputError
        If `out` is there already, the options are weaker than the study's rules, or a
        ledger is needed and none is named.
    """
    from estimators.errors import InputError
    from sentinel.disclosure import ReleasePolicy
    from sentinel.report import WayOut
    from sentinel.study import load_study

    if out.exists():
        raise InputError(f"{out} is there already: name a new file.")
    if study is None:
        way, policy = WayOut(command=command, ledger=ledger), ReleasePolicy()
    else:
        config = load_study(study)
        way = WayOut.of_study(config, command, ledger=ledger)
        policy = ReleasePolicy.from_privacy(config.privacy)
        if minimum_cell is not None and minimum_cell < policy.minimum_cell:
            raise InputError(
                f"--minimum-cell {minimum_cell}: the study releases no count under "
                f"{policy.minimum_cell}. Leave the option out, or give a larger one."
            )
    if needs_ledger and way.ledger is None:
        raise InputError(
            "Records are released once, and what synthetic ones cost adds up: a ledger "
            "must remember it. Add --ledger FILE, or --study STUDY.toml with ledger "
            "under [privacy]."
        )
    if minimum_cell is not None:
        policy = replace(policy, minimum_cell=minimum_cell)
    way.check()
    return way, policy
