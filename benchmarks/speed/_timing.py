"""Time calls in turn, so that a drift of the machine touches all of them alike."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of one call: the first run (compile included) and the warm runs."""

    name: str
    first: float
    runs: tuple[float, ...]
    value: Any

    @property
    def median(self) -> float:
        """Median of the warm runs, in seconds."""
        return statistics.median(self.runs)


def time_calls(
    calls: Mapping[str, Callable[[], Any]], *, runs: int = RUNS
) -> list[Timing]:
    """Run every call once cold, then all of them in turn `runs` times."""
    first: dict[str, float] = {}
    value: dict[str, Any] = {}
    for name, call in calls.items():
        started = time.perf_counter()
        value[name] = call()
        first[name] = time.perf_counter() - started
    warm: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            warm[name].append(time.perf_counter() - started)
    return [
        Timing(name=name, first=first[name], runs=tuple(warm[name]), value=value[name])
        for name in calls
    ]


def report(timings: list[Timing]) -> None:
    """Print medians, and every call's ratio to the first one named."""
    print(f"Python {platform.python_version()}, {platform.machine()}, {RUNS} warm runs")
    base = timings[0].median
    for timing in timings:
        print(
            f"{timing.name:<44} {timing.median * 1e3:10.2f} ms  "
            f"[{min(timing.runs) * 1e3:.2f}, {max(timing.runs) * 1e3:.2f}]  "
            f"first {timing.first * 1e3:9.1f} ms  ratio {timing.median / base:7.2f}"
        )
