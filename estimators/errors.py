"""The one family of exceptions and warnings."""

from __future__ import annotations

__all__ = [
    "AssumptionWarning",
    "ConvergenceError",
    "InputError",
    "NotEstimableError",
    "PrevalenceError",
    "SmallSampleWarning",
]


class PrevalenceError(Exception):
    """Anything that this package refuses to do; catch this one to catch them all."""


class InputError(PrevalenceError, ValueError):
    """The input breaks a stated rule: the message says what was expected and came."""


class NotEstimableError(PrevalenceError):
    """The input is lawful but does not determine the quantity asked for."""


class ConvergenceError(PrevalenceError):
    """An iteration stopped before its result could be trusted."""


class AssumptionWarning(UserWarning):
    """A stated assumption of the method looks doubtful in these data."""


class SmallSampleWarning(UserWarning):
    """So few observations that the approximation in use is known to be poor."""
