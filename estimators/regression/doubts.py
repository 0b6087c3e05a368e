"""What a reader must know before believing a binary model: doubts put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from estimators.errors import ConvergenceError, NotEstimableError
from estimators.regression._penalised_likelihood import Likelihood, maximise
from estimators.regression.separation import separated_terms

if TYPE_CHECKING:
    from estimators.array_types import IntVector
    from estimators.regression.inference import Inference
    from estimators.regression.model_data import BinaryData

__all__ = [
    "event_notes",
    "infinite_limit_notes",
    "infinite_terms",
    "separation_notes",
]

# Rules of thumb of the risk model literature (Peduzzi 1996; Vittinghoff 2007).
_SCARCE = ((5, "far too few"), (10, "few"))


def event_notes(events_per_variable: float) -> tuple[str, ...]:
    """Warn below 5 and below 10 events (or non-events, if rarer) per variable."""
    for least, word in _SCARCE:
        if events_per_variable < least:
            return (
                f"{events_per_variable:.1f} events (or non-events, if rarer) per "
                f"variable, {word}: below {least} estimates are unstable; pool "
                "categories or drop terms",
            )
    return ()


def infinite_terms(likelihood: Likelihood) -> IntVector:
    """Return the positions of terms without a finite maximum likelihood estimate."""
    plain = Likelihood(likelihood.matrix, likelihood.trials, likelihood.events, 0.0)
    every = np.ones(plain.matrix.shape[1], dtype=bool)
    try:
        # Convergence is proof enough, and cheaper than the linear programme.
        maximise(plain, np.zeros(every.size), every, most=12)
    except ConvergenceError:
        return separated_terms(plain.matrix, plain.trials, plain.events)
    return np.arange(0)


def separation_notes(
    infinite: IntVector, term: tuple[str, ...], *, tau: float, designed: bool
) -> tuple[str, ...]:
    """Name the separated terms; without a penalty they have no estimate at all."""
    if not infinite.size:
        return ()
    names = ", ".join(term[place] for place in infinite)
    if tau == 0:
        raise NotEstimableError(
            f"The maximum likelihood estimates of {names} are infinite (separation): "
            "keep tau=0.5."
        )
    note = (
        f"separation: the maximum likelihood estimates of {names} are infinite; only "
        "the penalty keeps them finite, so read the limits rather than the estimates"
    )
    if not designed:
        return (note,)
    return (
        note,
        f"the linearised standard errors of {names} are too small, for where outcomes "
        "do not vary residuals do not either; their profile limits and tests use the "
        "model's variance where it is larger, Wald limits and tests must not be used",
    )


def infinite_limit_notes(inference: Inference, data: BinaryData) -> tuple[str, ...]:
    """Name the terms whose profile never falls to the level of a limit."""
    open_ended = ~(np.isfinite(inference.ci_low) & np.isfinite(inference.ci_high))
    if not open_ended.any():
        return ()
    names = ", ".join(np.array(data.term)[open_ended])
    return (f"the profile of {names} never falls to its limit: the limit is infinite",)
