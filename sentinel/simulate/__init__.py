"""Deportee studies with known truth, drawn from a parameter file."""

from sentinel.simulate.draw import (
    RoundTruth,
    SimulatedRound,
    SimulatedStudy,
    simulate_study,
)
from sentinel.simulate.monitoring import simulate_monitoring
from sentinel.simulate.overlapping_lists import SimulatedLists, simulate_lists
from sentinel.simulate.parameters import Parameters, RoundParameters, load_parameters
from sentinel.simulate.study_folder import field_tables, write_study

__all__ = [
    "Parameters",
    "RoundParameters",
    "RoundTruth",
    "SimulatedLists",
    "SimulatedRound",
    "SimulatedStudy",
    "field_tables",
    "load_parameters",
    "simulate_lists",
    "simulate_monitoring",
    "simulate_study",
    "write_study",
]
